"""Sessions that auth has confirmed within the last seconds."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from services.kernel.contracts.auth import Session

FRESH_S = 5.0  # how long a lock may stay unseen if its event is lost
_SWEEP_AT = 10_000


class CheckedSessions:
    """Remembers confirmed sessions for five seconds, by the digest of their token."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, Session]] = {}
        self._forgotten = 0

    async def of(self, token: str, now: datetime, ask: Callable[[], Awaitable[Session]]) -> Session:
        """The session of a token: remembered, or asked for and then remembered."""
        key = _key(token)
        known = self._known.get(key)
        if known is not None and self._fresh(known, now):
            return known[1]
        before = self._forgotten
        session = await ask()
        # a session that changed while auth was answering is not remembered
        if before == self._forgotten:
            self._remember(key, session)
        return session

    def _fresh(self, known: tuple[float, Session], now: datetime) -> bool:
        at, session = known
        ends = min(session.expires_at, session.idle_expires_at)
        return self._monotonic() - at < FRESH_S and now < ends

    def _remember(self, key: str, session: Session) -> None:
        if len(self._known) >= _SWEEP_AT:
            self._known.clear()
        self._known[key] = (self._monotonic(), session)

    def forget(self, session_id: str) -> None:
        """The session changed: ask again."""
        self._forgotten += 1
        stale = [key for key, (_, known) in self._known.items() if known.session_id == session_id]
        for key in stale:
            del self._known[key]


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
