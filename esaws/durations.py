"""Durations as text: parse `8h`, `1d12h`, `90s`; format `3 days`."""

import re
from datetime import timedelta

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"([\d.]+)([smhd])")


def is_duration(text: str) -> bool:
    """Whether a text has the form of a duration: numbers followed by s, m, h or d."""
    return _DURATION.fullmatch(text) is not None


def parse_duration(text: str) -> timedelta:
    """Parse a duration like `90s`, `20m`, `8h`, `3d` or `1d12h`.

    Raises:
        ValueError: it does not have this form.
        OverflowError: it is longer than a `timedelta` can be.
    """
    if not is_duration(text):
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 20m, 8h or 3d")
    return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text)))


def humanize(duration: timedelta) -> str:
    """Format a duration in its largest whole unit: `3 days`, `47 hours`, `30 minutes`, `less than a minute`."""
    seconds = duration.total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (count := int(seconds // size)) >= (2 if unit == "day" else 1):
            return f"{count} {unit}{'s' * (count != 1)}"
    return "less than a minute"
