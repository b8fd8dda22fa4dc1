"""The use cases of auth, one function each."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.auth import card_protocol as protocol
from services.auth.domain import (
    LOG_IN,
    SUBMISSION,
    Attempt,
    Client,
    Rejected,
    Rules,
    StoredSession,
    admitted,
    is_challenge_id,
    living,
    masked,
    mismatch,
    rejection,
    require_card,
    require_legal_person_certificate,
    unsigned,
)
from services.auth.ports import NewSession, SpentChallenge
from services.kernel.contracts.auth import (
    Challenge,
    Evidence,
    OpenedSession,
    Session,
    SessionEnded,
    SessionLocked,
    SessionOpened,
    SessionUnlocked,
)
from services.kernel.contracts.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.auth.domain import CardCertificate
    from services.auth.ports import CardJudge, Secrets, Sessions, Work

_SWEEP_BATCH = 200
_RULES = "1"  # the version of the rules a verdict was made by; kept with the evidence


def challenge(*, work: Work, secrets: Secrets, rules: Rules) -> Challenge:
    """A new challenge, good for one try."""
    challenge_id, nonce = secrets.identifier("chl_"), secrets.nonce()
    with work:
        expires_at = work.add_challenge(challenge_id, nonce, rules.challenge_lifetime_s)
        work.commit()
    return Challenge(challenge_id, nonce, rules.origin, list(protocol.ALGORITHMS), expires_at)


def open_session(
    *,
    work: Work,
    judge: CardJudge,
    secrets: Secrets,
    rules: Rules,
    challenge_id: str,
    auth_token: object,
    client: Client,
) -> OpenedSession:
    """Log a card in. Raises Refusal; the challenge is spent whatever comes of it."""
    attempt = Attempt(LOG_IN, client)
    with work:
        taken = _take(work, challenge_id)
        with _recording(work, attempt):
            spent = _fresh(taken)
            card = _proven(judge, spent, rules.origin, auth_token, attempt)
            account = admitted(card, work.account(card.uscc))
        access_token = secrets.access_token()
        session = work.open_session(
            NewSession(
                session_id=secrets.identifier("ses_"),
                token_sha256=token_hash(access_token),
                card=card,
                account=account,
                via=client.via,
                proof=_proof(spent, rules.origin, challenge_id, auth_token),
                lifetime_s=rules.lifetime_s,
            )
        )
        attempt.session_id = session.session_id
        work.record(attempt)
        work.say(_opened(session, client.via), session.session_id)
        work.commit()
    return OpenedSession(session.view(rules.idle_s), access_token)


def read_session(*, sessions: Sessions, rules: Rules, access_token: str) -> Session:
    """The session of a token; using it moves its idle time, noted now and then."""
    session = living(sessions.find(token_hash(access_token)), rules.idle_s)
    stale = session.now - session.touched_at >= timedelta(seconds=rules.touch_s)
    if session.state == "active" and stale:
        touched_at = sessions.touch(session.session_id)
        session = replace(session, touched_at=touched_at or session.touched_at)
    return session.view(rules.idle_s)


def lock(*, work: Work, rules: Rules, access_token: str) -> Session:
    """The card left: nothing but unlocking and leaving is possible until it comes back."""
    with work:
        session = living(work.session(token_hash(access_token)), rules.idle_s)
        if session.state == "active":
            session = work.set_state(session.session_id, "locked")
            work.record(Attempt("lock", session_id=session.session_id))
            said = SessionLocked(session.session_id, session.uscc, "card_removed", session.now)
            work.say(said, session.session_id)
            work.commit()
    return session.view(rules.idle_s)


def unlock(
    *,
    work: Work,
    judge: CardJudge,
    rules: Rules,
    access_token: str,
    challenge_id: str,
    auth_token: object,
) -> Session:
    """The card came back and signed a new challenge. Raises Refusal as log-in does."""
    token = token_hash(access_token)
    with work:
        session = living(work.session(token), rules.idle_s)
        attempt = Attempt("unlock", session_id=session.session_id)
        taken = _take(work, challenge_id)
        with _recording(work, attempt):
            spent = _fresh(taken)
            card = _proven(judge, spent, rules.origin, auth_token, attempt)
            admitted(card, work.account(card.uscc))
            _require_same_card(card, session)
        session = living(work.session(token), rules.idle_s)
        if session.state == "locked":
            session = work.set_state(session.session_id, "active")
            work.add_proof(
                session.session_id, _proof(spent, rules.origin, challenge_id, auth_token)
            )
            said = SessionUnlocked(session.session_id, session.uscc, "card_removed", session.now)
            work.say(said, session.session_id)
        work.record(attempt)
        work.commit()
    return session.view(rules.idle_s)


def end_session(*, work: Work, rules: Rules, access_token: str) -> None:
    """Leave. Works on a locked session too."""
    with work:
        session = living(work.session(token_hash(access_token)), rules.idle_s)
        ended_at = work.end_session(session.session_id, "left")
        work.record(Attempt("end", session_id=session.session_id))
        said = SessionEnded(session.session_id, session.uscc, "left", ended_at)
        work.say(said, session.session_id)
        work.commit()


def check_submission(
    *,
    sessions: Sessions,
    work: Work,
    judge: CardJudge,
    rules: Rules,
    access_token: str,
    submission: dict[str, Any],
    signature: object,
) -> Evidence:
    """Whether the session's card signed `submission`: kind, seal, entry_ids, submitted_at.

    Raises Refusal: `signature-invalid`, `certificate-rejected`, `card-mismatch`. Whether
    `submitted_at` is near and the object unused is for who accepts it to say.
    """
    session = living(sessions.find(token_hash(access_token)), rules.idle_s)
    submission = submission | {"session": session.session_id}
    attempt = Attempt(SUBMISSION, session_id=session.session_id)
    try:
        return _evidence(judge, session, submission, signature, attempt)
    except Refusal as refusal:
        with work:
            work.record(attempt.refused(refusal))
            work.commit()
        raise


def sweep(*, work: Work, rules: Rules) -> int:
    """End sessions whose time is over, drop what is no longer needed; answers how many."""
    with work:
        ended = work.end_overdue(rules.idle_s, _SWEEP_BATCH)
        say_ended(work, ended)
        dropped = work.forget(rules.record_days)
        work.commit()
    return len(ended) + dropped


def token_hash(access_token: str) -> bytes:
    """What is stored of an access token."""
    return hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest()


def say_ended(work: Work, ended: list[StoredSession]) -> None:
    """Tell of each session that it is over."""
    for session in ended:
        reason, at = session.end_reason or "", session.ended_at or session.now
        work.record(Attempt("end", session_id=session.session_id, reason=reason))
        said = SessionEnded(session.session_id, session.uscc, reason, at)
        work.say(said, session.session_id)


def _take(work: Work, challenge_id: str) -> SpentChallenge | None:
    """Committed before anything is looked at, so that no second try meets the challenge."""
    if not is_challenge_id(challenge_id):
        return None
    taken = work.spend_challenge(challenge_id)
    work.commit()
    return taken


def _fresh(taken: SpentChallenge | None) -> SpentChallenge:
    if taken is None or not taken.fresh:
        raise Refusal("challenge-expired")
    return taken


@contextmanager
def _recording(work: Work, attempt: Attempt) -> Iterator[None]:
    """Keep a line about a refusal and pass the refusal on."""
    try:
        yield
    except Refusal as refusal:
        work.record(attempt.refused(refusal))
        work.commit()
        raise


def _proven(
    judge: CardJudge,
    spent: SpentChallenge,
    origin: str,
    auth_token: object,
    attempt: Attempt,
) -> CardCertificate:
    """The card that signed the challenge: form, certificate, signature, revocation."""
    try:
        token = protocol.read_token(auth_token)
        card = judge.certificate(token.certificate, LOG_IN, spent.now)
        attempt.card = card
        message = protocol.token_message(origin, spent.nonce)
        if not judge.is_signed(card, token.algorithm, token.signature, message):
            raise Refusal("auth-token-invalid")
        judge.revocation(card, spent.now)
    except protocol.Malformed as fault:
        raise Refusal("auth-token-invalid") from fault
    except Rejected as fault:
        raise rejection(fault) from fault
    return card


def _require_same_card(card: CardCertificate, session: StoredSession) -> None:
    require_card(card, session.card_no)
    if card.uscc != session.uscc:
        raise mismatch(card.card_no, session.card_no)


def _evidence(
    judge: CardJudge,
    session: StoredSession,
    submission: dict[str, Any],
    signature: object,
    attempt: Attempt,
) -> Evidence:
    if session.state == "locked":
        raise Refusal("card-removed", facts={"lock": "session"})
    try:
        signed = protocol.read_submission_signature(signature)
        card = judge.certificate(signed.certificates[0], SUBMISSION, session.now)
        attempt.card = card
        require_legal_person_certificate(card)
        revocation = judge.revocation(card, session.now)
        payload = protocol.submission_payload(submission)
    except protocol.Malformed as fault:
        raise unsigned("/submission_signature", "签名格式不正确。") from fault
    except Rejected as fault:
        raise rejection(fault) from fault
    _require_same_card(card, session)
    message = protocol.signing_input(signed.protected, payload)
    if not judge.is_signed(card, signed.algorithm, signed.signature, message):
        raise unsigned("/submission_signature/signature", "签名与提交内容不一致。")
    return _proof_of_submission(session, card, signed, payload, revocation)


def _proof_of_submission(
    session: StoredSession,
    card: CardCertificate,
    signed: protocol.SubmissionSignature,
    payload: bytes,
    revocation: dict[str, str],
) -> Evidence:
    return Evidence(
        session_id=session.session_id,
        uscc=session.uscc,
        card_no=card.card_no,
        card_no_masked=masked(card.card_no),
        holder=card.holder,
        certificate_sha256=card.sha256,
        payload=payload.decode(),
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        jws={
            "protected": signed.protected,
            "signature": protocol.to_base64url(signed.signature),
        },
        certificates=[protocol.to_base64(der) for der in card.chain],
        revocation=revocation,
        checked_at=session.now,
    )


def _proof(
    spent: SpentChallenge, origin: str, challenge_id: str, auth_token: object
) -> dict[str, Any]:
    """What a session stands on, for whoever must show it years later."""
    return {
        "rules": _RULES,
        "origin": origin,
        "challenge_id": challenge_id,
        "challenge_nonce": spent.nonce,
        "auth_token": auth_token,
    }


def _opened(session: StoredSession, via: str) -> SessionOpened:
    return SessionOpened(
        session_id=session.session_id,
        uscc=session.uscc,
        card_no_masked=masked(session.card_no),
        card_kind=session.card_kind,
        via=via,
        opened_at=session.opened_at,
        expires_at=session.expires_at,
    )
