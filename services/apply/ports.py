"""What applications need from outside, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from types import TracebackType

    from services.apply.domain.application import Application, Item
    from services.apply.domain.bundle import Bundle, TicketRow
    from services.apply.domain.company import Company
    from services.apply.domain.operation import Record
    from services.apply.domain.paging import Window
    from services.apply.domain.views import Queue
    from services.kernel.contracts.apply import (
        DocumentRecord,
        FeedEntry,
        Kind,
        OperationView,
        Replay,
        Search,
    )
    from services.kernel.contracts.auth import Evidence
    from services.kernel.contracts.declaration import Snapshot
    from services.kernel.contracts.query import SnapshotAnswer


@dataclass(frozen=True)
class Request:
    """A command that may come twice: who, where, the client's key, the digest of the content."""

    uscc: str
    path: str
    key: str
    content_sha256: str


@dataclass(frozen=True)
class Intake:
    """What must be known before a submission is judged, read at one moment.

    `now` is the database's clock, the one that all pods share.
    """

    now: datetime
    signature_used_by: str | None
    oldest_unsent: datetime | None


class Declarations(Protocol):
    """The register of declarations."""

    def snapshots(self, uscc: str, entry_ids: Sequence[str]) -> list[SnapshotAnswer]:
        """One answer a number, in the order asked. Raises Unavailable after five seconds."""
        ...


class Applications(Protocol):
    """Applications, their items, the frozen declarations and the proofs of submission."""

    def intake(self, payload_sha256: str) -> Intake:
        """The facts before a submission is judged."""
        ...

    def next_running(self, kind: Kind) -> int:
        """The next running number of a kind; gaps may happen."""
        ...

    def keep_evidence(self, application_no: str, evidence: Evidence) -> str | None:
        """Keep the proof; answers the other application if this signature was used before."""
        ...

    def evidence(self, application_no: str) -> Evidence | None:
        """The proof of an application."""
        ...

    def add(self, application: Application, items: list[Item]) -> None:
        """Add a new application with its items."""
        ...

    def get(self, uscc: str, application_no: str) -> Application | None:
        """An application of this company."""
        ...

    def lock(self, application_no: str) -> Application | None:
        """An application, kept from all others until the end of the transaction."""
        ...

    def lock_item(self, application_no: str, entry_id: str) -> tuple[Application, Item] | None:
        """An item with its application, both kept until the end of the transaction."""
        ...

    def items(self, application_no: str) -> list[Item]:
        """All items in the order of the request."""
        ...

    def item(self, uscc: str, application_no: str, entry_id: str) -> Item | None:
        """One item of this company."""
        ...

    def named_items(self, uscc: str, pairs: Sequence[tuple[str, str]]) -> list[Item]:
        """Print items of this company by application and number; unknown ones are left out."""
        ...

    def save(self, application: Application) -> None:
        """Save a changed application. Raises TryLater when another was faster."""
        ...

    def save_items(self, items: Sequence[Item]) -> None:
        """Save changed items. Raises TryLater when another was faster."""
        ...

    def claim_waiting(self, uscc: str, count: int) -> list[Item]:
        """The oldest print items of a company that wait for their turn, nobody else's now."""
        ...

    def late_items(self, now: datetime, count: int) -> list[Item]:
        """Print items without news beyond their reminder, claimed."""
        ...

    def late_exports(self, now: datetime, count: int) -> list[Application]:
        """Exports without news beyond their reminder, claimed."""
        ...

    def overdue(self, now: datetime, count: int) -> list[str]:
        """Applications with something that nobody waits for any longer."""
        ...

    def starved(self, in_work_below: int, count: int) -> list[str]:
        """Companies with waiting items though they have places."""
        ...

    def freeze(self, application_no: str, snapshots: Mapping[str, Snapshot]) -> None:
        """Keep declarations as they are now, replacing older ones of the same numbers."""
        ...

    def snapshots(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Snapshot]:
        """The frozen declarations of items that still have them."""
        ...

    def thaw(self, application_no: str, entry_id: str | None = None) -> None:
        """Forget the frozen declaration of an item, or of all items of an application."""
        ...

    def erase_declaration(self, entry_id: str) -> None:
        """Forget all frozen declarations of a number that nothing is being made of."""
        ...

    def mark_withdrawn(self, entry_id: str, at: datetime) -> None:
        """Remember for all documents of a number that customs withdrew it."""
        ...

    def page(self, uscc: str, search: Search, window: Window, now: datetime) -> list[Application]:
        """Up to `size + 1` applications in the direction of the window."""
        ...

    def fitting_items(
        self, numbers: Sequence[str], search: Search, now: datetime
    ) -> dict[str, list[Item]]:
        """The items of print applications that fit, or all items of exports."""
        ...

    def count(self, uscc: str, search: Search, now: datetime) -> int:
        """How many applications fit."""
        ...

    def item_page(self, uscc: str, search: Search, window: Window, now: datetime) -> list[Item]:
        """Up to `size + 1` print items in the direction of the window."""
        ...

    def item_count(self, uscc: str, search: Search, now: datetime) -> int:
        """How many print items fit."""
        ...

    def queue(self, accepted_at: datetime, now: datetime) -> Queue:
        """How many documents stand before an application, and the speed of the last minute."""
        ...

    def oldest_making(self) -> datetime | None:
        """When the oldest item in the making was accepted."""
        ...

    def document(
        self, *, code: str | None = None, sha256: str | None = None
    ) -> DocumentRecord | None:
        """The document with a verification code or digest."""
        ...

    def sweep(self, now: datetime) -> int:
        """Forget what outlived its time; answers how many rows went."""
        ...


