"""HTTP API sections 1 and 2, whatever the call."""

import hashlib

import pytest

from services.kernel.contracts.query import DeclarationPage
from services.kernel.errors import RemoteFault
from tests.support.gateway_door import (
    API,
    BASE_URL,
    BEARER,
    ENTRY,
    KEY,
    PRINT_NO,
    Door,
    found_declarations,
    printed,
    refused,
    session,
)

pytestmark = pytest.mark.anyio
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_a_problem_has_all_members_and_its_type_has_a_page(door):
    answer = await door.ask("GET", "me")
    body = answer.json()
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert body == {
        "type": f"{BASE_URL}/problems/unauthenticated",
        "title": "请先登录",
        "status": 401,
        "detail": "没有有效的会话，请登录。",
        "instance": f"{API}/me",
        "code": "unauthenticated",
        "trace_id": answer.headers["x-trace-id"],
        "errors": [],
    }
    page = await door.ask("GET", "/problems/unauthenticated")
    assert page.status_code == 200
    assert "请先登录" in page.text


async def test_the_callers_trace_is_continued_to_problem_and_room(door):
    given = f"00-{TRACE}-00f067aa0ba902b7-01"
    answer = await door.ask("GET", "me", headers={"traceparent": given})
    assert answer.headers["x-trace-id"] == TRACE
    assert answer.json()["trace_id"] == TRACE


