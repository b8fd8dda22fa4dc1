"""One transaction: the room's effect, its inbox row and its outbox rows, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.kernel.contracts import envelope, registry
from services.kernel.contracts.envelope import Envelope
from services.kernel.database.tables import inbox, outbox
from services.kernel.errors import Outage, Unavailable
from services.kernel.ids import uuid7
from services.kernel.observability import metrics
from services.kernel.observability.trace import current

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from sqlalchemy import Connection, Engine

    from services.kernel.clock import Clock

_AWAY = (OperationalError, InterfaceError, PoolTimeout)

# made once: building the same statement for each message costs more than running it
_SAY = insert(outbox)
_FIRST_SIGHT = insert(inbox).on_conflict_do_nothing().returning(inbox.c.message_id)


class SqlUnitOfWork:
    """A transaction of `room`; leaving the block without `commit` rolls back.

    Rooms derive from it and add their repositories over `connection`.
    """

    def __init__(self, engine: Engine, room: str, clock: Clock) -> None:
        self._engine = engine
        self._room = room
        self._clock = clock
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The open connection. Raises RuntimeError outside the `with` block."""
        if self._connection is None:
            raise RuntimeError("the unit of work is not open")
        return self._connection

    def __enter__(self) -> Self:
        """Open the transaction.

        Raises Outage when the database is away, Unavailable when no connection is free.
        """
        try:
            self._connection = self._engine.connect()
        except _AWAY as fault:
            raise _told(fault) from fault
        self._connection.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Roll back what was not committed and give the connection back.

        A database that went away, took too long or chose this transaction in a deadlock is told
        as Unavailable: whoever asked may ask again.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if isinstance(fault, _AWAY):
            raise _told(fault) from fault

    def commit(self) -> None:
        """Make everything since the last commit last; a new transaction begins."""
        self.connection.commit()
        self.connection.begin()

    def say(self, payload: object, subject: str) -> str:
        """Put an event into the outbox of this transaction; answers its id.

        Correlation and causation are those of the request or message in work.
        """
        return self.say_all([(payload, subject)])[0]

    def say_all(self, messages: Sequence[tuple[object, str]]) -> list[str]:
        """Put events with their subjects into the outbox, in order, by one statement."""
        rows = [self._outbox_row(payload, subject) for payload, subject in messages]
        if rows:
            self.connection.execute(_SAY, rows)
        return [row["id"] for row in rows]

    def _outbox_row(self, payload: object, subject: str) -> dict[str, Any]:
        context = current()
        message = Envelope(
            id=uuid7(),
            type=registry.type_of(payload),
            source=f"/danzheng/{self._room}",
            subject=subject,
            time=self._clock.now(),
            data=payload,
            correlationid=context.correlation_id,
            causationid=context.message_id,
            traceparent=context.traceparent,
        )
        return {
            "id": message.id,
            "subject": subject,
            "type": message.type,
            "body": envelope.encode(message),
            "traceparent": message.traceparent,
        }

    def first_sight(self, message_id: str) -> bool:
        """Whether this message is seen for the first time; remembers that it was."""
        row = self.connection.execute(
            _FIRST_SIGHT, {"consumer": self._room, "message_id": message_id}
        )
        is_new = row.first() is not None
        if not is_new:
            metrics.inbox_duplicates.inc()
        return is_new


def _told(fault: BaseException) -> Unavailable:
    """A database that is away is an outage; one that is slow or full only is not to be had now."""
    away = isinstance(fault, DBAPIError) and (
        fault.connection_invalidated or fault.statement is None
    )
    return Outage("database") if away else Unavailable("database")
