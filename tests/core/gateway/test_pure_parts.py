"""The parts of the gateway that need no server."""

import hashlib
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import texts
from gateway.content import content_sha256, idempotency_key, parse_json, place_without_form
from gateway.limits import RateLimit
from gateway.negotiation import data_format, disposition, matches, slice_of
from gateway.number_lists import TooManyNumbers, Unreadable, read_list, text_of
from gateway.problems import EXTRA_MEMBERS, KINDS, Fault, Problem, document, language_of, of_faults
from gateway.resources import masked, pause_s
from gateway.times import moment, retold
from gateway.validation import check_range, pointer
from services.kernel.calendar import add_months

NOW = datetime(2026, 11, 23, 2, 15, 30, 412_999, UTC)


# --- problems -----------------------------------------------------------------------------------


def test_every_code_has_words_in_both_languages_and_a_status_of_its_kind():
    for code, kind in KINDS.items():
        assert 400 <= kind.status < 600, code
        assert kind.zh, code
        assert kind.en, code
        assert kind.en.isascii(), code
        assert kind.detail_zh, code
        assert kind.detail_en, code
    assert set(EXTRA_MEMBERS) <= set(KINDS)


def told(problem, language="zh"):
    return document(
        problem, base_url="https://d.example", instance="/x", trace_id="0" * 32, language=language
    )


def test_the_first_broken_rule_names_the_problem():
    faults = [Fault("body", "/a", "bad-entry-id", "甲", "A"), Fault("query", "b", "query-empty")]
    body = told(of_faults(faults))
    assert (body["code"], body["detail"]) == ("bad-entry-id", "甲")
    assert [error["code"] for error in body["errors"]] == ["bad-entry-id", "query-empty"]
    assert told(of_faults(faults), "en")["errors"][0]["detail"] == "A"


def test_errors_are_told_for_422_alone():
    assert told(Problem("not-found"))["errors"] == []
    assert told(Problem("query-empty"))["errors"] == [
        {
            "in": "query",
            "pointer": "entry_ids",
            "code": "query-empty",
            "detail": "请输入报关单号或申请日期。",
        }
    ]


def test_a_fact_that_is_missing_leaves_its_place_blank():
    assert told(Problem("signature-reused"))["detail"] == "该签名已用于申请 。"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"),
        ("", "zh"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,en;q=0.9", "zh"),
        ("de, en;q=0.3", "en"),
        ("en;q=0.2, zh;q=0.4", "zh"),
        ("en;q=x", "zh"),
        ("en;q=0", "zh"),
    ],
)
def test_the_language_is_the_preferred_one_of_two(header, language):
    assert language_of(header) == language


# --- times and masks ----------------------------------------------------------------------------


def test_moments_are_cut_to_the_millisecond_in_shanghai():
    assert moment(NOW) == "2026-11-23T10:15:30.412+08:00"
    assert moment(None) is None


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("2026-11-23T02:15:30.412999Z", "2026-11-23T10:15:30.412+08:00"),
        ("2026-11-23T10:15:30+08:00", "2026-11-23T10:15:30.000+08:00"),
        ("2026-11-23", "2026-11-23"),
        ("P20261123000000017", "P20261123000000017"),
        (7, 7),
        (None, None),
    ],
)
def test_only_moments_are_retold(given_, said):
    assert retold(given_) == said


def test_masks_keep_the_ends_and_hide_short_texts_whole():
    assert masked("8930000000001", 4, 4, 5) == "8930*****0001"
    assert masked("示例甲进出口有限公司", 2, 4, 4) == "示例****有限公司"
    assert masked("甲公司", 2, 4, 4) == "****"


def test_pauses_grow_from_two_seconds_to_ten():
    ages = [pause_s(NOW, NOW + timedelta(seconds=s)) for s in (-5, 0, 14, 15, 60, 120, 9999)]
    assert ages == [2, 2, 2, 3, 6, 10, 10]


# --- ranges of days -----------------------------------------------------------------------------


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 200))
def test_three_calendar_months_back_are_allowed_and_no_day_more(last, days):
    first = last - timedelta(days=days)
    earliest = add_months(last, -3)
    if first >= earliest:
        check_range(first, last)
        return
    with pytest.raises(Problem) as fault:
        check_range(first, last)
    assert fault.value.code == "range-too-long"
    assert fault.value.facts == {"earliest_from": earliest.isoformat()}


def test_pointers_are_escaped():
    assert pointer(["entry_ids", 3, "a/b~c"]) == "/entry_ids/3/a~1b~0c"


# --- content ------------------------------------------------------------------------------------


def test_content_is_the_body_without_its_signature_in_any_order():
    signed = {"b": 1, "submission_signature": {"x": 1}, "a": "é"}
    plain = '{"a":"é","b":1}'
    assert content_sha256(signed) == hashlib.sha256(plain.encode()).hexdigest()
    assert content_sha256({"a": "é", "b": 1}) == content_sha256(signed)
    assert content_sha256({"a": "é", "b": 2}) != content_sha256(signed)
    assert content_sha256({"a": 2**60}) is None


def test_the_check_value_of_the_description():
    signed = {
        "kind": "print",
        "seal": "sealed",
        "entry_ids": ["530120261000000018", "530120261000000026"],
        "submitted_at": "2026-11-23T10:15:30.000+08:00",
        "session": "ses_01KAQ7V5N3T8W2YB4C6D9E0FGH",
    }
    assert content_sha256(signed) == (
        "1af134ac08077128e63efc58c616e2293d0040f800fbd30a2034d41e25249dfe"
    )


