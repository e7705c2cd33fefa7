"""The time that a request to Cost Explorer is about: read, checked against what AWS keeps, and cut into periods.

Days and months are those of UTC. https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor
from typing import Literal

from local_aws_server.billing.account import month_after, month_of, months_after
from local_aws_server.billing.charge import HOUR
from local_aws_server.services.ce.filters import validation_error

DAY = 24 * HOUR
Granularity = Literal["HOURLY", "DAILY", "MONTHLY"]

_FORMATS = {
    "DAILY": (r"\d{4}-\d\d-\d\d", "%Y-%m-%d", "yyyy-MM-dd"),
    "HOURLY": (r"\d{4}-\d\d-\d\dT\d\d:00:00Z", "%Y-%m-%dT%H:%M:%SZ", "yyyy-MM-ddTHH:00:00Z"),
}
"""Granularity → (a pattern of moments, the same for strptime, the same in AWS's words); months are told as days."""

_HISTORY_MONTHS = 13
_HOURLY_DAYS = 14
_FORECAST_MONTHS = {"DAILY": 3, "MONTHLY": 18}


@dataclass(frozen=True, order=True)
class Period:
    """A time in seconds since 1970; the end is not part of it."""

    start: int
    end: int


def parse_history_period(asked: Mapping[str, str], granularity: Granularity, now: float) -> Period:
    """The time that a request for costs is about.

    Raises AwsError, with the code ValidationException, for what AWS refuses: what is no date, an end that is not after
    the start, a start before the 13 months that precede this one or, by hours, before the last 14 days, and an end
    after this month.
    """
    period = _read(asked, granularity)
    if period.start < months_after(month_of(now), -_HISTORY_MONTHS):
        raise validation_error(f"You haven't enabled historical data beyond {_HISTORY_MONTHS + 1} months.")
    if granularity == "HOURLY":
        check_recent(period, now)
    if period.end > month_after(now):
        raise validation_error("end date past the beginning of next month")
    return period


def check_recent(period: Period, now: float) -> None:
    """Hours and single resources are kept for 14 days; raises AwsError, with the code ValidationException."""
    if period.start < _midnight(now) - _HOURLY_DAYS * DAY:
        raise validation_error(
            f"start date is too old for hourly, the max supported days for hourly granularity is {_HOURLY_DAYS} days"
        )


def parse_forecast_period(asked: Mapping[str, str], granularity: Granularity, now: float) -> Period:
    """The time that a forecast is about: from today on, up to 3 months by days and 18 by months.

    Raises AwsError, with the code ValidationException, for any other.
    """
    if granularity not in _FORECAST_MONTHS:
        raise validation_error("Granularity should be either 'MONTHLY' or 'DAILY'")
    period, today = _read(asked, granularity), _midnight(now)
    if period.start < today:
        raise validation_error(f"Earliest supported Start is {format_timestamp(today, 'DAILY')}.")
    latest = months_after(today, _FORECAST_MONTHS[granularity])
    if period.end > latest:
        raise validation_error(f"Latest supported End is {format_timestamp(latest, 'DAILY')}.")
    return period


def split_period(period: Period, granularity: Granularity) -> list[Period]:
    """The hours, days or months of a period; the first and last month may be parts of one."""
    step = {"HOURLY": HOUR, "DAILY": DAY}.get(granularity)
    found, start = [], period.start
    while start < period.end:
        end = min(start + step if step else month_after(start), period.end)
        found.append(Period(start, end))
        start = end
    return found


def format_timestamp(moment: float, granularity: Granularity) -> str:
    """A moment as Cost Explorer tells it: a day, or an hour with its day."""
    return datetime.fromtimestamp(moment, UTC).strftime(_format(granularity)[1])


def _read(asked: Mapping[str, str], granularity: Granularity) -> Period:
    period = Period(*(_moment(edge, asked[edge], granularity) for edge in ("Start", "End")))
    if period.start >= period.end:
        raise validation_error("Start date (and hour) should be before end date (and hour)")
    return period


def _moment(edge: str, text: str, granularity: Granularity) -> int:
    pattern, form, name = _format(granularity)
    try:
        if re.fullmatch(pattern, text):
            return floor(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
    except ValueError:
        pass  # it looks like a date, and is none: the 30th of February
    raise validation_error(f"{edge} time {text} is invalid. Valid format is: {name}.")


def _format(granularity: Granularity) -> tuple[str, str, str]:
    return _FORMATS["HOURLY" if granularity == "HOURLY" else "DAILY"]


def _midnight(moment: float) -> int:
    return floor(moment) // DAY * DAY
