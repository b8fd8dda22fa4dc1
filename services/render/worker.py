"""The process that renders: one thread talks to the broker, threads store, children draw."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import structlog

from services import __version__
from services.kernel.errors import DanzhengError, Unavailable
from services.kernel.messaging import topology
from services.kernel.messaging.pika_consumer import PikaConsumer, PikaDelivery
from services.kernel.observability import metrics as kernel_metrics
from services.kernel.observability.health import HealthServer
from services.render import metrics
from services.render.bootstrap import Render, from_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.render.settings import RenderSettings

log = structlog.get_logger(__name__)

_BULK_THREADS = 2  # bundles wait for the store, and each holds a file on the disk
_RELAY_EVERY_S = 0.5
_SWEEP_EVERY = 7_200  # turns of the relay: about an hour
_BREATH_S = 0.02  # between two turns: one of them moves what several threads committed
_CLOSING_S = 5.0  # of the grace is kept for ending children and connections


def serve(settings: RenderSettings) -> int:
    """Render until SIGTERM or SIGINT; answers the exit code."""
    amqp_uri = settings.amqp_uri.get_secret_value()
    topology.declare(amqp_uri, pauses_ms=settings.retry_pauses_ms)
    room = from_settings(settings)
    kernel_metrics.build_info.labels(__version__).set(1)
    room.start()
    relay = RelayThread(room)
    desks = [Desk(room, queue, settings, relay.wake) for queue in settings.queues]
    health = _management_port(settings, room, desks, relay)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _stop(desks, health, settings.grace_s))
    relay.start()
    health.start()
    log.info("started", children=settings.children, queues=list(settings.queues))
    for desk in desks[1:]:
        desk.start()
    desks[0].run()
    for desk in desks:
        desk.close()
    room.children.stop()
    relay.stop()
    health.stop()
    room.close()
    log.info("ended")
    return 0


def _stop(desks: list[Desk], health: HealthServer, grace_s: float) -> None:
    health.drain()
    for desk in desks:
        desk.stop(max(grace_s - _CLOSING_S, 1.0))


class Desk:
    """One queue's consumer, and the threads that work on what it takes.

    Its own thread only talks to RabbitMQ; the working threads wait for a child, store and commit.
    """

    def __init__(
        self, room: Render, queue: str, settings: RenderSettings, done: Callable[[], None]
    ) -> None:
        self._room = room
        self._done = done
        self.is_over = False
        self.threads = _BULK_THREADS if queue == topology.RENDER_BULK else settings.held_at_once
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix=queue)
        self._thread = threading.Thread(target=self.run, name=f"{queue}-consumer", daemon=True)
        self._consumer = PikaConsumer(
            settings.amqp_uri.get_secret_value(),
            [queue],
            prefetch=self.threads,
            submit=lambda delivery: self._pool.submit(self._work, delivery),
            pauses_ms=settings.retry_pauses_ms,
            probe=room.probe,
        )

    @property
    def in_flight(self) -> int:
        """How many messages are in work."""
        return self._consumer.in_flight

    def start(self) -> None:
        """Consume in a thread of its own."""
        self._thread.start()

    def run(self) -> None:
        """Consume in this thread until stopped and drained."""
        try:
            self._consumer.run()
        finally:
            self.is_over = True

    def stop(self, grace_s: float) -> None:
        """Take no more."""
        self._consumer.stop(grace_s)

    def close(self) -> None:
        """Wait until the consumer has ended; what its threads still do is lost with its line."""
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def check(self) -> None:
        """Raise Unavailable unless the broker is reached."""
        if not self._consumer.is_connected:
            raise Unavailable("broker")

    def _work(self, delivery: PikaDelivery) -> None:
        attempt = delivery.attempt
        delivery.run(
            lambda envelope: self._room.hear(envelope, attempt),
            on_retry=self._room.say_delayed,
            on_give_up=lambda envelope, fault: self._room.say_failed(envelope, attempt, fault),
        )
        self._done()


class RelayThread:
    """Moves the outbox to the broker, twice a second and at once when woken; touches no job."""

    def __init__(self, room: Render) -> None:
        self._room = room
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something was committed."""
        self._wanted.set()

    def stop(self) -> None:
        """Relay what is there, then end."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join(_CLOSING_S)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        turns = 0
        while not self._stopping.is_set():
            self._wanted.wait(_RELAY_EVERY_S)
            self._wanted.clear()
            self._turn(sweep=turns % _SWEEP_EVERY == 0)
            turns += 1
            self._stopping.wait(_BREATH_S)
        self._turn(sweep=False)

    def _turn(self, *, sweep: bool) -> None:
        try:
            self._room.relay()
            if sweep:
                self._room.sweep()
        except DanzhengError as fault:
            log.warning("relay_waits", reason=str(fault))
            self._stopping.wait(_RELAY_EVERY_S)
        except Exception:
            log.exception("relay_failed")
            self._stopping.wait(_RELAY_EVERY_S)


def _management_port(
    settings: RenderSettings, room: Render, desks: list[Desk], relay: RelayThread
) -> HealthServer:
    checks: Mapping[str, Callable[[], object]] = {
        "database": room.ping_database,
        "store": room.store.ping,
        "children": room.ping_children,
        **{f"broker_{number}": desk.check for number, desk in enumerate(desks)},
    }
    metrics.slots.set(sum(desk.threads for desk in desks))

    def show() -> None:
        metrics.slots_busy.set(sum(desk.in_flight for desk in desks))
        metrics.children_alive.set(room.children.alive)
        room.show_backlog()

    return HealthServer(
        settings.health_host,
        settings.health_port,
        checks=checks,
        alive=lambda: relay.is_alive and not any(desk.is_over for desk in desks),
        before_metrics=show,
    )
