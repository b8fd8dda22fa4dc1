"""What query says and answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from services.kernel.contracts.declaration import FormKind, Snapshot
from services.kernel.contracts.registry import event

Outlook = Literal["customs_unfinished", "unsupported_version"]


@event("query.declaration.recorded.v1")
@dataclass(frozen=True)
class DeclarationRecorded:
    """A version of a declaration came in; `channel`: feed, import, partner."""

    entry_id: str
    version: int
    uscc: str
    ie_flag: str
    form_kind: str
    channel: str
    declared_on: date | None = None


@event("query.declaration.cleared.v1")
@dataclass(frozen=True)
class DeclarationCleared:
    """Customs has finished with a declaration."""

    entry_id: str
    version: int
    uscc: str
    declared_on: date | None
    cleared_on: date
    custody_class: str
    custody_until: date


@event("query.declaration.withdrawn.v1")
@dataclass(frozen=True)
class DeclarationWithdrawn:
    """Customs deleted the declaration; `reason_code`: deleted."""

    entry_id: str
    version: int
    uscc: str
    reason_code: str
    at: datetime


@event("query.declaration.erased.v1")
@dataclass(frozen=True)
class DeclarationErased:
    """The custody period is over and the register has forgotten it."""

    entry_id: str
    version: int
    uscc: str
    reason_code: str
    at: datetime


@dataclass(frozen=True)
class DeclarationRow:
    """A row of GET /declarations, HTTP API section 7.1."""

    entry_id: str
    ie_flag: str
    form_kind: FormKind
    form_kind_text: str
    customs_code: str
    customs_name: str
    declared_on: date
    cleared_on: date
    trade_uscc: str
    trade_name: str
    supervision_mode_code: str
    supervision_mode_name: str
    goods_count: int
    first_goods_name: str
    custody_class: str
    custody_until: date
    print_outlook: Outlook | None


@dataclass(frozen=True)
class DeclarationPage:
    """Found rows, numbers not found, and the cursors of the neighbouring pages."""

    items: list[DeclarationRow]
    not_found: list[str]
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None


@dataclass(frozen=True)
class SnapshotAnswer:
    """What apply learns of one number.

    `found` false: unknown, another company's, or out of custody. `outlook` tells why nothing can
    be printed; `snapshot` is None only when `found` is false.
    """

    entry_id: str
    found: bool
    outlook: Outlook | None = None
    snapshot: Snapshot | None = None
