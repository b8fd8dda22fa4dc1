"""Questions: applications, items, the feed, quotas, the public check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.apply.domain import company as companies
from services.apply.domain import numbers, views
from services.apply.domain.application import MAKING
from services.apply.domain.paging import cut, search_window
from services.kernel.contracts.apply import ApplicationPage, FeedPage, ItemPage
from services.kernel.contracts.refusal import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from services.apply.domain.application import Application, Item
    from services.apply.domain.paging import Key
    from services.apply.domain.policy import Policy
    from services.apply.domain.views import Queue
    from services.apply.ports import Work
    from services.kernel.contracts.apply import (
        ApplicationView,
        DocumentRecord,
        ItemRow,
        Search,
        Usage,
    )


def read(uscc: str, application_no: str, *, work: Work, now: datetime) -> ApplicationView:
    """An application. Raises Refusal `not-found`."""
    application = work.applications.get(uscc, application_no)
    if application is None:
        raise Refusal("not-found")
    items = work.applications.items(application_no)
    return views.application_view(application, items, now, _queue(application, work, now))


def _queue(application: Application, work: Work, now: datetime) -> Queue | None:
    if application.kind != "print" or not application.making:
        return None
    return work.applications.queue(application.accepted_at, now)


def search(uscc: str, wanted: Search, *, work: Work, now: datetime) -> ApplicationPage:
    """Applications, newest first. Raises Refusal `cursor-invalid`."""
    window = search_window(uscc, wanted)
    page = cut(work.applications.page(uscc, wanted, window, now), window, _place)
    fitting = work.applications.fitting_items(
        [application.application_no for application in page.rows], wanted, now
    )
    return ApplicationPage(
        items=[
            views.application_view(row, fitting.get(row.application_no, []), now)
            for row in page.rows
        ],
        next_cursor=page.next_cursor,
        prev_cursor=page.prev_cursor,
        total=work.applications.count(uscc, wanted, now) if wanted.include_total else None,
    )


def _place(application: Application) -> Key:
    return application.accepted_at, application.application_no


def search_items(uscc: str, wanted: Search, *, work: Work, now: datetime) -> ItemPage:
    """Print items, newest application first. Raises Refusal `cursor-invalid`."""
    window = search_window(uscc, wanted)
    page = cut(work.applications.item_page(uscc, wanted, window, now), window, _item_place)
    return ItemPage(
        items=[views.item_row(item, now, None) for item in page.rows],
        next_cursor=page.next_cursor,
        prev_cursor=page.prev_cursor,
        total=work.applications.item_count(uscc, wanted, now) if wanted.include_total else None,
    )


def _item_place(item: Item) -> Key:
    return item.accepted_at, item.application_no, item.rank


def read_item(
    uscc: str, application_no: str, entry_id: str, *, work: Work, now: datetime
) -> ItemRow:
    """A print item. Raises Refusal `not-found`."""
    item = work.applications.item(uscc, application_no, entry_id)
    if item is None or item.kind != "print":
        raise Refusal("not-found")
    making = item.status == MAKING
    queue = work.applications.queue(item.accepted_at, now) if making else None
    return views.item_row(item, now, queue)


def usage(uscc: str, *, work: Work, now: datetime, policy: Policy) -> Usage:
    """What a company has used of its quotas."""
    return companies.usage(work.companies.get(uscc), now, policy)


def feed(
    uscc: str, after: int | None, application_nos: list[str] | None, limit: int, *, work: Work
) -> FeedPage:
    """Changes after a number; without one only the last number.

    `last_seq` is the number up to which the caller has now seen everything.
    """
    head = work.companies.get(uscc).feed_seq
    if after is None or after == head:
        return FeedPage(last_seq=head)
    first = work.feed.first_kept(uscc)
    if after > head or first is None or after + 1 < first:
        return FeedPage(last_seq=head, reset=True)
    entries = work.feed.after(uscc, after, application_nos, limit)
    last = entries[-1].seq if entries else head
    return FeedPage(entries, last if len(entries) == limit else max(head, last))


def verify_code(code: str, *, work: Work) -> DocumentRecord:
    """The document that carries a code. Raises Refusal `verification-not-found`."""
    record = work.applications.document(code=numbers.plain_code(code))
    if record is None:
        raise Refusal("verification-not-found")
    return record


def verify_sha256(sha256: str, *, work: Work) -> DocumentRecord | None:
    """The document with a digest, None when it is none of ours."""
    return work.applications.document(sha256=sha256.lower())
