"""Retention's tables in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from services.kernel.database.unit_of_work import SqlUnitOfWork
from services.retention.domain import (
    FIRST_PROOF,
    Artifact,
    ChainEnd,
    Deletion,
    DueArtifact,
    Overdue,
    ProvenDeletion,
    StoredObject,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from types import TracebackType

    from sqlalchemy import Connection, Engine

    from services.kernel.clock import Clock
    from services.retention.domain import State

ROOM = "retention"
_TURN = 0x646E7A33  # "dnz3": one sweeper at a time
_PAGE = 1_000

_ADD_ARTIFACT = text("""
    INSERT INTO artifacts
        (artifact_id, subject, revision, product, made_at, expires_at, policy_version, state,
         holds)
    VALUES
        (:artifact_id, :subject, :revision, :product, :made_at, :expires_at, :policy_version,
         'kept',
         (SELECT count(*) FROM holds WHERE subject = :subject AND released_at IS NULL))
    ON CONFLICT (subject, revision) DO NOTHING RETURNING artifact_id
""")
_ADD_OBJECT = text("""
    INSERT INTO objects (object_key, artifact_id, position, etag, sha256, size_bytes, version_id)
    VALUES (:object_key, :artifact_id, :position, :etag, :sha256, :size_bytes, :version_id)
""")
_DROP = text("""
    INSERT INTO dropped (bundle_id, dropped_at) VALUES (:bundle_id, :at) ON CONFLICT DO NOTHING
""")
_END_BUNDLE = text("""
    UPDATE artifacts SET expires_at = :at
    WHERE subject = :bundle_id AND product = 'bundle' AND state = 'kept' AND expires_at > :at
""")
_OVERDUE = text("""
    SELECT count(*) FILTER (WHERE holds = 0) AS free,
           min(expires_at) FILTER (WHERE holds = 0) AS oldest,
           count(*) FILTER (WHERE holds > 0) AS held
    FROM artifacts WHERE state IN ('kept', 'condemned') AND expires_at <= :as_of
""")
_DUE = text("""
    SELECT artifact_id, subject, expires_at, state, holds > 0 AS held FROM artifacts
    WHERE state IN ('kept', 'condemned') AND expires_at <= :as_of
    ORDER BY expires_at, artifact_id LIMIT :limit
""")
# a hold writes to the row, so that one placed meanwhile is seen when the row is locked
_CONDEMN = text("""
    UPDATE artifacts SET state = 'condemned', condemned_at = :at
    WHERE artifact_id IN (
        SELECT artifact_id FROM artifacts
        WHERE state = 'kept' AND expires_at <= :as_of AND holds = 0
        ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)
""")
_CONDEMNED = text("""
    SELECT a.artifact_id, a.subject, a.revision, a.product, a.made_at, a.expires_at,
           a.policy_version, o.object_key, o.etag, o.sha256, o.size_bytes, o.version_id
    FROM (SELECT * FROM artifacts WHERE state = 'condemned' AND artifact_id > :after
          ORDER BY artifact_id LIMIT :limit) AS a
    JOIN objects o USING (artifact_id)
    ORDER BY a.artifact_id, o.position
""")
_KEYS = text("""
    SELECT o.object_key FROM objects o JOIN artifacts a USING (artifact_id)
    WHERE a.state = 'kept' AND o.object_key > :after COLLATE "C"
    ORDER BY o.object_key LIMIT :limit
""")
_ADD_HOLD = text("""
    INSERT INTO holds (hold_id, subject, reason_code, held_at)
    VALUES (:hold_id, :subject, :reason_code, :at)
""")
_HOLD_KEPT = text("""
    UPDATE artifacts SET holds = holds + 1 WHERE subject = :subject AND state = 'kept'
""")
_LET_GO = text("""
    UPDATE artifacts SET holds = holds - 1
    WHERE subject = :subject AND state = 'kept' AND holds > 0
""")
_RELEASE = text("""
    UPDATE holds SET released_at = :at WHERE hold_id = :hold_id AND released_at IS NULL
    RETURNING subject, reason_code
