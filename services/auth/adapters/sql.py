"""Auth's tables: one transaction of work, the hot path of sessions, the shelf of lists."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    DateTime,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.auth.domain import Account, Attempt, StoredSession, masked
from services.auth.ports import NewSession, SpentChallenge
from services.kernel.database.unit_of_work import SqlUnitOfWork
from services.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Executable

    from services.auth.adapters.revocation import RevocationList

_LONGEST_NOTE = 300  # of what a client says of itself
_Moment = DateTime(timezone=True)
_metadata = MetaData()

challenges = Table(
    "challenges",
    _metadata,
    Column("challenge_id", Text, primary_key=True),
    Column("nonce", Text),
    Column("expires_at", _Moment),
)
accounts = Table(
    "accounts",
    _metadata,
    Column("uscc", Text, primary_key=True),
    Column("company_name", Text),
    Column("card_no", Text),
    Column("state", Text),
    Column("changed_at", _Moment),
)
sessions = Table(
    "sessions",
    _metadata,
    Column("session_id", Text, primary_key=True),
    Column("token_sha256", LargeBinary),
    Column("state", Text),
    Column("uscc", Text),
    Column("company_name", Text),
    Column("card_no", Text),
    Column("card_kind", Text),
    Column("holder", Text),
    Column("certificate_sha256", Text),
    Column("valid_until", _Moment),
    Column("via", Text),
    Column("opened_at", _Moment),
    Column("expires_at", _Moment),
    Column("touched_at", _Moment),
    Column("ended_at", _Moment),
    Column("end_reason", Text),
)
session_proofs = Table(
    "session_proofs", _metadata, Column("session_id", Text), Column("proof", JSONB)
)
logins = Table(
    "logins",
    _metadata,
    *(
        Column(name, Text)
        for name in (
            "action",
            "outcome",
            "reason",
            "session_id",
            "uscc",
            "card_no_masked",
            "certificate_sha256",
            "via",
            "ip",
            "user_agent",
        )
    ),
)
revocation_lists = Table(
    "revocation_lists",
    _metadata,
    Column("sha256", Text, primary_key=True),
    Column("issuer", LargeBinary),
    Column("number", Numeric(49, 0)),
    Column("this_update", _Moment),
    Column("next_update", _Moment),
    Column("der", LargeBinary),
    Column("taken_at", _Moment),
)

_SEEN = [column for column in sessions.c if column.name not in {"token_sha256", "via"}]
_NOW = func.clock_timestamp()  # now() stands still while a transaction waits for a row
_FIND = select(*_SEEN, _NOW.label("now")).where(sessions.c.token_sha256 == bindparam("token"))
_FIND_FOR_UPDATE = _FIND.with_for_update()
_TOUCH = (
    sessions.update()
    .where(
        sessions.c.session_id == bindparam("session"),
        sessions.c.state == "active",
        sessions.c.ended_at.is_(None),
    )
    .values(touched_at=_NOW)
    .returning(sessions.c.touched_at)
)


class SqlWork(SqlUnitOfWork):
    """One transaction of auth; all moments are the database's."""

    def add_challenge(self, challenge_id: str, nonce: str, lifetime_s: int) -> datetime:
        """Keep a challenge; answers when it expires."""
        added = self.connection.execute(
            insert(challenges)
            .values(challenge_id=challenge_id, nonce=nonce, expires_at=_after(lifetime_s))
            .returning(challenges.c.expires_at)
        )
        moment: datetime = added.scalar_one()
        return moment

    def spend_challenge(self, challenge_id: str) -> SpentChallenge | None:
        """Take a challenge away for good; None if there is none. Two callers: one gets it."""
        row = self.connection.execute(
            challenges.delete()
            .where(challenges.c.challenge_id == challenge_id)
            .returning(challenges.c.nonce, challenges.c.expires_at, _NOW.label("now"))
        ).first()
        if row is None:
            return None
        return SpentChallenge(nonce=row.nonce, fresh=row.now < row.expires_at, now=row.now)

    def account(self, uscc: str) -> Account | None:
        """The account of a company."""
        row = self.connection.execute(_accounts().where(accounts.c.uscc == uscc)).first()
        return Account(*row) if row else None

    def accounts(self) -> list[Account]:
        """All accounts, by credit code."""
        rows = self.connection.execute(_accounts().order_by(accounts.c.uscc))
        return [Account(*row) for row in rows]

    def add_account(self, account: Account) -> bool:
        """Write a new account; False when the company or the card number has one already."""
        added = self.connection.execute(
            insert(accounts)
            .values(
                uscc=account.uscc,
                company_name=account.company_name,
                card_no=account.card_no,
                state=account.state,
            )
            .on_conflict_do_nothing()
            .returning(accounts.c.uscc)
        )
        return added.first() is not None

    def change_account(self, account: Account) -> bool:
        """Overwrite an account; False when the card number belongs to another one."""
        other = select(accounts.c.uscc).where(
            accounts.c.card_no == account.card_no, accounts.c.uscc != account.uscc
        )
        if self.connection.execute(other).first():
            return False
        self.connection.execute(
            accounts.update()
            .where(accounts.c.uscc == account.uscc)
            .values(card_no=account.card_no, state=account.state, changed_at=_NOW)
        )
        return True

    def open_session(self, new: NewSession) -> StoredSession:
        """Write a session with its proof; its time begins now."""
        row = self.connection.execute(
            insert(sessions)
            .values(
                session_id=new.session_id,
                token_sha256=new.token_sha256,
                state="active",
                uscc=new.account.uscc,
                company_name=new.account.company_name,
                card_no=new.card.card_no,
                card_kind=new.card.kind,
                holder=new.card.holder,
                certificate_sha256=new.card.sha256,
                valid_until=new.card.valid_until,
                via=new.via,
                opened_at=func.now(),
                expires_at=_after(new.lifetime_s),
                touched_at=func.now(),
            )
            .returning(*_SEEN, func.now().label("now"))
        ).one()
        self.add_proof(new.session_id, new.proof)
        return _stored(row)

    def session(self, token_sha256: bytes) -> StoredSession | None:
        """The session of a token, held until the transaction ends."""
        row = self.connection.execute(_FIND_FOR_UPDATE, {"token": token_sha256}).first()
        return _stored(row) if row else None

    def set_state(self, session_id: str, state: str) -> StoredSession:
        """Lock or unlock a session; both count as use."""
        row = self.connection.execute(
            sessions.update()
            .where(sessions.c.session_id == session_id)
            .values(state=state, touched_at=_NOW)
            .returning(*_SEEN, _NOW.label("now"))
        ).one()
        return _stored(row)

    def add_proof(self, session_id: str, proof: dict[str, Any]) -> None:
        """Keep what a session stands on."""
        self.connection.execute(insert(session_proofs).values(session_id=session_id, proof=proof))

    def end_session(self, session_id: str, reason: str) -> datetime:
        """End a session; answers when."""
        ended = self.connection.execute(
            sessions.update()
            .where(sessions.c.session_id == session_id)
            .values(ended_at=_NOW, end_reason=reason)
            .returning(sessions.c.ended_at)
        )
        moment: datetime = ended.scalar_one()
        return moment

    def end_sessions_of(self, uscc: str, reason: str) -> list[StoredSession]:
        """End all sessions of a company; answers those that were living."""
        rows = self.connection.execute(
            sessions.update()
            .where(sessions.c.uscc == uscc, sessions.c.ended_at.is_(None))
            .values(ended_at=_NOW, end_reason=reason)
            .returning(*_SEEN, _NOW.label("now"))
        )
        return [_stored(row) for row in rows]

    def end_overdue(self, idle_s: int, limit: int) -> list[StoredSession]:
        """End at most `limit` sessions whose time is over; answers them with their reason."""
        too_old = sessions.c.expires_at <= func.now()
        too_idle = sessions.c.touched_at <= _after(-idle_s)
        due = (
            select(sessions.c.session_id)
            .where(sessions.c.ended_at.is_(None), or_(too_old, too_idle))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = self.connection.execute(
            sessions.update()
            .where(sessions.c.session_id.in_(due))
            .values(ended_at=_NOW, end_reason=case((too_old, "age"), else_="idle"))
            .returning(*_SEEN, _NOW.label("now"))
        )
        return [_stored(row) for row in rows]

    def forget(self, record_days: int) -> int:
        """Drop challenges past their time and sessions ended so many days ago."""
        dead = self.connection.execute(
            challenges.delete().where(challenges.c.expires_at < func.now())
        )
        old = self.connection.execute(
            sessions.delete().where(sessions.c.ended_at < _after(-record_days * 86_400))
        )
        return dead.rowcount + old.rowcount

    def record(self, attempt: Attempt) -> None:
        """Add a line to the table of log-ins."""
        card, client = attempt.card, attempt.client
        self.connection.execute(
            insert(logins).values(
                action=attempt.action,
                outcome=attempt.outcome,
                reason=attempt.reason,
                session_id=attempt.session_id,
                uscc=card.uscc if card else "",
                card_no_masked=masked(card.card_no) if card else "",
                certificate_sha256=card.sha256 if card else "",
                via=_note(client.via),
                ip=_note(client.ip),
                user_agent=_note(client.user_agent),
            )
        )


class SqlSessions:
    """The hot path: each call is one statement and one way to the database.

    `engine` is one for single statements: a connection that turns out dead is replaced, once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, token_sha256: bytes) -> StoredSession | None:
        """The session of a token, living or not."""
        row = self._first(_FIND, {"token": token_sha256})
        return _stored(row) if row else None

    def touch(self, session_id: str) -> datetime | None:
        """Note that an active session is in use; answers since when, None if it is not active."""
        row = self._first(_TOUCH, {"session": session_id})
        return row.touched_at if row else None

    def _first(self, statement: Executable, given: dict[str, Any]) -> Any:
        try:
            return self._once(statement, given)
        except Unavailable as fault:
            if not _is_dead_connection(fault.__cause__):
                raise
        return self._once(statement, given)

    def _once(self, statement: Executable, given: dict[str, Any]) -> Any:
        with _connected(self._engine) as connection:
            return connection.execute(statement, given).first()


class SqlShelf:
    """Each revocation list that was relied on, once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def keep(self, taken: RevocationList) -> None:
        """Write it down, once."""
        with _connected(self._engine) as connection:
            connection.execute(
                insert(revocation_lists)
                .values(
                    sha256=taken.sha256,
                    issuer=taken.issuer,
                    number=taken.number,
                    this_update=taken.this_update,
                    next_update=taken.next_update,
                    der=taken.der,
                )
                .on_conflict_do_nothing()
            )

    def newest(self, issuer: bytes, above: int) -> bytes | None:
        """The DER of the issuer's list with the highest number above `above`."""
        with _connected(self._engine) as connection:
            found = _newest(connection, issuer, above)
        return bytes(found) if found is not None else None


def _is_dead_connection(fault: object) -> bool:
    return isinstance(fault, DBAPIError) and fault.connection_invalidated


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    """A connection; a database that is away or busy is told as Unavailable."""
    try:
        with engine.connect() as connection:
            yield connection
    except (OperationalError, InterfaceError, PoolTimeout) as fault:
        raise Unavailable("database") from fault


def _newest(connection: Connection, issuer: bytes, above: int) -> bytes | None:
    return connection.scalar(
        select(revocation_lists.c.der)
        .where(revocation_lists.c.issuer == issuer, revocation_lists.c.number > above)
        .order_by(revocation_lists.c.number.desc(), revocation_lists.c.taken_at.desc())
        .limit(1)
    )


def _accounts() -> Any:
    return select(accounts.c.uscc, accounts.c.company_name, accounts.c.card_no, accounts.c.state)


def _after(seconds: int) -> Any:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _stored(row: Any) -> StoredSession:
    return StoredSession(**row._mapping)  # noqa: SLF001  SQLAlchemy's public name


def _note(text: str) -> str:
    return text.replace("\0", "")[:_LONGEST_NOTE]
