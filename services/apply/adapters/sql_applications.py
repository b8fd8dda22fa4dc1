"""Applications, items, frozen declarations and proofs in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from services.apply.adapters import rows
from services.apply.adapters.tables import (
    answers,
    applications,
    bundles,
    evidence,
    feed,
    items,
    operations,
    snapshots,
    tickets,
)
from services.apply.domain.views import Queue
from services.apply.ports import Intake
from services.kernel.calendar import day_bounds
from services.kernel.contracts.apply import DocumentRecord
from services.kernel.contracts.auth import Evidence
from services.kernel.contracts.declaration import Snapshot
from services.kernel.contracts.wire import from_builtins, to_builtins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Table

    from services.apply.domain.application import Application, Item
    from services.apply.domain.paging import Window
    from services.kernel.contracts.apply import Kind, Search

_A = [applications.c[name] for name in rows.APPLICATION_COLUMNS]
_I = [items.c[name] for name in rows.ITEM_COLUMNS]
_RECORDS_KEPT = timedelta(days=3 * 365 + 1)  # three years from acceptance (decision X11)
_FROZEN_KEPT = timedelta(days=62)  # what failed and was not retried for two months is forgotten
_SWEEP = 500  # rows a turn and table, so that no turn holds locks for long
_SWEEP_WHOLE = 20  # applications a turn, with everything about them
_SPEED_WINDOW = timedelta(seconds=60)


class SqlApplications:
    """Applications of all companies; every question names the company it is asked for."""

    def __init__(self, connection: Connection, keeping: timedelta) -> None:
        self._connection = connection
        self._keeping = keeping

    # --- accepting

    def intake(self, payload_sha256: str) -> Intake:
        """The facts before a submission is judged, by one statement."""
        row = self._connection.execute(
            text(
                "SELECT clock_timestamp() AS now, (SELECT application_no FROM evidence "
                "WHERE payload_sha256 = :digest) AS used_by, (SELECT created_at FROM outbox "
                "WHERE sent_at IS NULL ORDER BY seq LIMIT 1) AS oldest"
            ),
            {"digest": payload_sha256},
        ).one()
        return Intake(row.now, row.used_by, row.oldest)

    def next_running(self, kind: Kind) -> int:
        """The next running number of a kind; gaps may happen."""
        sequence = "print_numbers" if kind == "print" else "export_numbers"
        return int(self._connection.execute(select(func.nextval(sequence))).scalar_one())

    def keep_evidence(self, application_no: str, proof: Evidence) -> str | None:
        """Keep the proof; answers the other application if this signature was used before."""
        kept = self._connection.execute(
            insert(evidence)
            .values(
                application_no=application_no,
                payload_sha256=proof.payload_sha256,
                proof=to_builtins(proof),
            )
            .on_conflict_do_nothing()
            .returning(evidence.c.application_no)
        ).first()
        if kept is not None:
            return None
        used_by = self._connection.scalar(
            select(evidence.c.application_no).where(
                evidence.c.payload_sha256 == proof.payload_sha256
            )
        )
        return str(used_by)

    def evidence(self, application_no: str) -> Evidence | None:
        """The proof of an application."""
        proof = self._connection.scalar(
            select(evidence.c.proof).where(evidence.c.application_no == application_no)
        )
        return from_builtins(proof, Evidence) if proof else None

    def add(self, application: Application, items_: list[Item]) -> None:
        """Add a new application with its items, by two statements."""
        self._connection.execute(applications.insert(), rows.application_values(application))
        self._connection.execute(items.insert(), [rows.item_values(item) for item in items_])

    # --- one at a time

    def get(self, uscc: str, application_no: str) -> Application | None:
        """An application of this company."""
        return self._application(
            select(*_A).where(
                applications.c.application_no == application_no, applications.c.uscc == uscc
            )
        )

    def lock(self, application_no: str) -> Application | None:
        """An application, kept from all others until the end of the transaction."""
        return self._application(
            select(*_A).where(applications.c.application_no == application_no).with_for_update()
        )

    def _application(self, wanted: Select[Any]) -> Application | None:
        row = self._connection.execute(wanted).mappings().first()
        return rows.application(row) if row else None

    def lock_item(self, application_no: str, entry_id: str) -> tuple[Application, Item] | None:
        """An item with its application, both kept until the end of the transaction."""
        row = (
            self._connection.execute(
                rows.ITEM_WITH_APPLICATION,
                {"application_no": application_no, "entry_id": entry_id},
            )
            .mappings()
            .first()
        )
        return rows.item_with_application(row) if row else None

    def items(self, application_no: str) -> list[Item]:
        """All items in the order of the request."""
        return self._items(
            select(*_I)
            .where(items.c.application_no == application_no)
            .order_by(items.c.rank.desc())
        )

    def item(self, uscc: str, application_no: str, entry_id: str) -> Item | None:
        """One item of this company."""
        found = self.named_items(uscc, [(application_no, entry_id)])
        return found[0] if found else None

    def named_items(self, uscc: str, pairs: Sequence[tuple[str, str]]) -> list[Item]:
        """Print items of this company by application and number; unknown ones are left out."""
        named = tuple_(items.c.application_no, items.c.entry_id).in_(pairs)
        return self._items(select(*_I).where(named, items.c.uscc == uscc, items.c.kind == "print"))

    def _items(self, wanted: Select[Any]) -> list[Item]:
        return [rows.item(row) for row in self._connection.execute(wanted).mappings()]

    def save(self, application: Application) -> None:
        """Save a changed application. Raises TryLater when another was faster."""
        rows.APPLICATIONS.save(self._connection, [application])

    def save_items(self, items: Sequence[Item]) -> None:
        """Save changed items. Raises TryLater when another was faster."""
        if items:
            rows.ITEMS.save(self._connection, items)

    # --- turns, reminders, ends

    def claim_waiting(self, uscc: str, count: int) -> list[Item]:
        """The oldest print items of a company that wait for their turn, nobody else's now."""
        return self._items(
            select(*_I)
            .where(items.c.uscc == uscc, _drawing(), items.c.handed_at.is_(None))
            .order_by(items.c.accepted_at, items.c.application_no, items.c.rank.desc())
            .limit(count)
            .with_for_update(skip_locked=True)
        )

    def late_items(self, now: datetime, count: int) -> list[Item]:
        """Print items without news beyond their reminder, claimed."""
        return self._items(
            select(*_I)
            .where(_drawing(), items.c.remind_at <= now, items.c.give_up_at > now)
            .order_by(items.c.accepted_at)
            .limit(count)
            .with_for_update(skip_locked=True)
        )

    def late_exports(self, now: datetime, count: int) -> list[Application]:
        """Exports without news beyond their reminder, claimed."""
        found = self._connection.execute(
            select(*_A)
            .where(_exporting(), applications.c.remind_at <= now, applications.c.give_up_at > now)
            .order_by(applications.c.remind_at)
            .limit(count)
            .with_for_update(skip_locked=True)
        ).mappings()
        return [rows.application(row) for row in found]

    def overdue(self, now: datetime, count: int) -> list[str]:
        """Applications with something that nobody waits for any longer."""
        prints = (
            select(items.c.application_no)
            .where(_drawing(), items.c.give_up_at <= now)
            .distinct()
            .limit(count)
        )
        exports = (
            select(applications.c.application_no)
            .where(_exporting(), applications.c.give_up_at <= now)
            .limit(count)
        )
        return [*self._connection.scalars(prints), *self._connection.scalars(exports)]

    def starved(self, in_work_below: int, count: int) -> list[str]:
        """Companies with waiting items though they have places."""
        found = self._connection.scalars(
            text("SELECT uscc FROM companies WHERE waiting > 0 AND in_work < :below LIMIT :count"),
            {"below": in_work_below, "count": count},
        )
        return list(found)

    # --- frozen declarations

    def freeze(self, application_no: str, frozen: Mapping[str, Snapshot]) -> None:
        """Keep declarations as they are now, replacing older ones of the same numbers."""
        if not frozen:
            return
        values = [
            {
                "application_no": application_no,
                "entry_id": entry_id,
                "body": msgspec.json.encode(snapshot),
            }
            for entry_id, snapshot in frozen.items()
        ]
        self._connection.execute(
            delete(snapshots).where(
                snapshots.c.application_no == application_no, snapshots.c.entry_id.in_(frozen)
            )
        )
        self._connection.execute(snapshots.insert(), values)

    def snapshots(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Snapshot]:
        """The frozen declarations of items that still have them."""
        found = self._connection.execute(
            select(snapshots).where(
                tuple_(snapshots.c.application_no, snapshots.c.entry_id).in_(pairs)
            )
        )
        return {
            (row.application_no, row.entry_id): msgspec.json.decode(row.body, type=Snapshot)
            for row in found
        }

    def thaw(self, application_no: str, entry_id: str | None = None) -> None:
        """Forget the frozen declaration of an item, or of all items of an application."""
        gone = delete(snapshots).where(snapshots.c.application_no == application_no)
        if entry_id is not None:
            gone = gone.where(snapshots.c.entry_id == entry_id)
        self._connection.execute(gone)

    def erase_declaration(self, entry_id: str) -> None:
        """Forget all frozen declarations of a number that nothing is being made of."""
        self._connection.execute(
            text(
                "DELETE FROM snapshots s USING applications a WHERE s.entry_id = :entry_id "
                "AND a.application_no = s.application_no AND a.making = 0"
            ),
            {"entry_id": entry_id},
        )

    def mark_withdrawn(self, entry_id: str, at: datetime) -> None:
        """Remember for all documents of a number that customs withdrew it."""
        self._connection.execute(
            update(items)
            .where(
                items.c.entry_id == entry_id,
                items.c.kind == "print",
                items.c.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=at, version=items.c.version + 1)
        )

    # --- lists

    def page(self, uscc: str, search: Search, window: Window, now: datetime) -> list[Application]:
        """Up to `size + 1` applications in the direction of the window."""
        wanted = select(*_A).where(*_application_conditions(uscc, search, now))
        place = [applications.c.accepted_at, applications.c.application_no]
        found = self._connection.execute(_windowed(wanted, place, window)).mappings()
        return [rows.application(row) for row in found]

    def fitting_items(
        self, numbers: Sequence[str], search: Search, now: datetime
    ) -> dict[str, list[Item]]:
        """The items of print applications that fit, or all items of exports."""
        conditions = _item_conditions(search, now) if search.kind == "print" else []
        found: dict[str, list[Item]] = defaultdict(list)
        for item in self._items(
            select(*_I)
            .where(items.c.application_no.in_(numbers), *conditions)
            .order_by(items.c.rank.desc())
        ):
            found[item.application_no].append(item)
        return found

    def count(self, uscc: str, search: Search, now: datetime) -> int:
        """How many applications fit."""
        wanted = select(func.count()).select_from(applications)
        return self._number(wanted.where(*_application_conditions(uscc, search, now)))

    def item_page(self, uscc: str, search: Search, window: Window, now: datetime) -> list[Item]:
        """Up to `size + 1` print items in the direction of the window."""
        wanted = select(*_I).where(*_listed_conditions(uscc, search, now))
        place = [items.c.accepted_at, items.c.application_no, items.c.rank]
        return self._items(_windowed(wanted, place, window))

    def item_count(self, uscc: str, search: Search, now: datetime) -> int:
        """How many print items fit."""
        wanted = select(func.count()).select_from(items)
        return self._number(wanted.where(*_listed_conditions(uscc, search, now)))

    def _number(self, wanted: Select[Any]) -> int:
        return int(self._connection.execute(wanted).scalar_one())

    def queue(self, accepted_at: datetime, now: datetime) -> Queue:
        """How many documents stand before an application, and the speed of the last minute."""
        row = self._connection.execute(
            select(
                select(func.count())
                .where(_drawing(), items.c.accepted_at < accepted_at)
                .scalar_subquery()
                .label("ahead"),
                select(func.count())
                .where(items.c.made_at > now - _SPEED_WINDOW)
                .scalar_subquery()
                .label("made"),
            )
        ).one()
        return Queue(row.ahead, row.made / _SPEED_WINDOW.total_seconds())

    def oldest_making(self) -> datetime | None:
        """When the oldest item in the making was accepted."""
        exports = select(applications.c.accepted_at).where(_exporting())
        prints = select(items.c.accepted_at).where(_drawing())
        oldest = [
            self._connection.scalar(wanted.order_by(wanted.selected_columns[0]).limit(1))
            for wanted in (exports, prints)
        ]
        return min((moment for moment in oldest if moment is not None), default=None)

    # --- the public check

    def document(
        self, *, code: str | None = None, sha256: str | None = None
    ) -> DocumentRecord | None:
        """The document with a verification code or digest; the oldest, when bytes were reused."""
        which = items.c.verification_code == code if code else items.c.sha256 == sha256
        row = self._connection.execute(
            select(*_I, applications.c.company_name)
            .join(applications, applications.c.application_no == items.c.application_no)
            .where(which, items.c.made_at.is_not(None))
            .order_by(items.c.made_at)
            .limit(1)
        ).first()
        if row is None:
            return None
        return DocumentRecord(
            verification_code=row.verification_code,
            entry_id=row.entry_id,
            company_name=row.company_name,
            form_kind=row.form_kind or "",
            seal=row.seal,
            made_at=row.made_at,
            pages=row.pages,
            sha256=row.sha256,
            snapshot_digest=row.snapshot_digest or "",
            uscc=row.uscc,
            withdrawn=row.withdrawn_at is not None,
        )

    # --- forgetting

    def sweep(self, now: datetime) -> int:
        """Forget what outlived its time; answers how many rows went."""
        day = now - self._keeping
        gone = self._delete(answers, answers.c.created_at < day)
        gone += self._delete(feed, feed.c.at < day)
        gone += self._delete(tickets, tickets.c.expires_at < day)
        ended = applications.c.finished_at < now - _FROZEN_KEPT
        stale = select(applications.c.application_no).where(ended)
        gone += self._delete(snapshots, snapshots.c.application_no.in_(stale))
        gone += self._delete(bundles, bundles.c.created_at < now - _RECORDS_KEPT)
        return gone + self._forget_applications(now - _RECORDS_KEPT)

    def _forget_applications(self, before: datetime) -> int:
        """Applications with proof and records, whole; their items go with them."""
        old = select(applications.c.application_no).where(applications.c.accepted_at < before)
        numbers = list(self._connection.scalars(old.limit(_SWEEP_WHOLE)))
        if numbers:
            for table in (evidence, operations, applications):
                self._connection.execute(delete(table).where(table.c.application_no.in_(numbers)))
        return len(numbers)

    def _delete(self, table: Table, condition: ColumnElement[bool]) -> int:
        place: ColumnElement[Any] = literal_column("ctid")
        some = select(place).select_from(table).where(condition).limit(_SWEEP)
        return self._connection.execute(delete(table).where(place.in_(some))).rowcount


