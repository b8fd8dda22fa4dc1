"""Cards, accounts and sessions: what they are and when the answer is no."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from services.kernel.contracts.auth import Card, Company, Session
from services.kernel.contracts.refusal import Refusal

LEGAL_PERSON = "legal_person"
OPERATOR = "operator"
LOG_IN = "login"
SUBMISSION = "submission"

_SANDBOX_ARC = "2.999"  # ITU-T X.660: for examples, given to nobody
_CHALLENGE_ID = re.compile(r"chl_[0-9A-HJKMNP-TV-Z]{26}")
_CARD_NO = re.compile(r"[0-9]{13}")
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I O S V Z
_USCC_LENGTH = 18
_OUT_OF_TIME = ("idle", "age")

_NOT_LEGAL_PERSON = "使用报关单证查询打印，必须使用报关单证中收发货人的法人卡介质登录。"
_MISMATCH = "当前卡号 {card_no} 与用户注册信息卡号 {registered_card_no} 不一致，无法进行申报"
_REJECTED = {
    "malformed": "卡介质证书无法识别。",
    "untrusted": "卡介质证书不是由受信任的机构签发。",
    "expired": "卡介质证书已过期，请联系发卡单位办理延期。",
    "not_yet_valid": "卡介质证书尚未生效。",
    "revoked": "卡介质证书已被吊销或冻结，请联系发卡单位。",
    "status_unknown": "暂时无法确认卡介质证书的状态，请稍候再试。",
    "weak_key": "卡介质密钥强度不足，请联系发卡单位更换。",
    "key_usage": "卡介质证书的用途不符合要求。",
    "profile": "卡介质证书的内容不符合要求。",
}


class Rejected(Exception):
    """A certificate is not good; `reason` is one of the reasons of `certificate-rejected`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Rules:
    """What is settled for all: the origin that cards sign, and how long things live."""

    origin: str
    challenge_lifetime_s: int = 300
    idle_s: int = 1_800
    lifetime_s: int = 28_800
    touch_s: float = 10.0
    record_days: int = 1_130


@dataclass(frozen=True)
class CardCertificate:
    """What a believed certificate says; `chain` is DER from the leaf to the anchor.

    `parsed` is what the judge that read it keeps for itself.
    """

    chain: tuple[bytes, ...]
    parsed: object = field(repr=False, compare=False)
    sha256: str
    card_no: str
    uscc: str
    company_name: str
    holder: str
    kind: str
    valid_until: datetime


@dataclass(frozen=True)
class Account:
    """A company that may use the service; `state`: open, closed, excluded."""

    uscc: str
    company_name: str
    card_no: str
    state: str


@dataclass(frozen=True)
class Client:
    """Where a call came from; `via` is `web` or `api`."""

    via: str = ""
    ip: str = ""
    user_agent: str = ""


@dataclass
class Attempt:
    """One line of the table of log-ins, filled while the facts become known; no secrets."""

    action: str
    client: Client = field(default_factory=Client)
    outcome: str = "ok"
    reason: str = ""
    session_id: str = ""
    card: CardCertificate | None = None

    def refused(self, refusal: Refusal) -> Attempt:
        """The same attempt with the answer no."""
        self.outcome = refusal.code
        self.reason = str(refusal.facts.get("reason", ""))
        return self


@dataclass(frozen=True)
class StoredSession:
    """A session as it is stored; `now` is the database's time of reading."""

    session_id: str
    state: Literal["active", "locked"]
    uscc: str
    company_name: str
    card_no: str
    card_kind: str
    holder: str
    certificate_sha256: str
    valid_until: datetime
    opened_at: datetime
    expires_at: datetime
    touched_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    now: datetime

    def ends_at(self, idle_s: int) -> datetime:
        """When it ends if nothing uses it any more."""
        return min(self.touched_at + timedelta(seconds=idle_s), self.expires_at)

    def view(self, idle_s: int) -> Session:
        """The session as the gateway sees it."""
        return Session(
            session_id=self.session_id,
            state=self.state,
            created_at=self.opened_at,
            expires_at=self.expires_at,
            idle_expires_at=self.ends_at(idle_s),
            idle_timeout_seconds=idle_s,
            company=Company(self.uscc, self.company_name),
            card=Card(
                card_no=self.card_no,
                kind=self.card_kind,
                holder=self.holder,
                certificate_sha256=self.certificate_sha256,
                valid_until=self.valid_until,
            ),
        )


