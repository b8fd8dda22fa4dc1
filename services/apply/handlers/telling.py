"""How a change becomes known: the feed, the next orders, the completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from services.apply.domain import application as rules
from services.apply.domain import views
from services.apply.domain.company import free_places
from services.apply.domain.feed import numbered
from services.apply.domain.orders import document_order
from services.kernel.contracts.apply import ApplicationCompleted, FeedExtended

if TYPE_CHECKING:
    from datetime import datetime

    from services.apply.domain.application import Application, Item
    from services.apply.domain.company import Company
    from services.apply.domain.feed import Change
    from services.apply.domain.policy import Policy
    from services.apply.ports import Work

log = structlog.get_logger()


def tell(
    work: Work,
    uscc: str,
    changes: list[Change],
    now: datetime,
    *,
    unfinished: int = 0,
    in_work: int = 0,
    waiting: int = 0,
) -> Company:
    """Number the changes within the company, keep them, say them; moves its counts as well."""
    company = work.companies.move(
        uscc, entries=len(changes), unfinished=unfinished, in_work=in_work, waiting=waiting
    )
    if changes:
        entries = numbered(changes, company.feed_seq)
        work.feed.add(uscc, entries, now)
        work.say(FeedExtended(uscc, entries), uscc)
    return company


def hand_over(work: Work, company: Company, now: datetime, policy: Policy) -> int:
    """Hand waiting items to render as far as the company has places; answers how many."""
    free = free_places(company, policy)
    if not free or not company.waiting:
        return 0
    claimed = work.applications.claim_waiting(company.uscc, free)
    items = [rules.handed(item, now, policy) for item in claimed]
    order_documents(work, items, policy)
    work.applications.save_items(items)
    work.companies.move(company.uscc, in_work=len(items), waiting=-len(items))
    return len(items)


def order_documents(work: Work, items: list[Item], policy: Policy) -> None:
    """Say the orders of print items whose declarations are still frozen."""
    frozen = work.applications.snapshots([(item.application_no, item.entry_id) for item in items])
    messages = []
    for item in items:
        snapshot = frozen.get((item.application_no, item.entry_id))
        if snapshot is None:  # it will fail with timed-out; nothing can be drawn
            log.warning("snapshot_missing", application_no=item.application_no)
        else:
            messages.append(document_order(item, snapshot, policy))
    work.say_all(messages)


def complete(work: Work, application: Application, now: datetime) -> None:
    """Say that all items are at an end, when they are."""
    if application.making:
        return
    items = work.applications.items(application.application_no)
    work.say(
        ApplicationCompleted(
            application_no=application.application_no,
            kind=application.kind,
            round=application.round,
            uscc=application.uscc,
            items=views.completed_items(application, items),
            finished_at=application.finished_at or now,
        ),
        application.application_no,
    )
