"""Auth's ports in memory: what the tables do, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.auth.adapters.randomness import OsSecrets
from services.auth.domain import StoredSession
from services.auth.ports import SpentChallenge
from services.kernel.testing.frozen_clock import FrozenClock


class MemoryShelf:
    """Keeps revocation lists."""

    def __init__(self):
        self.kept = []

    def keep(self, taken):
        self.kept.append(taken)

    def newest(self, issuer, above):
        fit = [each for each in self.kept if each.issuer == issuer and each.number > above]
        return max(fit, key=lambda each: each.number).der if fit else None


class MemoryWork:
    """Work, sessions and the outbox in dictionaries; `clock` is the database's."""

    def __init__(self, moment=None):
        self.clock = FrozenClock(moment or datetime.now(UTC))
        self.challenges, self.by_uscc, self.tokens = {}, {}, {}
        self.proofs, self.lines, self.said = [], [], []
        self.touches = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def commit(self):
        return None

    def say(self, payload, subject):
        self.said.append((payload, subject))
        return str(len(self.said))

    def add_challenge(self, challenge_id, nonce, lifetime_s):
        expires_at = self.clock.now() + timedelta(seconds=lifetime_s)
        self.challenges[challenge_id] = (nonce, expires_at)
        return expires_at

    def spend_challenge(self, challenge_id):
        found = self.challenges.pop(challenge_id, None)
        if found is None:
            return None
        now = self.clock.now()
        return SpentChallenge(nonce=found[0], fresh=now < found[1], now=now)

    def account(self, uscc):
        return self.by_uscc.get(uscc)

    def open_session(self, new):
        now = self.clock.now()
        session = StoredSession(
            session_id=new.session_id,
            state="active",
            uscc=new.account.uscc,
            company_name=new.account.company_name,
            card_no=new.card.card_no,
            card_kind=new.card.kind,
            holder=new.card.holder,
            certificate_sha256=new.card.sha256,
            valid_until=new.card.valid_until,
            opened_at=now,
            expires_at=now + timedelta(seconds=new.lifetime_s),
            touched_at=now,
            ended_at=None,
            end_reason=None,
            now=now,
        )
        self.tokens[new.token_sha256] = session
        self.proofs.append((new.session_id, new.proof))
        return session

    def find(self, token_sha256):
        found = self.tokens.get(token_sha256)
        return replace(found, now=self.clock.now()) if found else None

    session = find

    def touch(self, session_id):
        session = next(s for s in self.tokens.values() if s.session_id == session_id)
        if session.state != "active" or session.ended_at:
            return None
        self.touches += 1
        return self._change(session_id, touched_at=self.clock.now()).touched_at

    def set_state(self, session_id, state):
        return self._change(session_id, state=state, touched_at=self.clock.now())

    def add_proof(self, session_id, proof):
        self.proofs.append((session_id, proof))

    def end_session(self, session_id, reason):
        self._change(session_id, ended_at=self.clock.now(), end_reason=reason)
        return self.clock.now()

    def record(self, attempt):
        self.lines.append(attempt)

    def _change(self, session_id, **values):
        for token, session in self.tokens.items():
            if session.session_id == session_id:
                self.tokens[token] = replace(session, now=self.clock.now(), **values)
                return self.tokens[token]
        raise KeyError(session_id)


secrets = OsSecrets()
