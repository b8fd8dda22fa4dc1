"""What retention says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.kernel.contracts.registry import event


@event("retention.artifact.scheduled.v1")
@dataclass(frozen=True)
class ArtifactScheduled:
    """The end of an artifact is on record. `subject` as in the event that made it."""

    artifact_id: str
    subject: str
    object_keys: list[str]
    expires_at: datetime
    policy_version: str


@event("retention.artifact.held.v1")
@dataclass(frozen=True)
class ArtifactHeld:
    """An artifact is kept beyond its end."""

    artifact_id: str
    subject: str
    hold_id: str
    reason_code: str
    at: datetime


@event("retention.artifact.released.v1")
@dataclass(frozen=True)
class ArtifactReleased:
    """A hold is over."""

    artifact_id: str
    subject: str
    hold_id: str
    reason_code: str
    at: datetime


@event("retention.artifact.deleted.v1")
@dataclass(frozen=True)
class ArtifactDeleted:
    """The bytes are gone, and it was looked that they are."""

    artifact_id: str
    subject: str
    object_keys: list[str]
    sha256: list[str]
    expires_at: datetime
    deleted_at: datetime
    verified_at: datetime
    proof: str
    policy_version: str
