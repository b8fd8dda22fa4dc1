"""Deletion in time, and the books; labels are bounded and never an id."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

overdue = Gauge("danzheng_retention_overdue", "Artifacts past their end and not held")
oldest_overdue_seconds = Gauge(
    "danzheng_retention_oldest_overdue_seconds", "How long the oldest of them is past its end"
)
held = Gauge("danzheng_retention_held", "Artifacts past their end that a hold keeps")
deleted = Counter("danzheng_retention_deleted_total", "Artifacts deleted and seen to be gone")
failed = Counter(
    "danzheng_retention_failed_total", "Objects that the store did not delete", ["code"]
)
skipped = Counter("danzheng_retention_skipped_total", "Sweeps or rows left alone", ["why"])
policy_gaps = Counter(
    "danzheng_retention_policy_gaps_total", "Facts whose end differs from the own policy"
)
audit_gap = Gauge("danzheng_retention_audit_gap", "What bucket and rows disagree about", ["kind"])
