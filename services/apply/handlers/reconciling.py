"""The widest net: what is late is said again, what nobody waits for fails, what is old goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from services.apply import metrics
from services.apply.domain import application as rules
from services.apply.domain import bundle as bundles
from services.apply.domain import orders
from services.apply.handlers.hearing import Moment, change_bundle, change_items, fail_export
from services.apply.handlers.telling import hand_over, order_documents

if TYPE_CHECKING:
    from datetime import datetime

    from services.apply.domain.application import Application
    from services.apply.domain.policy import Policy
    from services.apply.ports import Work, Works

log = structlog.get_logger()
BATCH = 100  # rows a transaction: short locks, and the rest comes with the next turn


def reconcile(*, works: Works, now: datetime, policy: Policy) -> None:
    """One turn; each step has a transaction of its own, so one that fails stops no other row."""
    with works() as work:
        reminded = _remind(work, now, policy)
        work.commit()
        metrics.reminders.inc(reminded)
    with works() as work:
        numbers = work.applications.overdue(now, BATCH)
        dead = work.bundles.overdue(now, BATCH)
        starved = work.applications.starved(policy.items_at_render, BATCH)
    for number in numbers:
        with works() as work:
            _time_out(number, Moment(work, now, policy))
    for bundle_id in dead:
        with works() as work:
            change_bundle(
                Moment(work, now, policy), bundle_id, lambda row: bundles.timed_out(row, now)
            )
            work.commit()
    for uscc in starved:
        with works() as work:
            hand_over(work, work.companies.lock(uscc), now, policy)
            work.commit()
    with works() as work:
        swept = work.applications.sweep(now)
        work.commit()
    if reminded or numbers or dead or starved:
        log.info(
            "reconciled",
            reminded=reminded,
            timed_out=len(numbers) + len(dead),
            starved=len(starved),
            swept=swept,
        )


def _remind(work: Work, now: datetime, policy: Policy) -> int:
    items = work.applications.late_items(now, BATCH)
    order_documents(work, items, policy)
    work.applications.save_items([rules.reminded(item, now, policy) for item in items])
    exports = work.applications.late_exports(now, BATCH)
    for application in exports:
        _order_export_again(application, work, now, policy)
    late = work.bundles.late(now, BATCH)
    work.say_all([orders.bundle_order(bundle) for bundle in late])
    for bundle in late:
        work.bundles.save(bundles.reminded(bundle, now, policy))
    return len(items) + len(exports) + len(late)


def _order_export_again(
    application: Application, work: Work, now: datetime, policy: Policy
) -> None:
    items = work.applications.items(application.application_no)
    pairs = [(item.application_no, item.entry_id) for item in items]
    frozen = {name: kept for (_, name), kept in work.applications.snapshots(pairs).items()}
    work.say_all([orders.export_order(application, items, frozen, policy)])
    work.applications.save(rules.export_reminded(application, now, policy))


def _time_out(number: str, at: Moment) -> None:
    application = at.work.applications.lock(number)
    if application is None or not application.making:
        return
    if application.kind == "export":
        fail_export(at, application, "timed-out", 0)
    else:
        pairs = [
            (item, changed)
            for item in at.work.applications.items(number)
            if item.give_up_at and item.give_up_at <= at.now
            for changed in [rules.failed(item, item.revision, "timed-out")]
            if changed is not None
        ]
        change_items(at, application, pairs)
    at.commit()
    metrics.timed_out.inc()
    log.warning("application_timed_out", application_no=number)
