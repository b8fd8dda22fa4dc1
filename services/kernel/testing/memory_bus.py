"""The broker in memory: the same topology, the same chain, no waiting and no threads."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from services.kernel.contracts import envelope as envelopes
from services.kernel.messaging import topology
from services.kernel.messaging.delivery import (
    ATTEMPT,
    Ack,
    Delivery,
    Park,
    RawMessage,
    Retry,
    room_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.kernel.contracts.envelope import Envelope
    from services.kernel.database.relay import Outgoing


@dataclass(frozen=True)
class ParkedMessage:
    """A message that was laid aside, and why."""

    raw: RawMessage
    reason: str


@dataclass
class MemoryBus:
    """Routes as the topology says; `run()` delivers until everything is quiet.

    It is a Publisher for the relay. Pauses of the ladder take no time but are noted in `pauses`.
    """

    steps: int = len(topology.DEFAULT_PAUSES_MS)
    unheard: list[RawMessage] = field(default_factory=list)
    pauses: list[int] = field(default_factory=list)
    parked: dict[str, list[ParkedMessage]] = field(default_factory=dict)
    _queues: dict[str, deque[RawMessage]] = field(default_factory=dict)
    _consumers: dict[str, Delivery] = field(default_factory=dict)

    def hear(
        self,
        queue: str,
        handler: Callable[[Any], object],
        *,
        decode: str | None = None,
        on_retry: Callable[[Any, int, BaseException], object] | None = None,
        on_give_up: Callable[[Any, BaseException], object] | None = None,
    ) -> None:
        """Give the messages of `queue` to the handler from now on."""
        self._consumers[queue] = Delivery(
            room_of(queue), handler, self.steps, decode, on_retry, on_give_up
        )

    def publish(self, batch: Sequence[Outgoing]) -> set[str]:
        """Take all; answers all ids."""
        for message in batch:
            self.publish_raw(
                message.type,
                RawMessage(message.body, envelopes.CONTENT_TYPE, message.id),
            )
        return {message.id for message in batch}

    def say(self, envelope: Envelope) -> None:
        """Publish one event."""
        self.publish_raw(
            envelope.type,
            RawMessage(envelopes.encode(envelope), envelopes.CONTENT_TYPE, envelope.id),
        )

    def publish_raw(self, routing_key: str, raw: RawMessage) -> None:
        """Publish bytes under a routing key."""
        queues = [name for name, types in topology.HEARD_BY.items() if routing_key in types]
        for queue in queues:
            self._waiting(queue).append(replace(raw, queue=queue))
        if not queues and routing_key not in topology.SPOKEN_TO_WHOEVER_IS_THERE:
            self.unheard.append(raw)

    def run(self) -> int:
        """Deliver until no consumer has anything to do; answers how many were handled."""
        handled = 0
        while ready := [name for name in self._consumers if self._waiting(name)]:
            for queue in ready:
                self._deliver(queue)
                handled += 1
        return handled

    def replay(self, service: str) -> int:
        """Put all that is parked for a service back, first attempt; answers how many."""
        messages = self.parked.pop(service, [])
        for message in messages:
            headers = {key: value for key, value in message.raw.headers.items() if key != ATTEMPT}
            self._waiting(message.raw.queue).append(replace(message.raw, headers=headers))
        return len(messages)

    def _deliver(self, queue: str) -> None:
        raw = self._waiting(queue).popleft()
        verdict = self._consumers[queue](raw)
        if isinstance(verdict, Retry):
            self.pauses.append(verdict.step)
            again = replace(raw, headers={**raw.headers, ATTEMPT: raw.attempt + 1})
            self._waiting(queue).append(again)
        elif isinstance(verdict, Park):
            room = self.parked.setdefault(room_of(queue), [])
            room.append(ParkedMessage(raw, verdict.reason))
        elif not isinstance(verdict, Ack):
            raise TypeError(verdict)

    def _waiting(self, queue: str) -> deque[RawMessage]:
        return self._queues.setdefault(queue, deque())
