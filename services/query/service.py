"""Query as nameko sees it: translates and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.kernel.contracts.wire import to_builtins
from services.kernel.messaging import topology
from services.kernel.messaging.nameko_kit import UseCases, consume, rpc, timer
from services.query import bootstrap
from services.query.handlers import Question

if TYPE_CHECKING:
    from services.kernel.messaging.delivery import RawMessage

_RELAY_S = 0.5  # nobody waits for these facts; a faster relay would cost the questions
_BOOKS_S = 5.0
_CUSTODY_S = 3600.0  # custody ends by the day; a restart must not put the sweep off for another
_SWEEP_S = 3600.0


class QueryService:
    """The register of declarations."""

    name = "query"
    use = UseCases(bootstrap.from_env)

    @rpc
    def ping(self) -> str:
        """Say that the room is here."""
        return "pong"

    @rpc
    def search(
        self,
        uscc: str,
        entry_ids: list[str] | None = None,
        date_from: str | None = None,
        date_to: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
        include_total: bool = False,  # noqa: FBT001, FBT002  RPC arguments come by name
    ) -> Any:
        """A DeclarationPage."""
        question = Question(uscc, entry_ids, date_from, date_to, limit, cursor, include_total)
        return to_builtins(self.use.search(question))

    @rpc
    def snapshots(self, uscc: str, entry_ids: list[str]) -> Any:
        """A SnapshotAnswer for each number, in the order asked."""
        return to_builtins(self.use.snapshots(uscc, entry_ids))

    @rpc
    def digests(self, entry_ids: list[str]) -> Any:
        """The digest of the newest version of each known number."""
        return self.use.digests(entry_ids)

    @consume(topology.CUSTOMS_FEED, decode="raw")
    def hear_customs(self, message: RawMessage) -> None:
        """A declaration or a receipt from customs."""
        self.use.hear_customs(message.body, message.content_type)

    @timer(_RELAY_S, after_work=True)
    def relay(self) -> None:
        """Publish what was said."""
        self.use.relay()

    @timer(_BOOKS_S)
    def keep_books(self) -> None:
        """Tell how much waits in the outbox."""
        self.use.keep_books()

    @timer(_CUSTODY_S)
    def custody(self) -> None:
        """Forget declarations whose custody is over."""
        self.use.erase_after_custody()

    @timer(_SWEEP_S)
    def sweep_delivery(self) -> None:
        """Forget messages delivered long ago."""
        self.use.sweep_delivery()
