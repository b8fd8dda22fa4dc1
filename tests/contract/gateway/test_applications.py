"""HTTP API sections 8 and 9 without the files."""

import hashlib
import json

import pytest

from services.kernel.contracts import apply
from services.kernel.contracts.wire import to_builtins
from tests.support.gateway_door import (
    API,
    ENTRY,
    ENTRY2,
    EXPIRES,
    EXPORT_NO,
    HEX,
    KEY,
    MADE,
    PRINT_NO,
    USCC,
    evidence,
    exported,
    item,
    printed,
    refused,
)

pytestmark = pytest.mark.anyio
SIGNATURE = {"protected": "eyJ…", "signature": "kT9v"}
ORDER = {
    "seal": "sealed",
    "entry_ids": [ENTRY, ENTRY2],
    "submitted_at": "2026-11-23T10:15:30.000+08:00",
    "submission_signature": SIGNATURE,
}
EXPORT = {name: value for name, value in ORDER.items() if name != "seal"}
ITEM = f"print-applications/{PRINT_NO}/items/{ENTRY}"
NEW = apply.Replay("new")


@pytest.fixture
def door(door):
    door.rooms.script |= {
        "apply.replay": NEW,
        "auth.check_submission": evidence(),
        "apply.accept": lambda order, **_: printed() if order["kind"] == "print" else exported(),
        "apply.read": printed(),
    }
    return door


# --- applying -----------------------------------------------------------------------------------


async def test_an_order_is_checked_by_auth_and_accepted_by_apply(door):
    answer = await door.post("print-applications", ORDER, KEY)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{API}/print-applications/{PRINT_NO}"
    assert answer.headers["retry-after"] == "2"
    assert "idempotency-replayed" not in answer.headers
    check = door.rooms.questions("auth.check_submission")[0]
    assert check["seal"] == "sealed"
    assert check["signature"] == SIGNATURE
    accepted = door.rooms.questions("apply.accept")[0]
    assert accepted["order"] == {
        "kind": "print",
        "seal": "sealed",
        "uscc": USCC,
        "company_name": "示例甲进出口有限公司",
        "entry_ids": [ENTRY, ENTRY2],
        "submitted_at": "2026-11-23T10:15:30.000+08:00",
    }
    assert accepted["path"] == f"{API}/print-applications"
    assert accepted["key"] == KEY["Idempotency-Key"]
    bare = json.dumps(
        {name: ORDER[name] for name in ("entry_ids", "seal", "submitted_at")},
        separators=(",", ":"),
    )
    assert accepted["content_sha256"] == hashlib.sha256(bare.encode()).hexdigest()


async def test_the_order_of_questions_is_replay_then_signature_then_acceptance(door):
    await door.post("print-applications", ORDER, KEY)
    names = [name for name, _ in door.rooms.asked]
    assert names == [
        "auth.read_session",
        "apply.replay",
        "auth.check_submission",
        "apply.accept",
    ]


async def test_an_order_for_data_has_no_seal(door):
    answer = await door.post("export-applications", EXPORT, KEY)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{API}/export-applications/{EXPORT_NO}"
    assert door.rooms.questions("apply.accept")[0]["order"]["seal"] is None
    sealed = await door.post("export-applications", ORDER, KEY)
    assert (sealed.status_code, sealed.json()["errors"][0]["pointer"]) == (422, "/seal")


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 400, "idempotency-key-missing"),
        ("short", 400, "idempotency-key-invalid"),
        ("x" * 65, 400, "idempotency-key-invalid"),
        ("x" * 15 + "!", 400, "idempotency-key-invalid"),
        ('"' + "x" * 16, 400, "idempotency-key-invalid"),
        ('"' + "x" * 16 + '"', 202, None),
        ("x" * 64, 202, None),
    ],
)
async def test_the_key_has_a_form(door, header, status, code):
    answer = await door.post(
        "print-applications", ORDER, {} if header is None else {"Idempotency-Key": header}
    )
    assert answer.status_code == status
    assert answer.json().get("code") == code
    if status == 202:
        assert door.rooms.questions("apply.replay")[0]["key"] == header.strip('"')


