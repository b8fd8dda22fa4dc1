"""Whether the parts behind the door answer: HTTP API section 13."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Literal

from services.kernel.errors import RemoteFault, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

State = Literal["ok", "down"]
OPTIONAL = frozenset({"render", "retention"})  # without them old files are still handed out
ORDER = ("auth", "query", "apply", "render", "retention", "broker", "database", "object_store")
FRESH_S = 1.0  # anybody may ask: the parts are not asked more often than this
CHECK_LIMIT_S = 2.0


class Readiness:
    """Asks all parts at once and remembers the answer for a second."""

    def __init__(
        self,
        checks: Mapping[str, Callable[[], Awaitable[object]]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = checks
        self._monotonic = monotonic
        self._asking = asyncio.Lock()
        self._known: tuple[float, dict[str, Any]] | None = None

    async def read(self) -> dict[str, Any]:
        """`status` ok, degraded or down, and each check by name."""
        async with self._asking:
            if self._known is None or self._monotonic() - self._known[0] >= FRESH_S:
                self._known = (self._monotonic(), await self._ask())
            return self._known[1]

    async def _ask(self) -> dict[str, Any]:
        names = [name for name in ORDER if name in self._checks]
        states = await asyncio.gather(*(_state(self._checks[name]) for name in names))
        return summary(dict(zip(names, states, strict=True)))


def summary(checks: Mapping[str, State]) -> dict[str, Any]:
    """The answer for these states."""
    down = {name for name, state in checks.items() if state == "down"}
    status = "down" if down - OPTIONAL else "degraded" if down else "ok"
    return {"status": status, "checks": dict(checks)}


async def _state(check: Callable[[], Awaitable[object]]) -> State:
    try:
        async with asyncio.timeout(CHECK_LIMIT_S):
            await check()
    except (Unavailable, RemoteFault, TimeoutError):
        return "down"
    return "ok"
