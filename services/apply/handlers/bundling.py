"""Many documents in one ZIP: order, look, drop, fetch by ticket."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

from services.apply.domain import bundle as rules
from services.apply.domain import orders, views, words
from services.apply.domain.bundle import Bundle, TicketRow
from services.apply.domain.company import over_quota
from services.apply.domain.feed import bundle_changed
from services.apply.domain.numbers import bundle_key, order_digest
from services.apply.domain.operation import Who, document_record
from services.apply.domain.paging import cut, window
from services.apply.handlers import keys
from services.apply.handlers.telling import tell
from services.kernel.contracts.apply import (
    BundleDropped,
    BundlePage,
    BundleView,
    SkippedMember,
    Ticket,
    TicketGrant,
)
from services.kernel.contracts.refusal import Refusal
from services.kernel.ids import prefixed

if TYPE_CHECKING:
    from datetime import datetime

    from services.apply.domain.application import Item
    from services.apply.domain.policy import Policy
    from services.apply.ports import Dice, Request, Work
    from services.kernel.contracts.apply import Actor, BundlePair, Client

TICKET_BYTES = 32  # 256 random bits: whoever holds a ticket may fetch


def create(
    request: Request,
    pairs: list[BundlePair],
    *,
    accept_partial: bool,
    work: Work,
    now: datetime,
    policy: Policy,
) -> BundleView:
    """Order a bundle of made documents.

    Raises Refusal `items-unavailable` or `quota-exceeded` (more than may wait).
    """
    known = work.answers.claim(request, now - policy.key_kept)
    earlier = keys.earlier_answer(known, BundleView)
    if earlier is not None:
        return earlier
    items, skipped = _available(request.uscc, pairs, work, now)
    if not items or (skipped and not accept_partial):
        raise _unavailable(skipped)
    bundle = _draw_up(request.uscc, items, skipped, now, policy)
    work.companies.lock(request.uscc)
    _check_places(request.uscc, work, policy)
    work.bundles.add(bundle)
    if not build_next(work, request.uscc, now, policy):
        tell(work, request.uscc, [bundle_changed(bundle, now)], now)
    stored = work.bundles.get(request.uscc, bundle.bundle_id) or bundle
    view = views.bundle_view(stored, now)
    keys.keep(work, request, view, now)
    work.commit()
    return view


def _available(
    uscc: str, pairs: list[BundlePair], work: Work, now: datetime
) -> tuple[list[Item], list[SkippedMember]]:
    wanted = [(pair.application_no, pair.entry_id) for pair in pairs]
    known = {
        (item.application_no, item.entry_id): item
        for item in work.applications.named_items(uscc, wanted)
    }
    items, skipped = [], []
    for number, entry_id in wanted:
        item = known.get((number, entry_id))
        code = rules.unavailable_code(item, now)
        if code is not None:
            skipped.append(SkippedMember(number, entry_id, code))
        elif item is not None:
            items.append(item)
    return items, skipped


def _unavailable(skipped: list[SkippedMember]) -> Refusal:
    facts = [
        {"application_no": pair.application_no, "entry_id": pair.entry_id, "code": pair.code}
        for pair in skipped
    ]
    return Refusal("items-unavailable", facts={"unavailable": facts})


def _draw_up(
    uscc: str, items: list[Item], skipped: list[SkippedMember], now: datetime, policy: Policy
) -> Bundle:
    bundle_id = prefixed("bdl_")
    members = [rules.member(item) for item in items]
    digest = order_digest([member.sha256 + member.name for member in members])
    return Bundle(
        bundle_id=bundle_id,
        uscc=uscc,
        state=rules.QUEUED,
        created_at=now,
        object_key=bundle_key(bundle_id, digest),
        members=members,
        skipped=skipped,
        members_until=min(item.expires_at for item in items if item.expires_at),
        give_up_at=now + policy.give_up_after,
    )


def _check_places(uscc: str, work: Work, policy: Policy) -> None:
    building, waiting = work.bundles.open_counts(uscc)
    if building >= policy.bundles_building and waiting >= policy.bundles_waiting:
        raise over_quota("bundles", policy.bundles_waiting, waiting)


def build_next(work: Work, uscc: str, now: datetime, policy: Policy) -> int:
    """Hand queued bundles to render as far as the company has places; answers how many."""
    work.companies.lock(uscc)  # two that end at once must not each count the other
    building, waiting = work.bundles.open_counts(uscc)
    free = policy.bundles_building - building
    if free <= 0 or not waiting:
        return 0
    handed = [rules.handed(bundle, now, policy) for bundle in work.bundles.claim_queued(uscc, free)]
    for bundle in handed:
        work.bundles.save(bundle)
    work.say_all([orders.bundle_order(bundle) for bundle in handed])
    tell(work, uscc, [bundle_changed(bundle, now) for bundle in handed], now)
    return len(handed)


def read(uscc: str, bundle_id: str, *, work: Work, now: datetime) -> BundleView:
    """A bundle. Raises Refusal `not-found`."""
    return views.bundle_view(_own(uscc, bundle_id, work), now)


def _own(uscc: str, bundle_id: str, work: Work) -> Bundle:
    bundle = work.bundles.get(uscc, bundle_id)
    if bundle is None:
        raise Refusal("not-found")
    return bundle


def listed(
    uscc: str,
    *,
    limit: int,
    cursor: str | None,
    include_total: bool,
    work: Work,
    now: datetime,
) -> BundlePage:
    """Bundles, newest first."""
    seen = window(limit, cursor, {"uscc": uscc, "list": "bundles"})
    page = cut(work.bundles.page(uscc, seen), seen, lambda row: (row.created_at, row.bundle_id))
    return BundlePage(
        items=[views.bundle_view(bundle, now) for bundle in page.rows],
        next_cursor=page.next_cursor,
        prev_cursor=page.prev_cursor,
        total=work.bundles.count(uscc) if include_total else None,
    )


def drop(uscc: str, bundle_id: str, *, work: Work, now: datetime, policy: Policy) -> None:
    """Forget a bundle in any state. Raises Refusal `not-found`."""
    _own(uscc, bundle_id, work)
    bundle = work.bundles.lock(bundle_id)
    if bundle is None or bundle.dropped_at is not None:
        raise Refusal("not-found")
    work.bundles.save(replace(bundle, dropped_at=now, remind_at=None))
    work.say(BundleDropped(bundle_id, uscc, now), bundle_id)
    build_next(work, uscc, now, policy)
    work.commit()


def issue_ticket(
    uscc: str,
    bundle_id: str,
    actor: Actor,
    *,
    work: Work,
    dice: Dice,
    now: datetime,
    policy: Policy,
) -> Ticket:
    """Give leave for one download. Raises Refusal `not-found`, `not-ready` or `expired`."""
    bundle = _own(uscc, bundle_id, work)
    _check_fetchable(bundle, now)
    ticket = "tkt_" + urlsafe_b64encode(dice(TICKET_BYTES)).decode().rstrip("=")
    expires_at = now + policy.ticket_life
    work.bundles.add_ticket(TicketRow(_digest(ticket), bundle_id, actor, expires_at))
    work.commit()
    return Ticket(ticket, expires_at, bundle.size_bytes or 0, bundle.sha256 or "")


def _check_fetchable(bundle: Bundle, now: datetime) -> None:
    state = bundle.shown_state(now)
    if state == "expired" or bundle.deleted_at is not None:
        raise Refusal("expired", facts={"expires_at": words.shown(bundle.expires_at)})
    if state != rules.READY:
        text = words.BUNDLE_STATES[state]
        reason = words.reason(bundle.reason_code)
        raise Refusal(
            "not-ready",
            text,
            {
                "item_status": state,
                "status_text": text,
                "reason": {"code": reason.code, "message": reason.message} if reason else None,
            },
        )


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


def spend_ticket(
    ticket: str, client: Client, *, spend: bool, work: Work, now: datetime
) -> TicketGrant:
    """Where the bundle lies; with `spend` the ticket is used up and the records are written.

    Raises Refusal `ticket-not-found`, `ticket-spent` or `ticket-expired`.
    """
    row = work.bundles.ticket(_digest(ticket))
    bundle = work.bundles.lock(row.bundle_id) if row else None
    if row is None or bundle is None or bundle.dropped_at is not None:
        raise Refusal("ticket-not-found")
    if row.spent_at is not None:
        raise Refusal("ticket-spent")
    if now >= row.expires_at or bundle.shown_state(now) == "expired":
        raise Refusal("ticket-expired")
    if spend:
        _spend(row, bundle, client, work, now)
    return TicketGrant(
        bundle_id=bundle.bundle_id,
        object_key=bundle.object_key,
        etag=bundle.etag or "",
        sha256=bundle.sha256 or "",
        size=bundle.size_bytes or 0,
        file_name=words.bundle_name(bundle.created_at, len(bundle.members)),
    )


def _spend(row: TicketRow, bundle: Bundle, client: Client, work: Work, now: datetime) -> None:
    if not work.bundles.spend(row.ticket_sha256, now):
        raise Refusal("ticket-spent")
    who = Who(row.actor, client, now)
    work.operations.add(
        [
            document_record(
                member.application_no,
                member.entry_id,
                "bundle_export",
                who,
                sha256=member.sha256,
                bundle_id=bundle.bundle_id,
            )
            for member in bundle.members
        ]
    )
    work.commit()