@given(st.binary(max_size=40).map(lambda body: b"<" + body))
def test_what_is_no_json_is_malformed(body):
    with pytest.raises(Problem) as fault:
        parse_json(body)
    assert fault.value.code == "malformed-json"


def test_a_key_may_be_quoted_on_both_sides_only():
    assert idempotency_key('"abcdefghijklmnop"') == "abcdefghijklmnop"
    for wrong in ('"abcdefghijklmnop', 'abcdefghijklmnop"', "abcdefghijklmnop\n"):
        with pytest.raises(Problem):
            idempotency_key(wrong)


# --- negotiation --------------------------------------------------------------------------------


@given(st.integers(1, 5000), st.integers(0, 6000), st.one_of(st.none(), st.integers(0, 6000)))
def test_a_range_is_a_true_part_of_the_file(size, first, last):
    asked = f"bytes={first}-{'' if last is None else last}"
    part = slice_of({"range": asked}, '"x"', size)
    content = bytes(size)
    if last is not None and last < first:
        assert part.status == 200
    elif first >= size:
        assert part.status == 416
    else:
        assert part.status == 206
        end = size - 1 if last is None else min(last, size - 1)
        assert len(content[first : end + 1]) == part.length
        assert part.content_range == f"bytes {first}-{end}/{size}"


@pytest.mark.parametrize(
    ("asked", "status", "start", "length"),
    [
        ("bytes=0-" + "9" * 30, 206, 0, 100),
        ("bytes=-" + "9" * 5000, 206, 0, 100),
        ("bytes=" + "0" * 5000 + "7-8", 206, 7, 2),
        ("bytes=" + "9" * 5000 + "-", 416, 0, 0),
    ],
)
def test_a_range_of_many_digits_is_a_range(asked, status, start, length):
    part = slice_of({"range": asked}, '"x"', 100)
    assert (part.status, part.start, part.length) == (status, start, length)


def test_tags_are_compared_weakly():
    assert matches('"a", W/"b"', 'W/"b"')
    assert matches('W/"b"', '"b"')
    assert matches(" * ", '"b"')
    assert not matches('"bb"', '"b"')
    assert not matches(None, '"b"')


def test_names_are_given_twice():
    assert disposition("attachment", "a.pdf", "报关单 a.pdf") == (
        "attachment; filename=\"a.pdf\"; filename*=UTF-8''%E6%8A%A5%E5%85%B3%E5%8D%95%20a.pdf"
    )


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        (None, "zip"),
        ("text/*", "csv"),
        ("application/json", "json"),
        ("*/*;q=0.1, application/xml;q=0.2", "xml"),
        ("application/zip;q=0, */*", "xlsx"),
        (texts.XLSX, "xlsx"),
        ("application/json;q=oops", None),
        ("application/pdf", None),
    ],
)
def test_accept_decides_among_the_formats(accept, format_):
    assert data_format(accept) == format_


# --- limits -------------------------------------------------------------------------------------


class Watch:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_window_is_full_until_it_is_over():
    watch = Watch()
    limit = RateLimit("session", 2, watch)
    assert [limit.take("a").left, limit.take("a").left] == [1, 0]
    watch.now += 59.5
    with pytest.raises(Problem) as fault:
        limit.take("a")
    assert fault.value.headers["Retry-After"] == "1"
    assert limit.take("b").left == 1
    watch.now += 0.5
    assert limit.take("a").headers() == {
        "RateLimit-Policy": '"session";q=2;w=60',
        "RateLimit": '"session";r=1;t=60',
    }


# --- lists of numbers ---------------------------------------------------------------------------


def test_a_first_line_without_numbers_is_a_heading_and_a_short_number_is_not():
    assert read_list([["报关单号"], ["12"]])["errors"] == [
        {"line": 2, "text": "12", "code": "bad-entry-id"}
    ]
    assert read_list([[], ["53012026"]])["errors"][0]["line"] == 2


def test_a_list_has_an_end():
    with pytest.raises(TooManyNumbers):
        read_list([["530120261000000018"] * 10_001])
    assert read_list([["530120261000000018"] * 10_000])["duplicates"] == 9_999


def test_bytes_of_no_encoding_are_unreadable():
    with pytest.raises(Unreadable):
        text_of(b"\xff\xff\xff")
    with pytest.raises(Unreadable):
        text_of(b"PK\x00\x00")


# --- the house ----------------------------------------------------------------------------------


def test_the_pure_parts_load_no_server_broker_store_or_pdf_reader():
    code = (
        "import gateway.resources, gateway.validation, gateway.problems, gateway.negotiation,"
        " gateway.content, gateway.verification, gateway.number_lists, sys;"
        "print([m for m in ('fastapi', 'pika', 'kombu', 'nameko', 'eventlet', 'boto3', 'pyhanko')"
        " if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.strip() == "[]"


def test_a_number_without_exact_form_is_found():
    assert place_without_form({"a": "x", "entry_ids": ["1", 530120261000000018]}) == (
        "entry_ids",
        1,
    )
    assert place_without_form({"a/b": {"c": 1e999}}) == ("a/b", "c")
