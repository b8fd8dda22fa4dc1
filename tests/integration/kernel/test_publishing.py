"""Confirmed publishing, and the relay on top of it."""

import socket
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine

from services.kernel.clock import SystemClock
from services.kernel.contracts.apply import BundleDropped
from services.kernel.contracts.envelope import CONTENT_TYPE, decode
from services.kernel.database.relay import Relay
from services.kernel.database.tables import metadata
from services.kernel.database.unit_of_work import SqlUnitOfWork
from services.kernel.errors import Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.broker import connect, hang_up
from services.kernel.messaging.publishing import ConfirmedChannel, ConfirmedPublisher, Letter
from tests.support.engines_cuts import cut_connections
from tests.support.transports import dropped, outgoing

INBOX = topology.inbox("retention")


@pytest.fixture
def publisher(amqp_uri):
    topology.declare(amqp_uri)
    publisher = ConfirmedPublisher(amqp_uri)
    yield publisher
    publisher.close()


@pytest.fixture
def channel(amqp_uri):
    connection = connect(amqp_uri, purpose="test")
    yield connection.channel()
    hang_up(connection)


def test_a_batch_is_taken_whole_and_looks_as_agreed(publisher, channel):
    events = [dropped(f"n{n}") for n in range(250)]

    assert publisher.publish([outgoing(each) for each in events]) == {each.id for each in events}

    message = channel.basic_get(INBOX)
    assert message.properties["content_type"] == CONTENT_TYPE
    assert message.properties["delivery_mode"] == 2
    assert message.properties["message_id"] == events[0].id
    assert message.delivery_info["routing_key"] == events[0].type
    assert decode(message.body) == events[0]


def test_an_idle_connection_that_died_is_replaced_unnoticed(engines, amqp_uri, publisher):
    publisher.publish([outgoing(dropped("before"))])
    cut_connections(engines, amqp_uri, "publisher")
    event = dropped("after")

    assert publisher.publish([outgoing(event)]) == {event.id}


def test_a_letter_to_nowhere_is_not_taken(amqp_uri):
    channel = ConfirmedChannel(amqp_uri)

    assert channel.send([Letter("", "no-such-queue", b"x", "a")]) == set()
    channel.close()


def test_a_broker_that_says_nothing_is_given_up_at_the_limit():
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        channel = ConfirmedChannel(f"amqp://a:b@127.0.0.1:{deaf.getsockname()[1]}/", limit_s=0.5)
        began = time.monotonic()

        with pytest.raises(Unavailable):
            channel.send([Letter("", "q", b"x", "a")])

        assert time.monotonic() - began < 6


def test_while_the_broker_has_an_alarm_nothing_is_published(publisher):
    publisher.publish([outgoing(dropped("before"))])
    line = publisher._channel._line
    line._connection._on_blocked()  # what py-amqp does with the broker's word

    with pytest.raises(Unavailable):
        publisher.publish([outgoing(dropped("meanwhile"))])

    line._connection._on_unblocked()
    event = dropped("after")
    assert publisher.publish([outgoing(event)]) == {event.id}
    assert publisher._channel._line is line


def test_the_relay_sends_what_was_committed_in_order_and_nothing_else(
    database_url, publisher, channel
):
    engine = create_engine(database_url)
    metadata.create_all(engine)
    now = datetime.now(UTC)
    for n in range(3):
        with SqlUnitOfWork(engine, "apply", SystemClock()) as work:
            work.say(BundleDropped(f"B{n}", "913", now), f"B{n}")
            if n != 1:
                work.commit()

    relay = Relay(engine, publisher)
    assert relay.backlog()[0] == 2
    assert relay.run() == 2
    assert relay.run() == 0

    subjects = [decode(channel.basic_get(INBOX).body).subject for _ in range(2)]
    assert subjects == ["B0", "B2"]
    assert relay.backlog() == (0, 0.0)
    engine.dispose()
