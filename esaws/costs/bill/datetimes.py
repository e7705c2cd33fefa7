"""Parse dates and times as exports and spreadsheets write them: as UTC, or not at all."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

DateOrder = Literal["DMY", "MDY"]
"""Whether the day or the month comes first in a date that ends with the year."""

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
_SERIAL_EPOCH = datetime(1899, 12, 30)
"""Day 0 of spreadsheets. https://learn.microsoft.com/office/troubleshoot/excel/1900-and-1904-date-system"""
_SERIAL_RANGE = (29221, 73051)
"""The serial numbers of 1980 to 2099; others are not dates."""


def parse_timestamp(text: str, order: DateOrder | None, *, as_written: bool = False) -> datetime | None:
    """Parse a cell as UTC, without a time zone; None if its value is not certain.

    `as_written` keeps the time as it stands there, whatever its offset from UTC.
    `order` is needed for dates that end with the year. A number is a serial date of a spreadsheet: days since the end
    of 1899.
    """
    text = text.strip().removeprefix("'")
    try:
        if match := _ISO.fullmatch(text):
            return _from_iso(*match.groups()[:-1], None if as_written else match[8])
        if match := _YEAR_FIRST.fullmatch(text):
            year, _, month, day, *time = match.groups()
            hour, minute, second = (int(part or 0) for part in time)
            return datetime(int(year), int(month), int(day), hour, minute, second)
        if (match := _YEAR_LAST.fullmatch(text)) and (order or match[2] == "."):
            return _from_year_last(match, "DMY" if match[2] == "." else order or "DMY")
        if _SERIAL.fullmatch(text):
            return _from_serial(float(text.replace(",", ".")))
    except ValueError:
        return None
    return None


def possible_date_orders(texts: Iterable[str], month_starts: Iterable[str] = ()) -> set[DateOrder]:
    """The orders in which all of these cells can be parsed.

    `month_starts` are cells that must be the first of a month: the starts and ends of billing periods.
    """
    texts, month_starts = list(texts), list(month_starts)
    orders: tuple[DateOrder, ...] = ("DMY", "MDY")
    return {
        order
        for order in orders
        if all(parse_timestamp(text, order) is not None for text in texts if _YEAR_LAST.fullmatch(text.strip()))
        and all((parsed := parse_timestamp(text, order)) is not None and parsed.day == 1 for text in month_starts)
    }


def months_of(texts: Iterable[str], order: DateOrder) -> set[tuple[int, int]]:
    """The months of these cells, as year and month number."""
    timestamps = (parse_timestamp(text, order) for text in texts)
    return {(timestamp.year, timestamp.month) for timestamp in timestamps if timestamp is not None}


def needs_date_order(text: str) -> bool:
    """Whether an order is needed to parse a cell. Dates with points always start with the day."""
    match = _YEAR_LAST.fullmatch(text.strip())
    return match is not None and match[2] != "."


def _from_iso(*parts: str | None) -> datetime:
    *date_and_time, fraction, zone = parts
    year, month, day, hour, minute, second = (int(part or 0) for part in date_and_time)
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    timestamp = datetime(year, month, day, hour, minute, second, microsecond)
    if zone is None or zone.upper() in ("Z", "UTC", "GMT"):
        return timestamp
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    local_zone = timezone(-offset if zone[0] == "-" else offset)
    return timestamp.replace(tzinfo=local_zone).astimezone(UTC).replace(tzinfo=None)


def _from_year_last(match: re.Match[str], order: DateOrder) -> datetime:
    first, _, second, year, hour, minute, seconds, am_or_pm = match.groups()
    day, month = (first, second) if order == "DMY" else (second, first)
    if am_or_pm:
        if not 1 <= int(hour) <= 12:
            raise ValueError(f"{hour} {am_or_pm} is not an hour")
        hour = str(int(hour) % 12 + (12 if am_or_pm.upper() == "PM" else 0))
    full_year = int(year) + (2000 if len(year) == 2 else 0)
    return datetime(full_year, int(month), int(day), int(hour or 0), int(minute or 0), int(seconds or 0))


def _from_serial(days: float) -> datetime:
    """Round to the nearest second: the serial number may have been rounded for display."""
    if not _SERIAL_RANGE[0] <= days <= _SERIAL_RANGE[1]:
        raise ValueError(f"{days} is not a date between 1980 and 2099")
    return _SERIAL_EPOCH + timedelta(seconds=round(days * 86400))
