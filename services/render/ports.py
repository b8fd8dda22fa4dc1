"""What render's handlers need from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from services.kernel.contracts.apply import BundleAccepted, ExportAccepted, ItemAccepted
    from services.kernel.contracts.render import FailedEntry
    from services.render.domain import DrawnDocument, DrawnFiles, Job, Known


class Jobs(Protocol):
    """The jobs, one for each subject and revision."""

    def look(self, subject: str, revision: int, message_id: str) -> Known:
        """Whether the message was handled already, and what is known of its job."""
        ...

    def record(self, job: Job) -> Job:
        """Write a job down unless it is made already; answers the job that stands."""
        ...


class Work(Protocol):
    """A transaction of render's database."""

    @property
    def jobs(self) -> Jobs:
        """The jobs."""
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


class Drawing(Protocol):
    """Draws in child processes. Raises PermanentFailure for what can never be drawn."""

    def document(self, order: ItemAccepted) -> DrawnDocument:
        """The printed form."""
        ...

    def export(self, order: ExportAccepted, failed: Sequence[FailedEntry]) -> DrawnFiles:
        """The data files, without the numbers that failed."""
        ...

    def bundle_lists(self, order: BundleAccepted) -> DrawnFiles:
        """The lists that go into a bundle: csv, xlsx, json."""
        ...
