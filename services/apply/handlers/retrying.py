"""Failed items once more; the signed order has not changed (decision X15)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.apply.domain import application as rules
from services.apply.domain import orders, views
from services.apply.domain.feed import application_changed, item_changed
from services.apply.handlers import keys
from services.apply.handlers.telling import complete, hand_over, tell
from services.kernel.contracts.apply import ApplicationView
from services.kernel.contracts.refusal import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from services.apply.domain.application import Application, Item
    from services.apply.domain.policy import Policy
    from services.apply.ports import Declarations, Request, Work, Works
    from services.kernel.contracts.declaration import Snapshot
    from services.kernel.contracts.query import SnapshotAnswer


def retry(
    request: Request,
    application_no: str,
    entry_ids: list[str] | None,
    *,
    works: Works,
    declarations: Declarations,
    now: datetime,
    policy: Policy,
) -> ApplicationView:
    """Put failed items back into the making, on their next revision.

    For an export the register is asked again about numbers that customs had not finished with.
    Raises Refusal `not-found`, `nothing-to-retry` or `validation-failed` (a named item has not
    failed).
    """
    with works() as work:
        unfinished = _unfinished_at_customs(request.uscc, application_no, work)
    news = declarations.snapshots(request.uscc, unfinished) if unfinished else []
    with works() as work:
        known = work.answers.claim(request, now - policy.key_kept)
        earlier = keys.earlier_answer(known, ApplicationView)
        if earlier is not None:
            return earlier
        view = _retry(request, application_no, entry_ids, news, work, now, policy)
        keys.keep(work, request, view, now)
        work.commit()
        return view


def _unfinished_at_customs(uscc: str, application_no: str, work: Work) -> list[str]:
    application = work.applications.get(uscc, application_no)
    if application is None:
        raise Refusal("not-found")
    if application.kind == "print" or application.making:
        return []
    items = work.applications.items(application_no)
    return [item.entry_id for item in items if item.reason_code == "customs-unfinished"]


def _retry(
    request: Request,
    application_no: str,
    entry_ids: list[str] | None,
    news: list[SnapshotAnswer],
    work: Work,
    now: datetime,
    policy: Policy,
) -> ApplicationView:
    application = work.applications.lock(application_no)
    if application is None or application.uscc != request.uscc:
        raise Refusal("not-found")
    items = work.applications.items(application_no)
    chosen = _chosen(items, entry_ids)
    application = replace(application, finished_at=None, round=application.round + 1)
    if application.kind == "print":
        return _retry_documents(application, items, chosen, work, now, policy)
    if application.making or application.expired(now):
        raise Refusal("nothing-to-retry")
    return _retry_export(application, items, chosen, news, work, now, policy)


def _chosen(items: list[Item], entry_ids: list[str] | None) -> set[str]:
    failed = {item.entry_id for item in items if item.status == rules.FAILED}
    if not entry_ids:
        wanted = failed
    else:
        wanted = set(entry_ids)
        _check_named(entry_ids, failed)
    if not wanted:
        raise Refusal("nothing-to-retry")
    return wanted


def _check_named(entry_ids: list[str], failed: set[str]) -> None:
    errors = [
        {
            "in": "body",
            "pointer": f"/entry_ids/{place}",
            "code": "validation-failed",
            "detail": f"报关单号 {entry_id} 不是制作失败的数据，无法重试。",
        }
        for place, entry_id in enumerate(entry_ids)
        if entry_id not in failed
    ]
    if errors:
        raise Refusal("validation-failed", errors[0]["detail"], errors=errors)


def _retry_documents(
    application: Application,
    items: list[Item],
    chosen: set[str],
    work: Work,
    now: datetime,
    policy: Policy,
) -> ApplicationView:
    frozen = work.applications.snapshots([(application.application_no, name) for name in chosen])
    pairs = [
        (item, rules.again(item, now, policy))
        for item in items
        if item.entry_id in chosen and (item.application_no, item.entry_id) in frozen
    ]
    if not pairs:  # the register has erased the declarations: nothing is left to draw from
        raise Refusal("nothing-to-retry")
    for old, new in pairs:
        application = rules.moved(application, old, new, now)
    work.applications.save_items([new for _, new in pairs])
    work.applications.save(application)
    changes = [*(item_changed(new) for _, new in pairs), application_changed(application)]
    count = len(pairs)
    company = tell(work, application.uscc, changes, now, unfinished=count, waiting=count)
    hand_over(work, company, now, policy)
    return _view(application, work, now)


def _retry_export(
    application: Application,
    items: list[Item],
    chosen: set[str],
    news: list[SnapshotAnswer],
    work: Work,
    now: datetime,
    policy: Policy,
) -> ApplicationView:
    cleared = {
        answer.entry_id: answer.snapshot
        for answer in news
        if answer.snapshot and answer.outlook != "customs_unfinished"
    }
    work.applications.freeze(application.application_no, cleared)
    frozen = _frozen(items, work)
    new = [
        rules.entry_again(item) if item.entry_id in chosen and item.entry_id in frozen else item
        for item in items
    ]
    application = rules.counted(replace(application, revision=application.revision + 1), new)
    if orders.wants_render(new):
        application = rules.export_handed(application, now, policy)
        work.say_all([orders.export_order(application, new, frozen, policy)])
    application = rules.closed(application, now)
    work.applications.save_items(new)
    work.applications.save(application)
    change = application_changed(application)
    tell(work, application.uscc, [change], now, unfinished=application.making)
    complete(work, application, now)
    return _view(application, work, now)


def _frozen(items: list[Item], work: Work) -> dict[str, Snapshot]:
    pairs = [(item.application_no, item.entry_id) for item in items]
    return {entry_id: kept for (_, entry_id), kept in work.applications.snapshots(pairs).items()}


def _view(application: Application, work: Work, now: datetime) -> ApplicationView:
    return views.application_view(
        application, work.applications.items(application.application_no), now
    )
