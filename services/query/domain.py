"""What customs has said of a declaration, and what follows from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from services.kernel.calendar import local_day
from services.kernel.contracts.declaration import DeclarationData, FormKind

if TYPE_CHECKING:
    from services.kernel.contracts.query import Outlook
    from services.query.custody import CustodyRules

NEW_FORM_ON = date(2018, 8, 1)  # forms declared before this day are not printed (manual 4.2)
_CLEARED = "R"
_DELETED = "D"
_RECEIVED = "L"
_RECORD_LIST_TYPES = frozenset({"ML", "LY", "SM", "SL", "MK", "AL", "BL"})

State = Literal["open", "cleared", "reopened", "withdrawn"]


def form_kind(ie_flag: str, doc_type_code: str) -> FormKind:
    """Declaration or 备案清单, import or export, from 进出口标志 and 单据类型."""
    if doc_type_code[:2] in _RECORD_LIST_TYPES:
        return "import_record_list" if ie_flag == "I" else "export_record_list"
    return "import_declaration" if ie_flag == "I" else "export_declaration"


@dataclass(frozen=True)
class Message:
    """A DecMessage as received. `data` has neither names of codes nor the days of receipts.

    `sha256` is over the bytes received; `head_district` tells that 境内目的地 stands in the head,
    as only the form before 2018-08-01 has it; `warnings` are facts for the operator.
    """

    data: DeclarationData
    doc_type_code: str
    head_district: bool
    sha256: str
    warnings: tuple[str, ...] = ()

    @property
    def entry_id(self) -> str:
        """The declaration number."""
        return self.data.entry_id


@dataclass(frozen=True)
class Receipt:
    """A status receipt: one state at one moment (`notice_at`, UTC)."""

    entry_id: str | None
    seq_no: str | None
    channel: str
    notice_at: datetime
    declared_on: date | None = None
    note: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The same for the same statement, however often and in whatever bytes it comes."""
        facts = (self.entry_id, self.seq_no, self.channel, self.notice_at, self.declared_on)
        return hashlib.sha256("|".join(str(fact) for fact in facts).encode()).hexdigest()


@dataclass(frozen=True)
class Response:
    """A DecImportResponse: how the Single Window took a message; the register needs none of it."""

    seq_no: str | None
    response_code: str | None
    warnings: tuple[str, ...] = ()


Document = Message | Receipt | Response


@dataclass(frozen=True)
class Standing:
    """Where a declaration stands at customs.

    `cleared_on` is the day of the last 结关 and stays while customs has reopened the declaration.
    """

    state: State = "open"
    declared_on: date | None = None
    cleared_on: date | None = None


def standing(receipts: list[Receipt]) -> Standing:
    """What the receipts say together, in whatever order and however often they came."""
    ordered = sorted(receipts, key=lambda receipt: (receipt.notice_at, receipt.channel == _CLEARED))
    cleared_on = _last_clearance(ordered)
    return Standing(_state(ordered, cleared_on), _declared_on(ordered), cleared_on)


def _last_clearance(ordered: list[Receipt]) -> date | None:
    found, before = None, ""
    for receipt in ordered:
        if receipt.channel == _CLEARED and before != _CLEARED:
            found = local_day(receipt.notice_at)
        before = receipt.channel
    return found


def _state(ordered: list[Receipt], cleared_on: date | None) -> State:
    if any(receipt.channel == _DELETED for receipt in ordered):
        return "withdrawn"
    if cleared_on is None:
        return "open"
    return "cleared" if ordered[-1].channel == _CLEARED else "reopened"


def _declared_on(ordered: list[Receipt]) -> date | None:
    for receipt in ordered:
        if receipt.declared_on is not None:
            return receipt.declared_on
    # 申报日期 is the day on which customs took the declaration: receipt L tells it too
    return next((local_day(item.notice_at) for item in ordered if item.channel == _RECEIVED), None)


@dataclass(frozen=True)
class Declaration:
    """A declaration in the register: its newest version and where it stands.

    `data` is complete: names of codes, 申报日期 and 结关日期 included. `custody_until` is the last
    day on which it can be asked for, None before 结关.
    """

    version: int
    message_sha256: str
    channel: str
    data: DeclarationData
    doc_type_code: str
    head_district: bool
    standing: Standing
    custody_class: str
    custody_until: date | None

    @property
    def entry_id(self) -> str:
        """The declaration number."""
        return self.data.entry_id

    @property
    def owner(self) -> str | None:
        """The 境内收发货人's USCC; without one nobody can ask for the declaration."""
        return self.data.trade_uscc

    @property
    def listed(self) -> bool:
        """Whether the owner finds it, as long as it is in custody."""
        known = self.standing.declared_on is not None and self.standing.cleared_on is not None
        return known and self.standing.state != "withdrawn"

    @property
    def outlook(self) -> Outlook | None:
        """What a print application would answer now, if anything but a document."""
        if self.standing.state != "cleared" or self.standing.declared_on is None:
            return "customs_unfinished"
        if self.head_district or self.standing.declared_on < NEW_FORM_ON:
            return "unsupported_version"
        return None


def first_version(message: Message, channel: str) -> Declaration:
    """The declaration as its first message tells it, before any receipt is considered."""
    return Declaration(
        version=1,
        message_sha256=message.sha256,
        channel=channel,
        data=message.data,
        doc_type_code=message.doc_type_code,
        head_district=message.head_district,
        standing=Standing(),
        custody_class="general",
        custody_until=None,
    )


def next_version(before: Declaration, message: Message, channel: str) -> Declaration:
    """The declaration after a further, different message for the same number."""
    return replace(first_version(message, channel), version=before.version + 1)


def settled(declaration: Declaration, now: Standing, rules: CustodyRules) -> Declaration:
    """The declaration with what the receipts say of it; names of codes are not its business."""
    kind = rules.class_of(declaration.data)
    return replace(
        declaration,
        data=replace(declaration.data, declared_on=now.declared_on, cleared_on=now.cleared_on),
        standing=now,
        custody_class=kind,
        custody_until=rules.until(kind, now.cleared_on),
    )
