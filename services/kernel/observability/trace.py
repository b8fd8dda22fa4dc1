"""What is in work right now: trace, correlation and the message that caused it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Work:
    """The request or message in work; empty outside of any."""

    correlation_id: str = ""
    message_id: str = ""
    traceparent: str = ""

    @property
    def trace_id(self) -> str:
        """The 32 hex digits of the trace, or an empty text."""
        parts = self.traceparent.split("-")
        return parts[1] if len(parts) == 4 else ""


_work: ContextVar[Work] = ContextVar("danzheng_work", default=Work())  # noqa: B039  frozen


def current() -> Work:
    """What is in work in this thread, greenlet or task."""
    return _work.get()


@contextmanager
def working(work: Work) -> Iterator[Work]:
    """Mark `work` as in work inside the block."""
    token = _work.set(work)
    try:
        yield work
    finally:
        _work.reset(token)


def new_traceparent() -> str:
    """A fresh W3C traceparent, sampled."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
