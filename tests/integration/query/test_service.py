"""Query as a process of its own: the customs feed, its questions, its facts."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter

import pytest

from services.kernel.contracts.envelope import decode
from services.kernel.contracts.query import DeclarationPage, SnapshotAnswer
from services.kernel.contracts.refusal import Refusal
from services.kernel.contracts.wire import from_builtins
from services.kernel.messaging import parked, topology
from services.kernel.messaging.blocking_rpc import BlockingRpcClient
from services.kernel.messaging.broker import connect, hang_up
from services.kernel.messaging.publishing import ConfirmedChannel, Letter
from tests.core.query.documents import ENTRY_ID, SAMPLES, USCC, message
from tests.support.engines import fresh_vhost


def receipts(entry_id):
    return [
        f"<DEC_RESULT><CUS_CIQ_NO/><ENTRY_ID>{entry_id}</ENTRY_ID><NOTICE_DATE>{at}</NOTICE_DATE>"
        f"<CHANNEL>{channel}</CHANNEL><D_DATE>2026-11-02</D_DATE></DEC_RESULT>".encode()
        for channel, at in (("L", "2026-11-02T10:00:00"), ("R", "2026-11-05T16:30:00"))
    ]


BOMB = b'<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'
_PATIENCE_S = 60


def command(env, *words):
    return subprocess.run(
        [sys.executable, "-m", "services.query", *words],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def amqp_uri(engines):
    yield from fresh_vhost(engines)


@pytest.fixture(scope="module")
def env(migrated, amqp_uri):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        "DANZHENG_ENVIRONMENT": "development",
        "DANZHENG_AMQP_URI": amqp_uri,
        "DANZHENG_DATABASE_URL": migrated,
        "DANZHENG_HEALTH_PORT": str(port),
        "DANZHENG_RETRY_PAUSES_MS": "[100, 100, 100, 100]",
    }


@pytest.fixture(scope="module")
def room(env):
    """One process for all tests of this module; each speaks of numbers of its own."""
    process = subprocess.Popen([sys.executable, "-m", "services.query"], env=os.environ | env)
    try:
        until(lambda: is_ready(env["DANZHENG_HEALTH_PORT"]))
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as fault:
        fault.close()
    except OSError:
        return False
    return False


def until(condition):
    last = time.monotonic() + _PATIENCE_S
    while time.monotonic() < last:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


@pytest.fixture
def ask(amqp_uri):
    client = BlockingRpcClient(amqp_uri)

    def call(method, **given):
        return client.call("query", method, **given)

    yield call
    client.close()


@pytest.fixture
def feed(amqp_uri):
    channel = ConfirmedChannel(amqp_uri)

    def send(body, content_type="application/xml"):
        letter = Letter("", topology.CUSTOMS_FEED, body, str(uuid.uuid4()), content_type)
        assert channel.send([letter]) == {0}

    yield send
    channel.close()


@pytest.fixture
def facts(amqp_uri):
    """What query says, heard from outside."""
    topology.declare(amqp_uri, pauses_ms=[100, 100, 100, 100])
    connection = connect(amqp_uri, purpose="test")
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True, auto_delete=True).queue
    channel.queue_bind(queue, exchange=topology.EVENTS, routing_key="query.#")

    def hear():
        found = []
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            body = message.body
            found.append(decode(body if isinstance(body, bytes) else body.encode()))
        return found

    yield hear
    hang_up(connection)


def test_the_feed_fills_the_register_and_the_facts_go_out(facts, room, feed, ask):
    accepted, cleared = receipts(ENTRY_ID)
    for body in (cleared, message(), accepted, message(), cleared):
        feed(body)
    page = from_builtins(until(lambda: _listed(ask, ENTRY_ID)), DeclarationPage)
    (row,) = page.items
    assert (row.entry_id, str(row.declared_on), str(row.cleared_on)) == (
        ENTRY_ID,
        "2026-11-02",
        "2026-11-05",
    )
    assert page.total == 1
    answers = from_builtins(
        ask("snapshots", uscc=USCC, entry_ids=[ENTRY_ID, "222520261000000099"]),
        list[SnapshotAnswer],
    )
    assert [answer.found for answer in answers] == [True, False]
    digest = answers[0].snapshot.digest
    assert ask("digests", entry_ids=[ENTRY_ID, "222520261000000099"]) == {ENTRY_ID: digest}
    assert ask("ping") == "pong"

    said = []
    until(lambda: said.extend(facts()) or len(said) >= 2)
    assert [(fact.type, fact.subject) for fact in said] == [
        ("query.declaration.recorded.v1", ENTRY_ID),
        ("query.declaration.cleared.v1", ENTRY_ID),
    ]


def _listed(ask, entry_id):
    page = ask("search", uscc=USCC, entry_ids=[entry_id], include_total=True)
    return page if page["items"] else None


def test_what_can_never_be_taken_is_parked_and_the_queue_goes_on(room, feed, ask, amqp_uri):
    feed(BOMB)
    feed(message(uscc="91310115YX0000016A"))
    feed(message(), content_type="text/plain")
    feed(b"\x00" * 5_000_000)
    feed(b"{}", content_type="application/json")
    after_them = "222520261000000026"
    for body in (*receipts(after_them), message(after_them, seq_no="")):
        feed(body)
    until(lambda: _listed(ask, after_them))
    waiting = until(lambda: _all_five(amqp_uri))
    assert sorted(item.reason for item in waiting) == [
        "content-type",
        "content-type",
        "too-large",
        "uscc-check",
        "xml-doctype",
    ]
    assert {item.queue for item in waiting} == {topology.CUSTOMS_FEED}


def _all_five(amqp_uri):
    waiting = parked.all_parked("query", amqp_uri)
    return waiting if len(waiting) == 5 else None


def test_a_refusal_reaches_the_asker(room, ask):
    with pytest.raises(Refusal) as caught:
        ask("search", uscc=USCC)
    assert caught.value.code == "query-empty"


def test_the_command_imports_beside_the_running_room(facts, room, env, ask):
    done = command(env, "import", str(SAMPLES / "declarations"), str(SAMPLES / "receipts"))
    assert done.returncode == 0, done.stderr
    page = ask("search", uscc=USCC, date_from="2025-12-01", date_to="2025-12-31")
    assert [row["declared_on"] for row in page["items"]] == ["2025-12-16", "2025-12-15"]
    said = []
    until(lambda: said.extend(_of_samples(facts())) or len(said) >= 46)
    assert Counter(fact.type for fact in said) == {
        "query.declaration.recorded.v1": 24,
        "query.declaration.cleared.v1": 21,
        "query.declaration.withdrawn.v1": 1,
    }


def _of_samples(said):
    return [fact for fact in said if fact.subject[9:].startswith("9999")]


def test_a_refused_document_makes_the_command_fail(env, tmp_path):
    path = tmp_path / "bomb.xml"
    path.write_bytes(BOMB)
    done = command(env, "import", str(path))
    assert (done.returncode, "xml-doctype" in done.stdout) == (1, True)


def test_check_finds_all_well_once_the_room_has_run(room, env):
    done = command(env, "check")
    assert (done.returncode, done.stdout.strip()) == (0, "all is well"), done.stdout
