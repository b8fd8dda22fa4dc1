"""What this process hears at once: sessions that changed, changes of applications and bundles."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.problems import Problem
from services.kernel.contracts.apply import FeedExtended
from services.kernel.contracts.auth import SessionEnded, SessionLocked, SessionUnlocked

if TYPE_CHECKING:
    from gateway.checked_sessions import CheckedSessions
    from services.kernel.contracts.envelope import Envelope


class Listener:
    """An open stream: woken when there may be something to tell, and told when to end."""

    def __init__(self, uscc: str, session_id: str) -> None:
        self.uscc, self.session_id = uscc, session_id
        self.ended = False
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be changes."""
        self._woken.set()

    def end(self) -> None:
        """The stream is to close."""
        self.ended = True
        self._woken.set()

    async def pause(self, limit_s: float) -> bool:
        """Wait to be woken, `limit_s` seconds at most; answers if it was."""
        try:
            await asyncio.wait_for(self._woken.wait(), limit_s)
        except TimeoutError:
            return False
        self._woken.clear()
        return True


class Live:
    """Open streams and checked sessions of this process, kept in step with the rooms' events.

    An event may be lost while the broker is away: remembered sessions are asked for again within
    seconds, and streams look for changes at each sign of life.
    """

    def __init__(self, sessions: CheckedSessions, streams_per_session: int) -> None:
        self._sessions = sessions
        self._limit = streams_per_session
        self._listeners: set[Listener] = set()
        self._draining = False

    def listen(self, uscc: str, session_id: str) -> Listener:
        """A new stream. Raises Problem `rate-limited` when the session has enough of them."""
        own = sum(1 for listener in self._listeners if listener.session_id == session_id)
        if own >= self._limit:
            raise Problem("rate-limited", headers={"Retry-After": "30"})
        listener = Listener(uscc, session_id)
        self._listeners.add(listener)
        if self._draining:
            listener.end()
        return listener

    def leave(self, listener: Listener) -> None:
        """The stream is closed."""
        self._listeners.discard(listener)

    def hear(self, envelope: Envelope) -> None:
        """Take in an event."""
        said = envelope.data
        if isinstance(said, FeedExtended):
            for listener in self._of_company(said.uscc):
                listener.wake()
        elif isinstance(said, SessionLocked | SessionUnlocked | SessionEnded):
            self.session_changed(said.session_id, over=not isinstance(said, SessionUnlocked))

    def session_changed(self, session_id: str, *, over: bool) -> None:
        """A session is locked or ended (`over`), or active again."""
        self._sessions.forget(session_id)
        for listener in [one for one in self._listeners if one.session_id == session_id]:
            if over:
                listener.end()

    def resumed(self) -> None:
        """Events may have been missed: every stream looks for itself."""
        for listener in self._listeners:
            listener.wake()

    def drain(self) -> None:
        """This process ends: so do its streams, and their clients go elsewhere."""
        self._draining = True
        for listener in self._listeners:
            listener.end()

    def _of_company(self, uscc: str) -> list[Listener]:
        return [listener for listener in self._listeners if listener.uscc == uscc]
