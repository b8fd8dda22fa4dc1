"""HTTP API sections 1.1, 8.4, 9.4 and 10."""

import hashlib
from base64 import b64encode
from urllib.parse import quote

import pytest

from services.kernel.contracts import apply
from services.kernel.contracts.wire import to_builtins
from tests.support.gateway_door import (
    API,
    BASE_URL,
    BEARER,
    BUNDLE,
    ENTRY,
    ENTRY2,
    EXPIRES,
    EXPORT_NO,
    HEX,
    KEY,
    MADE,
    PRINT_NO,
    USCC,
    refused,
)

pytestmark = pytest.mark.anyio
CONTENT = bytes(range(256)) * 4096  # a mebibyte, more than one chunk
SHA = hashlib.sha256(CONTENT).hexdigest()
PRINT = f"print-applications/{PRINT_NO}/items/{ENTRY}/file"
DATA = f"export-applications/{EXPORT_NO}/file"
DOWNLOAD = "downloads/tkt_9fK"


@pytest.fixture
def door(door):
    stored = door.store.put_new("key", CONTENT, content_type="x/y", metadata={})
    grant = apply.FileGrant("key", stored.etag, SHA, len(CONTENT), MADE, EXPIRES, "sealed")
    ticket = apply.TicketGrant(
        BUNDLE, "key", stored.etag, SHA, len(CONTENT), "报关单批量导出_20261123102000_1票.zip"
    )
    door.rooms.script |= {"apply.open_file": grant, "apply.spend_ticket": ticket}
    return door


def recorded(door):
    return [asked["record"] for asked in door.rooms.questions("apply.open_file")]


async def test_a_file_comes_whole_with_all_its_headers_and_is_recorded_before(door):
    answer = await door.get(PRINT)
    assert answer.status_code == 200
    assert answer.content == CONTENT
    told = {
        "content-type": "application/pdf",
        "content-length": str(len(CONTENT)),
        "etag": f'"{SHA}"',
        "accept-ranges": "bytes",
        "repr-digest": f"sha-256=:{b64encode(bytes.fromhex(SHA)).decode()}:",
        "cache-control": "private, no-store",
        "x-content-type-options": "nosniff",
        "content-security-policy": "frame-ancestors 'self'",
        "content-disposition": f'attachment; filename="{ENTRY}.pdf"; '
        f"filename*=UTF-8''%E6%8A%A5%E5%85%B3%E5%8D%95_{ENTRY}_%E6%9C%89%E7%AD%BE%E7%AB%A0.pdf",
    }
    assert {name: answer.headers[name] for name in told} == told
    assert "content-encoding" not in answer.headers
    assert recorded(door) == [False, True]
    asked = door.rooms.questions("apply.open_file")[1]
    assert asked["purpose"] == "export"
    assert asked["uscc"] == USCC
    assert asked["actor"]["holder"] == "张三"
    assert asked["client"]["via"] == "api"


async def test_a_file_for_printing_is_shown_in_the_browser(door):
    answer = await door.get(f"{PRINT}?purpose=print")
    assert answer.headers["content-disposition"].startswith(f'inline; filename="{ENTRY}.pdf"')
    assert door.rooms.questions("apply.open_file")[1]["purpose"] == "print"
    assert (await door.get(f"{PRINT}?purpose=look")).status_code == 422


SIZE = len(CONTENT)


@pytest.mark.parametrize(
    ("given", "status", "start", "end"),
    [
        ("bytes=0-99", 206, 0, 99),
        ("bytes=100-", 206, 100, SIZE - 1),
        ("bytes=-100", 206, SIZE - 100, SIZE - 1),
        (f"bytes=10-{SIZE * 2}", 206, 10, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 206, 0, SIZE - 1),
        ("bytes=0-1,5-6", 200, 0, SIZE - 1),
        ("bytes=9-1", 200, 0, SIZE - 1),
        ("bytes=-", 200, 0, SIZE - 1),
        ("lines=1-2", 200, 0, SIZE - 1),
    ],
)
async def test_one_range_is_served_and_what_is_none_gets_the_whole(door, given, status, start, end):
    answer = await door.get(PRINT, {"Range": given})
    assert answer.status_code == status
    assert answer.content == CONTENT[start : end + 1]
    assert answer.headers["content-length"] == str(end - start + 1)
    told = f"bytes {start}-{end}/{SIZE}" if status == 206 else None
    assert answer.headers.get("content-range") == told
    assert recorded(door) == ([False, True] if start == 0 else [False])


