"""Hears queues without eventlet: one thread talks to the broker, others work.

```python
consumer = PikaConsumer(amqp_uri, [RENDER_INBOX], prefetch=8, submit=take)
signal.signal(signal.SIGTERM, lambda *_: consumer.stop(grace_s=25))
consumer.run()                      # in the main thread; returns when stopped and drained


def take(delivery):                 # called in that thread: hand the work on, never wait
    pool.submit(work, delivery)


def work(delivery):                 # in any thread; ends with exactly one of
    delivery.run(handle)            # the chain of delivery.py around handle(envelope), or
    delivery.settle(Ack())          # a verdict of one's own: Ack(), delivery.judge(fault), Park(…)
```
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from pika import BlockingConnection, URLParameters
from pika.exceptions import AMQPError

from services.kernel.errors import PermanentFailure, Unavailable
from services.kernel.messaging import delivery as deliveries
from services.kernel.messaging import topology
from services.kernel.messaging.delivery import Ack, Breaker, Delivery, Park, RawMessage
from services.kernel.messaging.publishing import ConfirmedChannel
from services.kernel.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from services.kernel.contracts.envelope import Envelope
    from services.kernel.messaging.delivery import Verdict

log = structlog.get_logger(__name__)

HEARTBEAT_S = 20
_TURN_S = 0.25  # how long the loop may sleep before it looks whether it is to stop
_RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 3.0)
_REFUSED_PAUSE_S = 1.0
_PROBE_S = 5.0
_CONNECT_LIMIT_S = 5.0


class PikaDelivery:
    """A message on loan: it is the broker's until it is settled, by any thread, once."""

    def __init__(self, session: _Session, raw: RawMessage, envelope: Any, tag: int) -> None:
        self._session = session
        self._tag = tag
        self.raw = raw
        self.envelope: Envelope = envelope

    @property
    def attempt(self) -> int:
        """The how-maniest attempt this is, from 1."""
        return self.raw.attempt

    @property
    def queue(self) -> str:
        """The queue that it came from."""
        return self.raw.queue

    def bound(self) -> AbstractContextManager[None]:
        """Inside the block logs and outgoing messages know that this message is in work."""
        return deliveries.bound(self.raw, self.envelope)

    def judge(self, fault: BaseException) -> Verdict:
        """The verdict that a fault deserves at this attempt."""
        return deliveries.judge(fault, self.attempt, len(self._session.owner.pauses_ms))

    def pause_ms(self, verdict: deliveries.Retry) -> int:
        """How long the message will wait on the ladder."""
        return self._session.owner.pauses_ms[verdict.step - 1]

    def run(
        self,
        handler: Callable[[Envelope], object],
        *,
        on_retry: Callable[[Envelope, int, BaseException], object] | None = None,
        on_give_up: Callable[[Envelope, BaseException], object] | None = None,
    ) -> Verdict:
        """Run the handler in this thread and settle what comes of it; raises nothing."""
        owner = self._session.owner
        chain = Delivery(
            owner.service,
            handler,
            steps=len(owner.pauses_ms),
            on_retry=on_retry,
            on_give_up=on_give_up,
        )
        verdict = chain.handle(self.raw, self.envelope)
        self._session.settle(self.raw, self._tag, verdict)
        return verdict

    def settle(self, verdict: Verdict) -> None:
        """Give the message back with a verdict: acked, up the ladder, or parked.

        May wait while the broker takes no messages, so it is not for the consumer's own thread
        unless the verdict is Ack.
        """
        with self.bound():
            deliveries.note(verdict, self._session.owner.service, self.raw, self.envelope)
        self._session.settle(self.raw, self._tag, verdict)


