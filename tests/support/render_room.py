"""A render process of its own over corners of the real parts, spoken to as apply would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amqp import Connection, Message
from pydantic import SecretStr

from services.kernel.contracts import envelope as envelopes
from services.kernel.contracts import registry
from services.kernel.contracts.apply import ItemAccepted
from services.kernel.contracts.envelope import Envelope
from services.kernel.database.migrate import migrate
from services.kernel.ids import uuid7
from services.kernel.messaging import topology
from services.kernel.messaging.broker import connect
from services.kernel.settings import StoreSettings
from services.kernel.storage.s3 import S3Store, make_store
from tests.support.render_samples import full_data, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.engines import Engines

FONT_DIR = Path(".local/fonts")
PAUSES_MS = (100, 100, 100, 100)


@dataclass
class RenderRoom:
    """What a test knows of the room: its process, its database, its queues, its bucket."""

    environment: dict[str, str]
    amqp_uri: str
    database_url: str
    store: S3Store
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _connection: Connection | None = None

    def start(self, probe: str = "/ready", **settings: str) -> subprocess.Popen[bytes]:
        """Start a process and wait until it is ready, or alive if that is the probe."""
        port = _free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "services.render"],
            env={
                **self.environment,
                "DANZHENG_HEALTH_PORT": str(port),
                **{f"DANZHENG_{name.upper()}": value for name, value in settings.items()},
            },
        )
        self.processes.append(process)
        process.health = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
        _until(lambda: _answers(process, probe), 40)
        return process

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """A command of the room, run to its end."""
        return subprocess.run(
            [sys.executable, "-m", "services.render", *arguments],
            env={
                **self.environment,
                **{f"DANZHENG_{name.upper()}": value for name, value in settings.items()},
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """SIGTERM, and the exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(40)

    def say(
        self, payload: object, subject: str, id_: str | None = None, queue: str | None = None
    ) -> str:
        """Publish an event, or put it into one queue alone; answers its id."""
        message = Envelope(
            id=id_ or uuid7(),
            type=registry.type_of(payload),
            source="/danzheng/apply",
            subject=subject,
            time=datetime.now(UTC),
            data=payload,
        )
        self.publish(envelopes.encode(message), queue or message.type, message.id, queue is None)
        return message.id

    def publish(self, body: bytes, key: str, id_: str, as_event: bool = True) -> None:
        """Publish bytes as an event of the type `key`, or to the queue of that name."""
        self._channel().basic_publish(
            Message(
                body,
                content_type=envelopes.CONTENT_TYPE,
                delivery_mode=2,
                message_id=id_,
            ),
            exchange=topology.EVENTS if as_event else "",
            routing_key=key,
        )

    def heard(self, count: int, limit_s: float = 30) -> list[Envelope]:
        """The next `count` events that apply would hear."""
        channel = self._channel()
        found: list[Envelope] = []
        ends_at = time.monotonic() + limit_s
        while len(found) < count:
            message = channel.basic_get("apply.inbox", no_ack=True)
            if message is None:
                assert time.monotonic() < ends_at, f"heard {len(found)} of {count}: {found}"
                time.sleep(0.01)
                continue
            body = message.body
            found.append(envelopes.decode(body.encode() if isinstance(body, str) else body))
        return found

    def depth(self, queue: str) -> int:
        """How many messages a queue holds."""
        return self._channel().queue_declare(queue, passive=True).message_count

    def metrics(self, process: subprocess.Popen[bytes]) -> str:
        """What the process tells of itself."""
        with urllib.request.urlopen(f"{process.health}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def close(self) -> None:
        """End what was started."""
        for process in self.processes:
            process.kill()
            process.wait(10)
        if self._connection is not None:
            self._connection.close()
        self.store.close()

    def _channel(self) -> Any:
        if self._connection is None or not self._connection.connected:
            self._connection = connect(self.amqp_uri, purpose="test")
            self._kept = self._connection.channel()
        return self._kept


def render_room(
    engines: Engines, database_url: str, amqp_uri: str, bucket: str
) -> Iterator[RenderRoom]:
    """A room with its database migrated and its queues declared; no process yet."""
    migrate("render", database_url)
    topology.declare(amqp_uri, pauses_ms=PAUSES_MS)
    store = make_store(
        StoreSettings(
            s3_endpoint_url=engines.s3_endpoint_url,
            s3_bucket=bucket,
            s3_access_key_id=SecretStr(engines.s3_access_key_id),
            s3_secret_access_key=SecretStr(engines.s3_secret_access_key),
        )
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DANZHENG_")},
        "DANZHENG_ENVIRONMENT": "development",
        "DANZHENG_AMQP_URI": amqp_uri,
        "DANZHENG_DATABASE_URL": database_url,
        "DANZHENG_S3_ENDPOINT_URL": engines.s3_endpoint_url,
        "DANZHENG_S3_BUCKET": bucket,
        "DANZHENG_S3_ACCESS_KEY_ID": engines.s3_access_key_id,
        "DANZHENG_S3_SECRET_ACCESS_KEY": engines.s3_secret_access_key,
        "DANZHENG_PUBLIC_BASE_URL": "https://danzheng.example",
        "DANZHENG_FONT_DIR": str(FONT_DIR),
        "DANZHENG_RETRY_PAUSES_MS": json.dumps(PAUSES_MS),
        "DANZHENG_CHILDREN": "1",
        "DANZHENG_GRACE_S": "15",
    }
    room = RenderRoom(environment, amqp_uri, database_url, store)
    try:
        yield room
    finally:
        room.close()


def item(number: int = 1, **changes: object) -> ItemAccepted:
    """An order for a printed form."""
    application_no = f"P20261123{number:09d}"
    order = ItemAccepted(
        application_no=application_no,
        entry_id="530120261000000018",
        revision=1,
        uscc="91990000MA0TEAAA29",
        seal="none",
        snapshot=snapshot(full_data()),
        object_key=f"documents/{application_no}/530120261000000018/r1/0123456789abcdef.pdf",
        verification_code="7K3M9QW2XR5T8V1B4N6P0D2H",
        ordered_at=datetime(2026, 11, 23, 2, 15, 30, 702_000, tzinfo=UTC),
        lifetime="calendar-month",
        zone="Asia/Shanghai",
        give_up_at=datetime.now(UTC) + timedelta(hours=1),
    )
    return replace(order, **changes)


def subject(order: ItemAccepted) -> str:
    """The subject of an order for a printed form."""
    return f"{order.application_no}/{order.entry_id}"


def _answers(process: subprocess.Popen[bytes], probe: str) -> bool:
    assert process.poll() is None, "the process ended while starting"
    try:
        with urllib.request.urlopen(f"{process.health}{probe}", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(condition: Any, limit_s: float) -> None:
    ends_at = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.05)
