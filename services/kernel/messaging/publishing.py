"""Publishing with confirms and deadlines."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import amqp

from services.kernel.contracts.envelope import CONTENT_TYPE
from services.kernel.errors import Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.broker import TROUBLE, connect, hang_up
from services.kernel.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.kernel.database.relay import Outgoing

LIMIT_S = 5.0  # while the broker has an alarm it confirms nothing, for hours perhaps
_PERSISTENT = 2


@dataclass(frozen=True)
class Letter:
    """A message with its address, as AMQP sees it."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    content_type: str = CONTENT_TYPE
    headers: dict[str, Any] = field(default_factory=dict)


class ConfirmedChannel:
    """Publishes letters persistently and mandatorily and waits until the broker has them all.

    Safe to be used by several threads, one after the other; green where nameko hosts. Opens its
    connection when first needed and again after a loss.
    """

    def __init__(self, amqp_uri: str, *, limit_s: float = LIMIT_S) -> None:
        self._amqp_uri = amqp_uri
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._line: _Line | None = None

    def send(self, letters: Sequence[Letter]) -> set[int]:
        """Publish all; answers the positions of those that the broker has taken.

        Raises Unavailable when it has not answered for all within the limit.
        """
        if not self._lock.acquire(timeout=self._limit_s):
            raise Unavailable("broker", "another batch is still on its way")
        try:
            return self._send(letters)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Hang up; the next `send` connects again."""
        with self._lock:
            self._drop()

    def _send(self, letters: Sequence[Letter]) -> set[int]:
        until = time.monotonic() + self._limit_s
        fresh = self._line is None
        try:
            return self._through_line(letters, until)
        except TROUBLE as fault:
            self._drop()
            if fresh or time.monotonic() >= until:
                raise Unavailable("broker", f"publishing failed: {type(fault).__name__}") from fault
        try:  # a connection that lay idle may have died long ago: once more on a new one
            return self._through_line(letters, until)
        except TROUBLE as fault:
            self._drop()
            raise Unavailable("broker", f"publishing failed: {type(fault).__name__}") from fault

    def _through_line(self, letters: Sequence[Letter], until: float) -> set[int]:
        if self._line is None:
            self._line = _Line(self._amqp_uri)
        return self._line.send(letters, until)

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


class _Line:
    """One connection with one channel in confirm mode."""

    def __init__(self, amqp_uri: str) -> None:
        self._blocked = False
        self._connection = connect(
            amqp_uri,
            purpose="publisher",
            on_blocked=lambda _reason: self._set_blocked(blocked=True),
            on_unblocked=lambda: self._set_blocked(blocked=False),
        )
        self._channel = self._connection.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._last_tag = 0
        self._open: dict[int, int] = {}  # delivery tag -> position in the batch
        self._taken: set[int] = set()
        self._returned: set[str] = set()

    def send(self, letters: Sequence[Letter], until: float) -> set[int]:
        self._hear_what_waits()
        if self._blocked:
            raise Unavailable("broker", "the broker has an alarm and takes no messages")
        self._open, self._taken, self._returned = {}, set(), set()
        for position, letter in enumerate(letters):
            self._publish(position, letter, until)
        while self._open:
            self._connection.drain_events(timeout=_rest(until))
        return {at for at in self._taken if letters[at].message_id not in self._returned}

    def close(self) -> None:
        hang_up(self._connection)

    def _publish(self, position: int, letter: Letter, until: float) -> None:
        self._last_tag += 1
        self._open[self._last_tag] = position
        self._channel.basic_publish(
            amqp.Message(
                letter.body,
                content_type=letter.content_type,
                delivery_mode=_PERSISTENT,
                message_id=letter.message_id,
                application_headers=letter.headers,
            ),
            exchange=letter.exchange,
            routing_key=letter.routing_key,
            mandatory=True,
            timeout=_rest(until),
        )

    def _hear_what_waits(self) -> None:
        try:
            while True:
                self._connection.drain_events(timeout=0.0001)  # 0 would mean: for ever
        except TimeoutError:
            return

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  py-amqp calls so
        self._taken.update(self._settle(tag, multiple=multiple))

    def _on_nack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001
        self._settle(tag, multiple=multiple)

    def _settle(self, tag: int, *, multiple: bool) -> list[int]:
        tags = [each for each in self._open if each <= tag] if multiple else [tag]
        return [self._open.pop(each) for each in tags if each in self._open]

    def _on_return(self, _fault: object, _exchange: str, _key: str, message: Any) -> None:
        self._returned.add(message.properties.get("message_id", ""))

    def _set_blocked(self, *, blocked: bool) -> None:
        self._blocked = blocked


def _rest(until: float) -> float:
    rest = until - time.monotonic()
    if rest <= 0:
        raise TimeoutError("the broker did not confirm in time")
    return rest


class ConfirmedPublisher:
    """Publishes events for the relay: to `danzheng.events`, the type as routing key."""

    def __init__(self, amqp_uri: str, *, limit_s: float = LIMIT_S) -> None:
        self._channel = ConfirmedChannel(amqp_uri, limit_s=limit_s)

    def publish(self, batch: Sequence[Outgoing]) -> set[str]:
        """Publish all, wait for the confirms, answer the ids that the broker took.

        What nobody hears counts as taken when the topology allows that: everything else lies in
        `unheard` then. Raises Unavailable when the broker does not answer within five seconds.
        """
        started = time.monotonic()
        try:
            taken = self._channel.send([_letter(message) for message in batch])
        except Unavailable:
            metrics.published.labels("unavailable").inc(len(batch))
            raise
        metrics.publish_seconds.observe(time.monotonic() - started)
        ids = {
            message.id for at, message in enumerate(batch) if at in taken or _may_vanish(message)
        }
        metrics.published.labels("taken").inc(len(ids))
        metrics.published.labels("refused").inc(len(batch) - len(ids))
        return ids

    def close(self) -> None:
        """Hang up; the next batch connects again."""
        self._channel.close()


def _may_vanish(message: Outgoing) -> bool:
    return message.type in topology.SPOKEN_TO_WHOEVER_IS_THERE


def _letter(message: Outgoing) -> Letter:
    return Letter(
        exchange=topology.EVENTS,
        routing_key=message.type,
        body=message.body,
        message_id=message.id,
        headers={"ce_type": message.type, "ce_id": message.id},
    )