""")
_ADD_DELETION = text("""
    INSERT INTO deletions
        (number, artifact_id, subject, object_keys, sha256, expires_at, deleted_at, verified_at,
         policy_version, proof)
    VALUES
        (:number, :artifact_id, :subject, :object_keys, :sha256, :expires_at, :deleted_at,
         :verified_at, :policy_version, :proof)
""")
_CHAIN_END = text("""
    SELECT number, proof FROM deletions
    WHERE CAST(:before AS timestamptz) IS NULL OR deleted_at < :before
    ORDER BY number DESC LIMIT 1
""")
_BETWEEN = text("""
    SELECT * FROM deletions WHERE deleted_at >= :begin AND deleted_at < :end ORDER BY number
""")


class SqlWork(SqlUnitOfWork):
    """A transaction of retention."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(engine, ROOM, clock)

    @property
    def artifacts(self) -> SqlArtifacts:
        """The artifacts in this transaction."""
        return SqlArtifacts(self.connection)

    @property
    def holds(self) -> SqlHolds:
        """The holds in this transaction."""
        return SqlHolds(self.connection)

    @property
    def deletions(self) -> SqlDeletions:
        """The deletions in this transaction."""
        return SqlDeletions(self.connection)

    def now(self) -> datetime:
        """The database's own clock."""
        moment: datetime = self.connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return moment


class SqlArtifacts:
    """The tables of artifacts and their objects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, artifact: Artifact) -> bool:
        """Insert artifact and objects, unless subject and revision are known."""
        values = {
            "artifact_id": artifact.artifact_id,
            "subject": artifact.subject,
            "revision": artifact.revision,
            "product": artifact.product,
            "made_at": artifact.made_at,
            "expires_at": artifact.expires_at,
            "policy_version": artifact.policy_version,
        }
        if self._connection.execute(_ADD_ARTIFACT, values).first() is None:
            return False
        self._connection.execute(_ADD_OBJECT, _object_rows(artifact))
        return True

    def drop_bundle(self, bundle_id: str, at: datetime) -> None:
        """Remember the drop, and end the bundle if it is known."""
        self._connection.execute(_DROP, {"bundle_id": bundle_id, "at": at})
        self._connection.execute(_END_BUNDLE, {"bundle_id": bundle_id, "at": at})

    def dropped_at(self, bundle_id: str) -> datetime | None:
        """When the bundle was dropped."""
        found: datetime | None = self._connection.execute(
            text("SELECT dropped_at FROM dropped WHERE bundle_id = :id"), {"id": bundle_id}
        ).scalar()
        return found

    def population(self) -> int:
        """How many are kept or condemned."""
        return int(
            self._connection.execute(
                text("SELECT count(*) FROM artifacts WHERE state IN ('kept', 'condemned')")
            ).scalar_one()
        )

    def overdue(self, as_of: datetime) -> Overdue:
        """Counts of what is past its end."""
        row = self._connection.execute(_OVERDUE, {"as_of": as_of}).one()
        return Overdue(row.free, row.oldest, row.held)

    def due(self, as_of: datetime, limit: int) -> list[DueArtifact]:
        """Rows past their end."""
        rows = self._connection.execute(_DUE, {"as_of": as_of, "limit": limit})
        return [
            DueArtifact(row.artifact_id, row.subject, row.expires_at, row.state, row.held)
            for row in rows
        ]

    def condemn(self, as_of: datetime, limit: int, at: datetime) -> int:
        """Mark due rows that are neither held nor locked."""
        marked = self._connection.execute(_CONDEMN, {"as_of": as_of, "limit": limit, "at": at})
        return marked.rowcount

    def condemned(self, after: str, limit: int) -> list[Artifact]:
        """A page of marked artifacts with their objects."""
        rows = self._connection.execute(_CONDEMNED, {"after": after, "limit": limit})
        pages: dict[str, list[Any]] = {}
        for row in rows:
            pages.setdefault(row.artifact_id, []).append(row)
        return [_artifact(group) for group in pages.values()]

    def mark(self, artifact_id: str, state: State) -> None:
        """Set the state."""
        self._connection.execute(
            text("UPDATE artifacts SET state = :state WHERE artifact_id = :id"),
            {"state": state, "id": artifact_id},
        )

    def lock_subject(self, subject: str) -> list[tuple[str, State]]:
        """Lock the rows of a subject."""
        rows = self._connection.execute(
            text(
                "SELECT artifact_id, state FROM artifacts WHERE subject = :subject"
                " ORDER BY revision FOR UPDATE"
            ),
            {"subject": subject},
        )
        return [(row.artifact_id, row.state) for row in rows]

    def keys(self) -> Iterator[str]:
        """All keys that must exist, page by page."""
        after = ""
        while True:
            rows = self._connection.execute(_KEYS, {"after": after, "limit": _PAGE}).all()
            if not rows:
                return
            after = rows[-1].object_key
            for row in rows:
                yield row.object_key


class SqlHolds:
    """The table of holds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, hold_id: str, subject: str, reason_code: str, at: datetime) -> None:
        """Insert a hold."""
        self._connection.execute(
            _ADD_HOLD,
            {"hold_id": hold_id, "subject": subject, "reason_code": reason_code, "at": at},
        )
        self._connection.execute(_HOLD_KEPT, {"subject": subject})

    def release(self, hold_id: str, at: datetime) -> tuple[str, str] | None:
        """End a standing hold."""
        row = self._connection.execute(_RELEASE, {"hold_id": hold_id, "at": at}).first()
        if row is None:
            return None
        self._connection.execute(_LET_GO, {"subject": row.subject})
        return row.subject, row.reason_code


