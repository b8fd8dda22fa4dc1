"""A clock that moves only when told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class FrozenClock:
    """A clock standing at `moment`."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The moment it stands at."""
        return self.moment

    def advance(self, step: timedelta) -> None:
        """Move forward by `step`."""
        self.moment += step