@pytest.mark.parametrize("given", ["", "00-zz-00-01", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
async def test_a_broken_trace_is_replaced(door, given):
    answer = await door.ask("GET", "health/live", headers={"traceparent": given})
    assert len(answer.headers["x-trace-id"]) == 32
    assert answer.headers["x-trace-id"] not in {"0" * 32, TRACE}


async def test_english_titles_and_details_for_those_who_prefer_them(door):
    english = await door.ask("GET", "me", headers={"Accept-Language": "en-GB, zh;q=0.5"})
    chinese = await door.ask("GET", "me", headers={"Accept-Language": "fr, zh;q=0.9, en;q=0.8"})
    assert english.json()["title"] == "Log in first"
    assert chinese.json()["title"] == "请先登录"


@pytest.mark.parametrize(
    "path", ["nowhere", "print-applications/P1", "print-applications/D20261123000000009", "me/"]
)
async def test_an_unknown_path_or_a_wrong_number_in_it_is_not_found_before_all_else(door, path):
    answer = await door.ask("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "print-applications", "GET, HEAD, POST"),
        ("DELETE", "me", "GET, HEAD"),
        ("GET", "auth/sessions", "POST"),
        ("POST", "auth/sessions/current", "DELETE"),
        ("POST", "events", "GET"),
        ("HEAD", "events", "GET"),
        ("OPTIONS", "bundles/bdl_1", "GET, HEAD, DELETE"),
    ],
)
async def test_another_method_is_told_which_ones_there_are(door, method, path, allowed):
    answer = await door.ask(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed


async def test_method_comes_before_authentication_and_authentication_before_form(door):
    assert (await door.ask("PATCH", "me")).status_code == 405
    assert (await door.ask("GET", "declarations?bogus=1")).status_code == 401
    door.rooms.script["auth.read_session"] = session("locked")
    locked = await door.get("declarations?bogus=1")
    assert (locked.status_code, locked.json()["code"]) == (403, "card-removed")


async def test_unknown_and_repeated_parameters_are_refused(door):
    answer = await door.get("me?bogus=1&limit=2")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "validation-failed")
    assert [error["pointer"] for error in body["errors"]] == ["bogus", "limit"]
    assert {error["in"] for error in body["errors"]} == {"query"}
    again = await door.get(f"declarations?entry_ids={ENTRY}&entry_ids={ENTRY}")
    assert again.json()["errors"][0]["pointer"] == "entry_ids"


async def test_head_answers_like_get_without_a_body_and_leaves_no_record(door):
    door.rooms.script["apply.read"] = printed()
    plain = await door.get(f"print-applications/{PRINT_NO}")
    head = await door.ask("HEAD", f"print-applications/{PRINT_NO}", headers=BEARER)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["etag"] == plain.headers["etag"]
    assert head.headers["content-length"] == plain.headers["content-length"]


async def test_a_json_answer_can_be_asked_for_again_only_if_it_changed(door):
    door.rooms.script["apply.read"] = printed()
    first = await door.get(f"print-applications/{PRINT_NO}")
    assert first.headers["etag"].startswith('W/"')
    assert first.headers["cache-control"] == "private, no-cache"
    for given in (first.headers["etag"], f'"other", {first.headers["etag"]}', "*"):
        again = await door.get(f"print-applications/{PRINT_NO}", {"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    door.rooms.script["apply.read"] = printed(state="finished")
    changed = await door.get(
        f"print-applications/{PRINT_NO}", {"If-None-Match": first.headers["etag"]}
    )
    assert changed.status_code == 200


async def test_a_resource_still_changing_says_when_to_ask_again(door):
    door.rooms.script["apply.read"] = printed()
    making = await door.get(f"print-applications/{PRINT_NO}")
    door.rooms.script["apply.read"] = printed(state="finished")
    finished = await door.get(f"print-applications/{PRINT_NO}")
    assert making.headers["retry-after"] == "2"
    assert "retry-after" not in finished.headers


async def test_what_may_be_cached_is_told_by_kind(door):
    door.rooms.script["query.search"] = found_declarations()
    listed = await door.get(f"declarations?entry_ids={ENTRY}")
    assert listed.headers["cache-control"] == "private, no-cache"
    for path, told in {
        "me": "no-store",
        "print-items": "private, no-cache",
        f"print-applications/{PRINT_NO}/items/{ENTRY}/file": "private, no-store",
    }.items():
        assert (await door.ask("GET", path)).headers["cache-control"] == told
    assert listed.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff{}", b'{"a": NaN}', b'{"state":"removed","state":"removed"}',
        b'{"a":"\\ud800"}', b"[" * 60_000,
    ],
)  # fmt: skip
async def test_what_is_not_exactly_json_is_malformed(door, body):
    answer = await door.ask(
        "PUT",
        "auth/sessions/current/card",
        content=body,
        headers={**BEARER, "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-json")


async def test_a_body_over_64_kib_is_too_large_declared_or_not(door):
    async def chunks():
        for _ in range(65):
            yield b" " * 1024

    for content in (b" " * (65 * 1024), chunks()):
        answer = await door.ask(
            "PUT",
            "auth/sessions/current/card",
            content=content,
            headers={**BEARER, "Content-Type": "application/json"},
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
        assert answer.json()["limit_bytes"] == 65_536


async def test_only_json_is_taken_where_json_is_due(door):
    answer = await door.ask(
        "PUT", "auth/sessions/current/card", content=b"a=1",
        headers={**BEARER, "Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")


async def test_unknown_members_and_wrong_types_are_told_one_by_one(door):
    answer = await door.post(
        "print-applications",
        {"seal": "big", "entry_ids": [1], "submitted_at": None, "x/y": 1},
        KEY,
    )
    # the replay check comes before the form, and apply answers nothing here
    assert answer.status_code == 503
    door.rooms.script["apply.replay"] = {"state": "new", "answer": None}
    answer = await door.post(
        "print-applications",
        {"seal": "big", "entry_ids": [1], "submitted_at": None, "x/y": 1},
        KEY,
    )
    errors = answer.json()["errors"]
    assert answer.status_code == 422
    assert {error["pointer"] for error in errors} == {
        "/entry_ids/0", "/submitted_at", "/submission_signature", "/seal", "/x~1y",
    }  # fmt: skip
    assert {error["code"] for error in errors} == {"validation-failed"}


async def test_a_room_that_does_not_answer_is_named_with_a_pause(door):
    answer = await door.get("print-items")
    assert (answer.status_code, answer.json()["code"]) == (503, "upstream-down")
    assert answer.json()["component"] == "apply"
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "fault",
    [RemoteFault("apply.read failed"), refused("no-such-code"), {"shape": "other"}, KeyError("x")],
)
async def test_what_nobody_foresaw_is_internal_and_tells_nothing(door, fault):
    door.rooms.script["apply.read"] = fault
    answer = await door.get(f"print-applications/{PRINT_NO}")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "apply.read" not in answer.text
    assert answer.headers["x-trace-id"] == answer.json()["trace_id"]


async def test_calls_of_a_session_are_counted_and_told():
    door = Door(calls_per_minute=2)
    door.rooms.script["query.search"] = DeclarationPage([], [], None, None, None)
    first = await door.get(f"declarations?entry_ids={ENTRY}")
    assert first.headers["ratelimit-policy"] == '"session";q=2;w=60'
    assert first.headers["ratelimit"].startswith('"session";r=1;t=')
    await door.get("declarations")
    third = await door.get("declarations")
    assert (third.status_code, third.json()["code"]) == (429, "rate-limited")
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert third.headers["ratelimit"].startswith('"session";r=0;t=')


async def test_the_etag_is_over_the_body(door):
    answer = await door.ask("GET", "data-dictionary")
    assert answer.headers["etag"] == f'W/"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
