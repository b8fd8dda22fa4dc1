"""HTTP API section 7."""

import io

import openpyxl
import pytest

from tests.support.gateway_door import BEARER, ENTRY, ENTRY2, USCC, found_declarations, refused

pytestmark = pytest.mark.anyio


def numbers(count):
    return [f"5301202610{index:08d}" for index in range(count)]


async def test_the_answer_is_that_of_the_description(door):
    door.rooms.script["query.search"] = found_declarations()
    answer = await door.get(f"declarations?entry_ids={ENTRY},530120261000000999&include_total=true")
    assert answer.json() == {
        "items": [
            {
                "entry_id": ENTRY,
                "ie_flag": "I",
                "form_kind": "import_declaration",
                "form_kind_text": "进口货物报关单",
                "customs_code": "5301",
                "customs_name": "皇岗海关",
                "declared_on": "2026-11-02",
                "cleared_on": "2026-11-02",
                "trade_uscc": USCC,
                "trade_name": "示例甲进出口有限公司",
                "supervision_mode_code": "0110",
                "supervision_mode_name": "一般贸易",
                "goods_count": 3,
                "first_goods_name": "测试用轴承",
                "custody_class": "general",
                "custody_until": "2026-11-02",
                "print_outlook": None,
            }
        ],
        "not_found": ["530120261000000999"],
        "page": {"limit": 20, "next_cursor": None, "prev_cursor": None, "total": 1},
    }


async def test_what_is_asked_reaches_query_for_the_sessions_company_alone(door):
    door.rooms.script["query.search"] = found_declarations()
    await door.get(
        f"declarations?entry_ids=%20{ENTRY}%20,{ENTRY2},,{ENTRY}&date_from=2026-08-23"
        "&date_to=2026-11-23&limit=100&cursor=abc&include_total=true"
    )
    assert door.rooms.questions("query.search") == [
        {
            "uscc": USCC,
            "entry_ids": [ENTRY, ENTRY2],
            "date_from": "2026-08-23",
            "date_to": "2026-11-23",
            "limit": 100,
            "cursor": "abc",
            "include_total": True,
        }
    ]


@pytest.mark.parametrize(
    ("query", "code", "facts"),
    [
        ("", "query-empty", {}),
        ("?limit=5", "query-empty", {}),
        ("?entry_ids=", "query-empty", {}),
        ("?date_from=2026-01-01", "validation-failed", {}),
        ("?date_to=2026-01-01", "validation-failed", {}),
        ("?date_from=2026-02-30&date_to=2026-03-01", "validation-failed", {}),
        ("?date_from=20260201&date_to=2026-03-01", "validation-failed", {}),
        ("?date_from=2026-03-02&date_to=2026-03-01", "range-reversed", {}),
        (
            "?date_from=2026-02-27&date_to=2026-05-31",
            "range-too-long",
            {"earliest_from": "2026-02-28"},
        ),
        ("?entry_ids=123", "bad-entry-id", {}),
        (f"?entry_ids={','.join(numbers(51))}", "too-many-numbers", {"limit": 50, "given": 51}),
        (f"?entry_ids={ENTRY}&limit=0", "validation-failed", {}),
        (f"?entry_ids={ENTRY}&limit=101", "validation-failed", {}),
        (f"?entry_ids={ENTRY}&limit=1.0", "validation-failed", {}),
        (f"?entry_ids={ENTRY}&include_total=yes", "validation-failed", {}),
        (f"?entry_ids={ENTRY}&cursor=", "cursor-invalid", {}),
        (f"?entry_ids={ENTRY}&cursor={'x' * 513}", "cursor-invalid", {}),
    ],
)
async def test_each_rule_has_its_code(door, query, code, facts):
    answer = await door.get(f"declarations{query}")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, code)
    assert body["errors"][0]["code"] == code
    assert {name: body[name] for name in facts} == facts
    assert door.rooms.questions("query.search") == []


async def test_three_months_back_from_a_short_month_are_valid(door):
    door.rooms.script["query.search"] = found_declarations()
    answer = await door.get("declarations?date_from=2026-02-28&date_to=2026-05-31")
    assert answer.status_code == 200