class Companies(Protocol):
    """The running counts of companies."""

    def get(self, uscc: str) -> Company:
        """The counts, zeros for a company that never applied."""
        ...

    def lock(self, uscc: str) -> Company:
        """The counts, kept until the end of the transaction; made when missing."""
        ...

    def move(
        self,
        uscc: str,
        *,
        entries: int = 0,
        unfinished: int = 0,
        in_work: int = 0,
        waiting: int = 0,
    ) -> Company:
        """Add to the counts and keep them until the end; answers the counts afterwards."""
        ...

    def count_day(self, uscc: str, items: int, now: datetime) -> None:
        """Add accepted items to the company's day in Asia/Shanghai."""
        ...


class Answers(Protocol):
    """Answers of commands by their idempotency keys, kept for a day."""

    def find(self, request: Request, since: datetime) -> Replay:
        """What is known of a key; `since` ends the memory."""
        ...

    def claim(self, request: Request, since: datetime) -> Replay:
        """As `find`, and for a `new` key nobody else runs until the end of the transaction."""
        ...

    def keep(self, request: Request, answer: dict[str, Any], now: datetime) -> None:
        """Keep the answer of a claimed key."""
        ...


class Feed(Protocol):
    """The changes of companies, kept for a day."""

    def add(self, uscc: str, entries: Sequence[FeedEntry], now: datetime) -> None:
        """Add changes that have their numbers."""
        ...

    def after(
        self, uscc: str, seq: int, application_nos: Sequence[str] | None, limit: int
    ) -> list[FeedEntry]:
        """Changes after a number, in order."""
        ...

    def first_kept(self, uscc: str) -> int | None:
        """The first number still kept, or None."""
        ...


class Operations(Protocol):
    """Operation records: append-only, numbered from 1 for each item or export."""

    def add(self, records: Sequence[Record]) -> list[OperationView]:
        """Append records, of different items each."""
        ...

    def page(
        self, application_no: str, entry_id: str | None, window: Window
    ) -> list[OperationView]:
        """Up to `size + 1` records of an item (of an export when `entry_id` is None)."""
        ...

    def printed_since(
        self, application_no: str, entry_id: str, session_id: str, since: datetime
    ) -> bool:
        """Whether the session was given the file for printing since then."""
        ...


class Bundles(Protocol):
    """Bundles and tickets."""

    def add(self, bundle: Bundle) -> None:
        """Add a bundle."""
        ...

    def get(self, uscc: str, bundle_id: str) -> Bundle | None:
        """A bundle of this company that was not dropped."""
        ...

    def lock(self, bundle_id: str) -> Bundle | None:
        """A bundle, kept until the end of the transaction, dropped or not."""
        ...

    def save(self, bundle: Bundle) -> None:
        """Save a changed bundle. Raises TryLater when another was faster."""
        ...

    def open_counts(self, uscc: str) -> tuple[int, int]:
        """How many bundles of a company are building and how many are queued."""
        ...

    def claim_queued(self, uscc: str, count: int) -> list[Bundle]:
        """The oldest queued bundles of a company."""
        ...

    def late(self, now: datetime, count: int) -> list[Bundle]:
        """Bundles without news beyond their reminder, claimed."""
        ...

    def overdue(self, now: datetime, count: int) -> list[str]:
        """Bundles that nobody waits for any longer."""
        ...

    def page(self, uscc: str, window: Window) -> list[Bundle]:
        """Up to `size + 1` bundles in the direction of the window."""
        ...

    def count(self, uscc: str) -> int:
        """How many bundles a company has."""
        ...

    def add_ticket(self, ticket: TicketRow) -> None:
        """Add a ticket."""
        ...

    def ticket(self, ticket_sha256: str) -> TicketRow | None:
        """A ticket."""
        ...

    def spend(self, ticket_sha256: str, now: datetime) -> bool:
        """Spend a ticket; False when it was spent already."""
        ...


class Work(Protocol):
    """One transaction: effect, inbox row and messages, or nothing."""

    @property
    def applications(self) -> Applications:
        """Applications and items."""
        ...

    @property
    def companies(self) -> Companies:
        """Companies' counts."""
        ...

    @property
    def answers(self) -> Answers:
        """Answers by key."""
        ...

    @property
    def feed(self) -> Feed:
        """Changes for the stream."""
        ...

    @property
    def operations(self) -> Operations:
        """Operation records."""
        ...

    @property
    def bundles(self) -> Bundles:
        """Bundles and tickets."""
        ...

    def __enter__(self) -> Self:
        """Open the transaction."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Undo what was not committed."""
        ...

    def commit(self) -> None:
        """Make it last."""
        ...

    def say(self, payload: object, subject: str) -> str:
        """Say an event with the commit."""
        ...

    def say_all(self, messages: Sequence[tuple[object, str]]) -> list[str]:
        """Say events in order with the commit; answers their ids."""
        ...

    def first_sight(self, message_id: str) -> bool:
        """Whether a message is seen for the first time."""
        ...


Works = Callable[[], Work]
Dice = Callable[[int], bytes]
