"""What retention's handlers need from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from types import TracebackType

    from services.retention.domain import (
        Artifact,
        ChainEnd,
        DueArtifact,
        Overdue,
        ProvenDeletion,
        State,
    )


class Artifacts(Protocol):
    """What is kept, and what became of it."""

    def add(self, artifact: Artifact) -> bool:
        """Put an artifact on record; False when its subject and revision are known."""
        ...

    def drop_bundle(self, bundle_id: str, at: datetime) -> None:
        """End a bundle at `at`, also one that is not known yet."""
        ...

    def dropped_at(self, bundle_id: str) -> datetime | None:
        """When a bundle was dropped, or None."""
        ...

    def population(self) -> int:
        """How many artifacts are kept or condemned."""
        ...

    def overdue(self, as_of: datetime) -> Overdue:
        """What is past its end."""
        ...

    def due(self, as_of: datetime, limit: int) -> list[DueArtifact]:
        """What is past its end, oldest first."""
        ...

    def condemn(self, as_of: datetime, limit: int, at: datetime) -> int:
        """Mark due artifacts that nobody holds; answers how many."""
        ...

    def condemned(self, after: str, limit: int) -> list[Artifact]:
        """Artifacts marked for deletion whose id comes after `after`, in the order of ids."""
        ...

    def mark(self, artifact_id: str, state: State) -> None:
        """Change the state of an artifact."""
        ...

    def lock_subject(self, subject: str) -> list[tuple[str, State]]:
        """The artifacts of a subject, ids and states, kept from changing in this transaction."""
        ...

    def keys(self) -> Iterator[str]:
        """The keys of all objects that must exist, in the order of their bytes."""
        ...


class Holds(Protocol):
    """What keeps artifacts beyond their end."""

    def add(self, hold_id: str, subject: str, reason_code: str, at: datetime) -> None:
        """Place a hold."""
        ...

    def release(self, hold_id: str, at: datetime) -> tuple[str, str] | None:
        """End a standing hold; answers subject and reason, or None when there is none."""
        ...


class Deletions(Protocol):
    """The chain of deletions."""

    def end(self, before: datetime | None = None) -> ChainEnd:
        """The last link, or the last one before a moment."""
        ...

    def add(self, proven: ProvenDeletion) -> None:
        """Append a link."""
        ...

    def between(self, begin: datetime, end: datetime) -> list[ProvenDeletion]:
        """The links of a time, in their order."""
        ...


class Work(Protocol):
    """A transaction of retention's database."""

    @property
    def artifacts(self) -> Artifacts:
        """The artifacts."""
        ...

    @property
    def holds(self) -> Holds:
        """The holds."""
        ...

    @property
    def deletions(self) -> Deletions:
        """The deletions."""
        ...

    def now(self) -> datetime:
        """The database's own clock."""
        ...

    def say(self, payload: object, subject: str) -> str:
        """Put an event into the outbox."""
        ...

    def first_sight(self, message_id: str) -> bool:
        """Whether the message is seen for the first time."""
        ...

    def commit(self) -> None:
        """Make it last."""
        ...

    def __enter__(self) -> Self:
        """Open it."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Roll back what was not committed."""
        ...


class Turn(Protocol):
    """Leave to sweep: one sweeper at a time over all replicas."""

    def __enter__(self) -> bool:
        """Whether it is ours; another's turn is no fault."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back."""
        ...
