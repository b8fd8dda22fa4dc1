"""Which adapter fills which port of query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Engine, text

from services.kernel.clock import Clock, SystemClock
from services.kernel.database.engine import make_engine
from services.kernel.database.relay import Relay
from services.kernel.errors import PermanentFailure
from services.kernel.messaging.publishing import ConfirmedPublisher
from services.kernel.observability.metrics import outbox_backlog, outbox_oldest_seconds
from services.kernel.settings import read_settings
from services.query import codes, custody, handlers, intake
from services.query.adapters.sql import SqlWork
from services.query.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.kernel.contracts.query import DeclarationPage, SnapshotAnswer
    from services.query.domain import Document

log = structlog.get_logger(__name__)
_ROOM = "query"
_XML_TYPES = frozenset({"application/xml", "text/xml"})


@dataclass(frozen=True)
class QueryUseCases:
    """The use cases of query, each in a transaction of its own."""

    engine: Engine
    clock: Clock
    settings: Settings
    knowledge: handlers.Knowledge
    limits: intake.Limits
    elements: Mapping[str, frozenset[str]]
    publisher: ConfirmedPublisher

    def read(self, body: bytes) -> Document:
        """The document in `body`. Raises intake.Refused."""
        return intake.read(body, self.limits, self.elements)

    def take(self, documents: Sequence[Document], channel: str) -> list[handlers.Outcome]:
        """Record documents together; answers what each changed."""
        with self._work() as work:
            return handlers.take(
                documents, channel=channel, work=work, knowledge=self.knowledge, clock=self.clock
            )

    def hear_customs(self, body: bytes, content_type: str) -> None:
        """Take one document of the customs feed.

        Raises PermanentFailure, with the reason under which it is parked, for what can never be
        taken.
        """
        if content_type.partition(";")[0].strip().lower() not in _XML_TYPES:
            raise PermanentFailure("content-type", f"not XML: {content_type!r}")
        try:
            document = self.read(body)
        except intake.Refused as refused:
            raise PermanentFailure(refused.code, str(refused)) from refused
        (outcome,) = self.take([document], "feed")
        log.info(
            "document_taken",
            kind=type(document).__name__,
            outcome=outcome,
            warnings=len(document.warnings),
        )

    def search(self, question: handlers.Question) -> DeclarationPage:
        """A page of the company's own declarations."""
        with self._work() as work:
            return handlers.search(question, work=work, clock=self.clock)

    def snapshots(self, uscc: str, entry_ids: Sequence[str]) -> list[SnapshotAnswer]:
        """What apply needs of each number."""
        with self._work() as work:
            return handlers.snapshots(uscc, entry_ids, work=work, clock=self.clock)

    def digests(self, entry_ids: Sequence[str]) -> dict[str, str]:
        """The digests of the newest versions."""
        with self._work() as work:
            return handlers.digests(entry_ids, work=work)

    def erase_after_custody(self) -> int:
        """Forget everything whose custody is over; answers how many declarations went."""
        total = 0
        while gone := self._erase_some():
            total += gone
        if total:
            log.info("declarations_erased", count=total)
        return total

    def _erase_some(self) -> int:
        with self._work() as work:
            return handlers.erase_after_custody(work=work, clock=self.clock)

    def relay(self) -> None:
        """Publish what was said and committed."""
        self._relay.run()

    def keep_books(self) -> None:
        """Tell how much waits in the outbox."""
        count, oldest_s = self._relay.backlog()
        outbox_backlog.labels(_ROOM).set(count)
        outbox_oldest_seconds.labels(_ROOM).set(oldest_s)

    def sweep_delivery(self) -> None:
        """Forget messages delivered long ago."""
        self._relay.sweep()

    @property
    def pings(self) -> Mapping[str, Callable[[], object]]:
        """What `/ready` asks for."""
        return {"database": self.ping_database}

    def ping_database(self) -> None:
        """Raise when the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give back connections."""
        self.publisher.close()
        self.engine.dispose()

    @property
    def _relay(self) -> Relay:
        return Relay(self.engine, self.publisher)

    def _work(self) -> SqlWork:
        return SqlWork(self.engine, _ROOM, self.clock)


def from_env() -> QueryUseCases:
    """The use cases over the parts that the environment names."""
    return from_settings(read_settings(Settings))


def from_settings(settings: Settings, clock: Clock | None = None) -> QueryUseCases:
    """The use cases over the parts that `settings` name."""
    engine = make_engine(
        settings.database_url.get_secret_value(),
        pool=settings.database_pool,
        application="danzheng-query",
    )
    rows = codes.read_table(codes.FOLDER / "custody_classes.tsv")
    return QueryUseCases(
        engine=engine,
        clock=clock or SystemClock(),
        settings=settings,
        knowledge=handlers.Knowledge(
            tables=codes.load(), custody=custody.parse_rules(rows, settings.custody_years)
        ),
        limits=intake.Limits(settings.document_limit_bytes, settings.document_depth_limit),
        elements=codes.message_elements(),
        publisher=ConfirmedPublisher(settings.amqp_uri.get_secret_value()),
    )
