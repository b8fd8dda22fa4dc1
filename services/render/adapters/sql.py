"""Render's tables in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    exists,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from services.kernel.contracts import registry
from services.kernel.database.tables import inbox
from services.kernel.database.unit_of_work import SqlUnitOfWork
from services.render.domain import Job, Known

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from services.kernel.clock import Clock
    from services.render.domain import Fact

ROOM = "render"
_KEPT = text("interval '62 days'")  # as long as the inbox remembers: longer than any file lives

metadata = MetaData()
jobs = Table(
    "jobs",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("fact_type", Text, nullable=False),
    Column("fact", LargeBinary, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
_FIELDS = (
    jobs.c.subject,
    jobs.c.revision,
    jobs.c.product,
    jobs.c.state,
    jobs.c.attempts,
    jobs.c.message_id,
    jobs.c.fact_type,
    jobs.c.fact,
)


class SqlWork(SqlUnitOfWork):
    """A transaction of render."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(engine, ROOM, clock)

    @property
    def jobs(self) -> SqlJobs:
        """The jobs in this transaction."""
        return SqlJobs(self.connection)


class SqlJobs:
    """The table of jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def look(self, subject: str, revision: int, message_id: str) -> Known:
        """One question for both: was the message handled, is the job known?"""
        seen = exists().where(inbox.c.consumer == ROOM, inbox.c.message_id == message_id)
        anchor = select(seen.label("seen")).subquery()
        same = (jobs.c.subject == subject) & (jobs.c.revision == revision)
        row = self._connection.execute(
            select(anchor.c.seen, *_FIELDS).select_from(anchor.outerjoin(jobs, same))
        ).one()
        return Known(bool(row.seen), _job(row) if row.subject is not None else None)

    def record(self, job: Job) -> Job:
        """Insert or replace, but never what is made."""
        values = _values(job)
        statement = insert(jobs).values(values)
        row = self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[jobs.c.subject, jobs.c.revision],
                set_={**values, "changed_at": func.now()},
                where=jobs.c.state != "made",
            ).returning(*_FIELDS)
        ).first()
        return job if row is not None else self._standing(job)

    def _standing(self, job: Job) -> Job:
        row = self._connection.execute(
            select(*_FIELDS).where(jobs.c.subject == job.subject, jobs.c.revision == job.revision)
        ).one()
        return _job(row)


def forget_old_jobs(engine: Engine) -> int:
    """Delete what nobody can ask about any more; answers how many."""
    with engine.begin() as connection:
        gone = connection.execute(delete(jobs).where(jobs.c.changed_at < func.now() - _KEPT))
    return gone.rowcount


def _values(job: Job) -> dict[str, Any]:
    return {
        "subject": job.subject,
        "revision": job.revision,
        "product": job.product,
        "state": job.state,
        "attempts": job.attempts,
        "message_id": job.message_id,
        "fact_type": registry.type_of(job.fact),
        "fact": msgspec.json.encode(job.fact),
    }


def _job(row: Any) -> Job:
    return Job(
        subject=row.subject,
        revision=row.revision,
        product=row.product,
        state=row.state,
        attempts=row.attempts,
        message_id=row.message_id,
        fact=_fact(row.fact_type, row.fact),
    )


def _fact(type_: str, body: bytes) -> Fact:
    kind = registry.known_types()[type_]
    fact: Fact = msgspec.json.decode(bytes(body), type=kind)
    return fact
