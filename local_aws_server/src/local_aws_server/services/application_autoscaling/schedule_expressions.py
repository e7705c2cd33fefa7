"""When something scheduled comes next: `at(…)`, `rate(…)` and `cron(…)` as Application Auto Scaling writes them.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FORM = re.compile(r"(at|rate|cron)\((.+)\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_YEARS = range(1970, 2200)
_DAYS_AHEAD = 366 * 8


def following(schedule: str, moment: float, *, since: float = 0.0, zone: str | None = None) -> float | None:
    """The first time after a moment; rates count from when it was made. Raises ValueError for what is no schedule."""
    form = _FORM.fullmatch(schedule.strip())
    if form is None:
        raise ValueError(f"{schedule!r} is neither at(…), rate(…) nor cron(…)")
    kind, text = form[1], form[2].strip()
    try:
        place: tzinfo = ZoneInfo(zone) if zone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{zone!r} is no time zone") from None
    if kind == "at":
        at = datetime.fromisoformat(text).replace(tzinfo=place).timestamp()
        return at if at > moment else None
    if kind == "rate":
        number, _, unit = text.partition(" ")
        every = int(number) * _SECONDS[unit.removesuffix("s")] if unit.removesuffix("s") in _SECONDS else 0
        if every <= 0:
            raise ValueError(f"{schedule!r} is no rate")
        return since + (max(0.0, moment - since) // every + 1) * every
    return next((at for at in _times(text.split(), moment, place) if at > moment), None)


def unix(recurrence: str, moment: float, zone: str | None = None) -> float | None:
    """The first time after a moment of a cron expression of five fields, as EC2 Auto Scaling takes it."""
    minute, hour, day, month, weekday = recurrence.split()
    days = ",".join(_DAYS[int(each) % 7] if each.isdigit() else each for each in weekday.split(","))
    return following(f"cron({minute} {hour} {day} {month} {days} *)", moment, zone=zone)


def _times(fields: Sequence[str], moment: float, place: tzinfo) -> Iterator[float]:
    if len(fields) != 6:
        raise ValueError("a cron expression has six fields: minutes, hours, day, month, day of the week, year")
    minutes, hours = _numbers(fields[0], range(60)), _numbers(fields[1], range(24))
    months, years = _numbers(fields[3], range(1, 13), _MONTHS, 1), _numbers(fields[5], _YEARS)
    first = datetime.fromtimestamp(moment, place).date()
    for number in range(_DAYS_AHEAD):
        day = first + timedelta(days=number)
        if day.month in months and day.year in years and _on(day, fields[2], fields[4]):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=place).timestamp()


def _on(day: date, of_month: str, of_week: str) -> bool:
    last = monthrange(day.year, day.month)[1]
    days = {last} if of_month == "L" else _numbers(of_month, range(1, last + 1))
    weekday = (day.weekday() + 1) % 7
    weekdays = {number - 1 for number in _numbers(of_week, range(1, 8), _DAYS, 1)}
    return day.day in days and weekday in weekdays


def _numbers(text: str, all_of: range, names: Sequence[str] = (), first: int = 0) -> set[int]:
    """What a field allows: `*`, `?`, `5`, `MON-FRI`, `0/15`, and several of these."""
    allowed: set[int] = set()
    for part in text.upper().split(","):
        span, _, every = part.partition("/")
        low, _, high = span.partition("-")
        if span in ("*", "?"):
            chosen: Sequence[int] = all_of
        else:
            begin = _number(low, names, first)
            end = _number(high, names, first) if high else (all_of[-1] if every else begin)
            chosen = range(begin, end + 1)
        allowed.update(number for number in chosen if not every or (number - chosen[0]) % int(every) == 0)
    return allowed


def _number(text: str, names: Sequence[str], first: int) -> int:
    return names.index(text) + first if text in names else int(text)
