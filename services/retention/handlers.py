"""What retention does with what it hears and is asked; deleting itself is in `sweeping`."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import structlog

from services.kernel.calendar import day_bounds
from services.kernel.contracts.apply import BundleDropped
from services.kernel.contracts.refusal import Refusal
from services.kernel.contracts.render import BundleMade, DocumentMade, ExportMade
from services.kernel.contracts.retention import (
    ArtifactHeld,
    ArtifactReleased,
    ArtifactScheduled,
)
from services.kernel.ids import prefixed
from services.retention import metrics
from services.retention.domain import (
    POLICY_VERSION,
    Artifact,
    DayProof,
    DueArtifact,
    Product,
    StoredObject,
    differs,
    own_end,
    verify,
)

if TYPE_CHECKING:
    from datetime import date, datetime

    from services.kernel.clock import Clock
    from services.kernel.contracts.envelope import Envelope
    from services.retention.ports import Work

    Made = DocumentMade | ExportMade | BundleMade

log = structlog.get_logger(__name__)

_FIRST_REVISION = 1
_DUE_LIMIT = 1_000


def hear(envelope: Envelope, *, work: Work, lifetime: str) -> None:
    """Put what was made on record, or end a bundle that nobody wants any more."""
    if not work.first_sight(envelope.id):
        return
    if isinstance(envelope.data, BundleDropped):
        work.artifacts.drop_bundle(envelope.data.bundle_id, envelope.data.dropped_at)
    else:
        _schedule(envelope.data, envelope.subject, work, lifetime)
    work.commit()


def _schedule(made: Made, subject: str, work: Work, lifetime: str) -> None:
    artifact = _artifact(made, subject, _end(made, subject, work, lifetime))
    if not work.artifacts.add(artifact):
        return
    work.say(
        ArtifactScheduled(
            artifact_id=artifact.artifact_id,
            subject=subject,
            object_keys=[one.key for one in artifact.objects],
            expires_at=artifact.expires_at,
            policy_version=artifact.policy_version,
        ),
        subject,
    )


def _end(made: Made, subject: str, work: Work, lifetime: str) -> datetime:
    """The stated end, or an earlier one of the own policy; never later than a drop."""
    product = _product(made)
    own = own_end(product, made.made_at, lifetime)
    if differs(made.expires_at, own, product):
        metrics.policy_gaps.inc()
        log.error("policy_gap", subject=subject, stated=made.expires_at, own=own)
    dropped_at = work.artifacts.dropped_at(subject) if product == "bundle" else None
    ends = [made.expires_at, own, dropped_at]
    return min(end for end in ends if end is not None)


def _artifact(made: Made, subject: str, expires_at: datetime) -> Artifact:
    return Artifact(
        artifact_id=prefixed("art_"),
        subject=subject,
        revision=_FIRST_REVISION if isinstance(made, BundleMade) else made.revision,
        product=_product(made),
        made_at=made.made_at,
        expires_at=expires_at,
        policy_version=POLICY_VERSION,
        objects=_objects(made),
    )


def _product(made: Made) -> Product:
    match made:
        case DocumentMade():
            return "document"
        case ExportMade():
            return "export"
        case BundleMade():
            return "bundle"
        case _:
            assert_never(made)


def _objects(made: Made) -> tuple[StoredObject, ...]:
    files = made.files if isinstance(made, ExportMade) else [made]
    return tuple(
        StoredObject(one.object_key, one.etag, one.sha256, one.size_bytes, one.version_id)
        for one in files
    )


def hold(subject: str, reason_code: str, *, work: Work, clock: Clock) -> str:
    """Keep the artifacts of a subject beyond their end; answers the hold's id.

    Raises Refusal: `not-found` for an unknown subject, `expired` when deletion has begun.
    """
    now = clock.now()
    artifacts = work.artifacts.lock_subject(subject)
    if not artifacts:
        raise Refusal("not-found")
    kept = [artifact_id for artifact_id, state in artifacts if state == "kept"]
    if not kept:
        raise Refusal("expired", facts={"state": artifacts[-1][1]})
    hold_id = prefixed("hld_")
    work.holds.add(hold_id, subject, reason_code, now)
    for artifact_id in kept:
        work.say(ArtifactHeld(artifact_id, subject, hold_id, reason_code, now), subject)
    work.commit()
    return hold_id


def release(hold_id: str, *, work: Work, clock: Clock) -> None:
    """End a hold. Raises Refusal `not-found` when there is no such standing hold."""
    now = clock.now()
    released = work.holds.release(hold_id, now)
    if released is None:
        raise Refusal("not-found")
    subject, reason_code = released
    for artifact_id, state in work.artifacts.lock_subject(subject):
        if state == "kept":
            work.say(ArtifactReleased(artifact_id, subject, hold_id, reason_code, now), subject)
    work.commit()


def due(as_of: datetime, *, work: Work) -> list[DueArtifact]:
    """What is past its end at a moment, held or not; at most 1,000, oldest first."""
    return work.artifacts.due(as_of, _DUE_LIMIT)


def proof(day: date, *, work: Work) -> DayProof:
    """The head of a day in Asia/Shanghai, and whether the day's links hold."""
    begin, end = day_bounds(day, day)
    return verify(work.deletions.end(before=begin), work.deletions.between(begin, end))
