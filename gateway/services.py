"""The rooms as the gateway asks them: one typed method for each question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from services.kernel.contracts import apply, auth, query
from services.kernel.contracts.wire import from_builtins, to_builtins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.kernel.contracts.apply import Actor, BundlePair, Client, Order, Search
    from services.kernel.contracts.auth import Evidence

READ_LIMIT_S = 5.0
ACCEPT_LIMIT_S = 10.0  # apply asks query for fifty snapshots, for which it waits 5 s at most
PING_LIMIT_S = 1.0

_Answer = TypeVar("_Answer")


class Rpc(Protocol):
    """Carries a question to a room.

    Raises Refusal when the room says no, Unavailable when nobody answers within `limit_s`
    seconds, RemoteFault when the room failed.
    """

    async def call(
        self, service: str, method: str, *, limit_s: float = READ_LIMIT_S, **kwargs: Any
    ) -> Any:
        """The answer as JSON builtins."""
        ...


@dataclass(frozen=True)
class Keyed:
    """What makes a repeated request known: HTTP API section 3."""

    path: str
    key: str
    content_sha256: str

    def arguments(self) -> dict[str, Any]:
        """As the rooms take it."""
        return {"path": self.path, "key": self.key, "content_sha256": self.content_sha256}


class Auth:
    """Who is this?"""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def challenge(self) -> auth.Challenge:
        """A challenge for a card."""
        return from_builtins(await self._rpc.call("auth", "challenge"), auth.Challenge)

    async def open_session(
        self, challenge_id: str, auth_token: dict[str, Any], client: Client
    ) -> auth.OpenedSession:
        """Log in."""
        answer = await self._rpc.call(
            "auth",
            "open_session",
            challenge_id=challenge_id,
            auth_token=auth_token,
            client=to_builtins(client),
        )
        return from_builtins(answer, auth.OpenedSession)

    async def read_session(self, access_token: str) -> auth.Session:
        """The session of a token, locked ones too."""
        answer = await self._rpc.call("auth", "read_session", access_token=access_token)
        return from_builtins(answer, auth.Session)

    async def lock(self, access_token: str) -> auth.Session:
        """The card is gone."""
        answer = await self._rpc.call("auth", "lock", access_token=access_token)
        return from_builtins(answer, auth.Session)

    async def unlock(
        self, access_token: str, challenge_id: str, auth_token: dict[str, Any]
    ) -> auth.Session:
        """The card is back."""
        answer = await self._rpc.call(
            "auth",
            "unlock",
            access_token=access_token,
            challenge_id=challenge_id,
            auth_token=auth_token,
        )
        return from_builtins(answer, auth.Session)

    async def end_session(self, access_token: str) -> None:
        """Log out."""
        await self._rpc.call("auth", "end_session", access_token=access_token)

    async def check_submission(
        self, access_token: str, order: Order, signature: dict[str, str]
    ) -> Evidence:
        """The proof that the session's card signed the order."""
        answer = await self._rpc.call(
            "auth",
            "check_submission",
            access_token=access_token,
            kind=order.kind,
            seal=order.seal,
            entry_ids=order.entry_ids,
            submitted_at=order.submitted_at,
            signature=signature,
        )
        return from_builtins(answer, auth.Evidence)


class Query:
    """What is known of declarations?"""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def search(self, uscc: str, **conditions: Any) -> query.DeclarationPage:
        """A page of the company's declarations."""
        answer = await self._rpc.call("query", "search", uscc=uscc, **conditions)
        return from_builtins(answer, query.DeclarationPage)

    async def digests(self, entry_ids: Sequence[str]) -> dict[str, str]:
        """The digest of the newest version by number; unknown numbers are missing."""
        answer = await self._rpc.call("query", "digests", entry_ids=list(entry_ids))
        return from_builtins(answer, dict[str, str])


