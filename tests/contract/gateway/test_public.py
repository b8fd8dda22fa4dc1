"""HTTP API sections 11, 12 and 13, and the pages."""

import asyncio
import hashlib
import json
from dataclasses import replace

import pytest

from gateway.pdf_reading import PdfFacts, Signature
from services.kernel.contracts.apply import FeedEntry, FeedExtended, FeedPage
from services.kernel.contracts.auth import SessionLocked
from services.kernel.contracts.envelope import Envelope
from services.kernel.errors import Unavailable
from tests.support.gateway_door import (
    API,
    CODE,
    ENTRY,
    MADE,
    NOW,
    PRINT_NO,
    USCC,
    Door,
    record,
    refused,
    session,
)

pytestmark = pytest.mark.anyio

ITEM = {
    "kind": "print",
    "application_no": PRINT_NO,
    "entry_id": ENTRY,
    "status": "sealed_ready",
    "phase": None,
    "percent": 100,
    "expires_at": "2026-12-23T02:15:33.201Z",
}


def feed(*entries, last=1041, reset=False):
    """A feed as apply keeps it: what is after a number, and the newest number."""
    newest = max([last, *(entry.seq for entry in entries)])

    def ask(*, after, **_):
        if after is None:
            return FeedPage([], newest, reset=False)
        return FeedPage([entry for entry in entries if entry.seq > after], newest, reset)

    return ask


def events(text):
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
    return found


async def test_a_stream_begins_now_and_ends_by_itself(door):
    door.rooms.script["apply.feed"] = feed()
    answer = await door.get("events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.text.startswith("retry: 3000\n\nevent: hello\nid: 1041\n")
    assert ": ping\n\n" in answer.text
    assert events(answer.text) == [("hello", 1041, {"seq": 1041})]


async def test_a_stream_goes_on_after_the_number_one_has_and_the_header_wins(door):
    entries = [FeedEntry(seq, "item", PRINT_NO, ITEM) for seq in (1042, 1043)]
    door.rooms.script["apply.feed"] = feed(*entries)
    answer = await door.get("events?after=5", {"Last-Event-ID": "1042"})
    assert events(answer.text) == [
        ("hello", 1042, {"seq": 1042}),
        (
            "item",
            1043,
            {
                "seq": 1043,
                **ITEM,
                "status_code": "1",
                "status_text": "有签章已生成",
                "expires_at": "2026-12-23T10:15:33.201+08:00",
            },
        ),
    ]


@pytest.mark.parametrize(("after", "reset"), [(7, True), (9999, False)])
async def test_a_number_that_is_not_known_any_more_is_reset(door, after, reset):
    door.rooms.script["apply.feed"] = feed(last=1041, reset=reset)
    answer = await door.get(f"events?after={after}")
    assert events(answer.text)[0] == ("reset", 1041, {"seq": 1041})


async def test_a_change_is_told_as_soon_as_it_is_heard(door):
    door.rooms.script["apply.feed"] = feed()
    door.parts = replace(door.parts, pace=replace(door.parts.pace, ping_s=30, stream_s=0.4))
    door = _with(door)
    waiting = _waits(door)
    asking = asyncio.create_task(door.get("events"))
    await waiting
    door.rooms.script["apply.feed"] = feed(FeedEntry(1042, "item", PRINT_NO, ITEM))
    door.parts.live.hear(_said(FeedExtended(USCC, [])))
    answer = await asking
    assert [name for name, _, _ in events(answer.text)] == ["hello", "item"]
    assert ": ping" not in answer.text


async def test_a_stream_lives_through_an_outage_of_apply(door):
    asked = []

    def broken(*, after, **_):
        asked.append(after)
        return FeedPage([], 1041) if len(asked) != 2 else Unavailable("apply")

    door.rooms.script["apply.feed"] = broken
    answer = await door.get("events")
    assert answer.text.count("event:") == 1
    assert len(asked) > 2


async def test_without_apply_no_stream_begins(door):
    answer = await door.get("events")
    assert (answer.status_code, answer.json()["component"]) == (503, "apply")
    assert not door.parts.live._listeners


async def test_a_stream_ends_when_the_card_is_pulled(door):
    door.rooms.script["apply.feed"] = feed()
    door.parts = replace(door.parts, pace=replace(door.parts.pace, ping_s=30, stream_s=30))
    door = _with(door)
    waiting = _waits(door)
    asking = asyncio.create_task(door.get("events"))
    await waiting
    door.parts.live.hear(_said(SessionLocked(session().session_id, USCC, "card_removed", NOW)))
    await asyncio.wait_for(asking, 2)
    assert not door.parts.live._listeners


async def test_a_sixth_stream_of_a_session_is_refused(door):
    for _ in range(5):
        door.parts.live.listen(USCC, session().session_id)
    answer = await door.get("events")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("events?after=-1", {}),
        ("events?application_no=X1", {}),
        ("events", {"Last-Event-ID": "new"}),
    ],
)
async def test_parameters_of_the_stream_have_their_forms(door, path, headers):
    assert (await door.get(path, headers)).status_code == 422


