"""The one place that knows which adapter fills which port."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import text

from services.apply import metrics
from services.apply.adapters.query_rpc import QueryDeclarations
from services.apply.adapters.sql import SqlWork
from services.apply.domain.operation import Who
from services.apply.domain.policy import Policy
from services.apply.handlers import (
    accepting,
    bundling,
    files,
    hearing,
    keys,
    reading,
    reconciling,
    retrying,
)
from services.apply.ports import Declarations, Dice, Request, Works
from services.apply.settings import ApplySettings
from services.kernel.clock import Clock, SystemClock
from services.kernel.database.engine import make_engine
from services.kernel.database.relay import Relay
from services.kernel.messaging.blocking_rpc import BlockingRpcClient
from services.kernel.messaging.publishing import ConfirmedPublisher
from services.kernel.observability.metrics import outbox_backlog, outbox_oldest_seconds
from services.kernel.settings import read_settings

if TYPE_CHECKING:
    from typing import Literal

    from sqlalchemy import Engine

    from services.apply.handlers.accepting import Submission
    from services.apply.handlers.files import Wanted
    from services.apply.ports import Work
    from services.kernel.contracts.apply import (
        Actor,
        ApplicationPage,
        ApplicationView,
        BundlePage,
        BundlePair,
        BundleView,
        Client,
        DocumentRecord,
        FeedPage,
        FileGrant,
        ItemPage,
        ItemRow,
        OperationPage,
        OperationView,
        Replay,
        Search,
        Ticket,
        TicketGrant,
        Usage,
    )
    from services.kernel.contracts.envelope import Envelope

_ROOM = "apply"


class Outbox(Protocol):
    """What was committed and waits to be sent."""

    def run(self) -> int:
        """Send until nothing is due."""
        ...

    def backlog(self) -> tuple[int, float]:
        """How many wait, and the age of the oldest in seconds."""
        ...

    def sweep(self) -> int:
        """Forget what was sent long ago."""
        ...


@dataclass
class UseCasesOfApply:
    """All that apply can be asked: opens a transaction, calls the handler."""

    works: Works
    declarations: Declarations
    policy: Policy
    clock: Clock = field(default_factory=SystemClock)
    dice: Dice = os.urandom
    outbox: Outbox | None = None
    close: Callable[[], None] = lambda: None
    pings: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    reconcile_every_s: float = 60
    _next_turn_s: float = 0

    def replay(self, request: Request) -> Replay:
        """What is known of a key."""
        with self.works() as work:
            return keys.replay(request, work=work, now=self.clock.now(), policy=self.policy)

    def accept(self, submission: Submission) -> ApplicationView:
        """Accept an application."""
        return accepting.accept(
            submission,
            works=self.works,
            declarations=self.declarations,
            dice=self.dice,
            policy=self.policy,
        )

    def retry(
        self, request: Request, application_no: str, entry_ids: list[str] | None
    ) -> ApplicationView:
        """Put failed items back into the making."""
        return retrying.retry(
            request,
            application_no,
            entry_ids,
            works=self.works,
            declarations=self.declarations,
            now=self.clock.now(),
            policy=self.policy,
        )

    def read(self, uscc: str, application_no: str) -> ApplicationView:
        """An application."""
        with self.works() as work:
            return reading.read(uscc, application_no, work=work, now=self.clock.now())

    def search(self, uscc: str, search: Search) -> ApplicationPage:
        """Applications, newest first."""
        with self.works() as work:
            return reading.search(uscc, search, work=work, now=self.clock.now())

    def search_items(self, uscc: str, search: Search) -> ItemPage:
        """Print items, newest first."""
        with self.works() as work:
            return reading.search_items(uscc, search, work=work, now=self.clock.now())

    def read_item(self, uscc: str, application_no: str, entry_id: str) -> ItemRow:
        """A print item."""
        with self.works() as work:
            now = self.clock.now()
            return reading.read_item(uscc, application_no, entry_id, work=work, now=now)

    def open_file(self, wanted: Wanted, actor: Actor, client: Client, *, record: bool) -> FileGrant:
        """Leave to hand out a file; with `record` an operation record is committed first."""
        now = self.clock.now()
        who = Who(actor, client, now) if record else None
        use = files.open_data if wanted.entry_id is None else files.open_document
        with self.works() as work:
            return use(wanted, who, work=work, now=now)

    def record_print_event(
        self,
        wanted: Wanted,
        event: Literal["dialog_opened", "dialog_closed"],
        actor: Actor,
        client: Client,
    ) -> OperationView:
        """Record what the browser tells of its print dialog."""
        who = Who(actor, client, self.clock.now())
        with self.works() as work:
            return files.record_print_event(wanted, event, who, work=work, policy=self.policy)

    def operations(
        self,
        uscc: str,
        application_no: str,
        entry_id: str | None,
        *,
        limit: int,
        cursor: str | None,
    ) -> OperationPage:
        """The records of an item or an export."""
        with self.works() as work:
            return files.operations(
                uscc, application_no, entry_id, limit=limit, cursor=cursor, work=work
            )

    def usage(self, uscc: str) -> Usage:
        """What a company has used of its quotas."""
        with self.works() as work:
            return reading.usage(uscc, work=work, now=self.clock.now(), policy=self.policy)

    def create_bundle(
        self, request: Request, pairs: list[BundlePair], *, accept_partial: bool
    ) -> BundleView:
        """Order a bundle."""
        with self.works() as work:
            return bundling.create(
                request,
                pairs,
                accept_partial=accept_partial,
                work=work,
                now=self.clock.now(),
                policy=self.policy,
            )

    def read_bundle(self, uscc: str, bundle_id: str) -> BundleView:
        """A bundle."""
        with self.works() as work:
            return bundling.read(uscc, bundle_id, work=work, now=self.clock.now())

    def list_bundles(
        self, uscc: str, *, limit: int, cursor: str | None, include_total: bool
    ) -> BundlePage:
        """Bundles, newest first."""
        with self.works() as work:
            return bundling.listed(
                uscc,
                limit=limit,
                cursor=cursor,
                include_total=include_total,
                work=work,
                now=self.clock.now(),
            )

    def drop_bundle(self, uscc: str, bundle_id: str) -> None:
        """Forget a bundle."""
        with self.works() as work:
            now = self.clock.now()
            bundling.drop(uscc, bundle_id, work=work, now=now, policy=self.policy)

    def issue_ticket(self, uscc: str, bundle_id: str, actor: Actor) -> Ticket:
        """Give leave for one download."""
        with self.works() as work:
            return bundling.issue_ticket(
                uscc,
                bundle_id,
                actor,
                work=work,
                dice=self.dice,
                now=self.clock.now(),
                policy=self.policy,
            )

    def spend_ticket(self, ticket: str, client: Client, *, spend: bool) -> TicketGrant:
        """Where the bundle of a ticket lies."""
        with self.works() as work:
            now = self.clock.now()
            return bundling.spend_ticket(ticket, client, spend=spend, work=work, now=now)

    def feed(
        self, uscc: str, after: int | None, application_nos: list[str] | None, limit: int
    ) -> FeedPage:
        """Changes after a number."""
        with self.works() as work:
            return reading.feed(uscc, after, application_nos, limit, work=work)

    def verify_code(self, code: str) -> DocumentRecord:
        """The document that carries a code."""
        with self.works() as work:
            return reading.verify_code(code, work=work)

    def verify_sha256(self, sha256: str) -> DocumentRecord | None:
        """The document with a digest."""
        with self.works() as work:
            return reading.verify_sha256(sha256, work=work)

    def hear(self, envelope: Envelope) -> None:
        """Take a fact in."""
        with self.works() as work:
            hearing.hear(envelope, work=work, now=self.clock.now(), policy=self.policy)

    def relay(self) -> None:
        """Send what was committed."""
        if self.outbox is not None:
            self.outbox.run()

    def keep_books(self) -> None:
        """Tell how much waits, and for how long."""
        if self.outbox is not None:
            count, oldest_s = self.outbox.backlog()
            outbox_backlog.labels(_ROOM).set(count)
            outbox_oldest_seconds.labels(_ROOM).set(oldest_s)
        with self.works() as work:
            since = work.applications.oldest_making()
        age_s = (self.clock.now() - since).total_seconds() if since else 0
        metrics.oldest_making_seconds.set(age_s)

    def reconcile(self) -> None:
        """Take a turn of reconciling when one is due; called more often than that."""
        if time.monotonic() < self._next_turn_s:
            return
        self._next_turn_s = time.monotonic() + self.reconcile_every_s
        reconciling.reconcile(works=self.works, now=self.clock.now(), policy=self.policy)
        if self.outbox is not None:
            self.outbox.sweep()


def from_env() -> UseCasesOfApply:
    """The use cases over the parts that the environment names."""
    return from_settings(read_settings(ApplySettings))


def from_settings(settings: ApplySettings) -> UseCasesOfApply:
    """The use cases over the parts that `settings` name."""
    clock, policy = SystemClock(), settings.policy()
    engine = make_engine(
        settings.database_url.get_secret_value(),
        pool=settings.database_pool,
        application="danzheng-apply",
    )
    amqp_uri = settings.amqp_uri.get_secret_value()
    publisher, client = ConfirmedPublisher(amqp_uri), BlockingRpcClient(amqp_uri)

    def works() -> Work:
        return SqlWork(engine, clock, policy.feed_kept)

    def close() -> None:
        publisher.close()
        client.close()
        engine.dispose()

    return UseCasesOfApply(
        works=works,
        declarations=QueryDeclarations(client),
        policy=policy,
        clock=clock,
        outbox=Relay(engine, publisher),
        close=close,
        pings={"database": lambda: _ping(engine)},
        reconcile_every_s=settings.reconcile_every_s,
    )


def _ping(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
