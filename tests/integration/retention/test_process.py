"""The retention process: hears, sweeps by itself, answers, and obeys its commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from amqp import Message
from pydantic import SecretStr

from services.kernel.contracts import envelope as envelopes
from services.kernel.database.migrate import migrate
from services.kernel.errors import Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.blocking_rpc import BlockingRpcClient
from services.kernel.messaging.broker import connect
from services.kernel.settings import StoreSettings
from services.kernel.storage.s3 import make_store
from tests.support.retention_use import document, told


@pytest.fixture
def environment(engines, database_url, amqp_uri, bucket):
    migrate("retention", database_url)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DANZHENG_")},
        "DANZHENG_ENVIRONMENT": "development",
        "DANZHENG_AMQP_URI": amqp_uri,
        "DANZHENG_DATABASE_URL": database_url,
        "DANZHENG_HEALTH_PORT": "0",
        "DANZHENG_S3_ENDPOINT_URL": engines.s3_endpoint_url,
        "DANZHENG_S3_BUCKET": bucket,
        "DANZHENG_S3_ACCESS_KEY_ID": engines.s3_access_key_id,
        "DANZHENG_S3_SECRET_ACCESS_KEY": engines.s3_secret_access_key,
        "DANZHENG_FILE_LIFETIME": "PT5S",
        "DANZHENG_SWEEP_INTERVAL_S": "1",
        "DANZHENG_RETRY_PAUSES_MS": json.dumps([100, 100, 100, 100]),
    }


@pytest.fixture
def store(engines, bucket):
    made = make_store(
        StoreSettings(
            s3_endpoint_url=engines.s3_endpoint_url,
            s3_bucket=bucket,
            s3_access_key_id=SecretStr(engines.s3_access_key_id),
            s3_secret_access_key=SecretStr(engines.s3_secret_access_key),
        )
    )
    yield made
    made.close()


def _command(environment, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "services.retention", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _say(amqp_uri, envelope):
    connection = connect(amqp_uri, purpose="test")
    connection.channel().basic_publish(
        Message(envelopes.encode(envelope), content_type=envelopes.CONTENT_TYPE, delivery_mode=2),
        exchange=topology.EVENTS,
        routing_key=envelope.type,
    )
    connection.close()


def _heard(amqp_uri, count, limit_s=30):
    connection = connect(amqp_uri, purpose="test")
    channel, found, ends_at = connection.channel(), [], time.monotonic() + limit_s
    while len(found) < count:
        message = channel.basic_get("apply.inbox", no_ack=True)
        if message is None:
            assert time.monotonic() < ends_at, found
            time.sleep(0.05)
            continue
        body = message.body
        envelope = envelopes.decode(body.encode() if isinstance(body, str) else body)
        if envelope.type.startswith("retention."):
            found.append(envelope)
    connection.close()
    return found


def test_a_made_document_is_scheduled_held_released_and_deleted(environment, amqp_uri, store):
    topology.declare(amqp_uri, pauses_ms=(100, 100, 100, 100))
    process = subprocess.Popen([sys.executable, "-m", "services.retention"], env=environment)
    rpc = BlockingRpcClient(amqp_uri)
    try:
        _until_asked(rpc)
        now = datetime.now(UTC)
        made = document(store, made_at=now, expires_at=now + timedelta(seconds=5))
        subject = f"{made.application_no}/{made.entry_id}"
        _say(amqp_uri, told(made))
        (scheduled,) = _heard(amqp_uri, 1)
        assert scheduled.subject == subject
        hold_id = rpc.call("retention", "hold", subject=subject, reason_code="court-order")
        (held,) = _heard(amqp_uri, 1)
        assert held.data.hold_id == hold_id
        (waiting,) = rpc.call("retention", "due", as_of=(now + timedelta(days=1)).isoformat())
        assert waiting["held"] is True
        rpc.call("retention", "release", hold_id=hold_id)
        released, deleted = _heard(amqp_uri, 2)
        assert released.type == "retention.artifact.released.v1"
        assert deleted.data.object_keys == [made.object_key]
        assert store.head(made.object_key) is None
        day = deleted.data.deleted_at.astimezone().date().isoformat()
        proof = rpc.call("retention", "proof", day=day)
        assert proof["first_broken"] is None
        assert rpc.call("retention", "ping") == "pong"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        rpc.close()
        process.kill()
        process.wait(10)


def _until_asked(rpc, limit_s=30):
    ends_at = time.monotonic() + limit_s
    while True:
        try:
            return rpc.call("retention", "ping")
        except Unavailable:
            assert time.monotonic() < ends_at
            time.sleep(0.1)


def test_check_probes_the_promises_of_the_store(environment, amqp_uri):
    topology.declare(amqp_uri, pauses_ms=(100, 100, 100, 100))
    found = _command(environment, "check")
    assert (found.returncode, found.stdout) == (0, "all is well\n")


def test_a_sweep_by_hand_as_of_a_later_day(environment, store, amqp_uri):
    topology.declare(amqp_uri, pauses_ms=(100, 100, 100, 100))
    later = (datetime.now(UTC) + timedelta(days=40)).isoformat()
    counted = _command(environment, "sweep", "--as-of", later, "--dry-run")
    assert counted.returncode == 0, counted.stderr
    assert "'due': 0" in counted.stdout


def test_no_other_day_than_today_outside_development(environment):
    told_off = _command(
        {**environment, "DANZHENG_ENVIRONMENT": "production"},
        "sweep",
        "--as-of",
        "2027-01-01T00:00:00+08:00",
    )
    assert told_off.returncode == 1
    assert "development" in told_off.stderr


def test_ready_tells_database_and_store(environment, amqp_uri):
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "services.retention"],
        env={**environment, "DANZHENG_HEALTH_PORT": str(port)},
    )
    try:
        ends_at = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                assert time.monotonic() < ends_at
                time.sleep(0.1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"danzheng_retention_overdue" in answer.read()
    finally:
        process.kill()
        process.wait(10)


def _free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
