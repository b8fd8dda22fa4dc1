"""Handing out files, and the records of it. No record, no bytes (decision X12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from services.apply.domain import application as rules
from services.apply.domain import words
from services.apply.domain.operation import Who, document_record, export_record
from services.apply.domain.paging import cut, window
from services.kernel.contracts.apply import FileGrant, OperationPage
from services.kernel.contracts.refusal import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from services.apply.domain.application import Application, Item
    from services.apply.domain.policy import Policy
    from services.apply.ports import Work
    from services.kernel.contracts.apply import Kind, OperationView, Reason


@dataclass(frozen=True)
class Wanted:
    """The file that is asked for; `entry_id` for a document, `format_` for data."""

    uscc: str
    application_no: str
    entry_id: str | None
    format_: str | None
    purpose: Literal["export", "print"]
    accept_partial: bool = False


def open_document(wanted: Wanted, who: Who | None, *, work: Work, now: datetime) -> FileGrant:
    """Leave to hand out a printed form; with `who` its record is committed first.

    Raises Refusal `not-found`, `not-ready` or `expired`.
    """
    item = work.applications.item(wanted.uscc, wanted.application_no, wanted.entry_id or "")
    if item is None or item.kind != "print":
        raise Refusal("not-found")
    if not item.ready:
        raise _not_ready("print", item.status, words.reason(item.reason_code))
    _check_month(item, now)
    if who is not None:
        record = document_record(
            item.application_no, item.entry_id, wanted.purpose, who, sha256=item.sha256
        )
        work.operations.add([record])
        work.commit()
    return _document_grant(item)


def _document_grant(item: Item) -> FileGrant:
    assert item.made_at and item.expires_at  # noqa: S101, PT018  a ready item has both
    return FileGrant(
        object_key=item.object_key or "",
        etag=item.etag or "",
        sha256=item.sha256 or "",
        size=item.size_bytes or 0,
        made_at=item.made_at,
        expires_at=item.expires_at,
        seal=item.seal,
    )


def open_data(wanted: Wanted, who: Who | None, *, work: Work, now: datetime) -> FileGrant:
    """Leave to hand out a data file; with `who` its record is committed first.

    Raises Refusal `not-found`, `not-ready`, `nothing-to-export`, `expired` or `partial-failure`.
    """
    application = work.applications.get(wanted.uscc, wanted.application_no)
    if application is None or application.kind != "export":
        raise Refusal("not-found")
    _check_data(application, wanted, work, now)
    file = application.files.get(wanted.format_ or "zip")
    if file is None or not application.made_at or not application.expires_at:
        raise Refusal("not-found")
    if who is not None:
        record = export_record(
            application.application_no,
            who,
            sha256=file.sha256,
            format_=wanted.format_ or "zip",
            partial=application.partial,
        )
        work.operations.add([record])
        work.commit()
    return FileGrant(
        object_key=file.object_key,
        etag=file.etag,
        sha256=file.sha256,
        size=file.size,
        made_at=application.made_at,
        expires_at=application.expires_at,
        partial=application.partial,
    )


def _check_data(application: Application, wanted: Wanted, work: Work, now: datetime) -> None:
    status = application.status
    if status == rules.MAKING:
        raise _not_ready("export", status, None)
    if status == rules.FAILED:
        failed = _failed_numbers(application, work)
        raise Refusal("nothing-to-export", facts={"failed_entry_ids": failed})
    _check_month(application, now)
    if application.partial and not wanted.accept_partial:
        failed = _failed_numbers(application, work)
        question = words.partial_question(failed)
        raise Refusal("partial-failure", question, {"failed_entry_ids": failed})


def _failed_numbers(application: Application, work: Work) -> list[str]:
    items = work.applications.items(application.application_no)
    return [item.entry_id for item in items if item.status == rules.FAILED]


def _check_month(row: Item | Application, now: datetime) -> None:
    if row.expired(now) or row.deleted_at is not None:
        raise Refusal("expired", words.EXPIRED_MESSAGE, {"expires_at": words.shown(row.expires_at)})


def _not_ready(kind: Kind, status: str, reason: Reason | None) -> Refusal:
    text = words.status_words(kind, status)[1]
    return Refusal(
        "not-ready",
        text,
        {
            "item_status": status,
            "status_text": text,
            "reason": {"code": reason.code, "message": reason.message} if reason else None,
        },
    )


def record_print_event(
    wanted: Wanted,
    event: Literal["dialog_opened", "dialog_closed"],
    who: Who,
    *,
    work: Work,
    policy: Policy,
) -> OperationView:
    """Record what the browser tells of its print dialog (decision H16).

    Raises Refusal `not-found`, or `no-print-stream` when the session was given no file to print.
    """
    number, entry_id = wanted.application_no, wanted.entry_id or ""
    item = work.applications.item(wanted.uscc, number, entry_id)
    if item is None or item.kind != "print":
        raise Refusal("not-found")
    since = who.at - policy.print_stream
    if not work.operations.printed_since(number, entry_id, who.actor.session_id, since):
        raise Refusal("no-print-stream")
    record = document_record(number, entry_id, f"print_{event}", who, sha256=item.sha256)
    (view,) = work.operations.add([record])
    work.commit()
    return view


def operations(
    uscc: str,
    application_no: str,
    entry_id: str | None,
    *,
    limit: int,
    cursor: str | None,
    work: Work,
) -> OperationPage:
    """The records of an item or an export, oldest first. Raises Refusal `not-found`."""
    _check_own(uscc, application_no, entry_id, work)
    seen = window(limit, cursor, {"uscc": uscc, "of": [application_no, entry_id]})
    rows = work.operations.page(application_no, entry_id, seen)
    page = cut(rows, seen, lambda view: (view.seq,))
    return OperationPage(page.rows, page.next_cursor, page.prev_cursor, None)


def _check_own(uscc: str, application_no: str, entry_id: str | None, work: Work) -> None:
    known = (
        work.applications.get(uscc, application_no)
        if entry_id is None
        else work.applications.item(uscc, application_no, entry_id)
    )
    if known is None:
        raise Refusal("not-found")
