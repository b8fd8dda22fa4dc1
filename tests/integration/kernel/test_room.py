"""A nameko room as a process: probes, commands, live events, what it says when it cannot start."""

import asyncio
import os
import subprocess
import sys
from contextlib import closing

import pytest
import structlog

from services.kernel import console
from services.kernel.messaging import parked, topology
from services.kernel.messaging.blocking_rpc import BlockingRpcClient
from services.kernel.messaging.broker import connect, hang_up
from services.kernel.messaging.live import LiveEvents
from services.kernel.messaging.publishing import ConfirmedPublisher
from services.kernel.settings import ProcessSettings
from tests.support import engines as parts
from tests.support.transports import HEARD, Child, dropped, outgoing

ROOM = "tests.support.echo_room"


@pytest.fixture(scope="module")
def room(engines, tmp_path_factory):
    for uri in parts.fresh_vhost(engines):
        child = Child(ROOM, uri, tmp_path_factory.mktemp("room") / "diary")
        yield child
        child.close()


def _run(amqp_uri, **environment):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", ROOM],
        env=os.environ
        | {
            "DANZHENG_AMQP_URI": amqp_uri,
            "ECHO_DIARY": "/nonexistent",
            "DANZHENG_HEALTH_PORT": "0",
        }
        | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_management_port_tells_of_life_readiness_and_numbers(room):
    client = BlockingRpcClient(room.amqp_uri)
    client.call("retention", "ping")
    client.close()
    event = dropped("fine")
    room.say(event)
    room.wait_for("done", event.id)

    assert room.get("/live") == (200, '{"live": true}')
    assert room.get("/ready")[0] == 200
    assert room.get("/elsewhere")[0] == 404
    numbers = room.get("/metrics")[1]
    for line in (
        'danzheng_rpc_seconds_count{method="ping",outcome="ok",service="retention"} 1.0',
        f'danzheng_messages_handled_total{{outcome="ack",service="retention",type="{HEARD}"}} 1.0',
        'danzheng_hub_lag_seconds{service="retention"}',
        "danzheng_build_info{",
    ):
        assert line in numbers


def test_a_store_that_is_away_makes_the_room_unready_but_not_dead(room):
    room.diary.with_suffix(".away").touch()

    room.until(lambda: room.get("/ready")[0] == 503)

    assert room.get("/live")[0] == 200
    room.diary.with_suffix(".away").unlink()
    room.until(lambda: room.get("/ready")[0] == 200)


def test_a_hub_that_hangs_shows(amqp_uri, tmp_path):
    with closing(Child(ROOM, amqp_uri, tmp_path / "diary", ECHO_LIVE_WITHIN_S="1")) as room:
        room.say(dropped("block:4"))

        room.until(lambda: room.get("/live")[0] == 503)
        lag = [line for line in room.get("/metrics")[1].splitlines() if "hub_lag_seconds{" in line]
        assert float(lag[0].split()[1]) > 0.5

        room.until(lambda: room.get("/live")[0] == 200)


def test_the_relay_runs_at_once_after_work(room):
    before = len(room.lines("relay", "ran"))
    event = dropped("fine")
    room.say(event)
    room.wait_for("done", event.id)

    room.until(lambda: len(room.lines("relay", "ran")) > before)


def test_the_relay_runs_once_more_after_the_last_work(amqp_uri, tmp_path):
    with closing(Child(ROOM, amqp_uri, tmp_path / "diary")) as room:
        event = dropped("sleep:1")
        room.say(event)
        room.wait_for("begin", event.id)

        assert room.terminate() == 0

        lines = room.diary.read_text().splitlines()
    assert lines.index(f"done {event.id} sleep:1") < len(lines) - 1
    assert lines[-1] == "relay ran"


def test_a_room_does_not_start_over_a_broker_that_disagrees(amqp_uri):
    connection = connect(amqp_uri, purpose="test")
    inbox = topology.inbox("apply")
    (queue,) = (each for each in topology.topology().queues if each.name == inbox)
    other = queue.arguments | {"x-delivery-limit": 3}
    connection.channel().queue_declare(inbox, durable=True, auto_delete=False, arguments=other)
    hang_up(connection)

    ended = _run(amqp_uri)

    assert ended.returncode == 1
    assert inbox in ended.stderr
    assert "'10'" in ended.stderr
    assert "'3'" in ended.stderr


