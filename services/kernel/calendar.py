"""Calendar months in Asia/Shanghai: file lifetimes, custody periods and date ranges."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE_NAME = "Asia/Shanghai"
ZONE = ZoneInfo(ZONE_NAME)
CALENDAR_MONTH = "calendar-month"
_DURATION = re.compile(
    r"^P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?$"
)


def add_months(day: date, months: int) -> date:
    """The same day `months` later (or earlier), clamped to the last day of that month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def expiry(made_at: datetime, lifetime: str, zone: str = ZONE_NAME) -> datetime:
    """When a file made at `made_at` expires (decision H5), in UTC.

    `lifetime` is `calendar-month` (the same local time next month, clamped: 31 January 15:20
    becomes 28 or 29 February 15:20) or an ISO 8601 duration of days, hours, minutes, seconds.
    Raises ValueError for any other text.
    """
    if lifetime != CALENDAR_MONTH:
        return made_at.astimezone(UTC) + duration(lifetime)
    local = made_at.astimezone(ZoneInfo(zone))
    due = datetime.combine(add_months(local.date(), 1), local.time(), ZoneInfo(zone))
    return due.astimezone(UTC)


def duration(text: str) -> timedelta:
    """The length of an ISO 8601 duration of days to seconds, such as `PT5S`."""
    found = _DURATION.match(text)
    if found is None or text in {"P", "PT"} or text.endswith("T"):
        raise ValueError(f"not a lifetime: {text!r}; say calendar-month or a duration like PT5S")
    return timedelta(**{unit: int(amount or 0) for unit, amount in found.groupdict().items()})


def local_day(moment: datetime) -> date:
    """The day of a moment in Asia/Shanghai."""
    return moment.astimezone(ZONE).date()


def day_bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """The moments, in UTC, at which the days `first` to `last` begin and are over."""
    begin = datetime.combine(first, datetime.min.time(), ZONE)
    end = datetime.combine(last + timedelta(days=1), datetime.min.time(), ZONE)
    return begin.astimezone(UTC), end.astimezone(UTC)


def earliest_from(last: date, months: int = 3) -> date:
    """The first day a range that ends on `last` may begin with (decision H7)."""
    return add_months(last, -months)