class Apply:
    """What was asked for, and how far is it?"""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def _ask(
        self, kind: type[_Answer], method: str, limit_s: float = READ_LIMIT_S, **kwargs: Any
    ) -> _Answer:
        answer = await self._rpc.call("apply", method, limit_s=limit_s, **kwargs)
        return from_builtins(answer, kind)

    async def replay(self, uscc: str, keyed: Keyed) -> apply.Replay:
        """What became of the first request with this key."""
        return await self._ask(apply.Replay, "replay", uscc=uscc, **keyed.arguments())

    async def accept(self, order: Order, evidence: Evidence, keyed: Keyed) -> apply.ApplicationView:
        """A new application."""
        return await self._ask(
            apply.ApplicationView,
            "accept",
            ACCEPT_LIMIT_S,
            order=to_builtins(order),
            evidence=to_builtins(evidence),
            **keyed.arguments(),
        )

    async def read(self, uscc: str, application_no: str) -> apply.ApplicationView:
        """An application."""
        return await self._ask(
            apply.ApplicationView, "read", uscc=uscc, application_no=application_no
        )

    async def search(self, uscc: str, search: Search) -> apply.ApplicationPage:
        """A page of applications."""
        return await self._ask(
            apply.ApplicationPage, "search", uscc=uscc, search=to_builtins(search)
        )

    async def search_items(self, uscc: str, search: Search) -> apply.ItemPage:
        """A page of print items."""
        return await self._ask(
            apply.ItemPage, "search_items", uscc=uscc, search=to_builtins(search)
        )

    async def read_item(self, uscc: str, application_no: str, entry_id: str) -> apply.ItemRow:
        """A print item."""
        return await self._ask(
            apply.ItemRow,
            "read_item",
            uscc=uscc,
            application_no=application_no,
            entry_id=entry_id,
        )

    async def retry(
        self, uscc: str, application_no: str, entry_ids: list[str] | None, keyed: Keyed
    ) -> apply.ApplicationView:
        """Failed items are made again."""
        return await self._ask(
            apply.ApplicationView,
            "retry",
            ACCEPT_LIMIT_S,
            uscc=uscc,
            application_no=application_no,
            entry_ids=entry_ids,
            **keyed.arguments(),
        )

    async def open_file(
        self,
        uscc: str,
        wish: FileWish,
        actor: Actor,
        client: Client,
        *,
        record: bool,
    ) -> apply.FileGrant:
        """Leave to hand out a file; with `record` its operation record is committed before."""
        return await self._ask(
            apply.FileGrant,
            "open_file",
            uscc=uscc,
            application_no=wish.application_no,
            entry_id=wish.entry_id,
            format=wish.format,
            purpose=wish.purpose,
            accept_partial=wish.accept_partial,
            record=record,
            actor=to_builtins(actor),
            client=to_builtins(client),
        )

    async def record_print_event(
        self,
        uscc: str,
        application_no: str,
        entry_id: str,
        event: str,
        actor: Actor,
        client: Client,
    ) -> apply.OperationView:
        """The browser's print window opened or closed."""
        return await self._ask(
            apply.OperationView,
            "record_print_event",
            uscc=uscc,
            application_no=application_no,
            entry_id=entry_id,
            event=event,
            actor=to_builtins(actor),
            client=to_builtins(client),
        )

    async def operations(
        self,
        uscc: str,
        application_no: str,
        entry_id: str | None,
        limit: int,
        cursor: str | None,
    ) -> apply.OperationPage:
        """Operation records of a print item, or of an export application."""
        return await self._ask(
            apply.OperationPage,
            "operations",
            uscc=uscc,
            application_no=application_no,
            entry_id=entry_id,
            limit=limit,
            cursor=cursor,
        )

    async def usage(self, uscc: str) -> apply.Usage:
        """What is used of the quotas."""
        return await self._ask(apply.Usage, "usage", uscc=uscc)

    async def create_bundle(
        self, uscc: str, pairs: Sequence[BundlePair], *, accept_partial: bool, keyed: Keyed
    ) -> apply.BundleView:
        """A new bundle."""
        return await self._ask(
            apply.BundleView,
            "create_bundle",
            ACCEPT_LIMIT_S,
            uscc=uscc,
            pairs=to_builtins(list(pairs)),
            accept_partial=accept_partial,
            **keyed.arguments(),
        )

    async def read_bundle(self, uscc: str, bundle_id: str) -> apply.BundleView:
        """A bundle."""
        return await self._ask(apply.BundleView, "read_bundle", uscc=uscc, bundle_id=bundle_id)

    async def list_bundles(
        self, uscc: str, limit: int, cursor: str | None, *, include_total: bool
    ) -> apply.BundlePage:
        """A page of bundles."""
        return await self._ask(
            apply.BundlePage,
            "list_bundles",
            uscc=uscc,
            limit=limit,
            cursor=cursor,
            include_total=include_total,
        )

    async def drop_bundle(self, uscc: str, bundle_id: str) -> None:
        """A bundle is no longer wanted."""
        await self._rpc.call("apply", "drop_bundle", uscc=uscc, bundle_id=bundle_id)

    async def issue_ticket(self, uscc: str, bundle_id: str, actor: Actor) -> apply.Ticket:
        """Leave for one download."""
        return await self._ask(
            apply.Ticket,
            "issue_ticket",
            uscc=uscc,
            bundle_id=bundle_id,
            actor=to_builtins(actor),
        )

    async def spend_ticket(self, ticket: str, client: Client, *, spend: bool) -> apply.TicketGrant:
        """Where the bundle of a ticket lies; with `spend` the ticket is used up."""
        return await self._ask(
            apply.TicketGrant,
            "spend_ticket",
            ticket=ticket,
            client=to_builtins(client),
            spend=spend,
        )

    async def feed(
        self, uscc: str, after: int | None, application_nos: list[str] | None, limit: int
    ) -> apply.FeedPage:
        """Changes after a sequence number; with None only the newest number is told."""
        return await self._ask(
            apply.FeedPage,
            "feed",
            uscc=uscc,
            after=after,
            application_nos=application_nos,
            limit=limit,
        )

    async def verify_code(self, code: str) -> apply.DocumentRecord:
        """The document with a verification code."""
        return await self._ask(apply.DocumentRecord, "verify_code", code=code)

    async def verify_sha256(self, sha256: str) -> apply.DocumentRecord | None:
        """The document with a digest, or None."""
        answer = await self._rpc.call("apply", "verify_sha256", sha256=sha256)
        return None if answer is None else from_builtins(answer, apply.DocumentRecord)


@dataclass(frozen=True)
class FileWish:
    """Which file is wanted, and for what."""

    application_no: str
    entry_id: str | None = None
    format: str | None = None
    purpose: Literal["export", "print"] = "export"
    accept_partial: bool = False


class Services:
    """All rooms."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self.auth = Auth(rpc)
        self.query = Query(rpc)
        self.apply = Apply(rpc)

    async def ping(self, service: str) -> None:
        """Ask a room for a sign of life. Raises Unavailable or RemoteFault."""
        await self._rpc.call(service, "ping", limit_s=PING_LIMIT_S)
