"""What happens to a message around its handler, without any transport.

decode → bind ids to log and trace → time and count → run → verdict. A transport obeys the verdict:
`Ack` removes the message, `Retry` sends it up the ladder of pauses, `Park` lays it aside for a
person.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from services.kernel.contracts import envelope as envelopes
from services.kernel.errors import Outage, PermanentFailure
from services.kernel.messaging import topology
from services.kernel.messaging.publishing import Letter
from services.kernel.observability import metrics
from services.kernel.observability.trace import Work, new_traceparent, working

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.kernel.contracts.envelope import Envelope

    Subject = Envelope | "RawMessage"

log = structlog.get_logger(__name__)

ATTEMPT = "x-danzheng-attempt"
REASON = "x-danzheng-reason"
FAULT = "x-danzheng-fault"
QUEUE = "x-danzheng-queue"
PARKED_AT = "x-danzheng-parked-at"

EXHAUSTED = "exhausted"
_FAILURES_IN_A_ROW = 20  # the ladder is for single messages; this many are an outage


@dataclass(frozen=True)
class RawMessage:
    """A message as it came: bytes and what the broker says about them."""

    body: bytes
    content_type: str
    message_id: str
    headers: dict[str, Any] = field(default_factory=dict)
    queue: str = ""
    redelivered: bool = False

    @property
    def attempt(self) -> int:
        """The how-maniest attempt this is, from 1."""
        value = self.headers.get(ATTEMPT, 1)
        return value if isinstance(value, int) else 1


@dataclass(frozen=True)
class Ack:
    """The work is done, or was done before."""


@dataclass(frozen=True)
class Retry:
    """Again after the pause of `step`, which counts from 1."""

    step: int
    fault: BaseException | None = None


@dataclass(frozen=True)
class Park:
    """Never again by itself; `reason` is a stable code."""

    reason: str
    fault: BaseException | None = None


Verdict = Ack | Retry | Park


def judge(fault: BaseException, attempt: int, steps: int) -> Verdict:
    """The verdict on a message whose handler raised, with so many steps in the ladder.

    The ladder is for single messages: while our own store is away none is parked for it.
    """
    if isinstance(fault, PermanentFailure):
        return Park(fault.reason, fault)
    if isinstance(fault, Outage):
        return Retry(min(attempt, steps), fault)
    if attempt > steps:
        return Park(EXHAUSTED, fault)
    return Retry(attempt, fault)


def read_envelope(raw: RawMessage) -> Envelope:
    """The envelope in a message. Raises PermanentFailure with the reason to park it under."""
    if raw.content_type.partition(";")[0].strip() != envelopes.CONTENT_TYPE:
        raise PermanentFailure("content_type", f"content type {raw.content_type!r}")
    return envelopes.decode(raw.body)


@dataclass(frozen=True)
class Delivery:
    """The chain around a handler of `service`.

    `decode` is None for envelopes or "raw" for handlers that read bytes themselves. Before a
    message goes up the ladder `on_retry(subject, attempt, fault)` is called, before it is parked
    `on_give_up(subject, fault)`: there a room says, in a transaction of its own, that something is
    delayed or failed. A give-up that cannot be said keeps the message on the ladder.
    """

    service: str
    handler: Callable[[Any], object]
    steps: int = len(topology.DEFAULT_PAUSES_MS)
    decode: str | None = None
    on_retry: Callable[[Any, int, BaseException], object] | None = None
    on_give_up: Callable[[Any, BaseException], object] | None = None

    def __call__(self, raw: RawMessage) -> Verdict:
        """Handle one message; answers what is to become of it, and raises nothing."""
        try:
            subject: Any = raw if self.decode == "raw" else read_envelope(raw)
        except PermanentFailure as fault:
            verdict = Park(fault.reason, fault)
            note(verdict, self.service, raw)
            return verdict
        return self.handle(raw, subject)

    def handle(self, raw: RawMessage, subject: Any) -> Verdict:
        """Handle a message that is decoded already."""
        with metrics.in_flight.labels(self.service).track_inprogress(), bound(raw, subject):
            note_arrival(self.service, raw, subject)
            verdict = self._run(raw, subject)
            note(verdict, self.service, raw, subject)
            return verdict

    def _run(self, raw: RawMessage, subject: Any) -> Verdict:
        try:
            with metrics.handle_seconds.labels(self.service, _kind(raw, subject)).time():
                self.handler(subject)
        except Exception as fault:  # noqa: BLE001  the verdict tells known faults apart
            return self._after(fault, raw, subject)
        return Ack()

    def _after(self, fault: Exception, raw: RawMessage, subject: Any) -> Verdict:
        verdict = judge(fault, raw.attempt, self.steps)
        try:
            if isinstance(verdict, Retry) and self.on_retry is not None:
                self.on_retry(subject, raw.attempt, fault)
            if isinstance(verdict, Park) and self.on_give_up is not None:
                self.on_give_up(subject, fault)
        except Exception as trouble:
            log.exception("give_up_unsaid", reason=type(trouble).__name__)
            return Retry(min(raw.attempt, self.steps), trouble)
        return verdict


@contextmanager
def bound(raw: RawMessage, subject: Any) -> Iterator[None]:
    """Inside the block logs and outgoing messages know which message is in work."""
    with (
        working(_work(raw, subject)),
        structlog.contextvars.bound_contextvars(**_facts(raw, subject)),
    ):
        yield


def note_arrival(service: str, raw: RawMessage, subject: Any) -> None:
    """Count a message that is about to be handled, and how long it waited."""
    kind = _kind(raw, subject)
    metrics.messages_received.labels(service, kind).inc()
    if raw.redelivered:
        metrics.redelivered.inc()
    if isinstance(subject, envelopes.Envelope):
        waited = time.time() - subject.time.timestamp()
        metrics.wait_seconds.labels(service, kind).observe(max(waited, 0.0))


def note(verdict: Verdict, service: str, raw: RawMessage, subject: Any = None) -> None:
    """Count a verdict, and log it unless it is `Ack`."""
    outcome = type(verdict).__name__.lower()
    metrics.messages_handled.labels(service, _kind(raw, subject), outcome).inc()
    if isinstance(verdict, Retry):
        metrics.retries.labels(str(verdict.step)).inc()
        log.warning(
            "message_retried",
            attempt=raw.attempt,
            error_code=type(verdict.fault).__name__,
            exc_info=verdict.fault,
        )
    elif isinstance(verdict, Park):
        metrics.parked.labels(verdict.reason).inc()
        log.error(
            "message_parked",
            reason=verdict.reason,
            attempt=raw.attempt,
            queue=raw.queue,
            parked_id=raw.message_id,
            error_code=type(verdict.fault).__name__,
            exc_info=verdict.fault,
        )


def forward(verdict: Retry | Park, raw: RawMessage, pauses_ms: Sequence[int]) -> Letter:
    """The copy that is published before the original is acked."""
    headers = {key: value for key, value in raw.headers.items() if key.startswith("ce_")}
    headers[QUEUE] = raw.queue
    if isinstance(verdict, Retry):
        headers[ATTEMPT] = raw.attempt + (not isinstance(verdict.fault, Outage))
        exchange = topology.retry_exchange(pauses_ms[min(verdict.step, len(pauses_ms)) - 1])
        key = raw.queue
    else:
        headers[ATTEMPT] = raw.attempt
        headers[REASON] = verdict.reason
        headers[FAULT] = type(verdict.fault).__name__
        headers[PARKED_AT] = datetime.now(UTC).isoformat(timespec="milliseconds")
        exchange = topology.PARKED
        key = room_of(raw.queue)
    return Letter(
        exchange=exchange,
        routing_key=key,
        body=raw.body,
        message_id=raw.message_id,
        content_type=raw.content_type,
        headers=headers,
    )


def room_of(queue: str) -> str:
    """The service that a queue belongs to."""
    return "query" if queue == topology.CUSTOMS_FEED else queue.partition(".")[0]


class Breaker:
    """Knows when everything fails, so that a consumer pauses instead of emptying its queue.

    Opens after twenty failures without a success in between; after `close_half` one more is
    enough. What was parked at once says nothing about our stores and does not count.
    """

    def __init__(self, limit: int = _FAILURES_IN_A_ROW) -> None:
        self._limit = limit
        self._failures = 0

    def note(self, verdict: Verdict) -> None:
        """Take a verdict into account."""
        if isinstance(verdict, Ack):
            self._failures = 0
        elif isinstance(verdict, Retry) or verdict.reason == EXHAUSTED:
            self._failures += 1

    @property
    def is_open(self) -> bool:
        """Whether to pause."""
        return self._failures >= self._limit

    def close_half(self) -> None:
        """Try again; the next failure opens it at once."""
        self._failures = self._limit - 1


def _kind(raw: RawMessage, subject: Any) -> str:
    if isinstance(subject, envelopes.Envelope):
        return subject.type
    return raw.queue or "unknown"


def _work(raw: RawMessage, subject: Any) -> Work:
    if isinstance(subject, envelopes.Envelope):
        return Work(
            correlation_id=subject.correlationid or subject.id,
            message_id=subject.id,
            traceparent=subject.traceparent or new_traceparent(),
        )
    return Work(
        correlation_id=raw.message_id,
        message_id=raw.message_id,
        traceparent=new_traceparent(),
    )


def _facts(raw: RawMessage, subject: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"queue": raw.queue, "attempt": raw.attempt}
    if raw.redelivered:
        facts["redelivered"] = True
    if isinstance(subject, envelopes.Envelope):
        facts |= {"type": subject.type, "subject": subject.subject}
        if subject.causationid:
            facts["causation_id"] = subject.causationid
    return facts
