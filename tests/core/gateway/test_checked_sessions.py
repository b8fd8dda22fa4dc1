"""What the gateway remembers of sessions, and who is told of changes."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.checked_sessions import FRESH_S, CheckedSessions
from gateway.live import Live
from gateway.problems import Problem
from services.kernel.contracts.apply import FeedExtended
from services.kernel.contracts.auth import (
    Card,
    Company,
    Session,
    SessionEnded,
    SessionLocked,
    SessionUnlocked,
)
from services.kernel.contracts.envelope import Envelope

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 23, 2, 15, 30, tzinfo=UTC)


@pytest.fixture
def anyio_backend():
    return "asyncio"


def session(idle_s=1800):
    return Session(
        "ses_1", "active", NOW, NOW + timedelta(hours=8), NOW + timedelta(seconds=idle_s), 1800,
        Company("U", "甲"), Card("1", "legal_person", "张三", "0", NOW),
    )  # fmt: skip


class Auth:
    def __init__(self, idle_s=1800):
        self.asked = 0
        self.idle_s = idle_s

    async def __call__(self):
        self.asked += 1
        return session(self.idle_s)


class Watch:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


async def test_a_session_is_asked_for_again_after_five_seconds():
    watch, auth = Watch(), Auth()
    sessions = CheckedSessions(watch)
    for _ in range(2):
        await sessions.of("token", NOW, auth)
    assert auth.asked == 1
    watch.now = FRESH_S
    await sessions.of("token", NOW, auth)
    assert auth.asked == 2


async def test_a_session_is_not_remembered_beyond_its_end():
    auth = Auth(idle_s=1)
    sessions = CheckedSessions(Watch())
    await sessions.of("token", NOW, auth)
    await sessions.of("token", NOW + timedelta(seconds=1), auth)
    assert auth.asked == 2


@pytest.mark.parametrize("fact", [SessionLocked, SessionUnlocked, SessionEnded])
async def test_a_session_that_changed_is_asked_for_again(fact):
    auth, sessions = Auth(), CheckedSessions(Watch())
    live = Live(sessions, 5)
    await sessions.of("token", NOW, auth)
    live.hear(said(fact("ses_other", "U", "r", NOW)))
    await sessions.of("token", NOW, auth)
    assert auth.asked == 1
    live.hear(said(fact("ses_1", "U", "r", NOW)))
    await sessions.of("token", NOW, auth)
    assert auth.asked == 2


async def test_an_answer_that_a_change_has_overtaken_is_not_remembered():
    sessions = CheckedSessions(Watch())
    auth = Auth()

    async def overtaken():
        sessions.forget("ses_1")
        return await auth()

    await sessions.of("token", NOW, overtaken)
    await sessions.of("token", NOW, auth)
    assert auth.asked == 2


async def test_tokens_are_told_apart():
    auth, sessions = Auth(), CheckedSessions(Watch())
    await sessions.of("one", NOW, auth)
    await sessions.of("two", NOW, auth)
    assert auth.asked == 2


def said(data):
    return Envelope("1", "t", "/s", "x", NOW, data)


async def test_a_change_wakes_the_streams_of_its_company_alone():
    live = Live(CheckedSessions(), 5)
    own, other = live.listen("A", "s1"), live.listen("B", "s2")
    live.hear(said(FeedExtended("A", [])))
    assert await own.pause(0.01) is True
    assert await other.pause(0.01) is False
    assert await own.pause(0.01) is False


async def test_streams_end_with_their_session_and_not_when_it_is_unlocked():
    live = Live(CheckedSessions(), 5)
    own, other = live.listen("A", "s1"), live.listen("A", "s2")
    live.hear(said(SessionUnlocked("s1", "A", "r", NOW)))
    assert not own.ended
    live.hear(said(SessionLocked("s1", "A", "r", NOW)))
    assert (own.ended, other.ended) == (True, False)


async def test_a_session_has_so_many_streams_and_a_closed_one_makes_room():
    live = Live(CheckedSessions(), 2)
    first, _ = live.listen("A", "s1"), live.listen("A", "s1")
    live.listen("A", "s2")
    with pytest.raises(Problem):
        live.listen("A", "s1")
    live.leave(first)
    live.listen("A", "s1")


async def test_draining_ends_all_streams_the_late_ones_too():
    live = Live(CheckedSessions(), 5)
    early = live.listen("A", "s1")
    live.drain()
    assert early.ended
    assert live.listen("A", "s1").ended
    await asyncio.wait_for(early.pause(5), 1)
