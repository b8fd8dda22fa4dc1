"""The echo room without eventlet: `python -m tests.support.echo_pika`."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

from services.kernel import console
from services.kernel.messaging import pika_consumer, topology
from services.kernel.messaging.pika_consumer import PikaConsumer
from services.kernel.observability.health import HealthServer
from services.kernel.settings import ProcessSettings
from tests.support.diary import Diary

_WORKERS = 10
pika_consumer._PROBE_S = 1.0  # a test does not wait five seconds
pika_consumer.HEARTBEAT_S = int(os.environ.get("ECHO_HEARTBEAT_S", pika_consumer.HEARTBEAT_S))


def serve(settings: ProcessSettings) -> int:
    uri = settings.amqp_uri.get_secret_value()
    topology.declare(uri, pauses_ms=settings.retry_pauses_ms)
    diary = Diary()
    pool = ThreadPoolExecutor(_WORKERS)

    def work(delivery):
        delivery.run(diary.hear, on_retry=diary.delayed, on_give_up=diary.given_up)

    consumer = PikaConsumer(
        uri,
        [topology.inbox("retention")],
        prefetch=_WORKERS,
        submit=lambda delivery: pool.submit(work, delivery),
        service="retention",
        pauses_ms=settings.retry_pauses_ms,
        probe=diary.ping,
    )

    def connected() -> None:
        if not consumer.is_connected:
            raise ConnectionError

    health = HealthServer(
        settings.health_host,
        settings.health_port,
        checks={"broker": connected, "store": diary.ping},
    )
    health.start()
    signal.signal(signal.SIGTERM, lambda *_: consumer.stop(settings.grace_s))
    consumer.run()
    pool.shutdown()
    health.stop()
    return 0


if __name__ == "__main__":
    sys.exit(console.main("retention", sys.argv[1:], settings=ProcessSettings, serve=serve))
