"""One calendar month, custody years and ranges of three months, in Asia/Shanghai."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import calendar

MOMENTS = st.datetimes(
    min_value=datetime(2024, 1, 1), max_value=datetime(2032, 12, 31), timezones=st.just(UTC)
)


def shanghai(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=calendar.ZONE)


@pytest.mark.parametrize(
    ("made", "due"),
    [
        (shanghai(2026, 1, 31, 15, 20), shanghai(2026, 2, 28, 15, 20)),
        (shanghai(2028, 1, 31, 15, 20), shanghai(2028, 2, 29, 15, 20)),
        (shanghai(2026, 11, 23, 10, 15), shanghai(2026, 12, 23, 10, 15)),
        (shanghai(2026, 12, 31, 0, 0), shanghai(2027, 1, 31, 0, 0)),
        (shanghai(2026, 2, 28, 23, 59), shanghai(2026, 3, 28, 23, 59)),
    ],
)
def test_a_file_expires_at_the_same_local_time_next_month_clamped(made, due):
    assert calendar.expiry(made, calendar.CALENDAR_MONTH) == due


def test_the_month_is_counted_in_shanghai_and_not_in_utc():
    # 31 January 00:30 in Shanghai is still 30 January in UTC
    made = datetime(2026, 1, 30, 16, 30, tzinfo=UTC)
    assert calendar.expiry(made, calendar.CALENDAR_MONTH) == shanghai(2026, 2, 28, 0, 30)


@given(MOMENTS)
def test_a_month_is_never_shorter_than_28_days_or_longer_than_31(made):
    kept = calendar.expiry(made, calendar.CALENDAR_MONTH) - made
    assert timedelta(days=28) <= kept <= timedelta(days=31)


@given(MOMENTS, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=40)))
def test_what_is_made_later_never_expires_a_day_earlier(made, later):
    first = calendar.expiry(made, calendar.CALENDAR_MONTH)
    second = calendar.expiry(made + later, calendar.CALENDAR_MONTH)
    assert calendar.local_day(second) >= calendar.local_day(first)


def test_a_lifetime_may_be_a_duration_for_drills():
    made = shanghai(2026, 11, 23, 10, 0)
    assert calendar.expiry(made, "PT5S") == made + timedelta(seconds=5)
    assert calendar.expiry(made, "P1DT2H") == made + timedelta(days=1, hours=2)


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "5 seconds", "P1M"])
def test_any_other_lifetime_is_refused(text):
    with pytest.raises(ValueError, match="calendar-month"):
        calendar.expiry(shanghai(2026, 1, 1), text)


@pytest.mark.parametrize(
    ("last", "first"),
    [
        (date(2026, 11, 23), date(2026, 8, 23)),
        (date(2026, 5, 31), date(2026, 2, 28)),
        (date(2028, 5, 31), date(2028, 2, 29)),
        (date(2026, 1, 15), date(2025, 10, 15)),
    ],
)
def test_a_range_reaches_back_three_calendar_months_from_its_end(last, first):
    assert calendar.earliest_from(last) == first


def test_the_bounds_of_a_day_are_midnights_of_shanghai():
    begin, end = calendar.day_bounds(date(2026, 11, 23), date(2026, 11, 23))
    assert begin == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert end == datetime(2026, 11, 23, 16, tzinfo=UTC)
