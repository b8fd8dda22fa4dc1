"""Auth's numbers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

from services.kernel.contracts.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

attempts = Counter(
    "danzheng_auth_attempts_total",
    "Log-ins, unlockings and submissions by answer; reason of certificate-rejected",
    ["action", "outcome", "reason"],
)
sessions_ended = Counter("danzheng_auth_sessions_ended_total", "Sessions whose time was over")
list_seconds_left = Gauge(
    "danzheng_auth_revocation_list_seconds_left",
    "Until the revocation list of an issuer is no answer any more; none: minus one",
    ["issuer"],
)


@contextmanager
def counted(action: str) -> Iterator[None]:
    """Count how the block ends: well, or refused with which code."""
    try:
        yield
    except Refusal as refusal:
        attempts.labels(action, refusal.code, refusal.facts.get("reason", "")).inc()
        raise
    attempts.labels(action, "ok", "").inc()
