"""Moments as the HTTP API writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from services.kernel.calendar import ZONE

_MOMENT = re.compile(r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$")


def moment(at: datetime | None) -> str | None:
    """`YYYY-MM-DDTHH:MM:SS.mmm+08:00`, cut to the millisecond; None stays None."""
    if at is None:
        return None
    return at.astimezone(ZONE).isoformat(timespec="milliseconds")


def retold(value: object) -> object:
    """An RFC 3339 text from a room in the form of the API; anything else unchanged."""
    if not isinstance(value, str) or not _MOMENT.match(value):
        return value
    return moment(parsed(value))


def parsed(text: str) -> datetime:
    """The moment in an RFC 3339 text, in UTC. Raises ValueError."""
    return datetime.fromisoformat(text.upper()).astimezone(UTC)
