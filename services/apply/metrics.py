"""Apply's numbers; labels are bounded and never an id."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_PATIENT = (0.5, 1, 2, 3, 5, 10, 30, 60, 120, 300, 600)

application_to_artifact_seconds = Histogram(
    "danzheng_application_to_artifact_seconds",
    "From acceptance or retry to the made file, as the applicant feels it",
    ["kind"],
    buckets=_PATIENT,
)
ended = Counter(
    "danzheng_apply_ended_total",
    "Print items and data applications that came to an end",
    ["kind", "status"],
)
reminders = Counter("danzheng_apply_reminders_total", "Orders said again because of silence")
timed_out = Counter(
    "danzheng_apply_timed_out_total", "Applications and bundles nobody waited for any longer"
)
oldest_making_seconds = Gauge(
    "danzheng_apply_oldest_making_seconds", "Age of the oldest item in the making"
)