async def test_a_repeated_request_gets_the_first_answer_even_when_it_would_be_refused_now(door):
    first = await door.post("print-applications", ORDER, KEY)
    door.rooms.script["apply.replay"] = apply.Replay("done", to_builtins(printed()))
    door.rooms.script["auth.check_submission"] = refused("signature-invalid")
    again = await door.post("print-applications", ORDER, KEY)
    assert again.status_code == 202
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert len(door.rooms.questions("apply.accept")) == 1


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("running", 409, "idempotency-in-progress"),
        ("reused", 422, "idempotency-key-reused"),
    ],
)
async def test_a_key_in_work_or_used_for_something_else(door, state, status, code):
    door.rooms.script["apply.replay"] = apply.Replay(state)
    answer = await door.post("print-applications", ORDER, KEY)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("retry-after") == ("1" if state == "running" else None)
    assert door.rooms.questions("auth.check_submission") == []


def numbers(count):
    return [f"5301202610{index:08d}" for index in range(count)]


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"entry_ids": []}, "validation-failed", "/entry_ids"),
        ({"entry_ids": numbers(51)}, "too-many-numbers", "/entry_ids"),
        ({"entry_ids": [ENTRY, "12"]}, "bad-entry-id", "/entry_ids/1"),
        ({"entry_ids": [ENTRY, ENTRY2, ENTRY]}, "duplicate-entry-id", "/entry_ids/2"),
        ({"entry_ids": ENTRY}, "validation-failed", "/entry_ids"),
        ({"seal": "stamp"}, "validation-failed", "/seal"),
        ({"submitted_at": "2026-11-23T10:15:30+08:00"}, "validation-failed", "/submitted_at"),
        ({"submitted_at": "2026-11-23T02:15:30.000Z"}, "validation-failed", "/submitted_at"),
        ({"submitted_at": "2026-13-23T10:15:30.000+08:00"}, "validation-failed", "/submitted_at"),
        (
            {"submission_signature": {"protected": "a"}},
            "validation-failed",
            "/submission_signature/signature",
        ),
        (
            {"submission_signature": {"protected": "a", "signature": "b", "payload": "c"}},
            "validation-failed",
            "/submission_signature/payload",
        ),
    ],
)
async def test_each_rule_of_an_order_has_its_code_and_place(door, changes, code, pointer):
    answer = await door.post("print-applications", {**ORDER, **changes}, KEY)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, code)
    assert body["errors"][0] | {"detail": ""} == {
        "in": "body", "pointer": pointer, "code": code, "detail": "",
    }  # fmt: skip
    assert body["errors"][0]["detail"]
    assert door.rooms.questions("auth.check_submission") == []


async def test_too_many_numbers_answers_as_described(door):
    answer = await door.post("print-applications", {**ORDER, "entry_ids": numbers(53)}, KEY)
    body = answer.json()
    detail = "最多输入50个报关单号，当前 53 个。"
    assert (body["title"], body["detail"]) == ("报关单号超过50个", detail)
    assert (body["limit"], body["given"]) == (50, 53)
    assert body["errors"] == [
        {"in": "body", "pointer": "/entry_ids", "code": "too-many-numbers", "detail": detail}
    ]


