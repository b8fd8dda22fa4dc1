"""The numbers of the cluster that draws; labels are bounded and never an id."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STAGE_BUCKETS = (0.0005, 0.001, 0.0025, *_BUCKETS)

slots = Gauge("danzheng_render_slots", "Messages that may be in work at once")
slots_busy = Gauge("danzheng_render_slots_busy", "Messages in work")
children_alive = Gauge("danzheng_render_children", "Children that live")
seconds = Histogram(
    "danzheng_render_seconds",
    "From the order taken to its file stored",
    ["product"],
    buckets=_BUCKETS,
)
stage_seconds = Histogram(
    "danzheng_render_stage_seconds", "Parts of it: draw, store", ["stage"], buckets=_STAGE_BUCKETS
)
child_restarts = Counter("danzheng_render_child_restarts_total", "Children replaced", ["cause"])
wasted = Counter("danzheng_render_wasted_total", "Drawn, although it lay in the store already")