@pytest.mark.parametrize("given", [f"bytes={SIZE}-", "bytes=-0", f"bytes={SIZE * 2}-{SIZE * 3}"])
async def test_a_range_outside_the_file_is_refused_and_not_recorded(door, given):
    answer = await door.get(PRINT, {"Range": given})
    assert (answer.status_code, answer.json()["code"]) == (416, "range-not-satisfiable")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"
    assert recorded(door) == [False]


@pytest.mark.parametrize(
    ("if_range", "status"), [(f'"{SHA}"', 206), ('"other"', 200), (f'W/"{SHA}"', 200)]
)
async def test_a_range_of_another_file_gets_this_one_whole(door, if_range, status):
    answer = await door.get(PRINT, {"Range": "bytes=5-9", "If-Range": if_range})
    assert answer.status_code == status


async def test_a_file_one_has_is_not_sent_again_nor_recorded(door):
    answer = await door.get(PRINT, {"If-None-Match": f'"{SHA}"'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == f'"{SHA}"'
    assert recorded(door) == [False]


async def test_head_tells_the_size_and_records_nothing(door):
    answer = await door.ask("HEAD", PRINT, headers=BEARER)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(SIZE)
    assert recorded(door) == [False]


async def test_without_a_record_there_are_no_bytes(door):
    grant = door.rooms.script["apply.open_file"]

    def only_looking(*, record, **_):
        return refused("upstream-down") if record else grant

    door.rooms.script["apply.open_file"] = only_looking
    answer = await door.get(PRINT)
    assert answer.status_code == 503
    assert len(answer.content) < 1000


async def test_without_the_object_there_is_no_record(door):
    grant = door.rooms.script["apply.open_file"]
    for broken in ({"object_key": "gone"}, {"etag": "other"}):
        door.rooms.script["apply.open_file"] = to_builtins(grant) | broken
        answer = await door.get(PRINT)
        assert (answer.status_code, answer.json()["component"]) == (503, "object_store")
    door.store.down = True
    door.rooms.script["apply.open_file"] = grant
    assert (await door.get(PRINT)).status_code == 503
    assert True not in recorded(door)


async def test_a_file_that_is_not_made_is_told_as_described(door):
    reason = {"code": "customs-unfinished", "message": "海关作业流程未完结"}
    door.rooms.script["apply.open_file"] = refused(
        "not-ready",
        item_status="customs_unfinished",
        status_text="海关作业流程未完结",
        reason=reason,
    )
    answer = await door.get(PRINT)
    body = answer.json()
    body.pop("trace_id")
    assert answer.status_code == 409
    assert body == {
        "type": f"{BASE_URL}/problems/not-ready",
        "title": "尚未生成",
        "status": 409,
        "detail": "海关作业流程未完结",
        "instance": f"{API}/{PRINT}",
        "code": "not-ready",
        "errors": [],
        "status_text": "海关作业流程未完结",
        "item_status": "customs_unfinished",
        "reason": reason,
    }


async def test_an_expired_file_is_gone_in_the_words_of_the_manual(door):
    door.rooms.script["apply.open_file"] = refused("expired", expires_at="2026-11-01T02:15:33.201Z")
    answer = await door.get(PRINT)
    assert (answer.status_code, answer.json()["title"]) == (410, "已超过保存期限，请重新申请")
    assert answer.json()["expires_at"] == "2026-11-01T10:15:33.201+08:00"


# --- data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "accept", "format_"),
    [
        ("", None, "zip"),
        ("", "*/*", "zip"),
        ("", "text/csv", "csv"),
        ("", "application/json;q=0.5, application/xml", "xml"),
        ("", "text/html, application/*;q=0.3", "zip"),
        ("?format=xlsx", "text/csv", "xlsx"),
        ("?format=json", "image/png", "json"),
    ],
)
async def test_the_format_is_asked_for_by_parameter_or_accept(door, query, accept, format_):
    answer = await door.get(DATA + query, {"Accept": accept} if accept else {"Accept": ""})
    assert answer.status_code == 200
    assert door.rooms.questions("apply.open_file")[0]["format"] == format_
    name = quote(f"报关单数据_{EXPORT_NO}.{format_}")
    assert answer.headers["content-disposition"] == (
        f"attachment; filename=\"{EXPORT_NO}.{format_}\"; filename*=UTF-8''{name}"
    )
    if format_ == "csv":
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/zip;q=0"])
async def test_a_format_there_is_none_of_is_not_acceptable(door, accept):
    answer = await door.get(DATA, {"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")
    assert len(answer.json()["available"]) == 5


@pytest.mark.parametrize(
    ("failed", "numbers"),
    [
        ([ENTRY], ENTRY),
        ([ENTRY, ENTRY2], f"{ENTRY}、{ENTRY2}"),
        (list("abcdefg"), "a、b、c、d、e等 7 票"),
    ],
)
async def test_the_partial_question_names_the_numbers(door, failed, numbers):
    door.rooms.script["apply.open_file"] = refused("partial-failure", failed_entry_ids=failed)
    answer = await door.get(DATA)
    body = answer.json()
    assert answer.status_code == 409
    assert body["detail"] == f"报关单号 {numbers}数据生成失败，请确认是否继续导出？"
    assert body["failed_entry_ids"] == failed


async def test_partial_data_are_handed_out_when_accepted(door):
    await door.get(f"{DATA}?accept_partial=true")
    asked = door.rooms.questions("apply.open_file")
    assert [question["accept_partial"] for question in asked] == [True, True]


# --- bundles ------------------------------------------------------------------------------------


def bundle(**changes):
    facts = {
        "bundle_id": BUNDLE,
        "state": "ready",
        "created_at": MADE,
        "expires_at": EXPIRES,
        "progress": {"total": 1, "done": 1, "bytes_total": 9, "bytes_done": 9, "percent": 100},
        "items": [apply.BundlePair(PRINT_NO, ENTRY)],
        "skipped": [],
        "reason": None,
        "file": apply.FileFacts(9, HEX),
    }
    return apply.BundleView(**{**facts, **changes})


PAIR = {"application_no": PRINT_NO, "entry_id": ENTRY}


async def test_a_bundle_is_ordered_and_told_as_described(door):
    door.rooms.script |= {"apply.replay": apply.Replay("new"), "apply.create_bundle": bundle()}
    answer = await door.post("bundles", {"items": [PAIR]}, KEY)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{API}/bundles/{BUNDLE}"
    assert answer.headers["retry-after"] == "2"
    assert answer.json() == {
        "bundle_id": BUNDLE,
        "state": "ready",
        "created_at": "2026-11-23T10:15:33.201+08:00",
        "expires_at": "2026-12-23T10:15:33.201+08:00",
        "progress": {"total": 1, "done": 1, "bytes_total": 9, "bytes_done": 9, "percent": 100},
        "items": [PAIR],
        "skipped": [],
        "reason": None,
        "file": {
            "name": "报关单批量导出_20261123101533_1票.zip",
            "media_type": "application/zip",
            "size": 9,
            "sha256": HEX,
        },
        "links": {
            "self": f"{API}/bundles/{BUNDLE}",
            "tickets": f"{API}/bundles/{BUNDLE}/tickets",
        },
    }
    asked = door.rooms.questions("apply.create_bundle")[0]
    assert asked["pairs"] == [PAIR]
    assert asked["accept_partial"] is False


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"items": []}, "validation-failed"),
        ({"items": [PAIR, PAIR]}, "validation-failed"),
        ({"items": [{**PAIR, "entry_id": "12"}]}, "bad-entry-id"),
        ({"items": [{**PAIR, "application_no": EXPORT_NO}]}, "validation-failed"),
        ({"items": [PAIR], "accept_partial": "yes"}, "validation-failed"),
        ({"items": [PAIR], "more": 1}, "validation-failed"),
    ],
)
async def test_an_order_for_a_bundle_has_its_rules(door, body, code):
    door.rooms.script["apply.replay"] = apply.Replay("new")
    answer = await door.post("bundles", body, KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_what_cannot_be_bundled_is_listed(door):
    gone = [{**PAIR, "code": "expired"}]
    door.rooms.script |= {
        "apply.replay": apply.Replay("new"),
        "apply.create_bundle": refused("items-unavailable", unavailable=gone),
    }
    answer = await door.post("bundles", {"items": [PAIR], "accept_partial": True}, KEY)
    assert (answer.status_code, answer.json()["unavailable"]) == (409, gone)


async def test_bundles_are_listed_read_and_dropped(door):
    building = bundle(state="building", file=None, expires_at=None)
    door.rooms.script |= {
        "apply.list_bundles": apply.BundlePage([bundle()], None, None, 1),
        "apply.read_bundle": building,
        "apply.drop_bundle": None,
    }
    listed = await door.get("bundles?limit=50&include_total=true")
    assert listed.json()["page"]["total"] == 1
    read = await door.get(f"bundles/{BUNDLE}")
    assert read.json()["file"] is None
    assert read.headers["retry-after"] == "2"
    dropped = await door.ask("DELETE", f"bundles/{BUNDLE}", headers=BEARER)
    assert (dropped.status_code, dropped.content) == (204, b"")
    assert (await door.get("bundles?limit=51")).status_code == 422


async def test_a_ticket_names_where_to_download(door):
    door.rooms.script["apply.issue_ticket"] = apply.Ticket("tkt_9fK", EXPIRES, 9, HEX)
    answer = await door.ask("POST", f"bundles/{BUNDLE}/tickets", headers=BEARER)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["url"] == f"{BASE_URL}{API}/downloads/tkt_9fK"


def spent(door):
    return [asked["spend"] for asked in door.rooms.questions("apply.spend_ticket")]


@pytest.mark.parametrize(
    ("headers", "status", "spends"),
    [
        ({}, 200, [False, True]),
        ({"Range": "bytes=5-9"}, 206, [False, True]),
        ({"Range": f"bytes={SIZE}-"}, 416, [False]),
        ({"If-None-Match": f'"{SHA}"'}, 304, [False]),
    ],
)
async def test_a_ticket_is_spent_by_the_first_bytes_and_needs_no_session(
    door, headers, status, spends
):
    answer = await door.ask("GET", DOWNLOAD, headers=headers)
    assert answer.status_code == status
    assert spent(door) == spends
    assert door.rooms.questions("auth.read_session") == []
    if status == 200:
        assert answer.content == CONTENT
        assert answer.headers["content-disposition"].startswith(
            f'attachment; filename="{BUNDLE}.zip"; filename*=UTF-8'
        )


async def test_head_never_spends_a_ticket(door):
    assert (await door.ask("HEAD", DOWNLOAD)).status_code == 200
    assert spent(door) == [False]


@pytest.mark.parametrize(
    ("code", "status"), [("ticket-not-found", 404), ("ticket-spent", 410), ("ticket-expired", 410)]
)
async def test_a_ticket_that_is_no_good_says_why(door, code, status):
    door.rooms.script["apply.spend_ticket"] = refused(code)
    answer = await door.ask("GET", DOWNLOAD)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