def _drawing() -> ColumnElement[bool]:
    return (items.c.status == "making") & (items.c.kind == "print")


def _exporting() -> ColumnElement[bool]:
    return (applications.c.kind == "export") & (applications.c.making > 0)


def _windowed(wanted: Select[Any], place: list[Any], window: Window) -> Select[Any]:
    """Newest first, or the other way round before the first row of a page."""
    if window.beyond:
        here, there = tuple_(*place), tuple_(*window.beyond)
        wanted = wanted.where(here > there if window.backward else here < there)
    order = [column.asc() if window.backward else column.desc() for column in place]
    return wanted.order_by(*order).limit(window.size + 1)


def _listed_conditions(uscc: str, search: Search, now: datetime) -> list[ColumnElement[bool]]:
    conditions = [items.c.uscc == uscc, items.c.kind == "print", *_item_conditions(search, now)]
    if search.application_no is not None:
        conditions.append(items.c.application_no == search.application_no)
    if search.seal is not None:
        conditions.append(items.c.seal == search.seal)
    return conditions + _day_conditions(items.c.accepted_at, search)


def _item_conditions(search: Search, now: datetime) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.statuses is not None:
        conditions.append(items.c.status.in_(search.statuses))
    if search.entry_ids is not None:
        conditions.append(items.c.entry_id.in_(search.entry_ids))
    if search.expired is not None:
        conditions.append(_over(items.c.expires_at, now, over=search.expired))
    return conditions


