"""The numbers that every process shows; labels are bounded and never an id.

prometheus_client guards its values with native locks. nameko_kit imports this module before it
patches, so that the native thread of the management port may read while the hub writes.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import REGISTRY

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the page, nobody reads them

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_PATIENT = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1800)

messages_received = Counter(
    "danzheng_messages_received_total", "Messages taken from a queue", ["service", "type"]
)
messages_handled = Counter(
    "danzheng_messages_handled_total", "Messages by verdict", ["service", "type", "outcome"]
)
handle_seconds = Histogram(
    "danzheng_messages_handle_seconds",
    "Time in the handler",
    ["service", "type"],
    buckets=_QUICK,
)
in_flight = Gauge("danzheng_messages_in_flight", "Messages in work", ["service"])
wait_seconds = Histogram(
    "danzheng_message_wait_seconds",
    "From the event to its handler",
    ["service", "type"],
    buckets=_PATIENT,
)
redelivered = Counter("danzheng_redelivered_total", "Messages seen before by the broker")
inbox_duplicates = Counter("danzheng_inbox_duplicates_total", "Messages known to the inbox")
retries = Counter("danzheng_retries_total", "Messages sent up the ladder", ["step"])
parked = Counter("danzheng_parked_total", "Messages parked", ["reason"])
consumer_pauses = Counter("danzheng_consumer_pauses_total", "Pauses because all fails", ["queue"])

outbox_backlog = Gauge("danzheng_outbox_backlog", "Rows that wait in the outbox", ["service"])
outbox_oldest_seconds = Gauge(
    "danzheng_outbox_oldest_seconds", "Age of the oldest waiting row", ["service"]
)
published = Counter("danzheng_published_total", "Messages published", ["outcome"])
publish_seconds = Histogram(
    "danzheng_publish_seconds", "Time from publishing a batch to its last confirm", buckets=_QUICK
)

rpc_seconds = Histogram(
    "danzheng_rpc_seconds",
    "Time in an RPC method",
    ["service", "method", "outcome"],
    buckets=_QUICK,
)
hub_lag_seconds = Gauge("danzheng_hub_lag_seconds", "Lateness of the event hub", ["service"])
build_info = Gauge("danzheng_build_info", "Who runs", ["version"])


def exposition() -> bytes:
    """All numbers of this process in Prometheus' text format."""
    return generate_latest(REGISTRY)
