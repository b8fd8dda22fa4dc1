"""What a person sees of the logs."""

import json

from deploy.local.logs import Tail, readable


def test_an_event_becomes_time_level_event_and_facts():
    line = json.dumps(
        {
            "ts": "2026-11-23T10:15:30.123456Z",
            "level": "info",
            "event": "item_accepted",
            "service": "apply",
            "application_no": "P20261123000000017",
            "attempt": 2,
        }
    )
    assert readable(line).plain == (
        "10:15:30.123 info    item_accepted application_no=P20261123000000017 attempt=2"
    )


def test_an_exception_stands_below_its_event():
    line = json.dumps({"level": "error", "event": "rpc_failed", "exception": "Traceback\n boom"})
    assert readable(line).plain.endswith("rpc_failed\nTraceback\n boom")


def test_a_part_speaks_only_when_it_complains():
    assert readable("I1123 23:35:16.003787 s3.go:344 Starting", quiet=True) is None
    assert readable("E1123 23:35:16.003787 s3.go:344 broken", quiet=True) is not None
    assert readable("2026-11-23 UTC [7] LOG:  ready", quiet=True) is None
    assert readable("2026-11-23 UTC [7] FATAL:  no", quiet=True) is not None


def test_a_line_that_is_no_event_is_shown_as_it_is():
    assert readable("Traceback (most recent call last):").plain.startswith("Traceback")


def test_a_tail_gives_whole_lines_once_and_survives_rotation(tmp_path):
    path = tmp_path / "auth.log"
    path.write_text("one\ntw")
    tail = Tail(path)
    assert list(tail.lines()) == ["one"]
    with path.open("a") as file:
        file.write("o\n")
    assert list(tail.lines()) == ["two"]
    path.rename(tmp_path / "auth.log.1")
    path.write_text("three\n")
    assert list(tail.lines()) == ["three"]
