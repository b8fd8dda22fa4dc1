"""From the outbox to the broker, in order, at least once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sqlalchemy import func, select, text, update

from services.kernel.database.tables import inbox, outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine

_LOCK = 0x646E7A31  # "dnz1": one relay a database at a time keeps the order of a subject
_OUTBOX_KEPT = timedelta(days=7)
_INBOX_KEPT = timedelta(days=62)  # longer than any artifact lives


class Outgoing(NamedTuple):
    """A message to be published: its id, its type (the routing key), its body."""

    id: str
    type: str
    body: bytes


class Publisher(Protocol):
    """Publishes a batch with confirms."""

    def publish(self, batch: Sequence[Outgoing]) -> set[str]:
        """Publish all, wait for the confirms, answer the ids that the broker took.

        Raises Unavailable when the broker does not answer in time.
        """
        ...


class Relay:
    """Moves committed outbox rows to the broker; any number may run side by side."""

    def __init__(self, engine: Engine, publisher: Publisher, *, batch: int = 100) -> None:
        self._engine = engine
        self._publisher = publisher
        self._batch = batch

    def run(self) -> int:
        """Publish until nothing is due; answers how many were sent."""
        sent = 0
        while moved := self.run_once():
            sent += moved
        return sent

    def run_once(self) -> int:
        """Publish one batch; answers how many the broker took."""
        with self._engine.begin() as connection:
            if not connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
                return 0
            rows = self._claim(connection)
            if not rows:
                return 0
            taken = self._publisher.publish(rows)
            self._mark(connection, taken, [row.id for row in rows if row.id not in taken])
        return len(taken)

    def _claim(self, connection: Connection) -> list[Outgoing]:
        found = connection.execute(
            select(outbox.c.id, outbox.c.type, outbox.c.body)
            .where(outbox.c.sent_at.is_(None), outbox.c.next_try_at <= func.now())
            .order_by(outbox.c.seq)
            .limit(self._batch)
            .with_for_update(skip_locked=True)
        )
        return [Outgoing(row.id, row.type, bytes(row.body)) for row in found]

    @staticmethod
    def _mark(connection: Connection, taken: set[str], refused: list[str]) -> None:
        if taken:
            connection.execute(
                update(outbox).where(outbox.c.id.in_(taken)).values(sent_at=func.now())
            )
        if refused:
            connection.execute(
                update(outbox)
                .where(outbox.c.id.in_(refused))
                .values(
                    tries=outbox.c.tries + 1,
                    next_try_at=func.now() + text("least(tries + 1, 30) * interval '1 second'"),
                )
            )

    def backlog(self) -> tuple[int, float]:
        """How many rows wait, and how many seconds the oldest has waited."""
        with self._engine.begin() as connection:
            count, oldest, now = connection.execute(
                select(func.count(), func.min(outbox.c.created_at), func.now()).where(
                    outbox.c.sent_at.is_(None)
                )
            ).one()
        return int(count), _age_s(oldest, now)

    def sweep(self) -> int:
        """Forget rows sent 7 days ago and messages seen 62 days ago; answers how many."""
        with self._engine.begin() as connection:
            sent = connection.execute(
                outbox.delete().where(outbox.c.sent_at < func.now() - _OUTBOX_KEPT)
            )
            seen = connection.execute(
                inbox.delete().where(inbox.c.seen_at < func.now() - _INBOX_KEPT)
            )
        return sent.rowcount + seen.rowcount


def _age_s(oldest: datetime | None, now: datetime) -> float:
    return (now - oldest).total_seconds() if oldest else 0.0
