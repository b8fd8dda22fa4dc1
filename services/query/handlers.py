"""The use cases: take documents in, answer questions, forget after custody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

from services.kernel.calendar import local_day
from services.kernel.contracts.query import (
    DeclarationCleared,
    DeclarationErased,
    DeclarationPage,
    DeclarationRecorded,
    DeclarationRow,
    DeclarationWithdrawn,
    SnapshotAnswer,
)
from services.kernel.contracts.refusal import Refusal
from services.query import cursor as cursors
from services.query.codes import CodeTables
from services.query.custody import CustodyRules
from services.query.domain import (
    Declaration,
    Message,
    Receipt,
    first_version,
    next_version,
    settled,
    standing,
)
from services.query.naming import named
from services.query.ports import Changed, Place, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from services.kernel.clock import Clock
    from services.query.domain import Document, Standing
    from services.query.ports import Work

Outcome = Literal["accepted", "updated", "unchanged"]
_MOST_NUMBERS = 50  # http-api section 7.1
_MOST_ROWS = 100
_ERASED_AT_ONCE = 500  # rows held by one transaction of the custody sweep


@dataclass(frozen=True)
class Knowledge:
    """What is needed to understand a document: names of codes and periods of custody."""

    tables: CodeTables
    custody: CustodyRules


# --- taking in ----------------------------------------------------------------------------------


def take(
    documents: Sequence[Document],
    *,
    channel: str,
    work: Work,
    knowledge: Knowledge,
    clock: Clock,
) -> list[Outcome]:
    """Record messages and receipts in one transaction; answers what each of them changed.

    Order does not matter, neither here nor between calls: a receipt may come long before its
    declaration. What is known already changes nothing and says nothing.
    """
    messages = [item for item in documents if isinstance(item, Message)]
    receipts = [item for item in documents if isinstance(item, Receipt)]
    register = work.register
    register.hold(_numbers(messages, receipts))
    fresh = register.add_receipts(receipts)
    touched = {item.entry_id for item in messages} | _touched(receipts, fresh, work)
    book = _Book(work, touched)
    outcomes = [_outcome(item, book, channel, fresh) for item in documents]
    book.settle(knowledge)
    changes = book.changes()
    register.keep(changes)
    for change in changes:
        _tell(change, work, clock.now())
    work.commit()
    return outcomes


class _Book:
    """The declarations that one call touches, before and after."""

    def __init__(self, work: Work, entry_ids: set[str]) -> None:
        self._register = work.register
        self._before = self._register.declarations(entry_ids)
        self._messages = self._register.known_messages(entry_ids)
        self._superseded: dict[str, list[Declaration]] = {}
        self.after = dict(self._before)

    def add(self, message: Message, channel: str) -> Outcome:
        known = self._messages.setdefault(message.entry_id, set())
        if message.sha256 in known:
            return "unchanged"
        known.add(message.sha256)
        held = self.after.get(message.entry_id)
        if held is None:
            self.after[message.entry_id] = first_version(message, channel)
            return "accepted"
        self._superseded.setdefault(message.entry_id, []).append(held)
        self.after[message.entry_id] = next_version(held, message, channel)
        return "updated"

    def settle(self, knowledge: Knowledge) -> None:
        seq_nos = {entry_id: item.data.seq_no for entry_id, item in self.after.items()}
        receipts = self._register.receipts(seq_nos)
        for entry_id, item in self.after.items():
            now = standing(receipts.get(entry_id, []))
            self.after[entry_id] = self._settled(item, now, knowledge)
            self._superseded[entry_id] = [
                old if old is self._before.get(entry_id) else self._settled(old, now, knowledge)
                for old in self._superseded.get(entry_id, [])
            ]

    def changes(self) -> list[Changed]:
        """What is to be kept, and told."""
        found = [
            Changed(self._before.get(key), item, tuple(self._superseded[key]))
            for key, item in self.after.items()
        ]
        return [change for change in found if change.before != change.after]

    def _settled(self, item: Declaration, now: Standing, knowledge: Knowledge) -> Declaration:
        known = settled(item, now, knowledge.custody)
        held = self._before.get(item.entry_id)
        if item is held and _same_names(held, now, knowledge.tables):
            return known
        return replace(known, data=named(known.data, knowledge.tables))


def _same_names(held: Declaration, now: Standing, tables: CodeTables) -> bool:
    return tables.list_of(held.standing.declared_on) == tables.list_of(now.declared_on)


def _numbers(messages: Iterable[Message], receipts: Iterable[Receipt]) -> set[str]:
    numbers = {item.entry_id for item in messages} | {item.data.seq_no for item in messages}
    numbers |= {item.entry_id for item in receipts} | {item.seq_no for item in receipts}
    return {number for number in numbers if number is not None}


def _touched(receipts: Iterable[Receipt], fresh: set[str], work: Work) -> set[str]:
    new = [item for item in receipts if item.fingerprint in fresh]
    seq_nos = {item.seq_no for item in new if item.seq_no is not None}
    direct = {item.entry_id for item in new if item.entry_id is not None}
    return direct | (work.register.entry_ids_of(seq_nos) if seq_nos else set())


def _outcome(document: Document, book: _Book, channel: str, fresh: set[str]) -> Outcome:
    if isinstance(document, Message):
        return book.add(document, channel)
    if isinstance(document, Receipt) and document.fingerprint in fresh:
        fresh.remove(document.fingerprint)  # its twin in the same call is no news
        return "accepted"
    return "unchanged"


def _tell(change: Changed, work: Work, now: datetime) -> None:
    before, after = change.before, change.after
    for version in (*change.superseded, after):
        if before is None or version.version > before.version:
            work.say(_recorded(version), version.entry_id)
    if _newly_cleared(before, after):
        work.say(_cleared(after), after.entry_id)
    if after.standing.state == "withdrawn" and (
        before is None or before.standing.state != "withdrawn"
    ):
        said = DeclarationWithdrawn(
            after.entry_id, after.version, after.owner or "", reason_code="deleted", at=now
        )
        work.say(said, after.entry_id)


def _newly_cleared(before: Declaration | None, after: Declaration) -> bool:
    if after.standing.state != "cleared":
        return False
    return before is None or (before.standing.state, before.standing.cleared_on) != (
        "cleared",
        after.standing.cleared_on,
    )


def _recorded(item: Declaration) -> DeclarationRecorded:
    return DeclarationRecorded(
        entry_id=item.entry_id,
        version=item.version,
        uscc=item.owner or "",
        ie_flag=item.data.ie_flag,
        form_kind=item.data.form_kind,
        channel=item.channel,
        declared_on=item.standing.declared_on,
    )


def _cleared(item: Declaration) -> DeclarationCleared:
    if item.standing.cleared_on is None or item.custody_until is None:
        raise ValueError("cleared without a day of clearance")
    return DeclarationCleared(
        entry_id=item.entry_id,
        version=item.version,
        uscc=item.owner or "",
        declared_on=item.standing.declared_on,
        cleared_on=item.standing.cleared_on,
        custody_class=item.custody_class,
        custody_until=item.custody_until,
    )


# --- answering ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """GET /declarations as the gateway passes it on; days are ISO text."""

    uscc: str
    entry_ids: list[str] | None = None
    date_from: str | None = None
    date_to: str | None = None
    limit: int = 20
    cursor: str | None = None
    include_total: bool = False


def search(question: Question, *, work: Work, clock: Clock) -> DeclarationPage:
    """The company's own, cleared declarations in custody (http-api 7.1).

    Raises Refusal: `query-empty`, `validation-failed`, `too-many-numbers`, `cursor-invalid`.
    """
    wanted = _wanted(question, local_day(clock.now()))
    limit = min(max(question.limit, 1), _MOST_ROWS)
    place = cursors.read(question.cursor, wanted) if question.cursor else None
    rows = work.register.rows(wanted, place, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if place is not None and place.backward:
        rows.reverse()
    whole = place is None and not more
    return DeclarationPage(
        items=rows,
        not_found=_not_found(wanted, rows if whole else None, work),
        next_cursor=_next(rows, place, wanted, more=more),
        prev_cursor=_previous(rows, place, wanted, more=more),
        total=work.register.count(wanted) if question.include_total else None,
    )


def _not_found(wanted: Wanted, all_rows: list[DeclarationRow] | None, work: Work) -> list[str]:
    asked = wanted.entry_ids or ()
    if all_rows is not None:
        found = {row.entry_id for row in all_rows}
    else:
        found = work.register.found(wanted) if asked else set()
    return [entry_id for entry_id in asked if entry_id not in found]


def _wanted(question: Question, today: date) -> Wanted:
    if (question.date_from is None) != (question.date_to is None):
        raise Refusal("validation-failed")
    entry_ids = None if question.entry_ids is None else tuple(dict.fromkeys(question.entry_ids))
    if not entry_ids and question.date_from is None:
        raise Refusal("query-empty")
    if entry_ids and len(entry_ids) > _MOST_NUMBERS:
        raise Refusal("too-many-numbers", facts={"limit": _MOST_NUMBERS, "given": len(entry_ids)})
    return Wanted(question.uscc, today, entry_ids, _day(question.date_from), _day(question.date_to))


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as fault:
        raise Refusal("validation-failed") from fault


def _next(
    rows: list[DeclarationRow], place: Place | None, wanted: Wanted, *, more: bool
) -> str | None:
    backward = place is not None and place.backward
    if not rows or not (more or backward):
        return None
    return cursors.write(Place(rows[-1].declared_on, rows[-1].entry_id), wanted)


def _previous(
    rows: list[DeclarationRow], place: Place | None, wanted: Wanted, *, more: bool
) -> str | None:
    if not rows or place is None or (place.backward and not more):
        return None
    return cursors.write(Place(rows[0].declared_on, rows[0].entry_id, backward=True), wanted)


def snapshots(
    uscc: str, entry_ids: Sequence[str], *, work: Work, clock: Clock
) -> list[SnapshotAnswer]:
    """What apply needs of each number, in the order asked; unknown and foreign look the same."""
    found = {
        answer.entry_id: answer
        for answer in work.register.snapshots(uscc, set(entry_ids), local_day(clock.now()))
    }
    return [found.get(number) or SnapshotAnswer(number, found=False) for number in entry_ids]


def digests(entry_ids: Sequence[str], *, work: Work) -> dict[str, str]:
    """The digest of the newest version of each number that is in the register."""
    return work.register.digests(set(entry_ids))


# --- forgetting ---------------------------------------------------------------------------------


def erase_after_custody(*, work: Work, clock: Clock) -> int:
    """Forget declarations whose custody is over, some at a time; answers how many went."""
    now = clock.now()
    gone = work.register.erase_after_custody(local_day(now), _ERASED_AT_ONCE)
    for item in gone:
        said = DeclarationErased(
            item.entry_id, item.version, item.uscc, reason_code="custody-over", at=now
        )
        work.say(said, item.entry_id)
    work.commit()
    return len(gone)