class PikaConsumer:
    """One thread owns the connection and nothing else: heartbeats live however long work takes.

    `submit(delivery)` is called in that thread for each message and hands it on. `prefetch` counts
    for each queue by itself, since quorum queues know no shared limit. Undecodable messages are
    parked before `submit`. After twenty failures in a row it takes nothing until `probe` no
    longer raises. It reconnects at most three seconds apart.
    """

    def __init__(
        self,
        amqp_uri: str,
        queues: Sequence[str],
        *,
        prefetch: int,
        submit: Callable[[PikaDelivery], object],
        service: str = "render",
        pauses_ms: Sequence[int] = topology.DEFAULT_PAUSES_MS,
        probe: Callable[[], object] = lambda: None,
    ) -> None:
        self._amqp_uri = amqp_uri
        self._was_connected = False
        self._parameters = URLParameters(amqp_uri)
        self._parameters.heartbeat = HEARTBEAT_S
        self._parameters.socket_timeout = _CONNECT_LIMIT_S
        self._parameters.client_properties = {"connection_name": f"danzheng.consumer.{service}"}
        self.queues = tuple(queues)
        self.prefetch = prefetch
        self.submit = submit
        self.service = service
        self.pauses_ms = tuple(pauses_ms)
        self.breaker = Breaker()
        self.forwarder = ConfirmedChannel(amqp_uri)
        self._probe = probe
        self._stopping = threading.Event()
        self._until = float("inf")
        self._probe_at = 0.0
        self._session: _Session | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reached; for `/ready`, from any thread."""
        return self._session is not None

    @property
    def in_flight(self) -> int:
        """How many messages are on loan."""
        session = self._session
        return session.in_flight if session else 0

    def run(self) -> None:
        """Consume in this thread until stopped, and then until all is settled or grace is over."""
        losses = 0
        while not self._stopping.is_set():
            try:
                self._live()
            except (AMQPError, OSError, Unavailable) as fault:
                losses = 0 if self._session else losses + 1
                self._session = None
                pause = _RECONNECT_S[min(losses, len(_RECONNECT_S) - 1)]
                log.warning("broker_lost", again_in_s=pause, reason=type(fault).__name__)
                self._stopping.wait(pause)
        self.forwarder.close()

    def stop(self, grace_s: float) -> None:
        """Take no more; `run` returns when nothing is on loan, or after so many seconds.

        May be called from any thread and from a signal handler. What is on loan then goes back.
        """
        self._until = min(self._until, time.monotonic() + grace_s)
        self._stopping.set()

    def _live(self) -> None:
        if self._was_connected:  # another broker may have come back, or one that lost a queue
            topology.declare(self._amqp_uri, pauses_ms=self.pauses_ms)
        connection = BlockingConnection(self._parameters)
        self._was_connected = True
        try:
            session = _Session(self, connection)
            self._session = session
            while not self._is_over(session):
                session.follow(wanted=not self._stopping.is_set() and self._may_take())
                connection.process_data_events(time_limit=_TURN_S)
            if session.in_flight:
                log.warning("grace_over", in_flight=session.in_flight)
        finally:
            if connection.is_open:
                connection.close()
        self._session = None

    def _is_over(self, session: _Session) -> bool:
        if not self._stopping.is_set():
            return False
        return session.in_flight == 0 or time.monotonic() >= self._until

    def _may_take(self) -> bool:
        """Whether messages can be worked, as far as one knows; probes while all fail."""
        if not self.breaker.is_open:
            self._probe_at = 0.0
            return True
        if not self._probe_at:
            self._probe_at = time.monotonic() + _PROBE_S
            metrics.consumer_pauses.labels(self.queues[0]).inc()
            log.error("consumer_paused", probe_every_s=_PROBE_S)
        elif time.monotonic() >= self._probe_at:
            self._look()
        return False

    def _look(self) -> None:
        self._probe_at = time.monotonic() + _PROBE_S
        try:
            self._probe()
        except Exception as fault:  # noqa: BLE001  whatever it is, the store is away
            log.warning("still_away", reason=type(fault).__name__)
        else:
            self.breaker.close_half()
            log.info("consumer_resumed")


class _Session:
    """One connection's life: its deliveries are worth nothing on the next one."""

    def __init__(self, owner: PikaConsumer, connection: BlockingConnection) -> None:
        self.owner = owner
        self.in_flight = 0
        self._connection = connection
        self._channel = connection.channel()
        self._channel.basic_qos(prefetch_count=owner.prefetch)
        self._channel.add_on_cancel_callback(_cancelled)
        self._tags: list[str] = []

    def follow(self, *, wanted: bool) -> None:
        """Take or stop taking messages."""
        if wanted and not self._tags:
            self._tags = [self._take(queue) for queue in self.owner.queues]
        elif self._tags and not wanted:
            tags, self._tags = self._tags, []
            for tag in tags:
                self._channel.basic_cancel(tag)

    def settle(self, raw: RawMessage, tag: int, verdict: Verdict) -> None:
        """Publish the copy that the verdict asks for, then ack; from any thread."""
        self.owner.breaker.note(verdict)
        if isinstance(verdict, Ack) or self._forwarded(raw, verdict):
            self._soon(lambda: self._channel.basic_ack(tag))
        self._soon(self._count_down)

    def _take(self, queue: str) -> str:
        tag: str = self._channel.basic_consume(
            queue,
            on_message_callback=lambda _channel, method, properties, body: self._on_message(
                _raw(queue, method, properties, body), method.delivery_tag
            ),
        )
        return tag

    def _on_message(self, raw: RawMessage, tag: int) -> None:
        self.in_flight += 1
        try:
            envelope = deliveries.read_envelope(raw)
        except PermanentFailure as fault:
            verdict = Park(fault.reason, fault)
            deliveries.note(verdict, self.owner.service, raw)
            threading.Thread(target=self.settle, args=(raw, tag, verdict), daemon=True).start()
            return
        self.owner.submit(PikaDelivery(self, raw, envelope, tag))

    def _forwarded(self, raw: RawMessage, verdict: deliveries.Retry | Park) -> bool:
        """Publish the copy; while the broker refuses it, hold the message and try again."""
        letter = deliveries.forward(verdict, raw, self.owner.pauses_ms)
        while self._connection.is_open:
            try:
                if self.owner.forwarder.send([letter]):
                    return True
            except Unavailable as fault:
                log.warning("forward_refused", queue=raw.queue, reason=str(fault))
            time.sleep(_REFUSED_PAUSE_S)
        return False

    def _soon(self, act: Callable[[], object]) -> None:
        """Do it in the thread that owns the connection."""
        try:
            self._connection.add_callback_threadsafe(act)
        except AMQPError:  # the broker has taken the message back already
            log.warning("ack_after_loss")

    def _count_down(self) -> None:
        self.in_flight -= 1


def _cancelled(_frame: object) -> None:
    """The broker took our consumer away: the queue is gone or has moved."""
    raise ConnectionError("the broker cancelled the consumer")


def _raw(queue: str, method: Any, properties: Any, body: bytes) -> RawMessage:
    return RawMessage(
        body=body,
        content_type=properties.content_type or "",
        message_id=properties.message_id or "",
        headers=properties.headers or {},
        queue=queue,
        redelivered=method.redelivered,
    )
