"""Whatever the customs side sends, the queue goes on, and what is refused tells why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pika
import pytest

from tests.support.outsider import Outsider
from tests.support.sandbox import ROOT, Sandbox, started_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

XML = "application/xml"
BOMB = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">
<!ENTITY c "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>
<DecMessage xmlns="http://www.chinaport.gov.cn/dec"><DecHead><EntryId>&d;</EntryId></DecHead>
</DecMessage>"""


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return started_sandbox()


@pytest.fixture
def clerk(sandbox) -> Iterator[Outsider]:
    outsider = Outsider(sandbox.base_url, sandbox.card("company-a"))
    assert outsider.log_in().status_code == 201
    yield outsider
    outsider.close()


@pytest.fixture
def channel(sandbox) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(sandbox.env["AMQP_URI"]))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    if connection.is_open:
        connection.close()


def feed(channel, body: bytes, content_type: str = XML) -> None:
    properties = pika.BasicProperties(content_type=content_type, delivery_mode=2)
    channel.basic_publish("", "customs.feed", body, properties, mandatory=True)


def depth(channel, queue: str) -> int:
    return channel.queue_declare(queue, passive=True).method.message_count


def settles(question, wanted, limit_s: float = 30) -> None:
    until = time.monotonic() + limit_s
    while (found := question()) != wanted:
        assert time.monotonic() < until, f"found {found}, wanted {wanted}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def good(sandbox) -> bytes:
    row = next(
        row
        for row in sandbox.facts["declarations"]
        if row["owner"] == "company-a" and row["expect_print"] == "ready"
    )
    return (ROOT / row["source_file"]).read_bytes()


def wrong_checksum(message: bytes) -> bytes:
    return message.replace(b"91990000MA0TEAAA29", b"91990000MA0TEAAA28")


@pytest.mark.parametrize("case", ["malformed", "bomb", "checksum", "no-xml", "unknown-document"])
def test_a_bad_message_is_parked_and_the_next_good_one_goes_through(sandbox, channel, good, case):
    body, content_type = {
        "malformed": (good[: len(good) // 2], XML),
        "bomb": (BOMB, XML),
        "checksum": (wrong_checksum(good), XML),
        "no-xml": (b"\x00\x01", "application/octet-stream"),
        "unknown-document": (b"<Invoice/>", XML),
    }[case]
    parked = depth(channel, "query.parked")
    feed(channel, body, content_type)
    settles(lambda: depth(channel, "query.parked"), parked + 1)
    feed(channel, good)
    settles(lambda: depth(channel, "customs.feed"), 0)
    assert depth(channel, "query.parked") == parked + 1


def test_a_message_of_100_megabytes_is_refused_at_the_door(channel, sandbox):
    with pytest.raises(pika.exceptions.AMQPError, match=r"too large|message size"):
        feed(channel, b"<" + b"x" * 100_000_000)


def test_the_same_declaration_again_changes_nothing(sandbox, clerk, channel, good):
    number = sandbox.declarations("company-a", expect_print="ready")[0]
    before = clerk.get("/declarations", params={"entry_ids": number}).json()["items"]
    parked = depth(channel, "query.parked")
    feed(channel, good)
    settles(lambda: depth(channel, "customs.feed"), 0)
    after = clerk.get("/declarations", params={"entry_ids": number}).json()["items"]
    assert [row["entry_id"] for row in after] == [number]
    assert before == after
    assert depth(channel, "query.parked") == parked
