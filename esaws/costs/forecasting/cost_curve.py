"""The growth of a month's charges hour by hour, and the days that credits last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from esaws.costs.forecasting.lines import ForecastLine
from esaws.costs.forecasting.month import Month

_MAX_DAYS = Decimal(365)
"""Credits expire 12 months after the account was opened.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html
"""


def charged_by(lines: Iterable[ForecastLine], month: Month, hour: Decimal) -> Decimal:
    """The USD charged by an hour of the month: a line costs nothing until its allowance is used up."""
    return sum((_charged(line, month, hour) for line in lines), Decimal(0))


def breakpoints(lines: Iterable[ForecastLine], month: Month) -> list[Decimal]:
    """The hours at which charges start to grow faster, with the first and the last; in between growth is linear."""
    ends = {line.free_until_h for line in lines if line.usd}
    return sorted({Decimal(0), month.hours, *ends})


def runway_days(credits: Decimal, lines: Sequence[ForecastLine], month: Month) -> Decimal | None:
    """The days that credits pay for, if every month is the same, 365 at most; None where nothing is charged."""
    monthly = charged_by(lines, month, month.hours)
    if not monthly:
        return None
    whole_months, rest = divmod(credits, monthly)
    days = (whole_months * month.hours + _hour_at(rest, lines, month)) / 24
    return min(days, _MAX_DAYS)


def _charged(line: ForecastLine, month: Month, hour: Decimal) -> Decimal:
    if not line.usd or hour <= line.free_until_h:
        return Decimal(0)
    return line.usd * (hour - line.free_until_h) / (month.hours - line.free_until_h)


def _hour_at(usd: Decimal, lines: Sequence[ForecastLine], month: Month) -> Decimal:
    """The hour by which an amount is charged; the last hour if it is never reached."""
    last_hour, charged = Decimal(0), Decimal(0)
    for hour in breakpoints(lines, month):
        charged_then = charged_by(lines, month, hour)
        if charged_then > usd:
            return last_hour + (hour - last_hour) * (usd - charged) / (charged_then - charged)
        last_hour, charged = hour, charged_then
    return last_hour
