"""The gateway as a process before a real broker and a real store, without rooms."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pika
import pytest

from gateway.checked_sessions import CheckedSessions
from gateway.inboxes import RenderWatch
from gateway.live import Live
from services.kernel.contracts.apply import FeedExtended
from services.kernel.contracts.auth import SessionLocked
from services.kernel.contracts.envelope import CONTENT_TYPE, Envelope, encode
from services.kernel.contracts.registry import type_of
from services.kernel.errors import Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.live import LiveEvents

ROOT = Path(__file__).parents[3]
LIMIT_S = 60


@pytest.fixture
def anyio_backend():
    return "asyncio"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """`python -m gateway web` on ports of its own."""

    def __init__(self, engines, amqp_uri, bucket, **more):
        self.port, self.health = free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        told = {
            "ENVIRONMENT": "development",
            "AMQP_URI": amqp_uri,
            "S3_ENDPOINT_URL": engines.s3_endpoint_url,
            "S3_BUCKET": bucket,
            "S3_ACCESS_KEY_ID": engines.s3_access_key_id,
            "S3_SECRET_ACCESS_KEY": engines.s3_secret_access_key,
            "PUBLIC_BASE_URL": self.base_url,
            "HTTP_PORT": str(self.port),
            "HEALTH_PORT": str(self.health),
            **more,
        }
        self.environment = {
            "PATH": os.environ["PATH"],
            **{f"DANZHENG_{name}": value for name, value in told.items()},
        }
        self.running = None

    def run(self, command):
        return subprocess.run(
            [sys.executable, "-m", "gateway", command],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=LIMIT_S,
            check=False,
        )  # fmt: skip

    def __enter__(self):
        self.running = subprocess.Popen(
            [sys.executable, "-m", "gateway", "web"],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            self._await_start()
        except AssertionError:
            self.__exit__()
            raise
        return self

    def _await_start(self):
        ends = time.monotonic() + LIMIT_S
        while time.monotonic() < ends:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.running.poll() is None, self.running.stdout.read()
            time.sleep(0.1)
        raise AssertionError("the gateway does not start")

    def __exit__(self, *_):
        if self.running.poll() is None:
            self.running.kill()
        self.running.wait(10)
        self.running.stdout.close()

    def management(self, path):
        return httpx.get(f"http://127.0.0.1:{self.health}{path}", trust_env=False, timeout=10)


@pytest.fixture
def process(engines, amqp_uri, bucket):
    return Process(engines, amqp_uri, bucket)


def test_without_rooms_it_answers_and_says_what_is_missing_and_ends_gracefully(process):
    with process:
        with httpx.Client(base_url=process.base_url, trust_env=False, timeout=20) as client:
            missing = client.post("/api/v1/auth/challenges")
            assert (missing.status_code, missing.json()["component"]) == (503, "auth")
            ready = client.get("/api/v1/health/ready")
            assert (ready.status_code, ready.json()["status"]) == (503, "down")
            checks = ready.json()["checks"]
            assert (checks["broker"], checks["object_store"], checks["auth"]) == (
                "ok", "ok", "down",
            )  # fmt: skip
        assert process.management("/live").status_code == 200
        assert process.management("/ready").status_code == 200
        assert "danzheng_http_seconds_bucket" in process.management("/metrics").text
        # a request whose body is still on its way is finished after SIGTERM
        with socket.create_connection(("127.0.0.1", process.port), timeout=20) as line:
            line.sendall(
                b"POST /api/v1/verifications HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                b"Content-Type: application/pdf\r\nContent-Length: 8\r\n\r\nnone"
            )
            time.sleep(0.3)  # the request is in work: nothing outside tells when
            process.running.send_signal(signal.SIGTERM)
            ends = time.monotonic() + 10
            while process.management("/ready").status_code == 200:
                assert time.monotonic() < ends
            line.sendall(b"here")
            answer = line.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 422")
        assert b"not-a-pdf" in answer
        assert process.running.wait(30) == 0
        lines = [json.loads(line) for line in process.running.stdout.read().splitlines()]
        assert {"gateway_started", "draining", "gateway_ended"} <= {one["event"] for one in lines}
        answered = next(one for one in lines if one["event"] == "http_answered")
        assert {"route", "status", "duration_ms", "trace_id", "service"} <= answered.keys()


def test_check_tells_whether_broker_and_store_are_as_they_should_be(process, amqp_uri):
    assert process.run("check").returncode == 1
    topology.declare(amqp_uri)
    done = process.run("check")
    assert (done.returncode, done.stdout) == (0, "all is well\n")
    process.environment["DANZHENG_S3_BUCKET"] = "no-such-bucket"
    assert process.run("check").returncode == 1


def test_wrong_settings_are_told_all_at_once_without_their_values(process):
    process.environment |= {
        "DANZHENG_PUBLIC_BASE_URL": "secret-host/",
        "DANZHENG_HTTP_PORT": "high",
    }
    done = process.run("check")
    assert done.returncode == 1
    assert "DANZHENG_PUBLIC_BASE_URL" in done.stderr
    assert "DANZHENG_HTTP_PORT" in done.stderr
    assert "secret-host" not in done.stderr
    assert process.run("serve").returncode == 2


def test_production_speaks_https_only(engines, amqp_uri, bucket):
    process = Process(engines, amqp_uri, bucket, ENVIRONMENT="production")
    done = process.run("check")
    assert done.returncode == 1
    assert "https" in done.stderr


@pytest.mark.anyio
async def test_streams_hear_of_changes_and_of_locked_sessions_over_the_broker(amqp_uri):
    await asyncio.to_thread(topology.declare, amqp_uri)
    live = Live(CheckedSessions(), 5)
    own, locked = live.listen("A", "s1"), live.listen("B", "s2")
    events = LiveEvents(amqp_uri, topology.LIVE_TYPES, live.hear, on_gap=live.resumed)
    await events.start()
    try:
        await own.pause(0.2)  # beginning counts as a gap, and wakes everybody once
        await locked.pause(0.2)
        await asyncio.to_thread(_publish, amqp_uri, FeedExtended("A", []))
        assert await own.pause(5)
        assert not locked.ended
        said = SessionLocked("s2", "B", "card_removed", datetime.now(UTC))
        await asyncio.to_thread(_publish, amqp_uri, said)
        assert await locked.pause(5)
        assert locked.ended
        assert not own.ended
    finally:
        await events.stop()


def _publish(amqp_uri, said):
    envelope = Envelope("1", type_of(said), "/test", "x", datetime.now(UTC), said)
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
    connection.channel().basic_publish(
        topology.EVENTS,
        envelope.type,
        encode(envelope),
        pika.BasicProperties(content_type=CONTENT_TYPE),
    )
    connection.close()


@pytest.mark.anyio
async def test_render_is_well_when_somebody_takes_its_orders(amqp_uri):
    await asyncio.to_thread(topology.declare, amqp_uri)
    watch = RenderWatch(amqp_uri)
    with pytest.raises(Unavailable):
        await watch.check()
    await watch.start()
    try:
        with pytest.raises(Unavailable):
            await watch.check()
        worker = await asyncio.to_thread(
            lambda: pika.BlockingConnection(pika.URLParameters(amqp_uri))
        )
        await asyncio.to_thread(
            worker.channel().basic_consume, topology.RENDER_INBOX, lambda *_: None
        )
        await watch.check()
        await asyncio.to_thread(worker.close)
    finally:
        await watch.stop()
