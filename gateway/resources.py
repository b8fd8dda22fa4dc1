"""Resources of the HTTP API made from the rooms' views: pure functions, no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway import texts
from gateway.times import moment, retold
from services.kernel.calendar import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from services.kernel.contracts.apply import (
        ApplicationView,
        BundleView,
        FeedEntry,
        FileFacts,
        ItemRow,
        ItemView,
        OperationView,
        Reason,
        RefusedItem,
        SubmissionView,
        Ticket,
        Usage,
    )
    from services.kernel.contracts.auth import Card, Challenge, Company, OpenedSession, Session
    from services.kernel.contracts.query import DeclarationPage, DeclarationRow

BASE = "/api/v1"
READY = frozenset({"unsealed_ready", "sealed_ready"})
PRINT_PROGRESS = (
    "total",
    "ready",
    "making",
    "customs_unfinished",
    "unsupported_version",
    "failed",
    "percent",
)
EXPORT_PROGRESS = ("total", "ready", "making", "failed", "percent")
BUNDLE_PROGRESS = ("total", "done", "bytes_total", "bytes_done", "percent")

Resource = dict[str, Any]


# --- sessions -----------------------------------------------------------------------------------


def challenge(view: Challenge) -> Resource:
    """Section 6.1."""
    return {
        "challenge_id": view.challenge_id,
        "challenge_nonce": view.challenge_nonce,
        "origin": view.origin,
        "algorithms": view.algorithms,
        "expires_at": moment(view.expires_at),
    }


def session(view: Session) -> Resource:
    """Section 6.4: a session without its token."""
    return {
        "session_id": view.session_id,
        "token_type": "Bearer",
        "state": view.state,
        "created_at": moment(view.created_at),
        "expires_at": moment(view.expires_at),
        "idle_timeout_seconds": view.idle_timeout_seconds,
        "company": _company(view.company),
        "card": _card(view.card),
    }


def opened_session(view: OpenedSession) -> Resource:
    """Section 6.2: the one answer that shows the token."""
    return {**session(view.session), "access_token": view.access_token}


def _company(view: Company) -> Resource:
    return {"uscc": view.uscc, "name": view.name}


def _card(view: Card) -> Resource:
    return {
        "card_no": view.card_no,
        "kind": view.kind,
        "holder": view.holder,
        "certificate_sha256": view.certificate_sha256,
        "valid_until": moment(view.valid_until),
    }


def me(view: Session, usage: Usage, limits: Resource, now: datetime) -> Resource:
    """Section 6.5."""
    return {
        "session": {
            "session_id": view.session_id,
            "state": view.state,
            "created_at": moment(view.created_at),
            "expires_at": moment(view.expires_at),
            "idle_expires_at": moment(view.idle_expires_at),
        },
        "company": _company(view.company),
        "card": _card(view.card),
        "limits": {
            **limits,
            "daily_items": usage.daily_items,
            "daily_items_used": usage.daily_items_used,
            "unfinished_items": usage.unfinished_items,
            "unfinished_items_used": usage.unfinished_items_used,
        },
        "server_time": moment(now),
    }


# --- declarations -------------------------------------------------------------------------------


def declarations(found: DeclarationPage, limit: int) -> Resource:
    """Section 7.1."""
    return {
        "items": [_declaration(row) for row in found.items],
        "not_found": found.not_found,
        "page": page(limit, found.next_cursor, found.prev_cursor, found.total),
    }


def _declaration(row: DeclarationRow) -> Resource:
    return {
        "entry_id": row.entry_id,
        "ie_flag": row.ie_flag,
        "form_kind": row.form_kind,
        "form_kind_text": row.form_kind_text,
        "customs_code": row.customs_code,
        "customs_name": row.customs_name,
        "declared_on": _day(row.declared_on),
        "cleared_on": _day(row.cleared_on),
        "trade_uscc": row.trade_uscc,
        "trade_name": row.trade_name,
        "supervision_mode_code": row.supervision_mode_code,
        "supervision_mode_name": row.supervision_mode_name,
        "goods_count": row.goods_count,
        "first_goods_name": row.first_goods_name,
        "custody_class": row.custody_class,
        "custody_until": _day(row.custody_until),
        "print_outlook": row.print_outlook,
    }


def _day(value: date) -> str:
    return value.isoformat()


def page(
    limit: int, next_cursor: str | None, prev_cursor: str | None, total: int | None
) -> Resource:
    """The member `page` of a list."""
    return {"limit": limit, "next_cursor": next_cursor, "prev_cursor": prev_cursor, "total": total}


# --- applications -------------------------------------------------------------------------------


def application(view: ApplicationView) -> Resource:
    """Section 8.2 or 9.2, by kind."""
    return print_application(view) if view.kind == "print" else export_application(view)


def application_path(kind: str, application_no: str) -> str:
    """Where an application is found."""
    return f"{BASE}/{kind}-applications/{application_no}"


def print_application(view: ApplicationView) -> Resource:
    """Section 8.2."""
    seal = view.seal or "none"
    return {
        "application_no": view.application_no,
        "kind": "print",
        "seal": seal,
        "seal_text": texts.SEAL[seal],
        "submitted_at": view.submitted_at,
        "accepted_at": moment(view.accepted_at),
        "finished_at": moment(view.finished_at),
        "state": view.state,
        "progress": _picked(view.progress, PRINT_PROGRESS),
        "items": [_print_item(view.application_no, seal, item) for item in view.items],
        "refused_items": _refused(view.refused_items),
        "submission": _submission(view.submission),
        "links": {"self": application_path("print", view.application_no)},
    }


def _picked(counts: dict[str, int], names: Iterable[str]) -> Resource:
    return {name: counts.get(name, 0) for name in names}


def _refused(items: Iterable[RefusedItem]) -> list[Resource]:
    return [
        {"entry_id": item.entry_id, "code": item.code, "message": item.message} for item in items
    ]


def _submission(view: SubmissionView) -> Resource:
    return {
        "card_no_masked": view.card_no_masked,
        "holder": view.holder,
        "certificate_sha256": view.certificate_sha256,
        "payload_sha256": view.payload_sha256,
    }


def _print_item(application_no: str, seal: str, item: ItemView) -> Resource:
    code, text = texts.PRINT_STATUS[item.status]
    place = f"{application_path('print', application_no)}/items/{item.entry_id}"
    return {
        "entry_id": item.entry_id,
        "status": item.status,
        "status_code": code,
        "status_text": text,
        "phase": item.phase,
        "percent": item.percent,
        "queue_position": item.queue_position,
        "eta_seconds": item.eta_seconds,
        "attempts": item.attempts,
        "reason": _reason(item.reason),
        "made_at": moment(item.made_at),
        "expires_at": moment(item.expires_at),
        "expired": item.expired,
        "reused": item.reused,
        "file": _document(item, seal),
        "actions": _print_actions(item),
        "links": {"self": place, "file": f"{place}/file", "operations": f"{place}/operations"},
    }


def _reason(reason: Reason | None) -> Resource | None:
    return None if reason is None else {"code": reason.code, "message": reason.message}


def _document(item: ItemView, seal: str) -> Resource | None:
    if item.file is None:
        return None
    return {
        "name": texts.print_file_name(item.entry_id, seal),
        "media_type": "application/pdf",
        "size": item.file.size,
        "sha256": item.file.sha256,
        "pages": item.file.pages,
        "verification_code": item.file.verification_code,
    }


def _print_actions(item: ItemView) -> Resource:
    made = item.status in READY
    return {
        "export": made and not item.expired,
        "print": made and not item.expired,
        "operations": made,
        "retry": item.status == "failed",
        "reapply": made or item.status in {"failed", "customs_unfinished"},
    }


def print_row(row: ItemRow) -> Resource:
    """Section 8.3: a row of GET /print-items."""
    return {
        **_print_item(row.application_no, row.seal, row.item),
        "application_no": row.application_no,
        "seal": row.seal,
        "seal_text": texts.SEAL[row.seal],
        "accepted_at": moment(row.accepted_at),
    }


def export_application(view: ApplicationView) -> Resource:
    """Section 9.2."""
    status = view.status or "making"
    code, text = texts.EXPORT_STATUS[status]
    place = application_path("export", view.application_no)
    return {
        "application_no": view.application_no,
        "kind": "export",
        "submitted_at": view.submitted_at,
        "accepted_at": moment(view.accepted_at),
        "finished_at": moment(view.finished_at),
        "state": view.state,
        "status": status,
        "status_code": code,
        "status_text": text,
        "partial": view.partial,
        "progress": _picked(view.progress, EXPORT_PROGRESS),
        "items": [_export_item(item) for item in view.items],
        "refused_items": _refused(view.refused_items),
        "made_at": moment(view.made_at),
        "expires_at": moment(view.expires_at),
        "expired": view.expired,
        "files": _data_files(view.application_no, view.files) if status == "ready" else None,
        "actions": _export_actions(status, view),
        "submission": _submission(view.submission),
        "links": {"self": place, "file": f"{place}/file", "operations": f"{place}/operations"},
    }


def _export_item(item: ItemView) -> Resource:
    code, text = texts.EXPORT_STATUS[item.status]
    return {
        "entry_id": item.entry_id,
        "status": item.status,
        "status_code": code,
        "status_text": text,
        "attempts": item.attempts,
        "reason": _reason(item.reason),
    }


def _data_files(application_no: str, files: dict[str, FileFacts] | None) -> Resource | None:
    return files and {
        format_: {
            "name": texts.data_file_name(application_no, format_),
            "media_type": media_type,
            "size": files[format_].size,
            "sha256": files[format_].sha256,
        }
        for format_, media_type in texts.DATA_MEDIA_TYPES.items()
        if format_ in files
    }


def _export_actions(status: str, view: ApplicationView) -> Resource:
    some_failed = any(item.status == "failed" for item in view.items)
    return {
        "export": status == "ready" and not view.expired,
        "operations": status == "ready",
        "retry": status != "making" and some_failed and not view.expired,
        "reapply": status != "making",
    }


# --- operation records --------------------------------------------------------------------------


def operation(view: OperationView, *, of_export: bool) -> Resource:
    """Section 8.5; records of export applications also tell format and completeness."""
    record = {
        "operation_id": view.operation_id,
        "seq": view.seq,
        "at": moment(view.at),
        "action": view.action,
        "action_text": texts.ACTION[view.action],
        "actor": {
            "company_name": view.actor.company_name,
            "uscc": view.actor.uscc,
            "holder": view.actor.holder,
            "card_no_masked": view.actor.card_no_masked,
            "session_id": view.actor.session_id,
        },
        "client": {
            "via": view.client.via,
            "ip": view.client.ip,
            "user_agent": view.client.user_agent,
        },
        "file_sha256": view.file_sha256,
        "bundle_id": view.bundle_id,
    }
    return {**record, "format": view.format, "partial": view.partial} if of_export else record


# --- bundles ------------------------------------------------------------------------------------


def bundle_path(bundle_id: str) -> str:
    """Where a bundle is found."""
    return f"{BASE}/bundles/{bundle_id}"


def bundle(view: BundleView) -> Resource:
    """Section 10.2."""
    place = bundle_path(view.bundle_id)
    return {
        "bundle_id": view.bundle_id,
        "state": view.state,
        "created_at": moment(view.created_at),
        "expires_at": moment(view.expires_at),
        "progress": _picked(view.progress, BUNDLE_PROGRESS),
        "items": [
            {"application_no": pair.application_no, "entry_id": pair.entry_id}
            for pair in view.items
        ],
        "skipped": [
            {"application_no": pair.application_no, "entry_id": pair.entry_id, "code": pair.code}
            for pair in view.skipped
        ],
        "reason": _reason(view.reason),
        "file": view.file
        and {
            "name": view.file_name or bundle_file_name(view.created_at, len(view.items)),
            "media_type": "application/zip",
            "size": view.file.size,
            "sha256": view.file.sha256,
        },
        "links": {"self": place, "tickets": f"{place}/tickets"},
    }


def bundle_file_name(created_at: datetime, files: int) -> str:
    """The UTF-8 name of a bundle: time of creation in Asia/Shanghai and number of files."""
    return f"报关单批量导出_{created_at.astimezone(ZONE):%Y%m%d%H%M%S}_{files}票.zip"


def ticket(view: Ticket, base_url: str) -> Resource:
    """Section 10.3."""
    return {
        "ticket": view.ticket,
        "url": f"{base_url}{BASE}/downloads/{view.ticket}",
        "expires_at": moment(view.expires_at),
        "size": view.size,
        "sha256": view.sha256,
    }


# --- the stream ---------------------------------------------------------------------------------


def change(entry: FeedEntry) -> Resource:
    """Section 11: the data of a change, times and texts as everywhere else."""
    data = {"seq": entry.seq, **entry.data}
    if "status" in data:
        table: Any = texts.EXPORT_STATUS if data.get("kind") == "export" else texts.PRINT_STATUS
        data["status_code"], data["status_text"] = table[data["status"]]
    if "expires_at" in data:
        data["expires_at"] = retold(data["expires_at"])
    return data


# --- waiting ------------------------------------------------------------------------------------


def pause_s(began_at: datetime, now: datetime) -> int:
    """How long to wait before asking again: 2 seconds, growing to 10 within two minutes."""
    age_s = max(0.0, (now - began_at).total_seconds())
    return min(10, 2 + int(age_s // 15))


def masked(text: str, first: int, last: int, stars: int) -> str:
    """`text` with its middle replaced by stars; all of it when it is too short to keep ends."""
    if len(text) <= first + last:
        return "*" * stars
    return text[:first] + "*" * stars + text[len(text) - last :]


def listing(
    items: Sequence[Resource], limit: int, found: Any
) -> Resource:  # found: any page of the contracts, all have the same members
    """A list: its items and the member `page`."""
    return {
        "items": list(items),
        "page": page(limit, found.next_cursor, found.prev_cursor, found.total),
    }
