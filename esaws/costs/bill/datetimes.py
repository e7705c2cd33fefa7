"""Dates and times as exports and spreadsheets write them, read as UTC or not at all."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

Order = Literal["DMY", "MDY"]
"""Whether the day or the month comes first where the year comes last."""

_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_YEAR_LAST = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:,? (\d{1,2}):(\d{2})(?::(\d{2}))?\s?([AP]M)?)?\s?(?:Z|UTC|GMT)?",
    re.IGNORECASE,
)
_YEAR_FIRST = re.compile(r"(\d{4})([/.])(\d{1,2})\2(\d{1,2})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
_DAY_ZERO = datetime(1899, 12, 30)
"""Of spreadsheets. https://learn.microsoft.com/office/troubleshoot/excel/1900-and-1904-date-system"""
_SERIALS = (29221, 73051)
"""The serial numbers that can be meant: 1980 to 2099."""


def moment(text: str, order: Order | None) -> datetime | None:
    """When a cell says, in UTC without saying so; None if that can't be said for certain.

    `order` is needed for dates that end with the year. A number is taken for what spreadsheets keep: days since the
    end of 1899.
    """
    text = text.strip().removeprefix("'")
    try:
        if found := _ISO.fullmatch(text):
            return _iso(*found.groups())
        if found := _YEAR_FIRST.fullmatch(text):
            year, _, month, day, *time = found.groups()
            hour, minute, second = (int(part or 0) for part in time)
            return datetime(int(year), int(month), int(day), hour, minute, second)
        if (found := _YEAR_LAST.fullmatch(text)) and (order or found[2] == "."):
            return _year_last(found, "DMY" if found[2] == "." else order or "DMY")
        if _SERIAL.fullmatch(text):
            return _serial(float(text.replace(",", ".")))
    except ValueError:
        return None
    return None


def orders(texts: Iterable[str], firsts: Iterable[str] = ()) -> set[Order]:
    """In which order the cells of a table, taken together, can have day and month.

    `firsts` are cells that are known to name the first of a month: the beginnings of billing periods.
    """
    both: tuple[Order, ...] = ("DMY", "MDY")
    possible = {
        order: all(moment(text, order) is not None for text in texts if _YEAR_LAST.fullmatch(text.strip()))
        and all((found := moment(text, order)) is not None and found.day == 1 for text in firsts)
        for order in both
    }
    return {order for order in both if possible[order]}


def months(texts: Iterable[str], order: Order) -> set[tuple[int, int]]:
    """The months, as year and number, in which cells lie."""
    found = (moment(text, order) for text in texts)
    return {(each.year, each.month) for each in found if each is not None}


def is_ambiguous(text: str) -> bool:
    """Whether an order is needed to read a cell: with points between, days always come first."""
    found = _YEAR_LAST.fullmatch(text.strip())
    return found is not None and found[2] != "."


def _iso(*parts: str | None) -> datetime:
    year, month, day, hour, minute, second, fraction, zone = parts
    micros = int((fraction or "0").ljust(6, "0")[:6])
    read = datetime(
        int(year or 0), int(month or 0), int(day or 0), int(hour or 0), int(minute or 0), int(second or 0), micros
    )
    if zone is None or zone.upper() in ("Z", "UTC", "GMT"):
        return read
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    there = timezone(-offset if zone[0] == "-" else offset)
    return read.replace(tzinfo=there).astimezone(UTC).replace(tzinfo=None)


def _year_last(found: re.Match[str], order: Order) -> datetime:
    first, _, second, year, hour, minute, seconds, half = found.groups()
    day, month = (first, second) if order == "DMY" else (second, first)
    if half:
        if not 1 <= int(hour) <= 12:
            raise ValueError(f"{hour} {half} is no hour")
        hour = str(int(hour) % 12 + (12 if half.upper() == "PM" else 0))
    in_full = int(year) + (2000 if len(year) == 2 else 0)
    return datetime(in_full, int(month), int(day), int(hour or 0), int(minute or 0), int(seconds or 0))


def _serial(days: float) -> datetime:
    """What spreadsheets keep tells seconds, what they show may be rounded: the nearest second."""
    if not _SERIALS[0] <= days <= _SERIALS[1]:
        raise ValueError(f"{days} is no day of this century")
    return _DAY_ZERO + timedelta(seconds=round(days * 86400))
