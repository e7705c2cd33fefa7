"""Compute when a schedule is due next: `at(…)`, `rate(…)` and `cron(…)` as Application Auto Scaling writes them.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EXPRESSION = re.compile(r"(at|rate|cron)\((.+)\)")
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_SATURDAY, _SUNDAY = 5, 6
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_YEARS = range(1970, 2200)
_MAX_DAYS_AHEAD = 366 * 8


def next_time(schedule: str, after: float, *, since: float = 0.0, zone: str | None = None) -> float | None:
    """Return the first time after a timestamp; None if there is none.

    `since` is the start of a rate, `zone` the time zone of the other expressions (default UTC). Raises ValueError for
    an invalid expression or zone.
    """
    match = _EXPRESSION.fullmatch(schedule.strip())
    if match is None:
        raise ValueError(f"{schedule!r} is neither at(…), rate(…) nor cron(…)")
    kind, text = match[1], match[2].strip()
    try:
        timezone: tzinfo = ZoneInfo(zone) if zone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{zone!r} is not a time zone") from None
    if kind == "at":
        at = datetime.fromisoformat(text).replace(tzinfo=timezone).timestamp()
        return at if at > after else None
    if kind == "rate":
        number, _, unit = text.partition(" ")
        seconds = int(number) * _UNIT_SECONDS.get(unit.removesuffix("s"), 0)
        if seconds <= 0:
            raise ValueError(f"{schedule!r} is not a rate, such as rate(5 minutes)")
        return since + (max(0.0, after - since) // seconds + 1) * seconds
    return next((time for time in _cron_times(text.split(), after, timezone) if time > after), None)


def next_unix_cron(recurrence: str, after: float, zone: str | None = None) -> float | None:
    """Return the first time of a cron expression with five fields, as EC2 Auto Scaling writes them.

    Raises ValueError for an invalid one.
    """
    minute, hour, day, month, weekday = recurrence.split()
    weekdays = ",".join(_WEEKDAYS[int(part) % 7] if part.isdigit() else part for part in weekday.split(","))
    return next_time(f"cron({minute} {hour} {day} {month} {weekdays} *)", after, zone=zone)


def _cron_times(fields: Sequence[str], start: float, timezone: tzinfo) -> Iterator[float]:
    """Yield the times of a cron expression, from the day of `start` on."""
    if len(fields) != 6:
        raise ValueError("a cron expression has six fields: minutes, hours, day, month, day of the week, year")
    minutes, hours = _parse_field(fields[0], range(60)), _parse_field(fields[1], range(24))
    months, years = _parse_field(fields[3], range(1, 13), _MONTHS, 1), _parse_field(fields[5], _YEARS)
    first = datetime.fromtimestamp(start, timezone).date()
    for number in range(_MAX_DAYS_AHEAD):
        day = first + timedelta(days=number)
        if day.month in months and day.year in years and _day_matches(day, fields[2], fields[4]):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=timezone).timestamp()


def _day_matches(day: date, day_of_month: str, day_of_week: str) -> bool:
    last = monthrange(day.year, day.month)[1]
    return _is_day_of_month(day, day_of_month.upper(), last) and _is_day_of_week(day, day_of_week.upper(), last)


def _is_day_of_month(day: date, field: str, last: int) -> bool:
    """Whether a field allows a day: also `L`, the last day, and `15W`, the weekday closest to the 15th."""
    if field == "L":
        return day.day == last
    if field.endswith("W"):
        return day.day == _closest_weekday(day, int(field.removesuffix("W")), last)
    return day.day in _parse_field(field, range(1, last + 1))


def _closest_weekday(month: date, number: int, last: int) -> int | None:
    """The day of a month from Monday to Friday that is closest to a day; None if the month lacks that day."""
    if not 1 <= number <= last:
        return None
    weekday = month.replace(day=number).weekday()
    if weekday == _SATURDAY:
        return number - 1 if number > 1 else number + 2
    if weekday == _SUNDAY:
        return number + 1 if number < last else number - 2
    return number


def _is_day_of_week(day: date, field: str, last: int) -> bool:
    """Whether a field allows a day: also `L`, Saturday, `6L`, the last Friday, and `SAT#3`, the third Saturday."""
    number = (day.weekday() + 1) % 7 + 1
    name, mark, count = field.partition("#")
    if mark:
        if int(count) not in range(1, 6):
            raise ValueError(f"{field!r}: a month has at most five of a weekday")
        return number == _parse_value(name, _WEEKDAYS, 1) and (day.day - 1) // 7 + 1 == int(count)
    if field.endswith("L") and field != "L":
        return number == _parse_value(field.removesuffix("L"), _WEEKDAYS, 1) and day.day > last - 7
    return number in _parse_field("SAT" if field == "L" else field, range(1, 8), _WEEKDAYS, 1)


def _parse_field(text: str, values: range, names: Sequence[str] = (), first: int = 0) -> set[int]:
    """Return the values that a field allows: `*`, `?`, `5`, `MON-FRI`, `0/15`, or a list of these.

    `first` is the value of the first name.
    """
    allowed: set[int] = set()
    for part in text.upper().split(","):
        span, _, increment = part.partition("/")
        low, _, high = span.partition("-")
        if span in ("*", "?"):
            selected: Sequence[int] = values
        else:
            begin = _parse_value(low, names, first)
            end = _parse_value(high, names, first) if high else (values[-1] if increment else begin)
            selected = range(begin, end + 1)
        allowed.update(value for value in selected if not increment or (value - selected[0]) % int(increment) == 0)
    return allowed


def _parse_value(text: str, names: Sequence[str], first: int) -> int:
    return names.index(text) + first if text in names else int(text)
