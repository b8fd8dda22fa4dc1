"""What apply says and answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from services.kernel.contracts.declaration import Snapshot
from services.kernel.contracts.registry import event

Kind = Literal["print", "export"]
Seal = Literal["none", "sealed"]


@dataclass(frozen=True)
class Reason:
    """Why something has no file: a stable code and a Chinese sentence."""

    code: str
    message: str


# --- events -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AcceptedItem:
    """A number of an accepted application with its first status."""

    entry_id: str
    status: str


@dataclass(frozen=True)
class RefusedItem:
    """A number that was not accepted, as in `refused_items` of the HTTP API."""

    entry_id: str
    code: str
    message: str


@event("apply.application.accepted.v1")
@dataclass(frozen=True)
class ApplicationAccepted:
    """An application has a number."""

    application_no: str
    kind: Kind
    seal: Seal | None
    uscc: str
    session_id: str
    items: list[AcceptedItem]
    refused_items: list[RefusedItem]
    payload_sha256: str
    submitted_at: datetime
    accepted_at: datetime


@event("apply.item.accepted.v1")
@dataclass(frozen=True)
class ItemAccepted:
    """A document is to be drawn and stored under `object_key`.

    `lifetime` and `zone` fix `expires_at` when it is stored; after `give_up_at` nobody waits.
    """

    application_no: str
    entry_id: str
    revision: int
    uscc: str
    seal: Seal
    snapshot: Snapshot
    object_key: str
    verification_code: str
    ordered_at: datetime
    lifetime: str
    zone: str
    give_up_at: datetime


@dataclass(frozen=True)
class ExportEntry:
    """A declaration of an export application."""

    entry_id: str
    snapshot: Snapshot


@dataclass(frozen=True)
class ExportFailure:
    """A number that is known beforehand to have no data in the files."""

    entry_id: str
    code: str


@event("apply.export.accepted.v1")
@dataclass(frozen=True)
class ExportAccepted:
    """The data files of an application are to be made. `object_keys`: zip, xlsx, csv, json, xml."""

    application_no: str
    revision: int
    uscc: str
    entries: list[ExportEntry]
    failed: list[ExportFailure]
    object_keys: dict[str, str]
    ordered_at: datetime
    lifetime: str
    zone: str
    give_up_at: datetime


@dataclass(frozen=True)
class BundleMember:
    """A made document that goes into a bundle. `name` is its path inside the ZIP."""

    application_no: str
    entry_id: str
    seal: Seal
    object_key: str
    etag: str
    sha256: str
    crc32: int
    size_bytes: int
    name: str


@dataclass(frozen=True)
class SkippedMember:
    """A pair that could not go into the bundle."""

    application_no: str
    entry_id: str
    code: str


@event("apply.bundle.accepted.v1")
@dataclass(frozen=True)
class BundleAccepted:
    """A bundle is to be built; it never lives beyond `members_until`."""

    bundle_id: str
    uscc: str
    object_key: str
    members: list[BundleMember]
    skipped: list[SkippedMember]
    ordered_at: datetime
    members_until: datetime
    give_up_at: datetime


@event("apply.bundle.dropped.v1")
@dataclass(frozen=True)
class BundleDropped:
    """A bundle is no longer wanted."""

    bundle_id: str
    uscc: str
    dropped_at: datetime


@dataclass(frozen=True)
class CompletedItem:
    """An item at its end."""

    entry_id: str
    status: str
    reason_code: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    expires_at: datetime | None = None


@event("apply.application.completed.v1")
@dataclass(frozen=True)
class ApplicationCompleted:
    """All items are at an end; `round` grows with each retry."""

    application_no: str
    kind: Kind
    round: int
    uscc: str
    items: list[CompletedItem]
    finished_at: datetime


@dataclass(frozen=True)
class FeedEntry:
    """One change for the stream of GET /events; `data` is ready to send, `seq` included."""

    seq: int
    event: Literal["item", "application", "bundle"]
    application_no: str | None
    data: dict[str, Any]


@event("apply.feed.extended.v1")
@dataclass(frozen=True)
class FeedExtended:
    """New changes of a company."""

    uscc: str
    entries: list[FeedEntry]


# --- questions and answers ----------------------------------------------------------------------


@dataclass(frozen=True)
class Actor:
    """Who acts, for operation records."""

    company_name: str
    uscc: str
    holder: str
    card_no_masked: str
    session_id: str


@dataclass(frozen=True)
class Client:
    """From where. `via`: api, portal or partner."""

    via: str
    ip: str
    user_agent: str


@dataclass(frozen=True)
class Order:
    """What a company asks for."""

    kind: Kind
    seal: Seal | None
    uscc: str
    company_name: str
    entry_ids: list[str]
    submitted_at: str


@dataclass(frozen=True)
class FileFacts:
    """A made file. `pages` and `verification_code` belong to documents."""

    size: int
    sha256: str
    pages: int | None = None
    verification_code: str | None = None


@dataclass(frozen=True)
class ItemView:
    """An item of an application, HTTP API sections 8.2 and 9.2, without texts and links."""

    entry_id: str
    status: str
    phase: str | None
    percent: int
    queue_position: int | None
    eta_seconds: int | None
    attempts: int
    reason: Reason | None
    made_at: datetime | None
    expires_at: datetime | None
    expired: bool
    reused: bool
    file: FileFacts | None


@dataclass(frozen=True)
class SubmissionView:
    """The card signature behind an application."""

    card_no_masked: str
    holder: str
    certificate_sha256: str
    payload_sha256: str


@dataclass(frozen=True)
class ApplicationView:
    """An application. The last members belong to exports only."""

    application_no: str
    kind: Kind
    seal: Seal | None
    submitted_at: str
    accepted_at: datetime
    finished_at: datetime | None
    state: Literal["processing", "finished"]
    progress: dict[str, int]
    items: list[ItemView]
    refused_items: list[RefusedItem]
    submission: SubmissionView
    status: str | None = None
    partial: bool = False
    made_at: datetime | None = None
    expires_at: datetime | None = None
    expired: bool = False
    files: dict[str, FileFacts] | None = None


@dataclass(frozen=True)
class ItemRow:
    """A row of GET /print-items."""

    application_no: str
    seal: Seal
    accepted_at: datetime
    item: ItemView


@dataclass(frozen=True)
class ApplicationPage:
    """A page of applications."""

    items: list[ApplicationView]
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None


@dataclass(frozen=True)
class ItemPage:
    """A page of print items."""

    items: list[ItemRow]
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None


@dataclass(frozen=True)
class Search:
    """Conditions of the lists; None means no condition. Dates are days, both included."""

    kind: Kind
    application_no: str | None = None
    statuses: list[str] | None = None
    seal: Seal | None = None
    entry_ids: list[str] | None = None
    date_from: str | None = None
    date_to: str | None = None
    expired: bool | None = None
    limit: int = 20
    cursor: str | None = None
    include_total: bool = False


@dataclass(frozen=True)
class Replay:
    """What is known of an idempotency key: `new`, `done` (with the answer), `running`, `reused`."""

    state: Literal["new", "done", "running", "reused"]
    answer: dict[str, Any] | None = None


@dataclass(frozen=True)
class FileGrant:
    """Leave to hand out a file, given after its operation record was committed."""

    object_key: str
    etag: str
    sha256: str
    size: int
    made_at: datetime
    expires_at: datetime
    seal: Seal | None = None
    partial: bool = False


@dataclass(frozen=True)
class OperationView:
    """An operation record; `format` and `partial` belong to exports."""

    operation_id: str
    seq: int
    at: datetime
    action: str
    actor: Actor
    client: Client
    file_sha256: str | None
    bundle_id: str | None = None
    format: str | None = None
    partial: bool | None = None


@dataclass(frozen=True)
class OperationPage:
    """A page of operation records, oldest first."""

    items: list[OperationView]
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None


@dataclass(frozen=True)
class Usage:
    """What a company has used of its quotas."""

    daily_items: int
    daily_items_used: int
    unfinished_items: int
    unfinished_items_used: int


@dataclass(frozen=True)
class BundlePair:
    """A document named by application and number."""

    application_no: str
    entry_id: str


@dataclass(frozen=True)
class BundleView:
    """A bundle. `state`: queued, building, ready, failed, expired."""

    bundle_id: str
    state: str
    created_at: datetime
    expires_at: datetime | None
    progress: dict[str, int]
    items: list[BundlePair]
    skipped: list[SkippedMember]
    reason: Reason | None
    file: FileFacts | None
    file_name: str = ""


@dataclass(frozen=True)
class BundlePage:
    """A page of bundles, newest first."""

    items: list[BundleView]
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None


@dataclass(frozen=True)
class Ticket:
    """Leave for one download of a bundle."""

    ticket: str
    expires_at: datetime
    size: int
    sha256: str


@dataclass(frozen=True)
class TicketGrant:
    """A spent ticket: where the bundle lies."""

    bundle_id: str
    object_key: str
    etag: str
    sha256: str
    size: int
    file_name: str


@dataclass(frozen=True)
class FeedPage:
    """Changes after a sequence number. `reset`: that number is older than what is kept."""

    entries: list[FeedEntry] = field(default_factory=list)
    last_seq: int = 0
    reset: bool = False


@dataclass(frozen=True)
class DocumentRecord:
    """What is known of a document found by code or digest, for the public check."""

    verification_code: str
    entry_id: str
    company_name: str
    form_kind: str
    seal: Seal
    made_at: datetime
    pages: int
    sha256: str
    snapshot_digest: str
    uscc: str
    withdrawn: bool
