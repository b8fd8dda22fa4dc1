"""The stream of changes: HTTP API section 11."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from gateway.resources import change
from services.kernel.errors import RemoteFault, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.live import Listener
    from gateway.services import Apply
    from services.kernel.contracts.apply import FeedPage

log = structlog.get_logger(__name__)

PAGE = 200  # changes read at a time
RETRY = b"retry: 3000\n\n"
PING = b": ping\n\n"


@dataclass(frozen=True)
class Wish:
    """What a stream shall tell: whose changes, of which applications, after which number."""

    uscc: str
    application_nos: list[str] | None
    after: int | None


@dataclass(frozen=True)
class Pace:
    """How long a stream lasts and how often it gives a sign of life, in seconds."""

    stream_s: float
    ping_s: float
    monotonic: Callable[[], float] = time.monotonic


async def changes(told: Told, first: bytes, listener: Listener, pace: Pace) -> AsyncIterator[bytes]:
    """The bytes of the stream, until its time is over or the listener is ended."""
    ends = pace.monotonic() + pace.stream_s
    yield RETRY + first
    while not listener.ended:
        async for piece in told.news():
            yield piece
        left_s = ends - pace.monotonic()
        if left_s <= 0 or listener.ended:
            return
        woken = await listener.pause(min(pace.ping_s, left_s))
        if not woken and pace.monotonic() < ends:
            yield PING


class Told:
    """How far a stream has told."""

    def __init__(self, apply: Apply, wish: Wish) -> None:
        self._apply, self._wish = apply, wish
        self._seq = 0

    async def begin(self) -> bytes:
        """`hello`, or `reset` when the asked number is not known any more.

        Raises Unavailable while apply does not answer.
        """
        after = self._wish.after
        page = await self._read(after)
        if after is None:
            return self._stand_at("hello", page.last_seq)
        if page.reset or after > page.last_seq:
            return self._stand_at("reset", page.last_seq)
        return self._stand_at("hello", after)

    def _stand_at(self, event: str, seq: int) -> bytes:
        self._seq = seq
        return _event(event, seq, {"seq": seq})

    async def news(self) -> AsyncIterator[bytes]:
        """All changes since, in order; none while apply does not answer."""
        full = True
        while full:
            try:
                page = await self._read(self._seq)
            except (Unavailable, RemoteFault) as fault:
                log.warning("changes_unread", reason=str(fault))
                return
            if page.reset:
                yield self._stand_at("reset", page.last_seq)
                return
            for entry in page.entries:
                self._seq = entry.seq
                yield _event(entry.event, entry.seq, change(entry))
            full = len(page.entries) >= PAGE

    async def _read(self, after: int | None) -> FeedPage:
        return await self._apply.feed(self._wish.uscc, after, self._wish.application_nos, PAGE)


def _event(event: str, seq: int, data: dict[str, Any]) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (event.encode(), seq, msgspec.json.encode(data))