def _waits(door):
    """Done when a stream has told what there was and looked for more."""
    looked = asyncio.get_running_loop().create_future()

    def ask(*, after, **_):
        if after is not None and not looked.done():
            looked.set_result(None)
        return FeedPage([], 1041)

    door.rooms.script["apply.feed"] = ask
    return looked


def _said(data):
    return Envelope("1", "t", "/s", "x", NOW, data)


def _with(door):
    """The door again, working with its parts as they were changed."""
    door.app._app.state.parts = door.parts
    return door


# --- verification -------------------------------------------------------------------------------

PDF = b"%PDF-1.7\n%the rest is scripted\n"
SHA = hashlib.sha256(PDF).hexdigest()
SEAL = Signature(
    "danzheng 测试章", "danzheng Test Seal CA", "1f3a", MADE, None, "PAdES-B-B",
    "ECDSA P-256 SHA-256", covers_whole_file=True, trusted=True, intact=True, ours=True,
)  # fmt: skip


async def verify(door, **words):
    headers = {"Content-Type": "application/pdf"}
    return await door.ask("POST", "verifications", content=PDF, headers=headers, **words)


@pytest.mark.parametrize(
    ("changes", "digest", "verdict"),
    [
        ({}, "d1", "authentic"),
        ({"seal": "none"}, "d1", "matches_unsealed"),
        ({}, "d2", "outdated"),
        ({"withdrawn": True}, "d2", "withdrawn"),
        ({}, None, "authentic"),
    ],
)
async def test_a_file_of_ours_is_judged_by_its_record(door, changes, digest, verdict):
    door.rooms.script["apply.verify_sha256"] = record(sha256=SHA, **changes)
    door.rooms.script["query.digests"] = {ENTRY: digest} if digest else {}
    door.reading.facts = PdfFacts([CODE], [SEAL])
    answer = await verify(door)
    body = answer.json()
    assert (answer.status_code, body["verdict"]) == (200, verdict)
    assert body["answers"]["unchanged"] == {"result": "yes", "text": "文件自生成后未被修改"}
    assert body["document"]["entry_id_masked"] == "5301**********0018"
    assert body["document"]["company_name_masked"] == "示例****有限公司"
    assert body["signature"]["signer"] == "danzheng 测试章"
    assert body["how_to_check_elsewhere"].endswith("/help#verify")
    assert door.rooms.questions("apply.verify_sha256") == [{"sha256": SHA}]
    assert ENTRY not in answer.text


async def test_a_changed_file_that_carries_our_code_or_seal_is_altered(door):
    door.rooms.script["apply.verify_sha256"] = None
    door.rooms.script["apply.verify_code"] = record()
    door.reading.facts = PdfFacts([CODE], [])
    by_code = (await verify(door)).json()
    assert by_code["verdict"] == "altered"
    assert by_code["answers"]["unchanged"]["result"] == "no"
    assert by_code["document"]["verification_code"] == CODE
    door.rooms.script["apply.verify_code"] = refused("verification-not-found")
    door.reading.facts = PdfFacts([], [replace(SEAL, trusted=False, intact=False)])
    by_seal = (await verify(door)).json()
    assert by_seal["verdict"] == "altered"
    assert by_seal["document"] is None


async def test_a_strange_file_is_not_recognised_whatever_it_claims(door):
    door.rooms.script["apply.verify_sha256"] = None
    door.rooms.script["apply.verify_code"] = refused("verification-not-found")
    door.reading.facts = PdfFacts([CODE], [replace(SEAL, trusted=False, ours=False)])
    body = (await verify(door)).json()
    assert body["verdict"] == "unrecognised"
    assert body["document"] is None
    assert body["signature"]["trusted"] is False


