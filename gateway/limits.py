"""How often a session or an address may call: windows of a minute, in this process."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S = 60
_SWEEP_AT = 10_000  # keys; beyond it the windows that are over are dropped


@dataclass
class _Window:
    began: float
    used: int


@dataclass(frozen=True)
class Allowance:
    """What is left in the window."""

    policy: str
    limit: int
    left: int
    resets_in_s: int

    def headers(self) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={WINDOW_S}',
            "RateLimit": f'"{self.policy}";r={self.left};t={self.resets_in_s}',
        }


class RateLimit:
    """Counts calls by key; `limit` of them fit into a window."""

    def __init__(
        self, policy: str, limit: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._policy, self._limit, self._monotonic = policy, limit, monotonic
        self._windows: dict[str, _Window] = {}

    def take(self, key: str) -> Allowance:
        """Count a call. Raises Problem `rate-limited` when the window is full."""
        now = self._monotonic()
        window = self._windows.get(key)
        if window is None or now - window.began >= WINDOW_S:
            window = self._open(key, now)
        window.used += 1
        left = self._limit - window.used
        resets_in_s = max(1, math.ceil(window.began + WINDOW_S - now))
        allowance = Allowance(self._policy, self._limit, max(0, left), resets_in_s)
        if left < 0:
            wait = {"Retry-After": str(resets_in_s)}
            raise Problem("rate-limited", headers={**allowance.headers(), **wait})
        return allowance

    def _open(self, key: str, now: float) -> _Window:
        if len(self._windows) >= _SWEEP_AT:
            live = {k: w for k, w in self._windows.items() if now - w.began < WINDOW_S}
            self._windows = live
        self._windows[key] = window = _Window(now, 0)
        return window
