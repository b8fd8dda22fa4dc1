"""From rows to the answers of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from services.apply.domain import words
from services.apply.domain.application import MAKING, READY
from services.kernel.contracts.apply import (
    ApplicationView,
    BundlePair,
    BundleView,
    CompletedItem,
    FileFacts,
    ItemRow,
    ItemView,
)

if TYPE_CHECKING:
    from datetime import datetime

    from services.apply.domain.application import Application, Item
    from services.apply.domain.bundle import Bundle

_PERCENTS = {"queued": 0, "retrying": 10}


@dataclass(frozen=True)
class Queue:
    """How many documents stand before the first of an application, and how fast they go."""

    ahead: int
    per_second: float


def percent(item: Item) -> int:
    """How far an item is; drawing itself takes too short a time to be told apart."""
    return _PERCENTS.get(item.phase or "", 0) if item.status == MAKING else 100


def item_view(item: Item, now: datetime, queue: Queue | None, place: int = 0) -> ItemView:
    """An item; `place` counts the application's own making items before it."""
    ahead = queue.ahead + place + 1 if queue and item.phase == "queued" else None
    eta = ceil(ahead / queue.per_second) if queue and ahead and queue.per_second else None
    return ItemView(
        entry_id=item.entry_id,
        status=item.status,
        phase=item.phase,
        percent=percent(item),
        queue_position=ahead,
        eta_seconds=eta,
        attempts=item.attempts,
        reason=words.reason(item.reason_code),
        made_at=item.made_at if item.ready else None,
        expires_at=item.expires_at if item.ready else None,
        expired=item.ready and item.expired(now),
        reused=item.reused,
        file=_document(item) if item.kind == "print" and item.ready else None,
    )


def _document(item: Item) -> FileFacts:
    return FileFacts(
        item.size_bytes or 0, item.sha256 or "", item.pages or 0, item.verification_code
    )


def item_row(item: Item, now: datetime, queue: Queue | None) -> ItemRow:
    """A row of the list of print items."""
    seal = item.seal or "none"
    return ItemRow(item.application_no, seal, item.accepted_at, item_view(item, now, queue))


def application_view(
    application: Application, items: list[Item], now: datetime, queue: Queue | None = None
) -> ApplicationView:
    """An application with the items given, which may be a part of all."""
    export = application.kind == "export"
    ready = export and application.status == READY
    return ApplicationView(
        application_no=application.application_no,
        kind=application.kind,
        seal=application.seal,
        submitted_at=application.submitted_at,
        accepted_at=application.accepted_at,
        finished_at=application.finished_at,
        state=application.state,
        progress=application.progress,
        items=_item_views(items, now, queue),
        refused_items=application.refused_items,
        submission=application.submission,
        status=application.status if export else None,
        partial=export and application.partial,
        made_at=application.made_at if ready else None,
        expires_at=application.expires_at if ready else None,
        expired=ready and application.expired(now),
        files=_files(application) if ready else None,
    )


def _item_views(items: list[Item], now: datetime, queue: Queue | None) -> list[ItemView]:
    views = []
    place = 0
    for item in items:
        views.append(item_view(item, now, queue, place))
        place += item.status == MAKING
    return views


def _files(application: Application) -> dict[str, FileFacts]:
    return {name: FileFacts(file.size, file.sha256) for name, file in application.files.items()}


def completed_items(application: Application, items: list[Item]) -> list[CompletedItem]:
    """The items of an application at its end."""
    zipped = application.files.get("zip")
    whole = zipped if application.kind == "export" else None
    return [
        CompletedItem(
            entry_id=item.entry_id,
            status=item.status,
            reason_code=item.reason_code,
            sha256=(whole.sha256 if whole else item.sha256) if item.ready else None,
            size_bytes=(whole.size if whole else item.size_bytes) if item.ready else None,
            expires_at=(application.expires_at if whole else item.expires_at)
            if item.ready
            else None,
        )
        for item in items
    ]


def bundle_view(bundle: Bundle, now: datetime) -> BundleView:
    """A bundle."""
    made = bundle.made_at is not None
    return BundleView(
        bundle_id=bundle.bundle_id,
        state=bundle.shown_state(now),
        created_at=bundle.created_at,
        expires_at=bundle.expires_at,
        progress=_bundle_progress(bundle),
        items=[BundlePair(member.application_no, member.entry_id) for member in bundle.members],
        skipped=bundle.skipped,
        reason=words.reason(bundle.reason_code),
        file=FileFacts(bundle.size_bytes or 0, bundle.sha256 or "") if made else None,
        file_name=words.bundle_name(bundle.created_at, len(bundle.members)),
    )


def _bundle_progress(bundle: Bundle) -> dict[str, int]:
    total, size = len(bundle.members), bundle.bytes_total
    made = bundle.made_at is not None
    return {
        "total": total,
        "done": total if made else 0,
        "bytes_total": size,
        "bytes_done": size if made else 0,
        "percent": 100 if made else 0,
    }
