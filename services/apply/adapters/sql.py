"""The transaction of this room over PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from services.apply.adapters import rows
from services.apply.adapters.sql_applications import SqlApplications
from services.apply.adapters.sql_bundles import SqlBundles
from services.apply.adapters.tables import answers, companies, feed, operations
from services.apply.adapters.tables import applications as applications_table
from services.apply.domain.company import Company
from services.kernel.calendar import local_day
from services.kernel.contracts.apply import FeedEntry, OperationView, Replay
from services.kernel.contracts.wire import to_builtins
from services.kernel.database.unit_of_work import SqlUnitOfWork

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection, Engine, Row

    from services.apply.domain.operation import Record
    from services.apply.domain.paging import Window
    from services.apply.ports import Request
    from services.kernel.clock import Clock

# what happens with every fact is prepared, see rows.Saver
_MOVE = text(
    "UPDATE companies SET feed_seq = feed_seq + :entries, unfinished = unfinished + :unfinished, "
    "in_work = in_work + :in_work, waiting = waiting + :waiting WHERE uscc = :uscc "
    "RETURNING uscc, feed_seq, unfinished, in_work, waiting, day, day_items"
)
_FEED = text(
    "INSERT INTO feed (uscc, seq, event, application_no, data, at) "
    "SELECT :uscc, r.seq, r.event, r.application_no, r.data, :at "
    "FROM jsonb_to_recordset(CAST(:entries AS jsonb)) "
    "AS r(seq bigint, event text, application_no text, data jsonb)"
)


class SqlWork(SqlUnitOfWork):
    """One transaction over the tables of this room."""

    applications: SqlApplications
    companies: SqlCompanies
    answers: SqlAnswers
    feed: SqlFeed
    operations: SqlOperations
    bundles: SqlBundles

    def __init__(self, engine: Engine, clock: Clock, keeping: timedelta) -> None:
        super().__init__(engine, "apply", clock)
        self._keeping = keeping

    def __enter__(self) -> Self:
        """Open the transaction and put the repositories over it."""
        super().__enter__()
        connection = self.connection
        self.applications = SqlApplications(connection, self._keeping)
        self.companies = SqlCompanies(connection)
        self.answers = SqlAnswers(connection)
        self.feed = SqlFeed(connection)
        self.operations = SqlOperations(connection)
        self.bundles = SqlBundles(connection)
        return self


class SqlCompanies:
    """The running counts of companies."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, uscc: str) -> Company:
        """The counts, zeros for a company that never applied."""
        row = self._connection.execute(select(companies).where(companies.c.uscc == uscc)).first()
        return Company(**row._mapping) if row else Company(uscc)  # noqa: SLF001  public by docs

    def lock(self, uscc: str) -> Company:
        """The counts, kept until the end of the transaction; made when missing."""
        self._connection.execute(
            insert(companies)
            .values(uscc=uscc, feed_seq=0, unfinished=0, in_work=0, waiting=0, day_items=0)
            .on_conflict_do_nothing()
        )
        row = self._connection.execute(
            select(companies).where(companies.c.uscc == uscc).with_for_update()
        ).one()
        return Company(**row._mapping)  # noqa: SLF001

    def move(
        self,
        uscc: str,
        *,
        entries: int = 0,
        unfinished: int = 0,
        in_work: int = 0,
        waiting: int = 0,
    ) -> Company:
        """Add to the counts and keep them until the end; answers the counts afterwards."""
        told = {
            "uscc": uscc,
            "entries": entries,
            "unfinished": unfinished,
            "in_work": in_work,
            "waiting": waiting,
        }
        row = self._connection.execute(_MOVE, told).one()
        return Company(**row._mapping)  # noqa: SLF001

    def count_day(self, uscc: str, items: int, now: datetime) -> None:
        """Add accepted items to the company's day in Asia/Shanghai."""
        day = local_day(now)
        self._connection.execute(
            text(
                "UPDATE companies SET day = :day, day_items = "
                "CASE WHEN day = :day THEN day_items ELSE 0 END + :items WHERE uscc = :uscc"
            ),
            {"day": day, "items": items, "uscc": uscc},
        )


