"""UTC calendar arithmetic on timestamps, which are seconds since 1970."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from math import floor
from typing import NamedTuple

HOUR = 3600
DAY = 24 * HOUR


class Period(NamedTuple):
    """A time in seconds since 1970; its end is not part of it."""

    start: int
    end: int


def hour_start(timestamp: float) -> int:
    """The beginning of an hour."""
    return floor(timestamp) // HOUR * HOUR


def day_start(timestamp: float) -> int:
    """The beginning of a day."""
    return floor(timestamp) // DAY * DAY


def month_start(timestamp: float) -> int:
    """The beginning of a calendar month."""
    day = to_datetime(timestamp)
    return floor(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp())


def next_month_start(timestamp: float) -> int:
    """The beginning of the calendar month after the one of a timestamp."""
    return month_start(month_start(timestamp) + timedelta(days=32).total_seconds())


def add_months(timestamp: float, months: int) -> int:
    """The same time of day `months` later; the 31st becomes the last day of a shorter month."""
    before = to_datetime(timestamp)
    year, month = divmod(before.year * 12 + before.month - 1 + months, 12)
    day = min(before.day, monthrange(year, month + 1)[1])
    return floor(before.replace(year=year, month=month + 1, day=day).timestamp())


def to_datetime(timestamp: float) -> datetime:
    """The timestamp as a datetime in UTC."""
    return datetime.fromtimestamp(timestamp, UTC)
