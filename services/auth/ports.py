"""What auth needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

from services.auth.domain import Account, CardCertificate

if TYPE_CHECKING:
    from types import TracebackType

    from services.auth.domain import Attempt, StoredSession


@dataclass(frozen=True)
class SpentChallenge:
    """A challenge that no later try can use; `fresh` and `now` are the database's words."""

    nonce: str
    fresh: bool
    now: datetime


@dataclass(frozen=True)
class NewSession:
    """A session to be written, with the SHA-256 of its token and the proof it stands on."""

    session_id: str
    token_sha256: bytes
    card: CardCertificate
    account: Account
    via: str
    proof: dict[str, Any]
    lifetime_s: int


class CardJudge(Protocol):
    """Reads certificates and says whether they are good, by the rules of the card profile."""

    def certificate(self, der: bytes, purpose: str, at: datetime) -> CardCertificate:
        """The certificate for `login` or `submission`, its chain and profile good at `at`.

        Raises Rejected; revocation is not judged here.
        """
        ...

    def revocation(self, card: CardCertificate, at: datetime) -> dict[str, str]:
        """What is known of the leaf's revocation. Raises Rejected: revoked, status_unknown."""
        ...

    def is_signed(
        self, card: CardCertificate, algorithm: str, signature: bytes, message: bytes
    ) -> bool:
        """Whether the card's key signed `message` with the algorithm that fits the key."""
        ...


class Sessions(Protocol):
    """The hot path: sessions found by their token, without a transaction of several steps."""

    def find(self, token_sha256: bytes) -> StoredSession | None:
        """The session of a token, living or not."""
        ...

    def touch(self, session_id: str) -> datetime | None:
        """Note that an active session is in use; answers since when, None if it is not active."""
        ...


class Secrets(Protocol):
    """Makes what nobody may guess."""

    def identifier(self, prefix: str) -> str:
        """A new identifier."""
        ...

    def nonce(self) -> str:
        """256 random bits in base64, 44 characters."""
        ...

    def access_token(self) -> str:
        """256 random bits in base64url, 43 characters."""
        ...


class Work(Protocol):
    """One transaction of auth; all moments are the database's."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def commit(self) -> None:
        """Make everything since the last commit last."""
        ...

    def say(self, payload: object, subject: str) -> str:
        """Put an event into the outbox."""
        ...

    def add_challenge(self, challenge_id: str, nonce: str, lifetime_s: int) -> datetime:
        """Keep a challenge; answers when it expires."""
        ...

    def spend_challenge(self, challenge_id: str) -> SpentChallenge | None:
        """Take a challenge away for good; None if there is none. Two callers: one gets it."""
        ...

    def account(self, uscc: str) -> Account | None:
        """The account of a company."""
        ...

    def accounts(self) -> list[Account]:
        """All accounts, by credit code."""
        ...

    def add_account(self, account: Account) -> bool:
        """Write a new account; False when the company or the card number has one already."""
        ...

    def change_account(self, account: Account) -> bool:
        """Overwrite an account; False when the card number belongs to another one."""
        ...

    def open_session(self, new: NewSession) -> StoredSession:
        """Write a session with its proof; its time begins now."""
        ...

    def session(self, token_sha256: bytes) -> StoredSession | None:
        """The session of a token, held until the transaction ends."""
        ...

    def set_state(self, session_id: str, state: str) -> StoredSession:
        """Lock or unlock a session; unlocking also counts as use."""
        ...

    def add_proof(self, session_id: str, proof: dict[str, Any]) -> None:
        """Keep the token of an unlocking beside that of the log-in."""
        ...

    def end_session(self, session_id: str, reason: str) -> datetime:
        """End a session; answers when."""
        ...

    def end_sessions_of(self, uscc: str, reason: str) -> list[StoredSession]:
        """End all sessions of a company; answers those that were living."""
        ...

    def end_overdue(self, idle_s: int, limit: int) -> list[StoredSession]:
        """End at most `limit` sessions whose time is over; answers them with their reason."""
        ...

    def forget(self, record_days: int) -> int:
        """Drop challenges past their time and sessions ended so many days ago."""
        ...

    def record(self, attempt: Attempt) -> None:
        """Add a line to the table of log-ins."""
        ...
