"""The numbers by which applications are judged; each is a setting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.kernel.calendar import CALENDAR_MONTH, ZONE_NAME


@dataclass(frozen=True)
class Policy:
    """Limits of HTTP API section 15, waits, and the lifetime of files."""

    daily_items: int = 2_000
    unfinished_items: int = 1_000
    items_at_render: int = 200
    bundles_building: int = 2
    bundles_waiting: int = 20
    submission_skew: timedelta = timedelta(minutes=5)
    backlog_limit: timedelta = timedelta(seconds=60)
    give_up_after: timedelta = timedelta(minutes=60)
    late_after: timedelta = timedelta(seconds=90)
    key_kept: timedelta = timedelta(hours=24)
    feed_kept: timedelta = timedelta(hours=24)
    ticket_life: timedelta = timedelta(minutes=2)
    print_stream: timedelta = timedelta(minutes=60)
    file_lifetime: str = CALENDAR_MONTH
    zone: str = ZONE_NAME
