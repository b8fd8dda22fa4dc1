"""One suite over both works: the one in memory that core tests use, and the one in PostgreSQL."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.auth.adapters.sql import SqlSessions, SqlWork
from services.auth.domain import Account, Attempt, CardCertificate
from services.auth.ports import NewSession
from services.kernel.clock import SystemClock
from services.kernel.contracts.auth import SessionEnded
from services.kernel.database.engine import make_engine
from services.kernel.database.migrate import migrate
from services.kernel.testing.frozen_clock import FrozenClock
from tests.core.auth.memory import MemoryWork

CARD = CardCertificate(
    chain=(b"leaf", b"ca"),
    parsed=None,
    sha256="ab" * 32,
    card_no="8930000000001",
    uscc="91990000MA0TEAAA29",
    company_name="甲",
    holder="张三",
    kind="legal_person",
    valid_until=datetime(2028, 10, 23, tzinfo=UTC),
)
ACCOUNT = Account(CARD.uscc, CARD.company_name, CARD.card_no, "open")


@dataclass
class Side:
    work: Any
    sessions: Any


@pytest.fixture(params=["memory", "sql"])
def side(request):
    if request.param == "memory":
        work = MemoryWork()
        work.by_uscc[ACCOUNT.uscc] = ACCOUNT
        yield Side(work, work)
        return
    url = request.getfixturevalue("database_url")
    migrate("auth", url)
    engine = make_engine(url, pool=2)
    reading = make_engine(url, pool=2, single_statements=True)
    wrong_clock = FrozenClock(SystemClock().now() - timedelta(minutes=10))
    work = SqlWork(engine, "auth", wrong_clock)
    with work:
        work.add_account(ACCOUNT)
        work.commit()
    yield Side(work, SqlSessions(reading))
    engine.dispose()
    reading.dispose()


def opened(side, session_id="ses_1", token=b"t" * 32, lifetime_s=60):
    with side.work:
        session = side.work.open_session(
            NewSession(session_id, token, CARD, ACCOUNT, "api", {"origin": "x"}, lifetime_s)
        )
        side.work.commit()
    return session


def test_a_challenge_is_taken_once(side):
    with side.work:
        expires_at = side.work.add_challenge("chl_1", "nonce", 300)
        side.work.commit()
    with side.work:
        first = side.work.spend_challenge("chl_1")
        second = side.work.spend_challenge("chl_1")
        side.work.commit()

    assert (first.nonce, first.fresh, second) == ("nonce", True, None)
    assert timedelta(seconds=290) < expires_at - first.now <= timedelta(seconds=300)


def test_a_challenge_of_no_time_is_not_fresh(side):
    with side.work:
        side.work.add_challenge("chl_1", "nonce", 0)
        side.work.commit()
    with side.work:
        assert side.work.spend_challenge("chl_1").fresh is False


def test_an_account_is_found_by_its_company(side):
    with side.work:
        assert side.work.account(ACCOUNT.uscc) == ACCOUNT
        assert side.work.account("91990000MA0TEBBBXT") is None


def test_a_session_is_found_by_its_token_only(side):
    session = opened(side)

    found = side.sessions.find(b"t" * 32)

    assert side.sessions.find(b"u" * 32) is None
    assert found.session_id == "ses_1"
    assert (found.uscc, found.company_name, found.card_no) == (CARD.uscc, "甲", CARD.card_no)
    assert (found.card_kind, found.holder) == ("legal_person", "张三")
    assert (found.certificate_sha256, found.valid_until) == (CARD.sha256, CARD.valid_until)
    assert (found.state, found.ended_at, found.end_reason) == ("active", None, None)
    assert found.expires_at - found.opened_at == timedelta(seconds=60)
    assert found.touched_at == found.opened_at == session.opened_at
    assert found.now >= found.opened_at


def test_a126_a_pods_wrong_clock_changes_nothing(side):
    session = opened(side)

    assert abs(session.opened_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_only_an_active_session_is_touched(side):
    opened(side)

    assert side.sessions.touch("ses_1") == side.sessions.find(b"t" * 32).touched_at
    with side.work:
        locked = side.work.set_state("ses_1", "locked")
        side.work.commit()
    assert locked.state == "locked"
    assert side.sessions.touch("ses_1") is None
    with side.work:
        assert side.work.set_state("ses_1", "active").state == "active"
        side.work.commit()
    assert side.sessions.touch("ses_1") is not None


def test_an_ended_session_stays_ended(side):
    opened(side)
    with side.work:
        ended_at = side.work.end_session("ses_1", "left")
        side.work.add_proof("ses_1", {"a": 1})
        side.work.record(Attempt("end", session_id="ses_1"))
        side.work.say(SessionEnded("ses_1", CARD.uscc, "left", ended_at), "ses_1")
        side.work.commit()

    found = side.sessions.find(b"t" * 32)
    assert (found.ended_at, found.end_reason) == (ended_at, "left")
    assert side.sessions.touch("ses_1") is None
    with side.work:
        assert side.work.session(b"t" * 32).end_reason == "left"