def _application_conditions(uscc: str, search: Search, now: datetime) -> list[ColumnElement[bool]]:
    conditions = [applications.c.uscc == uscc, applications.c.kind == search.kind]
    if search.application_no is not None:
        conditions.append(applications.c.application_no == search.application_no)
    if search.seal is not None:
        conditions.append(applications.c.seal == search.seal)
    conditions += _day_conditions(applications.c.accepted_at, search)
    own = items.c.application_no == applications.c.application_no
    if search.kind == "print":
        fitting = _item_conditions(search, now)
        return [*conditions, exists().where(own, *fitting)] if fitting else conditions
    if search.statuses is not None:
        conditions.append(or_(*(_export_status(status) for status in search.statuses)))
    if search.expired is not None:
        conditions.append(_over(applications.c.expires_at, now, over=search.expired))
    if search.entry_ids is not None:
        conditions.append(exists().where(own, items.c.entry_id.in_(search.entry_ids)))
    return conditions


def _export_status(status: str) -> ColumnElement[bool]:
    making, ready = applications.c.making, applications.c.ready
    if status == "making":
        return making > 0
    return (making == 0) & (ready > 0 if status == "ready" else ready == 0)


def _over(expires_at: Any, now: datetime, *, over: bool) -> ColumnElement[bool]:
    ended: ColumnElement[bool] = expires_at <= now
    return ended if over else or_(expires_at.is_(None), expires_at > now)


def _day_conditions(accepted_at: Any, search: Search) -> list[ColumnElement[bool]]:
    if search.date_from is None or search.date_to is None:
        return []
    first, last = date.fromisoformat(search.date_from), date.fromisoformat(search.date_to)
    begin, end = day_bounds(first, last)
    return [accepted_at >= begin, accepted_at < end]
