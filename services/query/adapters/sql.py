"""The register in PostgreSQL."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from services.kernel.contracts.declaration import FORM_KIND_TEXTS, DeclarationData, Snapshot
from services.kernel.contracts.query import DeclarationRow, SnapshotAnswer
from services.kernel.database.unit_of_work import SqlUnitOfWork
from services.query.digest import snapshot_digest
from services.query.domain import Declaration, Receipt, Standing
from services.query.ports import Forgotten, Place, Wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date

    from sqlalchemy import ColumnElement, Connection, Select

    from services.query.ports import Changed

metadata = MetaData()

declarations = Table(
    "declarations",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("seq_no", Text),
    Column("message_sha256", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("uscc", Text),
    Column("trade_customs_code", Text),
    Column("trade_name", Text, nullable=False),
    Column("ie_flag", Text, nullable=False),
    Column("form_kind", Text, nullable=False),
    Column("doc_type_code", Text, nullable=False),
    Column("head_district", Boolean, nullable=False),
    Column("customs_code", Text, nullable=False),
    Column("customs_name", Text, nullable=False),
    Column("supervision_mode_code", Text, nullable=False),
    Column("supervision_mode_name", Text, nullable=False),
    Column("goods_count", Integer, nullable=False),
    Column("first_goods_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("declared_on", Date),
    Column("cleared_on", Date),
    Column("custody_class", Text, nullable=False),
    Column("custody_until", Date),
    Column("listed", Boolean, nullable=False),
    Column("outlook", Text),
    Column("digest", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index(
        "declarations_listed", "uscc", "declared_on", "entry_id", postgresql_where=text("listed")
    ),
    Index("declarations_seq_no", "seq_no", postgresql_where=text("seq_no IS NOT NULL")),
    Index(
        "declarations_custody", "custody_until", postgresql_where=text("custody_until IS NOT NULL")
    ),
)

superseded = Table(
    "superseded",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("message_sha256", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("doc_type_code", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("superseded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

receipts = Table(
    "receipts",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("entry_id", Text),
    Column("seq_no", Text),
    Column("channel", Text, nullable=False),
    Column("notice_at", DateTime(timezone=True), nullable=False),
    Column("declared_on", Date),
    Column("note", Text),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("receipts_entry_id", "entry_id", postgresql_where=text("entry_id IS NOT NULL")),
    Index("receipts_seq_no", "seq_no", postgresql_where=text("seq_no IS NOT NULL")),
)

_LISTED = text("listed")  # word for word as in the index
_decode_data = msgspec.json.Decoder(DeclarationData).decode
_ROW_COLUMNS = (
    declarations.c.uscc.label("trade_uscc"),
    declarations.c.outlook.label("print_outlook"),
    *(declarations.c[item.name] for item in fields(DeclarationRow) if item.name in declarations.c),
)
_HOLD = text(
    "SELECT pg_advisory_xact_lock(number) FROM "
    "(SELECT DISTINCT hashtextextended(word, 0) AS number FROM unnest(:words) AS word "
    "ORDER BY number) AS numbers"
).bindparams(bindparam("words", type_=ARRAY(Text)))


class SqlRegister:
    """The register over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- taking in

    def hold(self, numbers: Collection[str]) -> None:
        """Take the locks of these numbers, in one order everywhere so that nobody deadlocks."""
        self._connection.execute(_HOLD, {"words": sorted(numbers)})

    def add_receipts(self, items: Sequence[Receipt]) -> set[str]:
        """Keep the receipts; answers the fingerprints of those not kept before."""
        if not items:
            return set()
        kept = self._connection.scalars(
            insert(receipts).on_conflict_do_nothing().returning(receipts.c.fingerprint),
            [_receipt_values(item) for item in {item.fingerprint: item for item in items}.values()],
        )
        return set(kept)

    def entry_ids_of(self, seq_nos: Collection[str]) -> set[str]:
        """The declaration numbers that a declaration or a receipt ties to these 统一编号."""
        own = select(declarations.c.entry_id).where(_among(declarations.c.seq_no, seq_nos))
        tied = select(receipts.c.entry_id).where(
            _among(receipts.c.seq_no, seq_nos), receipts.c.entry_id.is_not(None)
        )
        return set(self._connection.scalars(own)) | set(self._connection.scalars(tied))

    def declarations(self, entry_ids: Collection[str]) -> dict[str, Declaration]:
        """The declarations under these numbers, in their newest version."""
        table = declarations.c
        found = self._connection.execute(
            select(
                table.version,
                table.message_sha256,
                table.channel,
                table.data,
                table.doc_type_code,
                table.head_district,
                table.state,
                table.custody_class,
                table.custody_until,
            ).where(_among(table.entry_id, entry_ids))
        )
        items = [_declaration(row) for row in found]
        return {item.entry_id: item for item in items}

    def known_messages(self, entry_ids: Collection[str]) -> dict[str, set[str]]:
        """The SHA-256 of every message ever recorded, by declaration number."""
        known: dict[str, set[str]] = {}
        for table in (declarations, superseded):
            rows = self._connection.execute(
                select(table.c.entry_id, table.c.message_sha256).where(
                    _among(table.c.entry_id, entry_ids)
                )
            )
            for entry_id, sha256 in rows:
                known.setdefault(entry_id, set()).add(sha256)
        return known

    def receipts(self, seq_nos: dict[str, str | None]) -> dict[str, list[Receipt]]:
        """All receipts of each declaration number (with the 统一编号 of its message).

        A receipt without declaration number is tied by its 统一编号, which the message or a
        receipt with both numbers gives.
        """
        found = self._receipts(_among(receipts.c.entry_id, seq_nos))
        owner_of = {seq_no: entry_id for entry_id, seq_no in seq_nos.items() if seq_no}
        owner_of |= {item.seq_no: item.entry_id for item in found if item.seq_no and item.entry_id}
        found += self._receipts(
            and_(receipts.c.entry_id.is_(None), _among(receipts.c.seq_no, owner_of))
        )
        tied: dict[str, list[Receipt]] = {}
        for item in found:
            tied.setdefault(item.entry_id or owner_of[item.seq_no or ""], []).append(item)
        return tied

    def _receipts(self, condition: ColumnElement[bool]) -> list[Receipt]:
        table = receipts.c
        rows = self._connection.execute(
            select(
                table.entry_id, table.seq_no, table.channel, table.notice_at, table.declared_on
            ).where(condition)
        )
        return [Receipt(*row) for row in rows]

    def keep(self, changes: Sequence[Changed]) -> None:
        """Write the declarations; superseded versions stay readable."""
        old = [_superseded_values(item) for change in changes for item in change.superseded]
        if old:
            self._connection.execute(insert(superseded), old)
        if changes:
            statement = insert(declarations)
            replaced = {
                column.name: statement.excluded[column.name]
                for column in declarations.c
                if column.name not in {"entry_id", "recorded_at"}
            }
            self._connection.execute(
                statement.on_conflict_do_update(index_elements=["entry_id"], set_=replaced),
                [declaration_values(change.after) for change in changes],
            )

    # -- forgetting

    def erase_after_custody(self, today: date, limit: int) -> list[Forgotten]:
        """Forget up to `limit` declarations whose last day of custody is before `today`."""
        table = declarations.c
        due = (
            select(table.entry_id)
            .where(table.custody_until < today)
            .order_by(table.custody_until)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        gone = self._connection.execute(
            delete(declarations)
            .where(table.entry_id.in_(due.scalar_subquery()))
            .returning(table.entry_id, table.version, table.uscc, table.seq_no)
        ).all()
        self._forget_traces([row.entry_id for row in gone], [row.seq_no for row in gone])
        return [Forgotten(row.entry_id, row.version, row.uscc or "") for row in gone]

    def _forget_traces(self, entry_ids: list[str], seq_nos: list[str | None]) -> None:
        if not entry_ids:
            return
        self._connection.execute(delete(superseded).where(_among(superseded.c.entry_id, entry_ids)))
        alone = and_(
            receipts.c.entry_id.is_(None),
            _among(receipts.c.seq_no, [number for number in seq_nos if number]),
        )
        self._connection.execute(
            delete(receipts).where(or_(_among(receipts.c.entry_id, entry_ids), alone))
        )

    # -- answering

    def rows(self, wanted: Wanted, place: Place | None, limit: int) -> list[DeclarationRow]:
        """Rows in the order of the list, newest first, from `place` on."""
        query = _matching(select(*_ROW_COLUMNS), wanted)
        order = (declarations.c.declared_on, declarations.c.entry_id)
        backward = place is not None and place.backward
        if place is not None:
            there = tuple_(place.declared_on, place.entry_id)
            here = tuple_(*order)
            query = query.where(here > there if backward else here < there)
        query = query.order_by(*(column.asc() if backward else column.desc() for column in order))
        found = self._connection.execute(query.limit(limit))
        return [_row(row) for row in found]

    def found(self, wanted: Wanted) -> set[str]:
        """Which of the wanted numbers are in the list."""
        return set(self._connection.scalars(_matching(select(declarations.c.entry_id), wanted)))

    def count(self, wanted: Wanted) -> int:
        """How many rows the whole list has."""
        counted = _matching(select(func.count()).select_from(declarations), wanted)
        return int(self._connection.scalar(counted) or 0)

    def snapshots(self, uscc: str, entry_ids: Collection[str], on: date) -> list[SnapshotAnswer]:
        """What printing needs of those among the numbers that the company may ask for."""
        table = declarations.c
        found = self._connection.execute(
            select(
                table.entry_id,
                table.version,
                table.digest,
                table.doc_type_code,
                table.outlook,
                table.data,
            ).where(
                _among(table.entry_id, entry_ids),
                table.uscc == uscc,
                table.state != "withdrawn",
                or_(table.custody_until.is_(None), table.custody_until >= on),
            )
        )
        return [_snapshot(row) for row in found]

    def digests(self, entry_ids: Collection[str]) -> dict[str, str]:
        """The digest of the newest version of each known number."""
        table = declarations.c
        found = self._connection.execute(
            select(table.entry_id, table.digest).where(_among(table.entry_id, entry_ids))
        )
        return {row.entry_id: row.digest for row in found}

    def versions(self, entry_id: str) -> list[Snapshot]:
        """All versions of a number that were received, oldest first."""
        parts = [
            select(table.c.version, table.c.digest, table.c.doc_type_code, table.c.data).where(
                table.c.entry_id == entry_id
            )
            for table in (superseded, declarations)
        ]
        rows = [row for part in parts for row in self._connection.execute(part)]
        return sorted(
            (
                Snapshot(
                    entry_id, row.version, row.digest, row.doc_type_code, _decode_data(row.data)
                )
                for row in rows
            ),
            key=lambda snapshot: snapshot.version,
        )


class SqlWork(SqlUnitOfWork):
    """A transaction over the register."""

    @property
    def register(self) -> SqlRegister:
        """The register of this transaction."""
        return SqlRegister(self.connection)


def _among(column: Column[Any], values: Iterable[str]) -> ColumnElement[bool]:
    return column == func.any(bindparam(None, list(values), type_=ARRAY(Text)))


def _matching(query: Select[Any], wanted: Wanted) -> Select[Any]:
    table = declarations.c
    query = query.where(table.uscc == wanted.uscc, _LISTED, table.custody_until >= wanted.on)
    if wanted.entry_ids:
        query = query.where(_among(table.entry_id, wanted.entry_ids))
    if wanted.date_from is not None and wanted.date_to is not None:
        query = query.where(table.declared_on.between(wanted.date_from, wanted.date_to))
    return query


def _row(row: Any) -> DeclarationRow:
    facts = dict(row._mapping)  # noqa: SLF001  # public API of SQLAlchemy in spite of its name
    kind = facts["form_kind"]
    return DeclarationRow(**facts, form_kind_text=FORM_KIND_TEXTS[kind])


def _snapshot(row: Any) -> SnapshotAnswer:
    data = _decode_data(row.data)
    snapshot = Snapshot(row.entry_id, row.version, row.digest, row.doc_type_code, data)
    return SnapshotAnswer(row.entry_id, found=True, outlook=row.outlook, snapshot=snapshot)


def _declaration(row: Any) -> Declaration:
    data = _decode_data(row.data)
    return Declaration(
        version=row.version,
        message_sha256=row.message_sha256,
        channel=row.channel,
        data=data,
        doc_type_code=row.doc_type_code,
        head_district=row.head_district,
        standing=Standing(row.state, data.declared_on, data.cleared_on),
        custody_class=row.custody_class,
        custody_until=row.custody_until,
    )


def _receipt_values(item: Receipt) -> dict[str, Any]:
    return {
        "fingerprint": item.fingerprint,
        "entry_id": item.entry_id,
        "seq_no": item.seq_no,
        "channel": item.channel,
        "notice_at": item.notice_at,
        "declared_on": item.declared_on,
        "note": item.note,
    }


def _superseded_values(item: Declaration) -> dict[str, Any]:
    return {
        "entry_id": item.entry_id,
        "version": item.version,
        "message_sha256": item.message_sha256,
        "channel": item.channel,
        "doc_type_code": item.doc_type_code,
        "digest": snapshot_digest(item.data, item.doc_type_code),
        "data": msgspec.json.encode(item.data).decode(),
    }


def declaration_values(item: Declaration) -> dict[str, Any]:
    """The row of a declaration; `recorded_at` is the database's."""
    data = item.data
    return {
        "entry_id": item.entry_id,
        "version": item.version,
        "seq_no": data.seq_no,
        "message_sha256": item.message_sha256,
        "channel": item.channel,
        "uscc": item.owner,
        "trade_customs_code": data.trade_customs_code,
        "trade_name": data.trade_name or "",
        "ie_flag": data.ie_flag,
        "form_kind": data.form_kind,
        "doc_type_code": item.doc_type_code,
        "head_district": item.head_district,
        "customs_code": data.customs_code or "",
        "customs_name": data.customs_name or "",
        "supervision_mode_code": data.supervision_mode_code or "",
        "supervision_mode_name": data.supervision_mode_name or "",
        "goods_count": len(data.goods),
        "first_goods_name": (data.goods[0].name or "") if data.goods else "",
        "state": item.standing.state,
        "declared_on": item.standing.declared_on,
        "cleared_on": item.standing.cleared_on,
        "custody_class": item.custody_class,
        "custody_until": item.custody_until,
        "listed": item.listed,
        "outlook": item.outlook,
        "digest": snapshot_digest(data, item.doc_type_code),
        "data": msgspec.json.encode(data).decode(),
    }
