"""The three ways a message reaches a handler, behind one face for the conformance suite."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.kernel.contracts import envelope as envelopes
from services.kernel.contracts.apply import BundleDropped
from services.kernel.contracts.envelope import Envelope
from services.kernel.database.relay import Outgoing
from services.kernel.ids import uuid7
from services.kernel.messaging import parked, topology
from services.kernel.messaging.broker import connect, hang_up
from services.kernel.messaging.publishing import ConfirmedChannel, ConfirmedPublisher, Letter
from services.kernel.testing.memory_bus import MemoryBus, RawMessage
from tests.support.diary import Diary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEARD = "apply.bundle.dropped.v1"
LIMIT_S = 15.0


def dropped(subject: str, id_: str | None = None) -> Envelope:
    """An event that the echo rooms hear; its subject tells them what to do."""
    now = datetime.now(UTC)
    return Envelope(
        id=id_ or uuid7(),
        type=HEARD,
        source="/danzheng/apply",
        subject=subject,
        time=now,
        data=BundleDropped("B1", "913", now),
    )


def outgoing(envelope: Envelope) -> Outgoing:
    return Outgoing(envelope.id, envelope.type, envelopes.encode(envelope))


class Transport:
    """What every transport shows of what became of its messages."""

    diary: Path

    def lines(self, word: str, id_: str) -> list[str]:
        """The lines of the diary that begin with the word and the id."""
        text = self.diary.read_text() if self.diary.exists() else ""
        return [line for line in text.splitlines() if line.startswith(f"{word} {id_}")]

    def wait_for(self, word: str, id_: str, count: int = 1) -> list[str]:
        """Those lines, once there are so many."""
        self.until(lambda: len(self.lines(word, id_)) >= count)
        return self.lines(word, id_)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds; fails after the limit."""
        end = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < end, "it did not come to pass in time"
            self.settle()

    def settle(self) -> None:
        time.sleep(0.02)  # between two looks at another process

    def wait_parked(self, id_: str) -> str:
        """The reason under which the message lies aside, once it does."""
        self.until(lambda: id_ in self.parked())
        return self.parked()[id_]

    def parked(self) -> dict[str, str]:
        raise NotImplementedError


class Memory(Transport):
    """The memory bus."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary
        os.environ["ECHO_DIARY"] = str(diary)
        self.room = Diary()
        self.bus = MemoryBus()
        self.bus.hear(
            topology.inbox("retention"),
            self.room.hear,
            on_retry=self.room.delayed,
            on_give_up=self.room.given_up,
        )

    def say(self, *envelopes_: Envelope) -> set[str]:
        return self.bus.publish([outgoing(each) for each in envelopes_])

    def say_raw(self, body: bytes, content_type: str, id_: str) -> None:
        self.bus.publish_raw(HEARD, RawMessage(body, content_type, id_))

    def settle(self) -> None:
        self.bus.run()

    def parked(self) -> dict[str, str]:
        return {each.raw.message_id: each.reason for each in self.bus.parked.get("retention", [])}

    def replay(self) -> None:
        self.bus.replay("retention")

    def unheard(self) -> int:
        return len(self.bus.unheard)


class Child(Transport):
    """An echo room in a process of its own, over the real broker."""

    def __init__(self, module: str, amqp_uri: str, diary: Path, **environment: str) -> None:
        self.diary = diary
        self.amqp_uri = amqp_uri
        self.publisher = ConfirmedPublisher(amqp_uri)
        self.port = _free_port()
        self.log = diary.with_suffix(f".{self.port}.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", module],
                env=os.environ
                | {
                    "DANZHENG_AMQP_URI": amqp_uri,
                    "DANZHENG_HEALTH_PORT": str(self.port),
                    "DANZHENG_RETRY_PAUSES_MS": "[50, 60, 70, 80]",
                    "ECHO_DIARY": str(diary),
                }
                | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.until(lambda: self.get("/ready")[0] == 200)
        except BaseException:
            self.close()
            raise

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of the management port."""
        assert self.process.poll() is None or path != "/ready", self.log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as fault:
            with fault:
                return fault.code, fault.read().decode()
        except OSError:
            return 0, ""

    def say(self, *envelopes_: Envelope) -> set[str]:
        return self.publisher.publish([outgoing(each) for each in envelopes_])

    def say_raw(self, body: bytes, content_type: str, id_: str) -> None:
        channel = ConfirmedChannel(self.amqp_uri)
        letter = Letter(topology.EVENTS, HEARD, body, id_, content_type)
        assert channel.send([letter]) == {0}
        channel.close()

    def parked(self) -> dict[str, str]:
        return {each.id: each.reason for each in parked.all_parked("retention", self.amqp_uri)}

    def replay(self) -> None:
        parked.replay("retention", self.amqp_uri, lambda _message: True, by="a test")

    def unheard(self) -> int:
        connection = connect(self.amqp_uri, purpose="test")
        try:
            return connection.channel().queue_declare(topology.UNHEARD_QUEUE, passive=True)[1]
        finally:
            hang_up(connection)

    def terminate(self) -> int:
        """SIGTERM; answers the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def close(self) -> None:
        """End it without ceremony."""
        self.publisher.close()
        self.process.kill()
        self.process.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
