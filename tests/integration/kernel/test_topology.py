"""The topology in a real broker."""

import time

import amqp
import pytest

from services.kernel.errors import Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.broker import connect, hang_up
from services.kernel.messaging.publishing import ConfirmedChannel, Letter

PAUSES = (100, 200, 300, 400)
INBOX = topology.inbox("apply")


@pytest.fixture
def channel(amqp_uri):
    connection = connect(amqp_uri, purpose="test")
    yield connection.channel()
    hang_up(connection)


@pytest.fixture
def letters(amqp_uri):
    confirmed = ConfirmedChannel(amqp_uri)
    yield confirmed
    confirmed.close()


def _take(channel, queue, limit_s=5.0):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        message = channel.basic_get(queue)
        if message is not None:
            return message
        time.sleep(0.02)  # between two looks at the broker
    raise AssertionError(f"nothing in {queue}")


def test_declaring_twice_changes_nothing_and_check_finds_nothing(amqp_uri):
    assert topology.check(amqp_uri, pauses_ms=PAUSES)[0] == "danzheng.unheard is missing"

    topology.declare(amqp_uri, pauses_ms=PAUSES)
    topology.declare(amqp_uri, pauses_ms=PAUSES)

    assert topology.check(amqp_uri, pauses_ms=PAUSES) == []


def test_a_queue_of_another_shape_is_named_with_both_values(amqp_uri, channel):
    (inbox,) = (each for each in topology.topology().queues if each.name == INBOX)
    other = inbox.arguments | {"x-delivery-limit": 3}
    channel.queue_declare(INBOX, durable=True, auto_delete=False, arguments=other)

    with pytest.raises(topology.TopologyFault) as caught:
        topology.declare(amqp_uri, pauses_ms=PAUSES)

    words = str(caught.value)
    assert INBOX in words
    assert "x-delivery-limit" in words
    assert "'10'" in words
    assert "'3'" in words
    assert any(finding.startswith(f"{INBOX} differs") for finding in topology.check(amqp_uri))


def test_other_pauses_clash_with_nothing(amqp_uri):
    topology.declare(amqp_uri, pauses_ms=PAUSES)
    topology.declare(amqp_uri, pauses_ms=(1, 2, 3, 4))

    assert topology.check(amqp_uri, pauses_ms=PAUSES) == []


def test_a_broker_that_is_away_is_said_to_be_away():
    with pytest.raises(Unavailable):
        topology.declare("amqp://guest:guest@127.0.0.1:1/none")


def test_a_pause_returns_each_message_to_the_queue_it_came_from(amqp_uri, channel, letters):
    topology.declare(amqp_uri, pauses_ms=PAUSES)
    began = time.monotonic()

    letters.send(
        [
            Letter(topology.retry_exchange(200), INBOX, b"1", "a", headers={"kept": "yes"}),
            Letter(topology.retry_exchange(200), topology.inbox("retention"), b"2", "b"),
        ]
    )

    first = _take(channel, INBOX)
    assert time.monotonic() - began >= 0.2
    assert first.body == b"1"
    assert first.properties["application_headers"]["kept"] == "yes"
    assert first.delivery_info["redelivered"] is False
    assert _take(channel, topology.inbox("retention")).body == b"2"
    assert channel.basic_get(INBOX) is None


def test_what_is_rejected_lies_parked_with_its_room(amqp_uri, channel, letters):
    topology.declare(amqp_uri, pauses_ms=PAUSES)
    letters.send([Letter("", topology.RENDER_BULK, b"x", "a")])

    channel.basic_reject(_take(channel, topology.RENDER_BULK).delivery_tag, requeue=False)

    assert _take(channel, topology.parked("render")).body == b"x"


def test_every_room_hears_its_events(amqp_uri, channel, letters):
    topology.declare(amqp_uri, pauses_ms=PAUSES)
    letters.send([Letter(topology.EVENTS, "render.document.made.v1", b"x", "a")])

    assert _take(channel, INBOX).body == b"x"
    assert _take(channel, topology.inbox("retention")).body == b"x"
    assert channel.basic_get(topology.RENDER_INBOX) is None


def test_a_full_queue_refuses_and_the_publisher_knows(amqp_uri, channel, letters):
    full = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare("full", durable=True, auto_delete=False, arguments=full)

    taken = [bool(letters.send([Letter("", "full", b"x", str(n))])) for n in range(5)]

    assert taken[0]
    assert not taken[-1]


def test_the_broker_knows_no_more_after_the_vhost_was_looked_at(amqp_uri, channel):
    topology.check(amqp_uri, pauses_ms=PAUSES)

    with pytest.raises(amqp.NotFound):
        channel.queue_declare(INBOX, passive=True)
