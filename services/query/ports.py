"""What query needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol, Self

from services.query.domain import Declaration

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import TracebackType

    from services.kernel.contracts.query import DeclarationRow, SnapshotAnswer
    from services.query.domain import Receipt


@dataclass(frozen=True)
class Wanted:
    """What a company asks for; `on` is today in Asia/Shanghai, custody ends by it."""

    uscc: str
    on: date
    entry_ids: tuple[str, ...] | None = None
    date_from: date | None = None
    date_to: date | None = None


@dataclass(frozen=True)
class Place:
    """A place between two rows of the list; `backward` looks towards its beginning."""

    declared_on: date
    entry_id: str
    backward: bool = False


@dataclass(frozen=True)
class Changed:
    """A declaration as it is to be kept; `before` is what the register held, if anything.

    `superseded` are the versions that others followed meanwhile, oldest first.
    """

    before: Declaration | None
    after: Declaration
    superseded: tuple[Declaration, ...] = ()


@dataclass(frozen=True)
class Forgotten:
    """What is left to say of an erased declaration."""

    entry_id: str
    version: int
    uscc: str


class Register(Protocol):
    """The declarations, their superseded versions and all receipts."""

    def hold(self, numbers: Collection[str]) -> None:
        """Let nobody else change these declaration numbers and 统一编号 until the commit."""
        ...

    def add_receipts(self, receipts: Sequence[Receipt]) -> set[str]:
        """Keep the receipts; answers the fingerprints of those not kept before."""
        ...

    def entry_ids_of(self, seq_nos: Collection[str]) -> set[str]:
        """The declaration numbers that a declaration or a receipt ties to these 统一编号."""
        ...

    def declarations(self, entry_ids: Collection[str]) -> dict[str, Declaration]:
        """The declarations under these numbers, in their newest version."""
        ...

    def known_messages(self, entry_ids: Collection[str]) -> dict[str, set[str]]:
        """The SHA-256 of every message ever recorded, by declaration number."""
        ...

    def receipts(self, seq_nos: dict[str, str | None]) -> dict[str, list[Receipt]]:
        """All receipts of each declaration number (with the 统一编号 of its message)."""
        ...

    def keep(self, changes: Sequence[Changed]) -> None:
        """Write the declarations; superseded versions stay readable."""
        ...

    def erase_after_custody(self, today: date, limit: int) -> list[Forgotten]:
        """Forget up to `limit` declarations whose last day of custody is before `today`."""
        ...

    def rows(self, wanted: Wanted, place: Place | None, limit: int) -> list[DeclarationRow]:
        """Rows in the order of the list, newest first, from `place` on."""
        ...

    def found(self, wanted: Wanted) -> set[str]:
        """Which of the wanted numbers are in the list."""
        ...

    def count(self, wanted: Wanted) -> int:
        """How many rows the whole list has."""
        ...

    def snapshots(self, uscc: str, entry_ids: Collection[str], on: date) -> list[SnapshotAnswer]:
        """What printing needs of those among the numbers that the company may ask for."""
        ...

    def digests(self, entry_ids: Collection[str]) -> dict[str, str]:
        """The digest of the newest version of each known number."""
        ...


class Work(Protocol):
    """One transaction over the register and the outbox."""

    @property
    def register(self) -> Register:
        """The register of this transaction."""
        ...

    def __enter__(self) -> Self:
        """Begin."""
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
        """Tell the other rooms, once committed."""
        ...