class SqlAnswers:
    """Answers of commands. An advisory lock tells what runs, since its row is not yet visible."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, request: Request, since: datetime) -> Replay:
        """What is known of a key; `since` ends the memory."""
        known = self._stored(request, since)
        if known is None and not self._alone(request, shared=True):
            return Replay("running")
        return known or Replay("new")

    def claim(self, request: Request, since: datetime) -> Replay:
        """As `find`, and for a `new` key nobody else runs until the end of the transaction."""
        if not self._alone(request, shared=False):
            return Replay("running")
        return self._stored(request, since) or Replay("new")

    def keep(self, request: Request, answer: dict[str, Any], now: datetime) -> None:
        """Keep the answer of a claimed key; one that outlived its day makes room."""
        values = {"content_sha256": request.content_sha256, "answer": answer, "created_at": now}
        key = {"uscc": request.uscc, "path": request.path, "key": request.key}
        self._connection.execute(
            insert(answers)
            .values(**key, **values)
            .on_conflict_do_update(index_elements=["uscc", "path", "key"], set_=values)
        )

    def _stored(self, request: Request, since: datetime) -> Replay | None:
        row = self._connection.execute(
            select(answers.c.content_sha256, answers.c.answer).where(
                answers.c.uscc == request.uscc,
                answers.c.path == request.path,
                answers.c.key == request.key,
                answers.c.created_at > since,
            )
        ).first()
        if row is None:
            return None
        same = row.content_sha256 == request.content_sha256
        return Replay("done", row.answer) if same else Replay("reused")

    def _alone(self, request: Request, *, shared: bool) -> bool:
        suffix = "_shared" if shared else ""
        name = f"{request.uscc}\n{request.path}\n{request.key}"
        lock = text(f"SELECT pg_try_advisory_xact_lock{suffix}(hashtextextended(:name, 0))")
        return bool(self._connection.scalar(lock, {"name": name}))


class SqlFeed:
    """The changes of companies."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, uscc: str, entries: Sequence[FeedEntry], now: datetime) -> None:
        """Add changes that have their numbers."""
        told = msgspec.json.encode(entries).decode()
        self._connection.execute(_FEED, {"uscc": uscc, "at": now, "entries": told})

    def after(
        self, uscc: str, seq: int, application_nos: Sequence[str] | None, limit: int
    ) -> list[FeedEntry]:
        """Changes after a number, in order."""
        wanted = select(feed).where(feed.c.uscc == uscc, feed.c.seq > seq)
        if application_nos:
            wanted = wanted.where(feed.c.application_no.in_(application_nos))
        found = self._connection.execute(wanted.order_by(feed.c.seq).limit(limit))
        return [FeedEntry(row.seq, row.event, row.application_no, row.data) for row in found]

    def first_kept(self, uscc: str) -> int | None:
        """The first number still kept, or None."""
        first = self._connection.scalar(select(func.min(feed.c.seq)).where(feed.c.uscc == uscc))
        return None if first is None else int(first)


class SqlOperations:
    """Operation records; a trigger of the table refuses changes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, records: Sequence[Record]) -> list[OperationView]:
        """Append records, of different items each."""
        numbers = self._numbers(records)
        values = [
            {
                **to_builtins(record.view),
                "at": record.view.at,
                "seq": numbers[record.application_no, record.entry_id],
                "application_no": record.application_no,
                "entry_id": record.entry_id,
            }
            for record in records
        ]
        self._connection.execute(operations.insert(), values)
        return [rows.operation(value) for value in values]

    def _numbers(self, records: Sequence[Record]) -> dict[tuple[str, str | None], int]:
        """The next number of each; rows are taken in one order, so that no two wait crosswise."""
        exports = sorted({r.application_no for r in records if r.entry_id is None})
        pairs = sorted({(r.application_no, r.entry_id) for r in records if r.entry_id is not None})
        numbers: dict[tuple[str, str | None], int] = {}
        for number in exports:
            numbers[number, None] = self._connection.execute(
                update(applications_table)
                .where(applications_table.c.application_no == number)
                .values(operations=applications_table.c.operations + 1)
                .returning(applications_table.c.operations)
            ).scalar_one()
        if pairs:
            numbers.update(self._item_numbers(pairs))
        return numbers

    def _item_numbers(self, pairs: list[tuple[str, str]]) -> dict[tuple[str, str | None], int]:
        found = self._connection.execute(
            text(
                "WITH wanted AS (SELECT i.application_no, i.entry_id FROM items i JOIN unnest("
                "CAST(:numbers AS text[]), CAST(:entries AS text[])) AS w(number, entry) "
                "ON i.application_no = w.number AND i.entry_id = w.entry "
                "ORDER BY 1, 2 FOR UPDATE OF i) "
                "UPDATE items SET operations = operations + 1 FROM wanted "
                "WHERE items.application_no = wanted.application_no "
                "AND items.entry_id = wanted.entry_id "
                "RETURNING items.application_no, items.entry_id, items.operations"
            ),
            {"numbers": [pair[0] for pair in pairs], "entries": [pair[1] for pair in pairs]},
        )
        return {(row.application_no, row.entry_id): row.operations for row in found}

    def page(
        self, application_no: str, entry_id: str | None, window: Window
    ) -> list[OperationView]:
        """Up to `size + 1` records of an item (of an export when `entry_id` is None)."""
        of = operations.c.entry_id == entry_id if entry_id else operations.c.entry_id.is_(None)
        wanted = select(operations).where(operations.c.application_no == application_no, of)
        if window.beyond:
            beyond = window.beyond[0]
            seq = operations.c.seq
            wanted = wanted.where(seq < beyond if window.backward else seq > beyond)
        order = operations.c.seq.desc() if window.backward else operations.c.seq
        found = self._connection.execute(wanted.order_by(order).limit(window.size + 1))
        return [_operation(row) for row in found]

    def printed_since(
        self, application_no: str, entry_id: str, session_id: str, since: datetime
    ) -> bool:
        """Whether the session was given the file for printing since then."""
        found = self._connection.execute(
            select(operations.c.row)
            .where(
                operations.c.application_no == application_no,
                operations.c.entry_id == entry_id,
                operations.c.action == "print",
                operations.c.at >= since,
                operations.c.actor["session_id"].astext == session_id,
            )
            .limit(1)
        )
        return found.first() is not None


def _operation(row: Row[Any]) -> OperationView:
    return rows.operation(row._mapping)  # noqa: SLF001
