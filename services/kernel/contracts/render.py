"""What render says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.kernel.contracts.registry import event


@event("render.document.made.v1")
@dataclass(frozen=True)
class DocumentMade:
    """A printed form lies in the store. Digests are lower-case hex, `crc32` unsigned."""

    application_no: str
    entry_id: str
    revision: int
    uscc: str
    seal: str
    object_key: str
    etag: str
    sha256: str
    crc32: int
    size_bytes: int
    pages: int
    verification_code: str
    layout_version: str
    reused: bool
    attempts: int
    made_at: datetime
    expires_at: datetime
    render_ms: float
    seal_certificate_sha256: str | None = None
    version_id: str | None = None


@event("render.document.delayed.v1")
@dataclass(frozen=True)
class DocumentDelayed:
    """A try failed and another follows; shown as 系统重试中."""

    application_no: str
    entry_id: str
    revision: int
    uscc: str
    attempt: int
    reason_code: str
    next_try_at: datetime


@event("render.document.failed.v1")
@dataclass(frozen=True)
class DocumentFailed:
    """The last try failed; `message` is for the applicant."""

    application_no: str
    entry_id: str
    revision: int
    uscc: str
    reason_code: str
    message: str
    attempts: int
    failed_at: datetime


@dataclass(frozen=True)
class ExportFile:
    """One format of an export in the store."""

    format: str
    object_key: str
    etag: str
    sha256: str
    size_bytes: int
    version_id: str | None = None


@dataclass(frozen=True)
class FailedEntry:
    """A number whose data could not be made, and why."""

    entry_id: str
    reason_code: str


@event("render.export.made.v1")
@dataclass(frozen=True)
class ExportMade:
    """The data files of an application lie in the store."""

    application_no: str
    revision: int
    uscc: str
    files: list[ExportFile]
    failed: list[FailedEntry]
    attempts: int
    made_at: datetime
    expires_at: datetime


@event("render.export.delayed.v1")
@dataclass(frozen=True)
class ExportDelayed:
    """A try failed and another follows."""

    application_no: str
    revision: int
    uscc: str
    attempt: int
    reason_code: str
    next_try_at: datetime


@event("render.export.failed.v1")
@dataclass(frozen=True)
class ExportFailed:
    """The last try failed; `message` is for the applicant."""

    application_no: str
    revision: int
    uscc: str
    reason_code: str
    message: str
    attempts: int
    failed_at: datetime


@event("render.bundle.made.v1")
@dataclass(frozen=True)
class BundleMade:
    """A bundle lies in the store."""

    bundle_id: str
    uscc: str
    object_key: str
    etag: str
    sha256: str
    size_bytes: int
    made_at: datetime
    expires_at: datetime
    version_id: str | None = None


@event("render.bundle.delayed.v1")
@dataclass(frozen=True)
class BundleDelayed:
    """A try failed and another follows."""

    bundle_id: str
    uscc: str
    attempt: int
    reason_code: str
    next_try_at: datetime


@event("render.bundle.failed.v1")
@dataclass(frozen=True)
class BundleFailed:
    """The last try failed."""

    bundle_id: str
    uscc: str
    reason_code: str
    message: str
    attempts: int
    failed_at: datetime