@pytest.mark.parametrize(
    ("where", "refusal", "status", "facts"),
    [
        ("auth.check_submission", refused("signature-invalid"), 422, {}),
        ("auth.check_submission", refused("certificate-rejected", reason="expired"), 401,
         {"reason": "expired"}),
        ("apply.accept", refused("submitted-at-skewed", server_time="2026-11-23T02:15:30Z"), 422,
         {"server_time": "2026-11-23T10:15:30.000+08:00"}),
        ("apply.accept", refused("signature-reused", application_no=PRINT_NO), 409,
         {"application_no": PRINT_NO}),
        ("apply.accept", refused("all-refused", refused_items=[{"entry_id": ENTRY}]), 422,
         {"refused_items": [{"entry_id": ENTRY}]}),
        ("apply.accept", refused("queue-full"), 503, {}),
        ("apply.accept", refused("idempotency-in-progress"), 409, {}),
        ("apply.accept", refused("idempotency-key-reused"), 422, {}),
        ("apply.accept",
         refused("quota-exceeded", quota="daily_items", limit=2000, used=1990,
                 resets_at="2026-11-23T16:00:00Z"),
         429,
         {"quota": "daily_items", "limit": 2000, "used": 1990,
          "resets_at": "2026-11-24T00:00:00.000+08:00"}),
    ],
)  # fmt: skip
async def test_a_refused_order_keeps_its_code_and_facts(door, where, refusal, status, facts):
    door.rooms.script[where] = refusal
    answer = await door.post("print-applications", ORDER, KEY)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, refusal.code)
    assert {name: body[name] for name in facts} == facts
    assert bool(body["errors"]) == (status == 422)
    if status in {429, 503} or refusal.code == "idempotency-in-progress":
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_quota_says_when_it_is_new(door):
    door.rooms.script["apply.accept"] = refused(
        "quota-exceeded", quota="daily_items", resets_at="2026-11-23T02:17:00Z"
    )
    answer = await door.post("print-applications", ORDER, KEY)
    assert answer.headers["retry-after"] == "90"


# --- reading ------------------------------------------------------------------------------------


async def test_a_print_application_is_told_as_described(door):
    body = (await door.get(f"print-applications/{PRINT_NO}")).json()
    place = f"{API}/print-applications/{PRINT_NO}/items/{ENTRY}"
    assert body["items"][0] == {
        "entry_id": ENTRY,
        "status": "sealed_ready",
        "status_code": "1",
        "status_text": "有签章已生成",
        "phase": None,
        "percent": 100,
        "queue_position": None,
        "eta_seconds": None,
        "attempts": 1,
        "reason": None,
        "made_at": "2026-11-23T10:15:33.201+08:00",
        "expires_at": "2026-12-23T10:15:33.201+08:00",
        "expired": False,
        "reused": False,
        "file": {
            "name": f"报关单_{ENTRY}_有签章.pdf",
            "media_type": "application/pdf",
            "size": 184_233,
            "sha256": HEX,
            "pages": 1,
            "verification_code": "7K3M9QW2XR5T8V1B4N6P0D2H",
        },
        "actions": {
            "export": True,
            "print": True,
            "operations": True,
            "retry": False,
            "reapply": True,
        },
        "links": {"self": place, "file": f"{place}/file", "operations": f"{place}/operations"},
    }
    assert list(body) == [
        "application_no", "kind", "seal", "seal_text", "submitted_at", "accepted_at",
        "finished_at", "state", "progress", "items", "refused_items", "submission", "links",
    ]  # fmt: skip
    assert body["progress"] == {
        "total": 2,
        "ready": 1,
        "making": 1,
        "customs_unfinished": 0,
        "unsupported_version": 0,
        "failed": 0,
        "percent": 50,
    }
    assert body["accepted_at"] == "2026-11-23T10:15:30.655+08:00"


async def test_an_export_application_is_told_as_described(door):
    door.rooms.script["apply.read"] = exported()
    body = (await door.get(f"export-applications/{EXPORT_NO}")).json()
    assert (body["status"], body["status_code"], body["status_text"]) == (
        "ready", "1", "数据已生成",
    )  # fmt: skip
    assert body["files"]["csv"] == {
        "name": f"报关单数据_{EXPORT_NO}.csv",
        "media_type": "text/csv; charset=utf-8",
        "size": 100,
        "sha256": HEX,
    }
    assert body["items"][1] == {
        "entry_id": ENTRY2,
        "status": "failed",
        "status_code": "2",
        "status_text": "数据生成失败",
        "attempts": 5,
        "reason": {"code": "source-missing", "message": "数据来源缺失"},
    }
    assert body["actions"] == {
        "export": True, "operations": True, "retry": True, "reapply": True,
    }  # fmt: skip
    assert body["links"]["file"] == f"{API}/export-applications/{EXPORT_NO}/file"