async def test_a_file_may_come_as_a_part_and_must_be_a_pdf(door):
    door.rooms.script["apply.verify_sha256"] = None
    part = await door.ask("POST", "verifications", files={"file": ("a.pdf", PDF)})
    assert (part.status_code, part.json()["verdict"]) == (200, "unrecognised")
    text = await door.ask("POST", "verifications", files={"file": ("a.pdf", b"hello")})
    assert (text.status_code, text.json()["code"]) == (422, "not-a-pdf")
    other = await door.ask("POST", "verifications", json={})
    assert other.status_code == 415
    large = await door.ask(
        "POST", "verifications", content=PDF + b" " * (20 << 20),
        headers={"Content-Type": "application/pdf"},
    )  # fmt: skip
    assert (large.status_code, large.json()["limit_bytes"]) == (413, 20 << 20)


@pytest.mark.parametrize("shown", [CODE, CODE.lower(), "7K3M-9QW2-XR5T-8V1B-4N6P-0D2H"])
async def test_a_code_is_found_however_it_is_written(door, shown):
    door.rooms.script["apply.verify_code"] = record()
    door.rooms.script["query.digests"] = {ENTRY: "d1"}
    answer = await door.ask("GET", f"verifications/{shown}")
    body = answer.json()
    assert (answer.status_code, body["verdict"], body["signature"]) == (200, "issued", None)
    assert body["answers"]["unchanged"]["result"] == "unknown"
    assert door.rooms.questions("apply.verify_code") == [{"code": CODE}]


@pytest.mark.parametrize(
    ("changes", "digest", "verdict"),
    [({}, "d2", "outdated"), ({"withdrawn": True}, "d1", "withdrawn")],
)
async def test_a_code_tells_of_later_changes(door, changes, digest, verdict):
    door.rooms.script["apply.verify_code"] = record(**changes)
    door.rooms.script["query.digests"] = {ENTRY: digest}
    assert (await door.ask("GET", f"verifications/{CODE}")).json()["verdict"] == verdict


async def test_unknown_codes_and_too_many_questions(door):
    door.rooms.script["apply.verify_code"] = refused("verification-not-found")
    unknown = await door.ask("GET", f"verifications/{CODE}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "verification-not-found")
    assert (await door.ask("GET", "verifications/ILOU")).json()["code"] == "not-found"
    hasty = Door(logins_per_minute=1)
    await hasty.ask("GET", f"verifications/{CODE}")
    assert (await hasty.ask("GET", f"verifications/{CODE}")).status_code == 429


# --- service ------------------------------------------------------------------------------------


async def _down():
    raise Unavailable("x")


@pytest.mark.parametrize(
    ("broken", "status", "word"),
    [
        ((), 200, "ok"),
        (("render",), 200, "degraded"),
        (("retention", "render"), 200, "degraded"),
        (("broker",), 503, "down"),
        (("render", "database"), 503, "down"),
    ],
)
async def test_readiness_weighs_what_is_down(door, broken, status, word):
    for name in broken:
        door.checks[name] = _down
    answer = await door.ask("GET", "health/ready")
    assert (answer.status_code, answer.json()["status"]) == (status, word)
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()["checks"]) == [
        "auth", "query", "apply", "render", "retention", "broker", "database", "object_store",
    ]  # fmt: skip
    assert {name for name, state in answer.json()["checks"].items() if state == "down"} == set(
        broken
    )


async def test_the_process_answers_while_everything_else_is_down(door):
    assert (await door.ask("GET", "health/live")).json() == {"status": "ok"}


async def test_the_dictionary_and_the_description_are_public(door):
    dictionary = (await door.ask("GET", "data-dictionary")).json()
    assert dictionary["schema"] == "danzheng-declaration-data/1"
    code = next(field for field in dictionary["fields"] if field["path"] == "goods[].hs_code")
    assert code == {
        "path": "goods[].hs_code",
        "label": "商品编号",
        "type": "string",
        "max_length": 10,
        "code_table": None,
        "dec_message": "DecList/CodeTS",
    }
    description = (await door.ask("GET", "openapi.json")).json()
    assert description["openapi"].startswith("3.1")


async def test_pages_have_no_inline_script_or_style_and_a_strict_policy(door):
    for path in ("/", "/help", "/problems/expired"):
        page = await door.ask("GET", path)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["x-frame-options"] == "SAMEORIGIN"
        assert '<html lang="zh-CN">' in page.text
        assert "<script" not in page.text
        assert "style=" not in page.text
    landing = (await door.ask("GET", "/")).text
    assert "业务应用" in landing
    for link in (f"{API}/openapi.json", f"{API}/health/ready", "/help"):
        assert f'href="{link}"' in landing
    style = await door.ask("GET", "/static/danzheng.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    for path in ("/problems/none", "/static/../settings.py", "/nowhere"):
        assert (await door.ask("GET", path)).status_code == 404
