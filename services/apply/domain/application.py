"""Applications and their items: statuses and the changes they may undergo.

A change is a function from the old row and a fact to the new row, or to None when the fact says
nothing new: it is about another revision, or the row is at its end already.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from services.apply.domain import words
from services.kernel.contracts.apply import Kind, RefusedItem, Seal, SubmissionView

if TYPE_CHECKING:
    from services.apply.domain.policy import Policy
    from services.kernel.contracts.query import SnapshotAnswer
    from services.kernel.contracts.render import DocumentDelayed, DocumentMade

MAKING = "making"
FAILED = "failed"
READY = "ready"
FINAL_AT_ONCE = {
    "customs_unfinished": "customs-unfinished",
    "unsupported_version": "old-version",
}
_BUCKETS = {"unsealed_ready": READY, "sealed_ready": READY}
_LONGEST_PAUSE = 6  # reminders double their pause at most so often


@dataclass(frozen=True)
class Item:
    """A declaration inside an application.

    `rank` is minus the place in the request, so that newest-first lists sort in one direction.
    `handed_at` is None while a print item waits for its company's turn; `remind_at` says when
    silence becomes suspicious; after `give_up_at` it fails with `timed-out`.
    """

    application_no: str
    entry_id: str
    rank: int
    uscc: str
    kind: Kind
    seal: Seal | None
    status: str
    accepted_at: datetime
    version: int = 0
    revision: int = 1
    phase: str | None = None
    attempts: int = 0
    reason_code: str | None = None
    handed_at: datetime | None = None
    remind_at: datetime | None = None
    reminders: int = 0
    ordered_at: datetime | None = None
    give_up_at: datetime | None = None
    object_key: str | None = None
    verification_code: str | None = None
    form_kind: str | None = None
    snapshot_digest: str | None = None
    reused: bool = False
    etag: str | None = None
    sha256: str | None = None
    crc32: int | None = None
    size_bytes: int | None = None
    pages: int | None = None
    made_at: datetime | None = None
    expires_at: datetime | None = None
    deleted_at: datetime | None = None
    withdrawn_at: datetime | None = None

    @property
    def bucket(self) -> str:
        """The member of `progress` that counts this item."""
        return _BUCKETS.get(self.status, self.status)

    @property
    def ready(self) -> bool:
        """Whether a file was made, expired or not."""
        return self.bucket == READY

    def expired(self, now: datetime) -> bool:
        """Whether the file's month is over."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True)
class StoredFile:
    """A data file in the store."""

    object_key: str
    etag: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Application:
    """What a company asked for under one number.

    The counts are those of `progress`. `revision` to `expires_at` belong to exports, whose files
    are made for the application as a whole.
    """

    application_no: str
    kind: Kind
    seal: Seal | None
    uscc: str
    company_name: str
    submitted_at: str
    accepted_at: datetime
    submission: SubmissionView
    refused_items: list[RefusedItem] = field(default_factory=list)
    finished_at: datetime | None = None
    round: int = 1
    version: int = 0
    total: int = 0
    ready: int = 0
    making: int = 0
    customs_unfinished: int = 0
    unsupported_version: int = 0
    failed: int = 0
    revision: int = 1
    phase: str | None = None
    remind_at: datetime | None = None
    reminders: int = 0
    ordered_at: datetime | None = None
    give_up_at: datetime | None = None
    files: dict[str, StoredFile] = field(default_factory=dict)
    made_at: datetime | None = None
    expires_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def state(self) -> Literal["processing", "finished"]:
        """`processing` while any item is in the making."""
        return "processing" if self.making else "finished"

    @property
    def status(self) -> str:
        """The status of an export as a whole."""
        if self.making:
            return MAKING
        return READY if self.ready else FAILED

    @property
    def partial(self) -> bool:
        """Whether an export is ready without some of its declarations."""
        return self.status == READY and self.failed > 0

    def expired(self, now: datetime) -> bool:
        """Whether the month of an export's files is over."""
        return self.expires_at is not None and now >= self.expires_at

    @property
    def progress(self) -> dict[str, int]:
        """The counts as the HTTP API shows them."""
        counts = {"total": self.total, "ready": self.ready, "making": self.making}
        if self.kind == "print":
            counts["customs_unfinished"] = self.customs_unfinished
            counts["unsupported_version"] = self.unsupported_version
        done = self.total - self.making
        percent = done * 100 // self.total if self.total else 100
        return {**counts, "failed": self.failed, "percent": percent}


# --- the first status ----------------------------------------------------------------------------


def first_status(kind: Kind, answer: SnapshotAnswer) -> tuple[str, str | None]:
    """Status and reason code with which a declaration enters an application (F73, F74)."""
    if answer.outlook is None:
        return MAKING, None
    if kind == "print":
        return answer.outlook, FINAL_AT_ONCE[answer.outlook]
    if answer.outlook == "customs_unfinished":
        return FAILED, FINAL_AT_ONCE[answer.outlook]
    return MAKING, None