async def test_what_belongs_to_others_is_not_found_like_what_does_not_exist(door):
    door.rooms.script["apply.read"] = refused("not-found")
    for path in (f"print-applications/{PRINT_NO}", f"export-applications/{EXPORT_NO}"):
        answer = await door.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_lists_pass_every_condition_on(door):
    door.rooms.script["apply.search"] = apply.ApplicationPage([printed()], "eyJ", None, None)
    answer = await door.get(
        f"print-applications?application_no={PRINT_NO}&status=making,failed&seal=none"
        f"&entry_ids={ENTRY}&date_from=2026-11-23&date_to=2026-11-23&expired=false&limit=1"
    )
    assert answer.json()["page"] == {
        "limit": 1, "next_cursor": "eyJ", "prev_cursor": None, "total": None,
    }  # fmt: skip
    assert door.rooms.questions("apply.search")[0] == {
        "uscc": USCC,
        "search": {
            "kind": "print",
            "application_no": PRINT_NO,
            "statuses": ["making", "failed"],
            "seal": "none",
            "entry_ids": [ENTRY],
            "date_from": "2026-11-23",
            "date_to": "2026-11-23",
            "expired": False,
            "limit": 1,
            "cursor": None,
            "include_total": False,
        },
    }


@pytest.mark.parametrize("status", ["all", "making,all", "%20all%20"])
async def test_all_is_no_condition(door, status):
    door.rooms.script["apply.search"] = apply.ApplicationPage([], None, None, None)
    await door.get(f"export-applications?status={status}")
    assert door.rooms.questions("apply.search")[0]["search"]["statuses"] is None


@pytest.mark.parametrize(
    "path",
    [
        "print-applications?status=ready",
        "export-applications?status=sealed_ready",
        "print-applications?status=",
        "export-applications?seal=none",
        f"print-applications?application_no={EXPORT_NO}",
        "print-applications?limit=51",
        "export-applications?limit=51",
        "print-items?limit=101",
        "print-items?expired=1",
        "print-items?date_from=2026-01-01",
    ],
)
async def test_conditions_have_their_forms(door, path):
    answer = await door.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")


async def test_rows_and_a_single_row_are_items_with_their_application(door):
    row = apply.ItemRow(PRINT_NO, "none", MADE, item("unsealed_ready"))
    door.rooms.script["apply.search_items"] = apply.ItemPage([row], None, None, 1)
    door.rooms.script["apply.read_item"] = row
    listed = (await door.get("print-items?limit=100&include_total=true")).json()
    single = await door.get(ITEM)
    assert listed["items"] == [single.json()]
    assert listed["page"]["total"] == 1
    assert single.json()["seal_text"] == "无签章"
    assert single.json()["accepted_at"] == "2026-11-23T10:15:33.201+08:00"
    assert "retry-after" not in single.headers
    door.rooms.script["apply.read_item"] = apply.ItemRow(PRINT_NO, "none", MADE, item("making"))
    assert (await door.get(ITEM)).headers["retry-after"] == "2"


# --- operation records and retries --------------------------------------------------------------


def operation(**changes):
    actor = apply.Actor("示例甲进出口有限公司", USCC, "张三", "8930*****0001", "ses_1")
    client = apply.Client("api", "192.0.2.10", "example-client/1.0")
    return apply.OperationView(
        **{
            "operation_id": "opr_1", "seq": 1, "at": MADE, "action": "export", "actor": actor,
            "client": client, "file_sha256": HEX, **changes,
        }
    )  # fmt: skip


