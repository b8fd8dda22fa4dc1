"""The books against the bucket: objects without a row, rows without an object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from services.retention import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.kernel.storage.port import Listed, ObjectStore
    from services.retention.ports import Work

log = structlog.get_logger(__name__)

_SETTLING = timedelta(hours=1)  # what was stored just now may not be told yet
_TOLD_AT_MOST = 100  # keys in the log; the gauge counts them all
_PREFIXES = ("bundles/", "documents/", "exports/")  # in the order of their bytes


@dataclass(frozen=True)
class Gap:
    """What bucket and rows disagree about."""

    orphans: int
    dangling: int


def audit(*, work: Work, store: ObjectStore, now: datetime) -> Gap:
    """Compare all objects with all rows; counts, logs and answers the difference.

    Nothing is deleted here: an object without a row goes by the store's own lifecycle rule.
    """
    listed = (one for prefix in _PREFIXES for one in store.listing(prefix))
    orphans = dangling = 0
    for kind, key in _differences(listed, work.artifacts.keys(), now):
        orphans += kind == "orphan"
        dangling += kind == "dangling"
        if orphans + dangling <= _TOLD_AT_MOST:
            log.error("audit_gap", kind=kind, object_key=key)
    metrics.audit_gap.labels("orphan").set(orphans)
    metrics.audit_gap.labels("dangling").set(dangling)
    log.info("audited", orphans=orphans, dangling=dangling)
    return Gap(orphans, dangling)


def _differences(
    listed: Iterable[Listed], keys: Iterator[str], now: datetime
) -> Iterator[tuple[str, str]]:
    """Walk both in the order of their keys."""
    expected = next(keys, None)
    for one in listed:
        while expected is not None and expected.encode() < one.key.encode():
            yield "dangling", expected
            expected = next(keys, None)
        if expected == one.key:
            expected = next(keys, None)
        elif now - one.modified_at > _SETTLING:
            yield "orphan", one.key
    while expected is not None:
        yield "dangling", expected
        expected = next(keys, None)
