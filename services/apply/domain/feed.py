"""What the stream of changes says (HTTP API section 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from services.apply.domain import views, words
from services.kernel.contracts.apply import FeedEntry

if TYPE_CHECKING:
    from datetime import datetime

    from services.apply.domain.application import Application, Item
    from services.apply.domain.bundle import Bundle


@dataclass(frozen=True)
class Change:
    """A change that has no sequence number yet."""

    event: Literal["item", "application", "bundle"]
    application_no: str | None
    data: dict[str, Any]


def item_changed(item: Item) -> Change:
    """A print item has another status or phase."""
    code, text = words.status_words("print", item.status)
    return Change(
        "item",
        item.application_no,
        {
            "kind": "print",
            "application_no": item.application_no,
            "entry_id": item.entry_id,
            "status": item.status,
            "status_code": code,
            "status_text": text,
            "phase": item.phase,
            "percent": views.percent(item),
            "expires_at": words.shown(item.expires_at) if item.ready else None,
        },
    )


def application_changed(application: Application) -> Change:
    """An application has other counts."""
    data: dict[str, Any] = {
        "kind": application.kind,
        "application_no": application.application_no,
        "state": application.state,
        "progress": application.progress,
    }
    if application.kind == "export":
        data |= _export_members(application)
    return Change("application", application.application_no, data)


def _export_members(application: Application) -> dict[str, Any]:
    code, text = words.status_words("export", application.status)
    ready = application.status == "ready"
    return {
        "status": application.status,
        "status_code": code,
        "status_text": text,
        "partial": application.partial,
        "expires_at": words.shown(application.expires_at) if ready else None,
    }


def bundle_changed(bundle: Bundle, now: datetime) -> Change:
    """A bundle has another state."""
    state = bundle.shown_state(now)
    percent = 100 if bundle.made_at is not None else 0
    return Change(
        "bundle", None, {"bundle_id": bundle.bundle_id, "state": state, "percent": percent}
    )


def numbered(changes: list[Change], last_seq: int) -> list[FeedEntry]:
    """The changes with their numbers, of which `last_seq` is the last."""
    first = last_seq - len(changes) + 1
    return [
        FeedEntry(seq, change.event, change.application_no, {"seq": seq, **change.data})
        for seq, change in enumerate(changes, first)
    ]
