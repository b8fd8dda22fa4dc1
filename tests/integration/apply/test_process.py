"""The room as a process: over the real broker and database, asked as the gateway asks it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from services.kernel.clock import SystemClock
from services.kernel.contracts import envelope
from services.kernel.contracts.apply import (
    ApplicationView,
    FeedPage,
    FileGrant,
    ItemPage,
    OperationPage,
    Search,
)
from services.kernel.contracts.envelope import Envelope
from services.kernel.contracts.refusal import Refusal
from services.kernel.contracts.registry import type_of
from services.kernel.contracts.wire import from_builtins, to_builtins
from services.kernel.database.relay import Outgoing
from services.kernel.errors import Unavailable
from services.kernel.ids import uuid7
from services.kernel.messaging.blocking_rpc import BlockingRpcClient
from services.kernel.messaging.broker import connect
from services.kernel.messaging.publishing import ConfirmedPublisher
from tests.support.apply_room import CLIENT, A, B, Room, actor, entry


def started(module, amqp_uri, **settings):
    env = {
        **os.environ,
        "DANZHENG_ENVIRONMENT": "development",
        "DANZHENG_AMQP_URI": amqp_uri,
        "DANZHENG_HEALTH_PORT": "0",
        **settings,
    }
    return subprocess.Popen([sys.executable, "-m", module], env=env)


def ended(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=20)


@pytest.fixture
def apply(database_url, amqp_uri):
    told = {"DANZHENG_DATABASE_URL": database_url}
    env = {**os.environ, "DANZHENG_AMQP_URI": amqp_uri, **told}
    subprocess.run([sys.executable, "-m", "services.apply", "migrate"], env=env, check=True)
    processes = [
        started("services.apply", amqp_uri, **told),
        started("tests.support.register_room", amqp_uri),
    ]
    client = BlockingRpcClient(amqp_uri)
    wait_for(lambda: client.call("apply", "ping", limit_s=1) == "pong")
    wait_for(lambda: client.call("query", "snapshots", limit_s=1, uscc=A, entry_ids=[]) == [])
    yield client
    client.close()
    assert [ended(process) for process in processes] == [0, 0]


def wait_for(question, limit_s=20):
    until = time.monotonic() + limit_s
    while True:
        try:
            found = question()
        except Unavailable:
            found = None
        if found or time.monotonic() > until:
            assert found
            return found
        time.sleep(0.05)  # the answer comes from another process, which tells nobody


def order(entry_ids, kind="print", uscc=A):
    submission = Room(None, None, SystemClock()).submission(entry_ids, kind, uscc=uscc)
    request = submission.request
    return {
        "order": to_builtins(submission.order),
        "evidence": to_builtins(
            replace(submission.evidence, payload_sha256=uuid7().replace("-", "") * 2)
        ),
        "path": request.path,
        "key": uuid7(),
        "content_sha256": request.content_sha256,
    }


def test_a_print_from_acceptance_to_its_file(apply, amqp_uri):
    ordered = listen(amqp_uri, "apply.item.accepted.v1")
    asked = order([entry(1), entry(8), entry(9)])

    view = from_builtins(apply.call("apply", "accept", **asked), ApplicationView)

    assert [item.status for item in view.items] == ["making", "customs_unfinished"]
    assert [item.entry_id for item in view.refused_items] == [entry(9)]
    number = view.application_no
    again = apply.call("apply", "accept", **asked)
    assert again["application_no"] == number
    message = ordered()
    assert message.subject == f"{number}/{entry(1)}"
    publish(amqp_uri, Room(None, None, SystemClock()).document(message.data), message.subject)

    wait_for(
        lambda: apply.call("apply", "read", uscc=A, application_no=number)["state"] == "finished"
    )
    search = to_builtins(Search("print", statuses=["sealed_ready"], include_total=True))
    page = from_builtins(apply.call("apply", "search_items", uscc=A, search=search), ItemPage)
    assert (page.total, page.items[0].item.status) == (1, "sealed_ready")
    opened = {
        "uscc": A,
        "application_no": number,
        "entry_id": entry(1),
        "format": None,
        "purpose": "export",
        "accept_partial": False,
        "record": True,
        "actor": to_builtins(actor()),
        "client": to_builtins(CLIENT),
    }
    grant = from_builtins(apply.call("apply", "open_file", **opened), FileGrant)
    assert grant.object_key == message.data.object_key
    records = from_builtins(
        apply.call(
            "apply",
            "operations",
            uscc=A,
            application_no=number,
            entry_id=entry(1),
            limit=20,
            cursor=None,
        ),
        OperationPage,
    )
    assert [(record.seq, record.action) for record in records.items] == [(1, "export")]
    feed = from_builtins(
        apply.call("apply", "feed", uscc=A, after=0, application_nos=None, limit=100), FeedPage
    )
    assert [each.seq for each in feed.entries] == [1, 2, 3]
    with pytest.raises(Refusal) as fault:
        apply.call("apply", "open_file", **{**opened, "uscc": B})
    assert fault.value.code == "not-found"


def test_what_is_refused_reaches_the_caller_with_its_facts(apply):
    with pytest.raises(Refusal) as fault:
        apply.call("apply", "accept", **order([entry(9)]))

    assert fault.value.code == "all-refused"
    assert fault.value.facts["refused_items"][0]["entry_id"] == entry(9)


def listen(amqp_uri, kind):
    """Hear one event of a type from now on; answers a function that waits for it."""
    connection = connect(amqp_uri, purpose="test")
    channel = connection.channel()
    queue = channel.queue_declare(exclusive=True).queue
    channel.queue_bind(queue, "danzheng.events", kind)
    heard = []
    channel.basic_consume(queue, no_ack=True, callback=heard.append)

    def wait():
        while not heard:
            connection.drain_events(timeout=20)
        connection.close()
        body = heard[0].body
        return envelope.decode(body.encode() if isinstance(body, str) else body)

    return wait


def publish(amqp_uri, payload, subject):
    message = Envelope(
        uuid7(), type_of(payload), "/danzheng/render", subject, SystemClock().now(), payload
    )
    publisher = ConfirmedPublisher(amqp_uri)
    assert publisher.publish([Outgoing(message.id, message.type, envelope.encode(message))])
    publisher.close()
