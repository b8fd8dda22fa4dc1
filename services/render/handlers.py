"""What render does with an order: draw, store, say so.

The effect lies outside the database, so it has a deterministic key and is stored only if nothing
is under it: a second try finds what the first one stored and says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import structlog

from services.kernel.contracts import render as facts
from services.kernel.contracts.apply import BundleAccepted, ExportAccepted, ItemAccepted
from services.kernel.errors import PermanentFailure
from services.render.domain import (
    FORESEEN,
    Fact,
    Failed,
    Job,
    Made,
    Product,
    State,
    reason_of,
    sentence,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from services.kernel.clock import Clock
    from services.kernel.contracts.envelope import Envelope
    from services.render.ports import Work

    Order = ItemAccepted | ExportAccepted | BundleAccepted
    Maker = Callable[[Order, int], Made]

log = structlog.get_logger(__name__)

ORDERS = (ItemAccepted, ExportAccepted, BundleAccepted)
_FIRST_REVISION = 1  # a bundle is built once; whoever wants another one orders another one


def hear(
    envelope: Envelope,
    attempt: int,
    *,
    open_work: Callable[[], Work],
    make: Maker,
    clock: Clock,
) -> None:
    """Make what is ordered and say what came of it.

    `make(order, attempt)` draws and stores. Nobody waits any more after `give_up_at`: the order
    is dropped. An order known by another message hears its fact again; one whose message comes
    again by hand after a failure is tried again.
    """
    order: Order = envelope.data
    if clock.now() >= order.give_up_at:
        log.info("order_dropped", subject=envelope.subject)
        return
    with open_work() as work:
        known = work.jobs.look(envelope.subject, revision_of(order), envelope.id)
    if known.seen:
        return
    job = known.job
    if job is None or not _stands(job, envelope):
        job = _attempt(envelope, attempt, make, clock)
    _settle(envelope, job, open_work)


def say_delayed(
    envelope: Envelope,
    attempt: int,
    *,
    open_work: Callable[[], Work],
    next_try_at: datetime,
    reason_code: str,
) -> None:
    """Tell that a try failed and when the next one is."""
    order: Order = envelope.data
    with open_work() as work:
        known = work.jobs.look(envelope.subject, revision_of(order), envelope.id)
        if known.job is None or not _stands(known.job, envelope):
            delayed = _delayed(order, attempt, reason_of(reason_code), next_try_at)
            work.say(delayed, envelope.subject)
        work.commit()


def say_failed(
    envelope: Envelope,
    attempt: int,
    *,
    open_work: Callable[[], Work],
    clock: Clock,
    reason_code: str,
) -> None:
    """Tell that nothing will be made, before the message is parked."""
    failed = _failed(envelope.data, reason_of(reason_code), attempt, clock.now())
    job = _ended(envelope, "failed", attempt, failed)
    with open_work() as work:
        if work.jobs.record(job).fact == failed:
            work.say(failed, job.subject)
        work.commit()


def revision_of(order: Order) -> int:
    """The revision of an order; with the subject it names the job."""
    return _FIRST_REVISION if isinstance(order, BundleAccepted) else order.revision


def product_of(order: Order) -> Product:
    """What is ordered."""
    match order:
        case ItemAccepted():
            return "document"
        case ExportAccepted():
            return "export"
        case BundleAccepted():
            return "bundle"
        case _:
            assert_never(order)


def _stands(job: Job, envelope: Envelope) -> bool:
    """Whether the job is at its end; a failed one whose own message comes again is replayed."""
    return job.state == "made" or (job.state == "failed" and job.message_id != envelope.id)


def _attempt(envelope: Envelope, attempt: int, make: Maker, clock: Clock) -> Job:
    order: Order = envelope.data
    try:
        return _ended(envelope, "made", attempt, make(order, attempt))
    except PermanentFailure as fault:
        if fault.reason not in FORESEEN:
            raise
        log.warning("order_failed", subject=envelope.subject, reason=fault.reason)
        failed = _failed(order, fault.reason, attempt, clock.now())
        return _ended(envelope, "failed", attempt, failed)


def _settle(envelope: Envelope, job: Job, open_work: Callable[[], Work]) -> None:
    """One transaction: the message is handled, the job is on record, its fact is said."""
    with open_work() as work:
        if not work.first_sight(envelope.id):
            return
        standing = work.jobs.record(job)
        work.say(standing.fact, standing.subject)
        work.commit()


def _ended(envelope: Envelope, state: State, attempts: int, fact: Fact) -> Job:
    order: Order = envelope.data
    return Job(
        subject=envelope.subject,
        revision=revision_of(order),
        product=product_of(order),
        state=state,
        attempts=attempts,
        message_id=envelope.id,
        fact=fact,
    )


def _delayed(
    order: Order, attempt: int, reason: str, next_try_at: datetime
) -> facts.DocumentDelayed | facts.ExportDelayed | facts.BundleDelayed:
    match order:
        case ItemAccepted():
            return facts.DocumentDelayed(
                order.application_no,
                order.entry_id,
                order.revision,
                order.uscc,
                attempt,
                reason,
                next_try_at,
            )
        case ExportAccepted():
            return facts.ExportDelayed(
                order.application_no, order.revision, order.uscc, attempt, reason, next_try_at
            )
        case BundleAccepted():
            return facts.BundleDelayed(order.bundle_id, order.uscc, attempt, reason, next_try_at)
        case _:
            assert_never(order)


def _failed(order: Order, reason: str, attempts: int, failed_at: datetime) -> Failed:
    message = sentence(reason)
    match order:
        case ItemAccepted():
            return facts.DocumentFailed(
                order.application_no,
                order.entry_id,
                order.revision,
                order.uscc,
                reason,
                message,
                attempts,
                failed_at,
            )
        case ExportAccepted():
            return facts.ExportFailed(
                order.application_no,
                order.revision,
                order.uscc,
                reason,
                message,
                attempts,
                failed_at,
            )
        case BundleAccepted():
            return facts.BundleFailed(
                order.bundle_id, order.uscc, reason, message, attempts, failed_at
            )
        case _:
            assert_never(order)
