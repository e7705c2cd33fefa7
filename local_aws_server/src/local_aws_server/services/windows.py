"""Maintenance windows (`sun:05:00-sun:05:30`) and backup windows (`03:14-03:44`), in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY, _WEEK = 24 * 60, 7 * 24 * 60
_TIME = r"([01]\d|2[0-3]):([0-5]\d)"
_DAILY = re.compile(f"{_TIME}-{_TIME}")
_WEEKLY = re.compile(f"({'|'.join(_DAYS)}):{_TIME}-({'|'.join(_DAYS)}):{_TIME}", re.IGNORECASE)

Window = tuple[int, int]
"""(begin, length) in minutes; the begin counts from midnight, or from Monday's midnight."""


def parse_daily(text: str) -> Window | None:
    """A window of `hh24:mi-hh24:mi`; None if the text is not one."""
    match = _DAILY.fullmatch(text)
    if not match:
        return None
    begin, end = (int(match[group]) * 60 + int(match[group + 1]) for group in (1, 3))
    return begin, (end - begin) % _DAY


def parse_weekly(text: str) -> Window | None:
    """A window of `ddd:hh24:mi-ddd:hh24:mi`; None if the text is not one."""
    match = _WEEKLY.fullmatch(text)
    if not match:
        return None
    begin, end = (
        _DAYS.index(match[group].lower()) * _DAY + int(match[group + 1]) * 60 + int(match[group + 2])
        for group in (1, 4)
    )
    return begin, (end - begin) % _WEEK


def overlap(weekly: Window, daily: Window) -> bool:
    """Whether a weekly and a daily window have a minute in common."""
    (begin, length), (daily_begin, daily_length) = weekly, daily
    into_backup, into_maintenance = (begin - daily_begin) % _DAY, (daily_begin - begin) % _DAY
    return into_backup < daily_length or into_maintenance < length


def daily_outside(weekly: Window, daily: Window) -> str:
    """The daily window of this length that follows the weekly one, as text."""
    begin = (weekly[0] + weekly[1]) % _DAY
    return f"{_clock(begin)}-{_clock(begin + daily[1])}"


def weekly_outside(daily: Window, weekly: Window) -> str:
    """The weekly window of this day and length that follows the daily one, as text."""
    day = _DAYS[weekly[0] // _DAY]
    begin = _DAYS.index(day) * _DAY + (daily[0] + daily[1]) % _DAY
    end = (begin + weekly[1]) % _WEEK
    return f"{day}:{_clock(begin)}-{_DAYS[end // _DAY]}:{_clock(end)}"


def next_daily(text: str, after: float) -> float:
    """When a daily window begins next after a time; both in seconds since 1970."""
    window = parse_daily(text)
    assert window, text
    return _next(after, 0, window[0], _DAY)


def next_weekly(text: str, after: float) -> float:
    """When a weekly window begins next after a time; both in seconds since 1970."""
    window = parse_weekly(text)
    assert window, text
    return _next(after, datetime.fromtimestamp(after, UTC).weekday(), window[0], _WEEK)


def _next(after: float, day: int, begin: int, period: int) -> float:
    midnight = datetime.fromtimestamp(after, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = midnight - timedelta(days=day) + timedelta(minutes=begin)
    while begins.timestamp() <= after:
        begins += timedelta(minutes=period)
    return begins.timestamp()


def _clock(minutes: int) -> str:
    return f"{minutes % _DAY // 60:02}:{minutes % 60:02}"
