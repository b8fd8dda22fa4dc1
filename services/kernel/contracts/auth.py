"""What auth says and answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.kernel.contracts.registry import event


@event("auth.session.opened.v1")
@dataclass(frozen=True)
class SessionOpened:
    """A card logged in."""

    session_id: str
    uscc: str
    card_no_masked: str
    card_kind: str
    via: str
    opened_at: datetime
    expires_at: datetime


@event("auth.session.locked.v1")
@dataclass(frozen=True)
class SessionLocked:
    """The card left; `reason` is `card_removed`."""

    session_id: str
    uscc: str
    reason: str
    at: datetime


@event("auth.session.unlocked.v1")
@dataclass(frozen=True)
class SessionUnlocked:
    """The same card came back."""

    session_id: str
    uscc: str
    reason: str
    at: datetime


@event("auth.session.ended.v1")
@dataclass(frozen=True)
class SessionEnded:
    """A session is over; `reason`: left, idle, age, replaced, revoked."""

    session_id: str
    uscc: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Challenge:
    """What a card must sign to log in; good for one try within five minutes."""

    challenge_id: str
    challenge_nonce: str
    origin: str
    algorithms: list[str]
    expires_at: datetime


@dataclass(frozen=True)
class Company:
    """The company of a card: unified social credit code and name."""

    uscc: str
    name: str


@dataclass(frozen=True)
class Card:
    """The card of a session. `kind`: legal_person or operator."""

    card_no: str
    kind: str
    holder: str
    certificate_sha256: str
    valid_until: datetime


@dataclass(frozen=True)
class Session:
    """A session as the gateway sees it. `state`: active or locked."""

    session_id: str
    state: Literal["active", "locked"]
    created_at: datetime
    expires_at: datetime
    idle_expires_at: datetime
    idle_timeout_seconds: int
    company: Company
    card: Card


@dataclass(frozen=True)
class OpenedSession:
    """A new session with the token that is shown once."""

    session: Session
    access_token: str


@dataclass(frozen=True)
class Evidence:
    """The proof of a submission, checked by auth and kept by apply for three years.

    `payload` is the JCS text that was signed, `jws` the flattened JWS, `certificates` base64 DER,
    `revocation` what was known of the leaf's revocation when it was checked.
    """

    session_id: str
    uscc: str
    card_no: str
    card_no_masked: str
    holder: str
    certificate_sha256: str
    payload: str
    payload_sha256: str
    jws: dict[str, str]
    certificates: list[str]
    revocation: dict[str, str]
    checked_at: datetime
