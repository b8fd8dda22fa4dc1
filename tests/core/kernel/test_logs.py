"""Log lines are JSON, know their work, and keep secrets."""

import json
import logging

import pytest
import structlog

from services.kernel.observability import logs
from services.kernel.observability.trace import Work, working

CANARY = "canary-7f3a"


@pytest.fixture
def lines(capsys):
    """Configures when first called by the test, since pytest swaps handlers between phases."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def configured():
        logs.configure("apply")
        return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield configured
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_says_when_who_and_in_which_work(lines):
    lines = lines()
    with working(Work("cor-1", "msg-1", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")):
        structlog.get_logger().info("item_accepted", application_no="P1")

    (line,) = lines()
    assert line["event"] == "item_accepted"
    assert line["level"] == "info"
    assert line["service"] == "apply"
    assert line["application_no"] == "P1"
    assert (line["correlation_id"], line["message_id"]) == ("cor-1", "msg-1")
    assert line["trace_id"] == "a" * 32
    assert line["ts"].endswith("Z")


def test_the_standard_librarys_lines_look_the_same(lines):
    lines = lines()
    logging.getLogger("foreign").warning("it is %s", "late")

    (line,) = lines()
    assert (line["event"], line["level"], line["service"]) == ("it is late", "warning", "apply")


@pytest.mark.parametrize(
    "facts",
    [
        {"access_token": CANARY},
        {"auth_token": {"signature": CANARY}},
        {"pin": CANARY},
        {"user_pin": CANARY},
        {"database_password": CANARY},
        {"submission": {"Signature": CANARY}},
        {"private_key": CANARY},
        {"headers": {"Authorization": f"Bearer {CANARY}", "Cookie": CANARY}},
        {"rows": [{"secret": CANARY}]},
        {"address": f"amqp://user:{CANARY}@broker/v"},
        {"reason": f"refused: password={CANARY}, host=x"},
        {"reason": f'{{"token": "{CANARY}"}}'},
        {"reason": f"Authorization: Bearer {CANARY}"},
    ],
)
def test_no_secret_reaches_a_line(lines, facts):
    lines = lines()
    structlog.get_logger().warning("card_checked", **facts)

    (line,) = lines()
    assert CANARY not in json.dumps(line)
    assert line["event"] == "card_checked"


def test_no_secret_reaches_a_line_through_an_exception(lines):
    lines = lines()
    fault = RuntimeError(f"could not connect: postgresql://me:{CANARY}@db/apply")

    structlog.get_logger().error("database_lost", exc_info=fault)

    (line,) = lines()
    assert "RuntimeError" in line["exception"]
    assert CANARY not in json.dumps(line)


def test_words_that_only_look_secret_stay(lines):
    lines = lines()
    structlog.get_logger().info("pinged", spinning="yes", tokens=3, opinion="good")

    (line,) = lines()
    assert (line["spinning"], line["tokens"], line["opinion"]) == ("yes", 3, "good")
