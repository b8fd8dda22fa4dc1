"""Puts render together from its settings."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.kernel.children import Children, Limits
from services.kernel.clock import Clock, SystemClock
from services.kernel.database.engine import make_engine
from services.kernel.database.relay import Relay
from services.kernel.errors import PermanentFailure, Unavailable
from services.kernel.messaging.publishing import ConfirmedPublisher
from services.kernel.observability import metrics as kernel_metrics
from services.kernel.storage.s3 import S3Store, make_store
from services.render import handlers, metrics
from services.render.adapters.child_drawing import ChildDrawing
from services.render.adapters.sql import ROOM, SqlWork, forget_old_jobs
from services.render.domain import RENDER_FAILED
from services.render.drawer import DrawerSpec, SealPaths, make_drawer
from services.render.makers import Makers

if TYPE_CHECKING:
    from services.kernel.contracts.envelope import Envelope
    from services.render.settings import RenderSettings

_SPARE_CONNECTIONS = 4  # relay, health and two bundles beside the storing threads


@dataclass(frozen=True)
class Render:
    """The room: what its threads call."""

    engine: Engine
    clock: Clock
    store: S3Store
    children: Children
    makers: Makers
    outbox: Relay
    publisher: ConfirmedPublisher
    pauses_ms: tuple[int, ...]

    def start(self) -> None:
        """Warm the children. Raises ChildFault when fonts or seal are unfit."""
        self.children.start()

    def hear(self, envelope: Envelope, attempt: int) -> None:
        """Make what the message orders. Raises PermanentFailure for what is no order."""
        if not isinstance(envelope.data, handlers.ORDERS):
            raise PermanentFailure("unknown_type", envelope.type)
        product = handlers.product_of(envelope.data)
        with metrics.seconds.labels(product).time():
            handlers.hear(
                envelope, attempt, open_work=self._work, make=self.makers.make, clock=self.clock
            )

    def say_delayed(self, envelope: Envelope, attempt: int, fault: BaseException) -> None:
        """Tell that a try failed and another follows."""
        pause_ms = self.pauses_ms[min(attempt, len(self.pauses_ms)) - 1]
        handlers.say_delayed(
            envelope,
            attempt,
            open_work=self._work,
            next_try_at=self.clock.now() + timedelta(milliseconds=pause_ms),
            reason_code=_code(fault),
        )

    def say_failed(self, envelope: Envelope, attempt: int, fault: BaseException) -> None:
        """Tell that nothing will be made of an order; what is none has nobody to tell."""
        if not isinstance(envelope.data, handlers.ORDERS):
            return
        handlers.say_failed(
            envelope,
            attempt,
            open_work=self._work,
            clock=self.clock,
            reason_code=_code(fault),
        )

    def relay(self) -> None:
        """Move the outbox to the broker."""
        self.outbox.run()

    def sweep(self) -> None:
        """Forget what nobody can ask about any more."""
        self.outbox.sweep()
        forget_old_jobs(self.engine)

    def show_backlog(self) -> None:
        """Bring the outbox gauges up to the moment."""
        try:
            waiting, oldest_s = self.outbox.backlog()
        except SQLAlchemyError:
            return  # /ready tells that the database is away
        kernel_metrics.outbox_backlog.labels(ROOM).set(waiting)
        kernel_metrics.outbox_oldest_seconds.labels(ROOM).set(oldest_s)

    def probe(self) -> None:
        """Raise when a message could not be worked now."""
        self.ping_database()
        self.store.ping()
        self.ping_children()

    def ping_database(self) -> None:
        """Raise unless the database answers."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def ping_children(self) -> None:
        """Raise Unavailable unless a child lives."""
        if not self.children.alive:
            raise Unavailable("children")

    def close(self) -> None:
        """Give all connections back."""
        self.publisher.close()
        self.store.close()
        self.engine.dispose()

    def _work(self) -> SqlWork:
        return SqlWork(self.engine, self.clock)


def from_settings(settings: RenderSettings) -> Render:
    """The room, not yet started."""
    slots = settings.held_at_once + _SPARE_CONNECTIONS
    engine = make_engine(
        settings.database_url.get_secret_value(), pool=slots, application="danzheng-render"
    )
    clock = SystemClock()
    store = make_store(settings, connections=slots)
    children = Children(
        make_drawer,
        drawer_spec(settings),
        settings.children,
        limits=Limits(
            deadline_s=settings.child_deadline_s,
            jobs=settings.child_jobs,
            memory_bytes=settings.child_memory_bytes,
        ),
        on_replaced=lambda cause: metrics.child_restarts.labels(cause).inc(),
    )
    publisher = ConfirmedPublisher(settings.amqp_uri.get_secret_value())
    return Render(
        engine=engine,
        clock=clock,
        store=store,
        children=children,
        makers=Makers(ChildDrawing(children), store, clock, settings.scratch_dir),
        outbox=Relay(engine, publisher),
        publisher=publisher,
        pauses_ms=settings.retry_pauses_ms,
    )


def drawer_spec(settings: RenderSettings) -> DrawerSpec:
    """What each child is told."""
    seal = None
    if settings.seal_key_path and settings.seal_certificate_path and settings.seal_chain_path:
        seal = SealPaths(
            settings.seal_key_path, settings.seal_certificate_path, settings.seal_chain_path
        )
    base = settings.public_base_url
    return DrawerSpec(
        font_dir=settings.font_dir,
        seal=seal,
        demo=settings.marks_as_demo,
        check_url=f"{base.rstrip('/')}/verify" if base else None,
    )


def check(settings: RenderSettings) -> list[str]:
    """A sentence for each part that does not work: store, fonts, seal."""
    findings = []
    store = make_store(settings, connections=1)
    try:
        store.ping()
    except Unavailable as fault:
        findings.append(str(fault))
    finally:
        store.close()
    begun = time.monotonic()
    try:
        make_drawer(drawer_spec(settings))
    except Exception as fault:  # noqa: BLE001  a child would not come up, whatever it is
        findings.append(f"a child does not come up: {type(fault).__name__}: {fault}")
    if time.monotonic() - begun > Limits().start_s:
        findings.append("a child takes too long to come up")
    return findings


def _code(fault: BaseException) -> str:
    return fault.reason if isinstance(fault, PermanentFailure) else RENDER_FAILED