def counted(application: Application, items: list[Item]) -> Application:
    """The application with the counts of its items."""
    buckets = [item.bucket for item in items]
    return replace(
        application,
        total=len(items),
        ready=buckets.count(READY),
        making=buckets.count(MAKING),
        customs_unfinished=buckets.count("customs_unfinished"),
        unsupported_version=buckets.count("unsupported_version"),
        failed=buckets.count(FAILED),
    )


def moved(application: Application, old: Item, new: Item, at: datetime) -> Application:
    """The application after one item changed; finished when it was the last one making."""
    counts = {bucket: getattr(application, bucket) for bucket in {old.bucket, new.bucket}}
    counts[old.bucket] -= 1
    counts[new.bucket] += 1
    changed = replace(application, **counts)
    return closed(changed, at)


def closed(application: Application, at: datetime) -> Application:
    """The application with `finished_at` as its counts demand."""
    finished = None if application.making else application.finished_at or at
    return replace(application, finished_at=finished)


# --- changes of a print item ---------------------------------------------------------------------


def made(item: Item, fact: DocumentMade) -> Item | None:
    """The item after its file was stored."""
    if not _concerns(item, fact.revision):
        return None
    return replace(
        item,
        status="sealed_ready" if item.seal == "sealed" else "unsealed_ready",
        phase=None,
        attempts=fact.attempts,
        reason_code=None,
        remind_at=None,
        reused=fact.reused,
        object_key=fact.object_key,
        etag=fact.etag,
        sha256=fact.sha256,
        crc32=fact.crc32,
        size_bytes=fact.size_bytes,
        pages=fact.pages,
        verification_code=fact.verification_code,
        made_at=fact.made_at,
        expires_at=fact.expires_at,
    )


def delayed(item: Item, fact: DocumentDelayed, policy: Policy) -> Item | None:
    """The item while it waits for its next try."""
    if not _concerns(item, fact.revision):
        return None
    return replace(
        item,
        phase="retrying",
        attempts=fact.attempt,
        remind_at=fact.next_try_at + policy.late_after,
    )


def failed(item: Item, revision: int, reason_code: str, attempts: int | None = None) -> Item | None:
    """The item after the last try, or after nobody waits any longer."""
    if not _concerns(item, revision):
        return None
    return replace(
        item,
        status=FAILED,
        phase=None,
        attempts=item.attempts if attempts is None else attempts,
        reason_code=words.known_reason(reason_code),
        remind_at=None,
    )


def again(item: Item, now: datetime, policy: Policy) -> Item:
    """A failed item on its next revision, waiting to be handed to render."""
    return replace(
        item,
        status=MAKING,
        phase="queued",
        revision=item.revision + 1,
        attempts=1,
        reason_code=None,
        handed_at=None,
        remind_at=None,
        reminders=0,
        ordered_at=now,
        give_up_at=now + policy.give_up_after,
    )


def handed(item: Item, now: datetime, policy: Policy) -> Item:
    """The item after its order went to render."""
    return replace(item, handed_at=now, remind_at=now + policy.late_after, reminders=0)


def reminded(item: Item, now: datetime, policy: Policy) -> Item:
    """The item after its order went out once more; the next reminder comes later."""
    pause = _pause(item.reminders, policy.late_after)
    return replace(item, reminders=item.reminders + 1, remind_at=now + pause)


def deleted(item: Item, object_keys: list[str], at: datetime) -> Item | None:
    """The item after its bytes went; None when the keys belong to another revision."""
    if item.object_key not in object_keys or item.deleted_at is not None or not item.ready:
        return None
    return replace(item, deleted_at=at)


def _concerns(item: Item, revision: int) -> bool:
    return item.status == MAKING and item.revision == revision


def _pause(reminders: int, late_after: timedelta) -> timedelta:
    return late_after * (1 << min(reminders + 1, _LONGEST_PAUSE))


# --- changes of an export ------------------------------------------------------------------------


def export_handed(application: Application, now: datetime, policy: Policy) -> Application:
    """The export after its order went to render."""
    return replace(
        application,
        phase="queued",
        reminders=0,
        ordered_at=now,
        remind_at=now + policy.late_after,
        give_up_at=now + policy.give_up_after,
    )


def export_reminded(application: Application, now: datetime, policy: Policy) -> Application:
    """The export after its order went out once more."""
    pause = _pause(application.reminders, policy.late_after)
    return replace(application, reminders=application.reminders + 1, remind_at=now + pause)


def export_concerned(application: Application, revision: int) -> bool:
    """Whether a fact about `revision` may change the export."""
    return application.making > 0 and application.revision == revision


def entry_ready(item: Item, attempts: int) -> Item:
    """A declaration whose data are in the files."""
    return replace(item, status=READY, phase=None, attempts=attempts, reason_code=None)


def entry_failed(item: Item, reason_code: str, attempts: int) -> Item:
    """A declaration whose data could not be made."""
    code = words.known_reason(reason_code)
    return replace(item, status=FAILED, phase=None, attempts=attempts, reason_code=code)


def entry_again(item: Item) -> Item:
    """A failed declaration of an export that is tried once more."""
    return replace(
        item,
        status=MAKING,
        phase="queued",
        revision=item.revision + 1,
        attempts=1,
        reason_code=None,
    )