def test_a_room_whose_use_cases_cannot_be_built_ends_and_says_why(amqp_uri):
    ended = _run(amqp_uri, ECHO_BROKEN="1")

    assert ended.returncode == 1
    assert '"event": "container_died"' in ended.stdout
    assert "no diary today" in ended.stdout
    assert ended.stderr == ""


def _main(monkeypatch, amqp_uri, *arguments):
    monkeypatch.setenv("DANZHENG_AMQP_URI", amqp_uri)
    return console.main(
        "retention", arguments, settings=ProcessSettings, serve=lambda _settings: 99
    )


def test_check_says_what_is_missing_and_then_that_all_is_well(amqp_uri, monkeypatch, capsys):
    assert _main(monkeypatch, amqp_uri, "check") == 1
    assert "apply.inbox is missing" in capsys.readouterr().out

    topology.declare(amqp_uri)

    assert _main(monkeypatch, amqp_uri, "check") == 0
    assert capsys.readouterr().out == "all is well\n"


def test_parked_messages_are_listed_shown_replayed_and_dropped_with_an_audit_line(room, capsys):
    def command(*arguments):
        code = parked.command("retention", room.amqp_uri, arguments)
        return code, capsys.readouterr().out

    poison, other = dropped("never:bad-seal"), dropped("never:worse")
    room.say(poison, other)
    room.wait_parked(poison.id)
    room.wait_parked(other.id)

    listed = command("list")[1]
    assert "1  bad-seal  PermanentFailure" in listed
    assert "2 parked" in listed
    assert poison.id in listed
    assert '"bundle_id":"B1"' in command("show", poison.id)[1]
    assert command("show", "nothing")[0] == 1

    with structlog.testing.capture_logs() as lines:
        assert command("replay", "--reason", "bad-seal", "--by", "李") == (0, "replay: 1\n")
        room.wait_for("begin", poison.id, 2)
        assert command("drop", "--id", other.id, "--by", "王") == (0, "drop: 1\n")
        assert command("drop", "--id", "nothing")[0] == 1
    assert [(each["event"], each["by"], each["parked_id"]) for each in lines] == [
        ("parked_replayed", "李", poison.id),
        ("parked_dropped", "王", other.id),
    ]
    room.until(lambda: set(room.parked()) == {poison.id})


def test_what_the_broker_parks_itself_can_be_replayed(amqp_uri):
    topology.declare(amqp_uri)
    publisher = ConfirmedPublisher(amqp_uri)
    event = dropped("fine")
    publisher.publish([outgoing(event)])
    publisher.close()
    connection = connect(amqp_uri, purpose="test")
    channel = connection.channel()
    inbox = topology.inbox("retention")
    channel.basic_reject(channel.basic_get(inbox).delivery_tag, requeue=False)

    done = []
    while not done:
        done = parked.replay("retention", amqp_uri, lambda _message: True, by="a test")

    assert [(each.id, each.reason, each.queue) for each in done] == [
        (event.id, parked.BY_BROKER, inbox)
    ]
    assert channel.basic_get(inbox).properties["message_id"] == event.id
    hang_up(connection)


async def _hear(amqp_uri, said):
    heard, complete = [], asyncio.Event()

    def on_envelope(envelope):
        heard.append(envelope)
        if len(heard) == len(said):
            complete.set()

    ears = [LiveEvents(amqp_uri, topology.LIVE_TYPES, on_envelope) for _ in range(1)]
    for ear in ears:
        await ear.start()
        ear.check()
    publisher = ConfirmedPublisher(amqp_uri)
    await asyncio.to_thread(publisher.publish, [outgoing(each) for each in said])
    async with asyncio.timeout(10):
        await complete.wait()
    for ear in ears:
        await ear.stop()
    publisher.close()
    return heard


def test_a_living_gateway_hears_what_is_live(amqp_uri):
    from services.kernel.contracts import envelope, golden

    topology.declare(amqp_uri)
    said = [envelope.decode(golden.example_of(type_)) for type_ in topology.LIVE_TYPES]

    heard = asyncio.run(_hear(amqp_uri, said))

    assert [each.type for each in heard] == list(topology.LIVE_TYPES)
