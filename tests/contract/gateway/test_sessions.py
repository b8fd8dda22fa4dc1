"""HTTP API section 6."""

import pytest

from services.kernel.contracts import auth
from services.kernel.contracts.apply import Usage
from tests.support.gateway_door import (
    API,
    BEARER,
    ENTRY,
    NOW,
    PRINT_NO,
    TOKEN,
    Door,
    found_declarations,
    refused,
    session,
)

pytestmark = pytest.mark.anyio
PROOF = {"challenge_id": "chl_1", "auth_token": {"format": "web-eid:1.0", "anything": [1]}}
CURRENT = "auth/sessions/current"


@pytest.mark.parametrize("words", [{}, {"json": {}}])
async def test_a_challenge_needs_no_body(door, words):
    door.rooms.script["auth.challenge"] = auth.Challenge(
        "chl_1", "AAEC", "https://danzheng.example", ["ES256", "RS256"], NOW
    )
    answer = await door.ask("POST", "auth/challenges", **words)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "challenge_id": "chl_1",
        "challenge_nonce": "AAEC",
        "origin": "https://danzheng.example",
        "algorithms": ["ES256", "RS256"],
        "expires_at": "2026-11-23T10:15:30.412+08:00",
    }


async def test_a_challenge_refuses_what_it_does_not_know(door):
    answer = await door.ask("POST", "auth/challenges", json={"a": 1})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/a")


async def test_log_in_shows_the_token_once_and_tells_auth_from_where(door):
    door.rooms.script["auth.open_session"] = auth.OpenedSession(session(), TOKEN)
    answer = await door.ask(
        "POST", "auth/sessions", json=PROOF, headers={"User-Agent": "example/1"}
    )
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert body["access_token"] == TOKEN
    assert body["state"] == "active"
    assert body["idle_timeout_seconds"] == 1800
    assert body["company"] == {"uscc": "91990000MA0TEAAA29", "name": "示例甲进出口有限公司"}
    asked = door.rooms.questions("auth.open_session")[0]
    assert asked["client"] == {"via": "api", "ip": "127.0.0.1", "user_agent": "example/1"}
    assert asked["auth_token"] == PROOF["auth_token"]


@pytest.mark.parametrize(
    ("code", "status", "facts"),
    [
        ("challenge-expired", 401, {}),
        ("auth-token-invalid", 401, {}),
        ("certificate-rejected", 401, {"reason": "revoked"}),
        ("not-legal-person-card", 403, {}),
        ("account-not-found", 403, {}),
        ("account-disabled", 403, {}),
        (
            "card-mismatch",
            403,
            {"card_no": "8930000000009", "registered_card_no": "8930000000001"},
        ),
    ],
)
async def test_a_refused_log_in_keeps_its_code_and_facts(door, code, status, facts):
    door.rooms.script["auth.open_session"] = refused(code, **facts, hidden="x")
    answer = await door.ask("POST", "auth/sessions", json=PROOF)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert {name: body[name] for name in facts} == facts
    assert "hidden" not in body
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_the_mismatch_sentence_is_that_of_the_manual(door):
    facts = {"card_no": "8930000000009", "registered_card_no": "8930000000001"}
    door.rooms.script["auth.open_session"] = refused("card-mismatch", **facts)
    answer = await door.ask("POST", "auth/sessions", json=PROOF)
    assert answer.json()["detail"] == (
        "当前卡号 8930000000009 与用户注册信息卡号 8930000000001 不一致，无法进行申报"
    )


async def test_log_ins_of_an_address_are_counted():
    door = Door(logins_per_minute=1)
    await door.ask("POST", "auth/challenges")
    answer = await door.ask("POST", "auth/sessions", json=PROOF)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic abc", "Bearer a b", "Bearer é", f"Bearer {'x' * 200}"]
)
async def test_only_a_bearer_token_is_asked_about(door, header):
    answer = await door.ask("GET", "me", headers={"Authorization": header.encode()})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert door.rooms.asked == []


