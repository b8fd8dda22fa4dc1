"""Render's tables in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import text

from services.kernel.contracts import registry
from services.kernel.database.unit_of_work import SqlUnitOfWork
from services.render.domain import Job, Known

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from services.kernel.clock import Clock
    from services.render.domain import Fact

ROOM = "render"

# said as text: building the same expressions for each message costs more than running them
_LOOK = text("""
    SELECT EXISTS (SELECT 1 FROM inbox
                   WHERE consumer = 'render' AND message_id = :asked_message) AS seen, jobs.*
    FROM (SELECT 1) AS anchor
    LEFT JOIN jobs ON subject = :subject AND revision = :revision
""")
_RECORD = text("""
    INSERT INTO jobs (subject, revision, product, state, attempts, message_id, fact_type, fact)
    VALUES (:subject, :revision, :product, :state, :attempts, :message_id, :fact_type, :fact)
    ON CONFLICT (subject, revision) DO UPDATE
        SET product = excluded.product, state = excluded.state, attempts = excluded.attempts,
            message_id = excluded.message_id, fact_type = excluded.fact_type,
            fact = excluded.fact, changed_at = now()
        WHERE jobs.state <> 'made'
    RETURNING 1
""")
_STANDING = text("SELECT * FROM jobs WHERE subject = :subject AND revision = :revision")
_FORGET = text("DELETE FROM jobs WHERE changed_at < now() - interval '62 days'")


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
        row = self._connection.execute(
            _LOOK, {"subject": subject, "revision": revision, "asked_message": message_id}
        ).one()
        return Known(bool(row.seen), _job(row) if row.subject is not None else None)

    def record(self, job: Job) -> Job:
        """Insert or replace, but never what is made."""
        taken = self._connection.execute(_RECORD, _values(job)).first()
        return job if taken is not None else self._standing(job)

    def _standing(self, job: Job) -> Job:
        row = self._connection.execute(
            _STANDING, {"subject": job.subject, "revision": job.revision}
        ).one()
        return _job(row)


def forget_old_jobs(engine: Engine) -> int:
    """Delete what nobody can ask about any more; answers how many.

    As long as the inbox remembers, which is longer than any file lives.
    """
    with engine.begin() as connection:
        return connection.execute(_FORGET).rowcount


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