async def test_records_of_prints_and_of_data_differ_by_format_and_completeness(door):
    page = apply.OperationPage([operation(format="zip", partial=True)], None, None, None)
    door.rooms.script["apply.operations"] = page
    of_print = (await door.get(f"{ITEM}/operations")).json()["items"][0]
    of_data = (await door.get(f"export-applications/{EXPORT_NO}/operations?limit=5")).json()
    assert of_print == {
        "operation_id": "opr_1",
        "seq": 1,
        "at": "2026-11-23T10:15:33.201+08:00",
        "action": "export",
        "action_text": "导出",
        "actor": {
            "company_name": "示例甲进出口有限公司",
            "uscc": USCC,
            "holder": "张三",
            "card_no_masked": "8930*****0001",
            "session_id": "ses_1",
        },
        "client": {"via": "api", "ip": "192.0.2.10", "user_agent": "example-client/1.0"},
        "file_sha256": HEX,
        "bundle_id": None,
    }
    assert of_data["items"][0] == {**of_print, "format": "zip", "partial": True}
    asked = door.rooms.questions("apply.operations")
    assert [question["entry_id"] for question in asked] == [ENTRY, None]
    assert asked[1]["limit"] == 5


async def test_a_print_event_is_recorded_for_the_caller(door):
    door.rooms.script["apply.record_print_event"] = operation(action="print_dialog_opened")
    answer = await door.post(f"{ITEM}/print-events", {"event": "dialog_opened"})
    assert (answer.status_code, answer.json()["action_text"]) == (201, "打印窗口已打开")
    asked = door.rooms.questions("apply.record_print_event")[0]
    assert asked["event"] == "dialog_opened"
    assert asked["actor"]["card_no_masked"] == "8930*****0001"
    door.rooms.script["apply.record_print_event"] = refused("no-print-stream")
    refusal = await door.post(f"{ITEM}/print-events", {"event": "dialog_closed"})
    assert (refusal.status_code, refusal.json()["code"]) == (409, "no-print-stream")
    bad = await door.post(f"{ITEM}/print-events", {"event": "printed"})
    assert bad.status_code == 422


@pytest.mark.parametrize(("body", "asked"), [({}, None), ({"entry_ids": [ENTRY]}, [ENTRY])])
async def test_failed_items_are_made_again(door, body, asked):
    door.rooms.script["apply.retry"] = printed()
    path = f"print-applications/{PRINT_NO}/retries"
    answer = await door.post(path, body, KEY)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{API}/print-applications/{PRINT_NO}"
    question = door.rooms.questions("apply.retry")[0]
    assert question["entry_ids"] == asked
    assert question["path"] == f"{API}/{path}"
    assert question["content_sha256"]


async def test_a_retry_may_be_refused_or_repeated(door):
    path = f"export-applications/{EXPORT_NO}/retries"
    assert (await door.post(path, {"entry_ids": []}, KEY)).status_code == 422
    assert (await door.post(path, {})).json()["code"] == "idempotency-key-missing"
    door.rooms.script["apply.retry"] = refused("nothing-to-retry")
    answer = await door.post(path, {}, KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-retry")
    door.rooms.script["apply.replay"] = apply.Replay("done", to_builtins(exported()))
    again = await door.post(path, {}, KEY)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")


@pytest.mark.parametrize(
    ("status", "expired", "actions"),
    [
        ("unsealed_ready", False, "export print operations reapply"),
        ("sealed_ready", True, "operations reapply"),
        ("customs_unfinished", False, "reapply"),
        ("making", False, ""),
        ("unsupported_version", False, ""),
        ("failed", False, "retry reapply"),
    ],
)
async def test_what_may_be_done_follows_from_the_state(door, status, expired, actions):
    view = item(status, expired=expired, expires_at=EXPIRES)
    door.rooms.script["apply.read"] = printed(items=[view])
    body = (await door.get(f"print-applications/{PRINT_NO}")).json()
    allowed = [name for name, may in body["items"][0]["actions"].items() if may]
    assert allowed == actions.split()