def living(session: StoredSession | None, idle_s: int) -> StoredSession:
    """The session if it still lives. Raises Refusal `unauthenticated` or `session-expired`."""
    if session is None:
        raise Refusal("unauthenticated")
    if session.end_reason in _OUT_OF_TIME:
        raise Refusal("session-expired")
    if session.ended_at is not None:
        raise Refusal("unauthenticated")
    if session.now >= session.ends_at(idle_s):
        raise Refusal("session-expired")
    return session


def admitted(card: CardCertificate, account: Account | None) -> Account:
    """The account that the card may act for. Raises Refusal: kind, then account, then binding."""
    require_legal_person(card)
    if account is None:
        raise Refusal("account-not-found")
    if account.state != "open":
        raise Refusal("account-disabled")
    require_card(card, account.card_no)
    return account


def require_legal_person(card: CardCertificate) -> None:
    """Raises Refusal `not-legal-person-card` for an operator's card."""
    if card.kind != LEGAL_PERSON:
        raise Refusal("not-legal-person-card", _NOT_LEGAL_PERSON)


def require_legal_person_certificate(card: CardCertificate) -> None:
    """Raises Rejected: an operator's certificate signs no submission, whatever its card number."""
    if card.kind != LEGAL_PERSON:
        raise Rejected("profile")


def require_card(card: CardCertificate, registered_card_no: str) -> None:
    """Raises Refusal `card-mismatch` unless the card has the registered number."""
    if card.card_no != registered_card_no:
        raise mismatch(card.card_no, registered_card_no)


def mismatch(card_no: str, registered_card_no: str) -> Refusal:
    """The manual's sentence about another card, with both numbers in full."""
    facts = {"card_no": card_no, "registered_card_no": registered_card_no}
    return Refusal("card-mismatch", _MISMATCH.format(**facts), facts)


def rejection(fault: Rejected) -> Refusal:
    """The refusal of a certificate that is not good."""
    return Refusal("certificate-rejected", _REJECTED[fault.reason], {"reason": fault.reason})


def unsigned(pointer: str, detail: str) -> Refusal:
    """The refusal of a submission's signature; `pointer` names the member at fault."""
    error = {"in": "body", "pointer": pointer, "code": "signature-invalid", "detail": detail}
    return Refusal("signature-invalid", detail, errors=[error])


def is_challenge_id(text: object) -> bool:
    """Whether a text could name a challenge at all."""
    return isinstance(text, str) and _CHALLENGE_ID.fullmatch(text) is not None


def is_card_no(text: str) -> bool:
    """Whether a text is a card number: 13 digits."""
    return _CARD_NO.fullmatch(text) is not None


def is_uscc(text: str) -> bool:
    """Whether a text is a unified social credit code with the right check character."""
    values = [_USCC_ALPHABET.find(letter) for letter in text]
    if len(values) != _USCC_LENGTH or -1 in values:
        return False
    total = sum(value * pow(3, place, 31) for place, value in enumerate(values[:-1]))
    return values[-1] == -total % 31


def is_sandbox_oid(dotted: str) -> bool:
    """Whether an object identifier lies in the arc kept for examples."""
    return f"{dotted}.".startswith(f"{_SANDBOX_ARC}.")


def masked(card_no: str) -> str:
    """A card number for eyes other than its holder's: `8930*****0001`."""
    return f"{card_no[:4]}*****{card_no[-4:]}"
