"""Which adapter fills which port of retention."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from sqlalchemy import Engine, text

from services.kernel.clock import Clock, SystemClock
from services.kernel.database.engine import make_engine
from services.kernel.database.relay import Relay
from services.kernel.errors import Unavailable
from services.kernel.messaging.publishing import ConfirmedPublisher
from services.kernel.observability import metrics as kernel_metrics
from services.kernel.settings import read_settings
from services.kernel.storage.port import AlreadyStored, Condemned, ObjectStore
from services.kernel.storage.s3 import make_store
from services.retention import auditing, handlers, metrics, sweeping
from services.retention.adapters.sql import ROOM, SqlWork, SweepTurn
from services.retention.settings import RetentionSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from services.kernel.contracts.envelope import Envelope
    from services.retention.domain import DayProof, DueArtifact
    from services.retention.sweeping import SweepReport

log = structlog.get_logger(__name__)

_STORE_CONNECTIONS = 4
_HOUSEKEEPING_S = 3_600.0


@dataclass
class Due:
    """Something that is to happen once in a while; it remembers when it did."""

    every_s: float
    last: float = float("-inf")

    def is_due(self) -> bool:
        """Whether the time has come; then it counts as done."""
        now = time.monotonic()
        if now - self.last < self.every_s:
            return False
        self.last = now
        return True


@dataclass(frozen=True)
class RetentionUseCases:
    """The use cases of retention, each in transactions of its own."""

    engine: Engine
    store: ObjectStore
    clock: Clock
    settings: RetentionSettings
    outbox: Relay
    publisher: ConfirmedPublisher
    sweep_due: Due
    audit_due: Due
    housekeeping_due: Due = field(default_factory=lambda: Due(_HOUSEKEEPING_S))

    def hear(self, envelope: Envelope) -> None:
        """Put what was made on record."""
        with self._work() as work:
            handlers.hear(envelope, work=work, lifetime=self.settings.file_lifetime)

    def hold(self, subject: str, reason_code: str) -> str:
        """Keep a subject's artifacts; answers the hold's id."""
        with self._work() as work:
            return handlers.hold(subject, reason_code, work=work, clock=self.clock)

    def release(self, hold_id: str) -> None:
        """End a hold."""
        with self._work() as work:
            handlers.release(hold_id, work=work, clock=self.clock)

    def due(self, as_of: datetime) -> list[DueArtifact]:
        """What is past its end."""
        with self._work() as work:
            return handlers.due(as_of, work=work)

    def proof(self, day: date) -> DayProof:
        """The proof of a day."""
        with self._work() as work:
            return handlers.proof(day, work=work)

    def tick(self) -> None:
        """Sweep and audit when their time has come."""
        if self.sweep_due.is_due():
            self.sweep(self.clock.now())
            self.show_overdue()
        if self.audit_due.is_due():
            self.audit()

    def sweep(self, as_of: datetime, *, dry_run: bool = False) -> SweepReport | None:
        """Delete what is due; None when another sweeps just now."""
        guards = sweeping.Guards(
            self.settings.clock_skew_limit_s, self.settings.sweep_share, self.settings.sweep_floor
        )
        with SweepTurn(self.engine) as ours:
            if not ours:
                metrics.skipped.labels("turn").inc()
                return None
            report = sweeping.sweep(
                as_of,
                open_work=self._work,
                store=self.store,
                clock=self.clock,
                guards=guards,
                dry_run=dry_run,
            )
        if report.due or report.deleted or report.failed:
            log.info(
                "swept",
                due=report.due,
                deleted=report.deleted,
                failed=report.failed,
                changed=report.changed,
                dry_run=dry_run,
            )
        return report

    def audit(self) -> auditing.Gap:
        """Compare bucket and rows."""
        with self._work() as work:
            return auditing.audit(work=work, store=self.store, now=self.clock.now())

    def show_overdue(self) -> None:
        """Bring the gauges up to the moment."""
        now = self.clock.now()
        with self._work() as work:
            overdue = work.artifacts.overdue(now)
        metrics.overdue.set(overdue.count)
        metrics.held.set(overdue.held)
        age = (now - overdue.oldest).total_seconds() if overdue.oldest else 0.0
        metrics.oldest_overdue_seconds.set(age)

    def relay(self) -> None:
        """Move the outbox to the broker, and show what waits."""
        self.outbox.run()
        waiting, oldest_s = self.outbox.backlog()
        kernel_metrics.outbox_backlog.labels(ROOM).set(waiting)
        kernel_metrics.outbox_oldest_seconds.labels(ROOM).set(oldest_s)
        if self.housekeeping_due.is_due():
            self.outbox.sweep()

    @property
    def pings(self) -> dict[str, Callable[[], object]]:
        """What must answer for this room to be ready."""
        return {"database": self.ping_database, "store": self.store.ping}

    def ping_database(self) -> None:
        """Raise unless the database answers."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give all connections back."""
        self.publisher.close()
        self.engine.dispose()

    def _work(self) -> SqlWork:
        return SqlWork(self.engine, self.clock)


def from_env() -> RetentionUseCases:
    """The use cases over the parts that the environment names."""
    return from_settings(read_settings(RetentionSettings))


def from_settings(settings: RetentionSettings, clock: Clock | None = None) -> RetentionUseCases:
    """The use cases over the parts that `settings` name."""
    engine = make_engine(
        settings.database_url.get_secret_value(),
        pool=settings.database_pool,
        application="danzheng-retention",
    )
    publisher = ConfirmedPublisher(settings.amqp_uri.get_secret_value())
    return RetentionUseCases(
        engine=engine,
        store=make_store(settings, connections=_STORE_CONNECTIONS),
        clock=clock or SystemClock(),
        settings=settings,
        outbox=Relay(engine, publisher),
        publisher=publisher,
        sweep_due=Due(settings.sweeps_every_s),
        audit_due=Due(settings.audit_interval_s),
    )


def check(store: ObjectStore) -> list[str]:
    """A sentence for each promise that the store does not keep."""
    key = f"probes/{uuid4().hex}"
    try:
        etag = store.put_new(key, b"1", content_type="text/plain", metadata={}).etag
        findings = _promises(store, key, etag)
        if store.delete_if([Condemned(key, etag)]).faults or store.head(key) is not None:
            findings.append("the store does not delete by ETag")
    except Unavailable as fault:
        return [str(fault)]
    return findings


def _promises(store: ObjectStore, key: str, etag: str) -> list[str]:
    findings = []
    if _overwrites(store, key):
        findings.append("the store overwrites although it is told not to")
    other = "0" * len(etag)
    if store.delete_if([Condemned(key, other)]).gone:
        findings.append("the store deletes an object that has changed")
    return findings


def _overwrites(store: ObjectStore, key: str) -> bool:
    try:
        store.put_new(key, b"2", content_type="text/plain", metadata={})
    except AlreadyStored:
        return False
    return True