class SqlDeletions:
    """The table of deletions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def end(self, before: datetime | None = None) -> ChainEnd:
        """The last link."""
        row = self._connection.execute(_CHAIN_END, {"before": before}).first()
        return ChainEnd(row.number, row.proof) if row else ChainEnd(0, FIRST_PROOF)

    def add(self, proven: ProvenDeletion) -> None:
        """Insert a link; a number that is taken is a fault of the caller's turn."""
        deletion = proven.deletion
        self._connection.execute(
            _ADD_DELETION,
            {
                "number": deletion.number,
                "artifact_id": deletion.artifact_id,
                "subject": deletion.subject,
                "object_keys": list(deletion.object_keys),
                "sha256": list(deletion.sha256),
                "expires_at": deletion.expires_at,
                "deleted_at": deletion.deleted_at,
                "verified_at": deletion.verified_at,
                "policy_version": deletion.policy_version,
                "proof": proven.proof,
            },
        )

    def between(self, begin: datetime, end: datetime) -> list[ProvenDeletion]:
        """The links of a time."""
        rows = self._connection.execute(_BETWEEN, {"begin": begin, "end": end})
        return [_proven(row) for row in rows]


class SweepTurn:
    """A lock of the session: it ends with the process at the latest."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def __enter__(self) -> bool:
        """Try to take it; False when another sweeps."""
        self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = self._connection.execute(
            text("SELECT pg_try_advisory_lock(:turn)"), {"turn": _TURN}
        ).scalar_one()
        return bool(taken)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back with its connection, which is not used again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _object_rows(artifact: Artifact) -> list[dict[str, Any]]:
    return [
        {
            "object_key": one.key,
            "artifact_id": artifact.artifact_id,
            "position": position,
            "etag": one.etag,
            "sha256": one.sha256,
            "size_bytes": one.size_bytes,
            "version_id": one.version_id,
        }
        for position, one in enumerate(artifact.objects)
    ]


def _artifact(rows: list[Any]) -> Artifact:
    first = rows[0]
    return Artifact(
        artifact_id=first.artifact_id,
        subject=first.subject,
        revision=first.revision,
        product=first.product,
        made_at=first.made_at,
        expires_at=first.expires_at,
        policy_version=first.policy_version,
        objects=tuple(
            StoredObject(row.object_key, row.etag, row.sha256, row.size_bytes, row.version_id)
            for row in rows
        ),
    )


def _proven(row: Any) -> ProvenDeletion:
    deletion = Deletion(
        number=row.number,
        artifact_id=row.artifact_id,
        subject=row.subject,
        object_keys=tuple(row.object_keys),
        sha256=tuple(row.sha256),
        expires_at=row.expires_at,
        deleted_at=row.deleted_at,
        verified_at=row.verified_at,
        policy_version=row.policy_version,
    )
    return ProvenDeletion(deletion, row.proof)
