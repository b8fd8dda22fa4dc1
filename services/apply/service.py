"""The door of apply: translates between builtins and the use cases, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.apply import bootstrap
from services.apply.handlers.accepting import Submission
from services.apply.handlers.files import Wanted
from services.apply.ports import Request
from services.kernel.contracts.apply import Actor, BundlePair, Client, Order, Search
from services.kernel.contracts.auth import Evidence
from services.kernel.contracts.wire import from_builtins, to_builtins
from services.kernel.messaging import topology
from services.kernel.messaging.nameko_kit import UseCases, consume, rpc, timer

if TYPE_CHECKING:
    from services.kernel.contracts.envelope import Envelope

_RECONCILE_TICK_S = 1  # how often it is looked whether a turn is due
_BOOKS_S = 5.0  # the numbers of what waits are as fresh as this
_RELAY_S = 0.5  # the outbox is looked at so often, and at once after work


class ApplyService:
    """What was asked for, and how far is it?"""

    name = "apply"
    use = UseCases(bootstrap.from_env)

    @rpc
    def ping(self) -> str:
        """Whether the room is there."""
        return "pong"

    @rpc
    def replay(self, uscc: str, path: str, key: str, content_sha256: str) -> Any:
        """What is known of an idempotency key: a Replay."""
        return to_builtins(self.use.replay(Request(uscc, path, key, content_sha256)))

    @rpc
    def accept(
        self,
        order: dict[str, Any],
        evidence: dict[str, Any],
        path: str,
        key: str,
        content_sha256: str,
    ) -> Any:
        """Accept an application: an ApplicationView."""
        asked = from_builtins(order, Order)
        request = Request(asked.uscc, path, key, content_sha256)
        submission = Submission(asked, from_builtins(evidence, Evidence), request)
        return to_builtins(self.use.accept(submission))

    @rpc
    def read(self, uscc: str, application_no: str) -> Any:
        """An ApplicationView."""
        return to_builtins(self.use.read(uscc, application_no))

    @rpc
    def search(self, uscc: str, search: dict[str, Any]) -> Any:
        """An ApplicationPage."""
        return to_builtins(self.use.search(uscc, from_builtins(search, Search)))

    @rpc
    def search_items(self, uscc: str, search: dict[str, Any]) -> Any:
        """An ItemPage."""
        return to_builtins(self.use.search_items(uscc, from_builtins(search, Search)))

    @rpc
    def read_item(self, uscc: str, application_no: str, entry_id: str) -> Any:
        """An ItemRow."""
        return to_builtins(self.use.read_item(uscc, application_no, entry_id))

    @rpc
    def retry(
        self,
        uscc: str,
        application_no: str,
        entry_ids: list[str] | None,
        path: str,
        key: str,
        content_sha256: str,
    ) -> Any:
        """Put failed items back into the making: an ApplicationView."""
        request = Request(uscc, path, key, content_sha256)
        return to_builtins(self.use.retry(request, application_no, entry_ids))

    @rpc
    def open_file(  # noqa: PLR0913, PLR0917  the RPC surface is fixed
        self,
        uscc: str,
        application_no: str,
        entry_id: str | None,
        format: str | None,  # noqa: A002  the argument's name on the wire
        purpose: Any,
        accept_partial: bool,  # noqa: FBT001  by keyword on the wire
        record: bool,  # noqa: FBT001
        actor: dict[str, Any],
        client: dict[str, Any],
    ) -> Any:
        """Leave to hand out a file: a FileGrant."""
        wanted = Wanted(uscc, application_no, entry_id, format, purpose, accept_partial)
        return to_builtins(
            self.use.open_file(
                wanted, from_builtins(actor, Actor), from_builtins(client, Client), record=record
            )
        )

    @rpc
    def record_print_event(
        self,
        uscc: str,
        application_no: str,
        entry_id: str,
        event: Any,
        actor: dict[str, Any],
        client: dict[str, Any],
    ) -> Any:
        """Record what the browser tells of its print dialog: an OperationView."""
        wanted = Wanted(uscc, application_no, entry_id, None, "print")
        who = from_builtins(actor, Actor), from_builtins(client, Client)
        return to_builtins(self.use.record_print_event(wanted, event, *who))

    @rpc
    def operations(
        self,
        uscc: str,
        application_no: str,
        entry_id: str | None,
        limit: int,
        cursor: str | None,
    ) -> Any:
        """An OperationPage."""
        return to_builtins(
            self.use.operations(uscc, application_no, entry_id, limit=limit, cursor=cursor)
        )

    @rpc
    def usage(self, uscc: str) -> Any:
        """A Usage."""
        return to_builtins(self.use.usage(uscc))

    @rpc
    def create_bundle(
        self,
        uscc: str,
        pairs: list[dict[str, str]],
        accept_partial: bool,  # noqa: FBT001
        path: str,
        key: str,
        content_sha256: str,
    ) -> Any:
        """Order a bundle: a BundleView."""
        request = Request(uscc, path, key, content_sha256)
        wanted = from_builtins(pairs, list[BundlePair])
        return to_builtins(self.use.create_bundle(request, wanted, accept_partial=accept_partial))

    @rpc
    def read_bundle(self, uscc: str, bundle_id: str) -> Any:
        """A BundleView."""
        return to_builtins(self.use.read_bundle(uscc, bundle_id))

    @rpc
    def list_bundles(
        self,
        uscc: str,
        limit: int,
        cursor: str | None,
        include_total: bool,  # noqa: FBT001
    ) -> Any:
        """A BundlePage."""
        return to_builtins(
            self.use.list_bundles(uscc, limit=limit, cursor=cursor, include_total=include_total)
        )

    @rpc
    def drop_bundle(self, uscc: str, bundle_id: str) -> None:
        """Forget a bundle."""
        self.use.drop_bundle(uscc, bundle_id)

    @rpc
    def issue_ticket(self, uscc: str, bundle_id: str, actor: dict[str, Any]) -> Any:
        """Give leave for one download: a Ticket."""
        return to_builtins(self.use.issue_ticket(uscc, bundle_id, from_builtins(actor, Actor)))

    @rpc
    def spend_ticket(
        self,
        ticket: str,
        client: dict[str, Any],
        spend: bool,  # noqa: FBT001
    ) -> Any:
        """Where the bundle of a ticket lies: a TicketGrant."""
        return to_builtins(
            self.use.spend_ticket(ticket, from_builtins(client, Client), spend=spend)
        )

    @rpc
    def feed(
        self, uscc: str, after: int | None, application_nos: list[str] | None, limit: int
    ) -> Any:
        """A FeedPage."""
        return to_builtins(self.use.feed(uscc, after, application_nos, limit))

    @rpc
    def verify_code(self, code: str) -> Any:
        """A DocumentRecord."""
        return to_builtins(self.use.verify_code(code))

    @rpc
    def verify_sha256(self, sha256: str) -> Any:
        """A DocumentRecord or None."""
        return to_builtins(self.use.verify_sha256(sha256))

    @consume(topology.inbox("apply"), prefetch=10)
    def hear(self, envelope: Envelope) -> None:
        """A fact."""
        self.use.hear(envelope)

    @timer(_RELAY_S, after_work=True)
    def relay(self) -> None:
        """Send what was committed."""
        self.use.relay()

    @timer(_RECONCILE_TICK_S)
    def reconcile(self) -> None:
        """Repeat what is late, end what nobody waits for, forget what is old."""
        self.use.reconcile()

    @timer(_BOOKS_S)
    def keep_books(self) -> None:
        """Tell how much waits."""
        self.use.keep_books()
