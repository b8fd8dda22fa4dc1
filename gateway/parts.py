"""What the calls of the API work with, put together once a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.changes import Pace
from gateway.checked_sessions import CheckedSessions
from gateway.limits import RateLimit
from gateway.live import Live
from gateway.readiness import Readiness
from gateway.services import Services
from gateway.store import Files
from services.kernel.clock import Clock

if TYPE_CHECKING:
    from starlette.requests import Request

    from gateway.pdf_reading import PdfFacts


class Reading(Protocol):
    """Reads files that may be strange or hostile, out of this process."""

    async def pdf(self, content: bytes) -> PdfFacts:
        """Codes and signatures of a PDF. Raises Unavailable when no reader is free."""
        ...

    async def sheet(self, content: bytes) -> list[list[str]]:
        """The first column of a workbook. Raises PermanentFailure `file-unreadable`."""
        ...


@dataclass(frozen=True)
class Limits:
    """How often one may call."""

    sessions: RateLimit
    logins: RateLimit
    verifications: RateLimit


@dataclass(frozen=True)
class Parts:
    """All of it."""

    base_url: str
    file_lifetime: str
    clock: Clock
    services: Services
    files: Files
    reading: Reading
    sessions: CheckedSessions
    live: Live
    limits: Limits
    pace: Pace
    readiness: Readiness


def parts_of(request: Request) -> Parts:
    """The parts of the application that serves the request."""
    parts: Parts = request.app.state.parts
    return parts
