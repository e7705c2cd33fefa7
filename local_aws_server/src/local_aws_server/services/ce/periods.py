"""The time period of a Cost Explorer request: parse it, check it against AWS's limits, and split it by granularity.

Days and months are in UTC. https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import floor
from typing import Literal

from local_aws_server.billing.calendar import (
    DAY,
    HOUR,
    Period,
    add_months,
    day_start,
    month_start,
    next_month_start,
    to_datetime,
)
from local_aws_server.services.ce.filters import validation_error

Granularity = Literal["HOURLY", "DAILY", "MONTHLY"]

_FORMATS = {
    "DAILY": (r"\d{4}-\d\d-\d\d", "%Y-%m-%d", "yyyy-MM-dd"),
    "HOURLY": (r"\d{4}-\d\d-\d\dT\d\d:00:00Z", "%Y-%m-%dT%H:%M:%SZ", "yyyy-MM-ddTHH:00:00Z"),
}
"""Granularity → (regular expression, format of strptime, format in AWS's error messages); months use DAILY."""

_HISTORY_MONTHS = 13
_HOURLY_DAYS = 14
_FORECAST_MONTHS = {"DAILY": 3, "MONTHLY": 18}


def parse_history_period(time_period: Mapping[str, str], granularity: Granularity, now: float) -> Period:
    """The period of a request for costs.

    Raises ValidationException for what AWS refuses: a malformed date, an end that is not after the start, a start
    before the previous 13 months (or by hours before the last 14 days), an end after this month.
    """
    period = _parse_period(time_period, granularity)
    if period.start < add_months(month_start(now), -_HISTORY_MONTHS):
        raise validation_error(f"You haven't enabled historical data beyond {_HISTORY_MONTHS + 1} months.")
    if granularity == "HOURLY":
        check_recent(period, now)
    if period.end > next_month_start(now):
        raise validation_error("end date past the beginning of next month")
    return period


def check_recent(period: Period, now: float) -> None:
    """Raise ValidationException if a period begins before the last 14 days, for which AWS keeps hours and resources."""
    if period.start < day_start(now) - _HOURLY_DAYS * DAY:
        raise validation_error(
            f"start date is too old for hourly, the max supported days for hourly granularity is {_HOURLY_DAYS} days"
        )


def parse_forecast_period(time_period: Mapping[str, str], granularity: Granularity, now: float) -> Period:
    """The period of a forecast: from today on, up to 3 months by days and 18 by months.

    Raises ValidationException for any other period.
    """
    if granularity not in _FORECAST_MONTHS:
        raise validation_error("Granularity should be either 'MONTHLY' or 'DAILY'")
    period, today = _parse_period(time_period, granularity), day_start(now)
    if period.start < today:
        raise validation_error(f"Earliest supported Start is {format_boundary(today, 'DAILY')}.")
    latest = add_months(today, _FORECAST_MONTHS[granularity])
    if period.end > latest:
        raise validation_error(f"Latest supported End is {format_boundary(latest, 'DAILY')}.")
    return period


def split_period(period: Period, granularity: Granularity) -> list[Period]:
    """The hours, days or months of a period; the first and the last month may be incomplete."""
    step = {"HOURLY": HOUR, "DAILY": DAY}.get(granularity)
    parts, start = [], period.start
    while start < period.end:
        end = min(start + step if step else next_month_start(start), period.end)
        parts.append(Period(start, end))
        start = end
    return parts


def format_boundary(timestamp: float, granularity: Granularity) -> str:
    """The start or end of a period in Cost Explorer's format: `2026-01-31`, or `2026-01-31T05:00:00Z` for hours."""
    return to_datetime(timestamp).strftime(_format(granularity)[1])


def _parse_period(time_period: Mapping[str, str], granularity: Granularity) -> Period:
    period = Period(*(_parse_boundary(edge, time_period[edge], granularity) for edge in ("Start", "End")))
    if period.start >= period.end:
        raise validation_error("Start date (and hour) should be before end date (and hour)")
    return period


def _parse_boundary(edge: str, text: str, granularity: Granularity) -> int:
    pattern, form, documented_form = _format(granularity)
    try:
        if re.fullmatch(pattern, text):
            return floor(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
    except ValueError:
        pass  # not in the calendar, such as the 30th of February
    raise validation_error(f"{edge} time {text} is invalid. Valid format is: {documented_form}.")


def _format(granularity: Granularity) -> tuple[str, str, str]:
    return _FORMATS["HOURLY" if granularity == "HOURLY" else "DAILY"]
