"""One suite for the memory bus, the nameko kit and the pika loop: what delivery means here."""

from __future__ import annotations

import pytest

from services.kernel.contracts import envelope as envelopes
from services.kernel.contracts.envelope import CONTENT_TYPE
from services.kernel.ids import uuid7
from services.kernel.messaging import topology
from tests.support import engines as parts
from tests.support.transports import Child, Memory, dropped, outgoing

ROOMS = {"nameko": "tests.support.echo_room", "pika": "tests.support.echo_pika"}


@pytest.fixture(scope="module", params=["memory", *ROOMS])
def transport(request, tmp_path_factory):
    diary = tmp_path_factory.mktemp("diary") / "diary"
    if request.param == "memory":
        yield Memory(diary)
        return
    for uri in parts.fresh_vhost(request.getfixturevalue("engines")):
        child = Child(ROOMS[request.param], uri, diary)
        yield child
        child.close()


@pytest.fixture(params=list(ROOMS))
def start(request, amqp_uri, tmp_path):
    """Starts echo rooms over one broker, each with the diary that it is given."""
    children = []

    def start_one(diary="diary", **environment):
        children.append(Child(ROOMS[request.param], amqp_uri, tmp_path / diary, **environment))
        return children[-1]

    yield start_one
    for child in children:
        child.close()


def test_a_message_is_delivered_once(transport):
    event = dropped("fine")

    assert transport.say(event) == {event.id}

    transport.wait_for("done", event.id)
    assert len(transport.lines("begin", event.id)) == 1


def test_the_same_message_twice_has_one_effect(transport):
    event = dropped("once")

    transport.say(event)
    transport.wait_for("done", event.id)
    transport.say(event)

    transport.wait_for("again", event.id)
    assert len(transport.lines("done", event.id)) == 1


@pytest.mark.parametrize("subject", ["fail", "later"])
def test_what_fails_is_tried_five_times_and_parked(transport, subject):
    event = dropped(subject)

    transport.say(event)

    assert transport.wait_parked(event.id) == "exhausted"
    assert len(transport.lines("begin", event.id)) == 5
    delays = [line.split()[2] for line in transport.lines("delayed", event.id)]
    assert delays == ["1", "2", "3", "4"]
    assert len(transport.lines("given_up", event.id)) == 1


def test_a_permanent_failure_is_parked_at_once_with_its_reason(transport):
    event = dropped("never:bad-seal")

    transport.say(event)

    assert transport.wait_parked(event.id) == "bad-seal"
    assert len(transport.lines("begin", event.id)) == 1
    assert transport.lines("given_up", event.id) == [f"given_up {event.id} PermanentFailure"]


def _with_type(type_):
    event = dropped("fine")
    return envelopes.encode(event).replace(event.type.encode(), type_)


def _without_payload():
    return envelopes.encode(dropped("fine")).replace(b'"bundle_id"', b'"bundle"')


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"\xff{", CONTENT_TYPE, "undecodable"),
        (b"{}", CONTENT_TYPE, "undecodable"),
        (_with_type(b"apply.bundle.dropped.v9"), CONTENT_TYPE, "unknown_type"),
        (_without_payload(), CONTENT_TYPE, "schema"),
        (envelopes.encode(dropped("fine")), "application/json", "content_type"),
    ],
)
def test_what_cannot_be_read_is_parked_untouched(transport, body, content_type, reason):
    id_ = uuid7()

    transport.say_raw(body, content_type, id_)

    assert transport.wait_parked(id_) == reason


def test_a_replay_gives_parked_messages_a_fresh_start_and_twice_is_harmless(transport):
    event = dropped("never")
    transport.say(event)
    transport.wait_parked(event.id)

    transport.replay()
    transport.wait_for("begin", event.id, 2)
    transport.wait_parked(event.id)
    transport.replay()

    transport.wait_for("begin", event.id, 3)


def test_what_nobody_hears_is_kept_where_it_is_seen(transport):
    event = dropped("fine")
    nobody = outgoing(event)._replace(type="apply.bundle.sung.v1")

    publisher = transport.bus if hasattr(transport, "bus") else transport.publisher
    assert publisher.publish([nobody]) == {event.id}

    transport.until(lambda: transport.unheard() == 1)


def test_what_is_said_to_whoever_is_there_may_find_nobody(transport):
    event = dropped("fine")
    before = transport.unheard()
    said = outgoing(event)._replace(type="apply.feed.extended.v1")

    publisher = transport.bus if hasattr(transport, "bus") else transport.publisher

    assert publisher.publish([said]) == {event.id}
    assert transport.unheard() == before


def test_a_room_that_is_stopped_while_working_finishes_its_work_alone(start):
    first = start()
    event = dropped("sleep:1.2")
    first.say(event)
    first.wait_for("begin", event.id)
    second = start("second")

    assert first.terminate() == 0

    assert len(first.lines("done", event.id)) == 1
    assert second.lines("begin", event.id) == []
    late = dropped("fine")
    second.say(late)
    second.wait_for("done", late.id)


def test_a_handler_may_work_longer_than_heartbeats_last(start):
    room = start(ECHO_HEARTBEAT_S="2")
    event = dropped("sleep:6")

    room.say(event)

    room.wait_for("done", event.id)
    assert len(room.lines("begin", event.id)) == 1
    assert room.terminate() == 0


def test_grace_has_an_end_and_what_is_in_work_goes_back(start):
    first = start(DANZHENG_GRACE_S="0.5")
    event = dropped("sleep:30")
    first.say(event)
    first.wait_for("begin", event.id)

    first.process.terminate()
    second = start("second")

    assert second.wait_for("begin", event.id)


def test_when_all_fails_the_room_pauses_and_comes_back(start):
    room = start()
    away = room.diary.with_suffix(".away")
    away.touch()
    room.say(*(dropped("fail") for _ in range(25)))
    room.until(lambda: "consumer_paused" in room.log.read_text())
    room.until(lambda: room.get("/ready")[0] == 503)
    event = dropped("fine")
    room.say(event)

    away.unlink()

    room.wait_for("done", event.id)
    assert "consumer_resumed" in room.log.read_text()


def test_a_queue_that_vanished_is_declared_anew(start, engines):
    room = start()
    vhost = room.amqp_uri.rpartition("/")[2]

    parts.manage(engines, "DELETE", f"/api/queues/{vhost}/{topology.inbox('retention')}")

    room.until(lambda: "broker_lost" in room.log.read_text())
    room.until(lambda: topology.check(room.amqp_uri, pauses_ms=(50, 60, 70, 80)) == [])
    event = dropped("fine")
    room.say(event)
    room.wait_for("done", event.id)
