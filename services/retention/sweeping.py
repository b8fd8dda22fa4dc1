"""Letting files go: what is due is marked, deleted, looked for, and put on record as gone.

The mark is committed before the first deletion, the record after the last look. A crash in between
leaves marked artifacts, which the next sweep finishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from services.kernel.contracts.retention import ArtifactDeleted
from services.kernel.errors import TryLater
from services.kernel.storage.port import Condemned
from services.retention import metrics
from services.retention.domain import (
    Artifact,
    Deletion,
    ProvenDeletion,
    cap,
    link,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.kernel.clock import Clock
    from services.kernel.storage.port import DeleteReport, ObjectStore
    from services.retention.ports import Work

log = structlog.get_logger(__name__)

_BATCH = 200  # artifacts: an export has five objects, and a call takes a thousand
_CHANGED = "PreconditionFailed"


@dataclass(frozen=True)
class Guards:
    """What keeps a wrong clock from emptying the store."""

    clock_skew_limit_s: float
    share: float
    floor: int


@dataclass(frozen=True)
class SweepReport:
    """What a sweep did. `capped`: more was due than one run may delete."""

    due: int
    deleted: int
    failed: int
    changed: int
    capped: bool


class ClocksDiffer(TryLater):
    """The clocks of this machine, the database and the store differ too much to delete anything."""


def sweep(
    as_of: datetime,
    *,
    open_work: Callable[[], Work],
    store: ObjectStore,
    clock: Clock,
    guards: Guards,
    dry_run: bool = False,
) -> SweepReport:
    """Delete what is due at `as_of`; only one sweep runs at a time.

    Raises ClocksDiffer, and StoreUnavailable when the store is away.
    """
    with open_work() as work:
        _compare_clocks(clock.now(), work.now(), store.now(), guards.clock_skew_limit_s)
        overdue = work.artifacts.overdue(as_of)
        allowed = cap(work.artifacts.population(), guards.share, guards.floor)
        if dry_run:
            return SweepReport(overdue.count, 0, 0, 0, capped=overdue.count > allowed)
        work.artifacts.condemn(as_of, allowed, clock.now())
        work.commit()
    deleted, failed, changed = _delete_condemned(open_work, store, clock)
    capped = overdue.count > allowed
    if capped:
        metrics.skipped.labels("cap").inc(overdue.count - allowed)
        log.error("sweep_capped", due=overdue.count, allowed=allowed)
    return SweepReport(overdue.count, deleted, failed, changed, capped)


def _compare_clocks(own: datetime, database: datetime, store: datetime, limit_s: float) -> None:
    moments = (own, database, store)
    skew_s = (max(moments) - min(moments)).total_seconds()
    if skew_s > limit_s:
        metrics.skipped.labels("clock").inc()
        log.error("sweep_refused", skew_s=round(skew_s, 1))
        raise ClocksDiffer


def _delete_condemned(
    open_work: Callable[[], Work], store: ObjectStore, clock: Clock
) -> tuple[int, int, int]:
    deleted = failed = changed = 0
    after = ""
    while True:
        with open_work() as work:
            batch = work.artifacts.condemned(after, _BATCH)
        if not batch:
            return deleted, failed, changed
        after = batch[-1].artifact_id
        outcome = _delete(batch, store, clock)
        with open_work() as work:
            _record(outcome, work)
            work.commit()
        deleted += len(outcome.gone)
        changed += len(outcome.changed)
        failed += len(batch) - len(outcome.gone) - len(outcome.changed)
        metrics.deleted.inc(len(outcome.gone))


@dataclass(frozen=True)
class _Outcome:
    gone: Sequence[Artifact]
    changed: Sequence[Artifact]
    deleted_at: datetime
    verified_at: datetime


def _delete(batch: Sequence[Artifact], store: ObjectStore, clock: Clock) -> _Outcome:
    """Delete by ETag, then look that every key is gone."""
    condemned = [Condemned(one.key, one.etag) for each in batch for one in each.objects]
    report = store.delete_if(condemned)
    deleted_at = clock.now()
    _tell_faults(report)
    gone_keys = {key for key in report.gone if _is_gone(key, batch, store)}
    changed_keys = {fault.key for fault in report.faults if fault.code == _CHANGED}
    gone = [each for each in batch if all(one.key in gone_keys for one in each.objects)]
    changed = [each for each in batch if any(one.key in changed_keys for one in each.objects)]
    return _Outcome(gone, changed, deleted_at, clock.now())


def _is_gone(key: str, batch: Sequence[Artifact], store: ObjectStore) -> bool:
    if any(one.key == key and one.version_id for each in batch for one in each.objects):
        store.purge_versions(key)
    return store.head(key) is None


def _tell_faults(report: DeleteReport) -> None:
    for fault in report.faults:
        metrics.failed.labels(fault.code).inc()
        log.error("object_not_deleted", object_key=fault.key, code=fault.code)


def _record(outcome: _Outcome, work: Work) -> None:
    end = work.deletions.end()
    for artifact in outcome.gone:
        deletion = Deletion(
            number=end.number + 1,
            artifact_id=artifact.artifact_id,
            subject=artifact.subject,
            object_keys=tuple(one.key for one in artifact.objects),
            sha256=tuple(one.sha256 for one in artifact.objects),
            expires_at=artifact.expires_at,
            deleted_at=outcome.deleted_at,
            verified_at=outcome.verified_at,
            policy_version=artifact.policy_version,
        )
        proven = ProvenDeletion(deletion, link(end.proof, deletion))
        end = type(end)(deletion.number, proven.proof)
        work.deletions.add(proven)
        work.artifacts.mark(artifact.artifact_id, "deleted")
        work.say(_deleted(proven), artifact.subject)
    for artifact in outcome.changed:
        work.artifacts.mark(artifact.artifact_id, "changed")


def _deleted(proven: ProvenDeletion) -> ArtifactDeleted:
    deletion = proven.deletion
    return ArtifactDeleted(
        artifact_id=deletion.artifact_id,
        subject=deletion.subject,
        object_keys=list(deletion.object_keys),
        sha256=list(deletion.sha256),
        expires_at=deletion.expires_at,
        deleted_at=deletion.deleted_at,
        verified_at=deletion.verified_at,
        proof=proven.proof,
        policy_version=deletion.policy_version,
    )