async def test_an_ended_session_answers_as_auth_says(door):
    for code in ("unauthenticated", "session-expired"):
        door.rooms.script["auth.read_session"] = refused(code)
        answer = await door.get("print-items")
        assert (answer.status_code, answer.json()["code"]) == (401, code)


async def test_a_locked_session_may_only_read_itself_leave_and_unlock(door):
    door.rooms.script |= {
        "auth.read_session": session("locked"),
        "apply.usage": Usage(2000, 17, 1000, 2),
        "auth.unlock": session("active"),
        "auth.end_session": None,
    }
    barred = [
        ("PUT", f"{CURRENT}/card"),
        ("GET", "declarations"),
        ("POST", "print-applications"),
        ("GET", "print-items"),
        ("GET", "events"),
        ("POST", "bundles"),
        ("GET", f"print-applications/{PRINT_NO}/items/{ENTRY}/file"),
    ]
    for method, path in barred:
        answer = await door.ask(method, path, headers=BEARER)
        assert (answer.status_code, answer.json()["code"]) == (403, "card-removed"), path
        assert answer.json()["lock"] == "session"
    me = await door.get("me")
    assert (me.status_code, me.json()["session"]["state"]) == (200, "locked")
    unlocked = await door.post(f"{CURRENT}/unlock", PROOF)
    assert (unlocked.status_code, unlocked.json()["state"]) == (200, "active")
    assert "access_token" not in unlocked.json()
    left = await door.ask("DELETE", CURRENT, headers=BEARER)
    assert (left.status_code, left.content) == (204, b"")


async def test_another_card_does_not_unlock(door):
    door.rooms.script |= {
        "auth.read_session": session("locked"),
        "auth.unlock": refused("card-mismatch", card_no="1", registered_card_no="2"),
    }
    answer = await door.post(f"{CURRENT}/unlock", PROOF)
    assert (answer.status_code, answer.json()["code"]) == (403, "card-mismatch")


async def test_pulling_the_card_locks_at_once_although_the_session_was_just_checked(door):
    door.rooms.script["query.search"] = found_declarations()
    path = f"declarations?entry_ids={ENTRY}"
    assert (await door.get(path)).status_code == 200
    locked = session("locked")
    door.rooms.script |= {"auth.lock": locked, "auth.read_session": locked}
    answer = await door.ask("PUT", f"{CURRENT}/card", json={"state": "removed"}, headers=BEARER)
    assert (answer.status_code, answer.json()["state"]) == (200, "locked")
    assert (await door.get(path)).status_code == 403


async def test_the_card_can_only_be_told_removed(door):
    answer = await door.ask("PUT", f"{CURRENT}/card", json={"state": "inserted"}, headers=BEARER)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/state")


async def test_a_checked_session_is_remembered_for_seconds_only(door):
    door.rooms.script["query.search"] = found_declarations()
    for _ in range(3):
        await door.get(f"declarations?entry_ids={ENTRY}")
    assert len(door.rooms.questions("auth.read_session")) == 1


async def test_me_tells_limits_and_use(door):
    door.rooms.script["apply.usage"] = Usage(2000, 17, 1000, 2)
    body = (await door.get("me")).json()
    assert body["limits"] == {
        "max_entry_ids": 50,
        "max_range_months": 3,
        "max_bundle_items": 500,
        "file_lifetime": "calendar-month",
        "daily_items": 2000,
        "daily_items_used": 17,
        "unfinished_items": 1000,
        "unfinished_items_used": 2,
    }
    assert body["server_time"] == "2026-11-23T10:15:30.412+08:00"
    assert body["session"]["idle_expires_at"] == "2026-11-23T10:45:30.412+08:00"


async def test_no_secret_reaches_the_log(door, said):
    door.rooms.script["auth.open_session"] = auth.OpenedSession(session(), TOKEN)
    await door.ask("POST", "auth/sessions", json=PROOF)
    await door.get(f"/api/v1/downloads/tkt_{'s' * 20}")
    line = next(line for line in said if line["event"] == "http_answered")
    assert line["route"] == f"{API}/auth/sessions"
    assert line["status"] == 201
    assert TOKEN not in str(said)
    assert "s" * 20 not in str(said)