async def test_fifty_distinct_numbers_are_fine_however_often_they_are_repeated(door):
    door.rooms.script["query.search"] = found_declarations()
    twice = ",".join(numbers(50) * 2)
    assert (await door.get(f"declarations?entry_ids={twice}")).status_code == 200


async def test_every_bad_number_is_told_and_a_unified_number_apart(door):
    answer = await door.get(f"declarations?entry_ids=12,{ENTRY},I20260000123456789")
    errors = answer.json()["errors"]
    assert [error["code"] for error in errors] == ["bad-entry-id", "bad-entry-id"]
    assert errors[0]["detail"] == "报关单号格式错误：12"
    assert errors[1]["detail"] == "这是统一编号，请输入报关单号。"


async def test_a_cursor_of_other_conditions_is_refused_by_query(door):
    door.rooms.script["query.search"] = refused("cursor-invalid")
    answer = await door.get(f"declarations?entry_ids={ENTRY}&cursor=abc")
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor-invalid")
    assert answer.json()["errors"] == [
        {
            "in": "query",
            "pointer": "cursor",
            "code": "cursor-invalid",
            "detail": "翻页参数无效，请重新查询。",
        }
    ]


# --- lists --------------------------------------------------------------------------------------


async def send(door, name, content):
    return await door.ask("POST", "entry-id-lists", files={"file": (name, content)}, headers=BEARER)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_a_text_list_is_read_in_both_encodings_with_all_separators(door, encoding):
    text = f"报关单号\n{ENTRY}，{ENTRY2}\n{ENTRY};、 \t{numbers(1)[0]}；53012026\r\n"
    answer = await send(door, "名单.txt", text.encode(encoding))
    assert answer.status_code == 200
    assert answer.json() == {
        "entry_ids": [ENTRY, ENTRY2, numbers(1)[0]],
        "duplicates": 1,
        "errors": [{"line": 3, "text": "53012026", "code": "bad-entry-id"}],
        "limit": 50,
        "over_limit": False,
    }


async def test_a_csv_list_is_read_by_what_looks_like_a_number(door):
    text = f'报关单号,备注\n"{ENTRY}",轴承\n{ENTRY2},上海\n53012026,x\n'
    body = (await send(door, "list.csv", text.encode())).json()
    assert body["entry_ids"] == [ENTRY, ENTRY2]
    assert body["errors"] == [{"line": 4, "text": "53012026", "code": "bad-entry-id"}]


async def test_a_workbook_is_read_by_its_first_column(door):
    book = openpyxl.Workbook()
    for row in (["报关单号", "备注"], [ENTRY, "530120261"], [None, 1], [ENTRY2], [5301]):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    body = (await send(door, "List.XLSX", content.getvalue())).json()
    assert body["entry_ids"] == [ENTRY, ENTRY2]
    assert body["errors"] == [{"line": 5, "text": "5301", "code": "bad-entry-id"}]


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("list.pdf", b"%PDF-", 415, "unsupported-media-type"),
        ("list", b"1", 415, "unsupported-media-type"),
        ("list.xlsx", b"not a workbook", 422, "file-unreadable"),
        ("list.txt", b"\x81\xff\x00", 422, "file-unreadable"),
        ("list.txt", b"5301\n" * 10_001, 413, "body-too-large"),
        ("list.txt", b" " * (1024 * 1024 + 1), 413, "body-too-large"),
    ],
)
async def test_a_list_that_cannot_be_read_says_why(door, name, content, status, code):
    answer = await send(door, name, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_list_over_the_limit_is_read_all_the_same(door):
    body = (await send(door, "a.txt", "\n".join(numbers(51)).encode())).json()
    assert (len(body["entry_ids"]), body["over_limit"]) == (51, True)


async def test_the_part_must_be_called_file_and_the_body_be_multipart(door):
    other = await door.ask(
        "POST", "entry-id-lists", files={"list": ("a.txt", b"1")}, headers=BEARER
    )
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (422, "/file")
    json = await door.post("entry-id-lists", {})
    assert json.status_code == 415
