"""A room for tests of the kit: it echoes questions and writes down what it hears.

Started as a child process: `python -m tests.support.echo_room`. What it does with an event is told
by the event's subject.
"""

from __future__ import annotations

from services.kernel.messaging import nameko_kit  # isort: skip  it patches first

import os
import sys
import time

from services.kernel import console
from services.kernel.contracts.refusal import Refusal
from services.kernel.errors import Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.nameko_kit import UseCases, consume, rpc, timer
from services.kernel.settings import ProcessSettings
from tests.support.diary import Diary

if "ECHO_HEARTBEAT_S" in os.environ:
    nameko_kit.CONSUMER_HEARTBEAT_S = int(os.environ["ECHO_HEARTBEAT_S"])
    nameko_kit._TICK_S = nameko_kit.CONSUMER_HEARTBEAT_S / 8  # in the product it is a twentieth
nameko_kit._LIVE_WITHIN_S = float(os.environ.get("ECHO_LIVE_WITHIN_S", "10"))
nameko_kit._PROBE_S = 1.0  # a test does not wait five seconds


class EchoService:
    name = "retention"
    use = UseCases(Diary)

    @rpc
    def ping(self):
        return "pong"

    @rpc
    def echo(self, value):
        return value

    @rpc
    def refuse(self, number):
        raise Refusal("quota-exceeded", "满了", {"limit": number}, [{"pointer": "/a"}])

    @rpc
    def fail(self):
        raise RuntimeError("canary-personal-data")

    @rpc
    def lack(self):
        raise Unavailable("database")

    @rpc
    def nap(self, seconds):
        time.sleep(seconds)
        self.use.write("napped", seconds)
        return seconds

    @consume(topology.inbox("retention"), prefetch=10, on_retry="delayed", on_give_up="given_up")
    def hear(self, envelope):
        self.use.hear(envelope)

    def delayed(self, envelope, attempt, fault):
        self.use.delayed(envelope, attempt, fault)

    def given_up(self, envelope, fault):
        self.use.given_up(envelope, fault)

    @timer(30, after_work=True)
    def relay(self):
        self.use.write("relay", "ran")


if __name__ == "__main__":
    sys.exit(
        console.main(
            "retention",
            sys.argv[1:],
            settings=ProcessSettings,
            serve=lambda settings: nameko_kit.run(EchoService, settings),
        )
    )
