"""How a month's bill grows hour by hour, and how long credits last at that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from esaws.costs.forecasting.lines import Line
from esaws.costs.forecasting.month import Month

_LONGEST_DAYS = Decimal(365)
"""Credits expire 12 months after the account was opened.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html
"""


def charged_by(lines: Iterable[Line], month: Month, hour: Decimal) -> Decimal:
    """The USD that are charged by an hour of the time: a line costs nothing until its allowance is used up."""
    return sum((_charged(line, month, hour) for line in lines), Decimal(0))


def bends(lines: Iterable[Line], month: Month) -> list[Decimal]:
    """The hours at which the bill begins to grow faster, with the first and the last: between them it is straight."""
    ends = {line.free_until_h for line in lines if line.usd}
    return sorted({Decimal(0), month.hours, *ends})


def lasts_days(credits: Decimal, lines: Sequence[Line], month: Month) -> Decimal | None:
    """For how many days credits pay, month after month alike, at most a year; None where nothing is charged."""
    monthly = charged_by(lines, month, month.hours)
    if not monthly:
        return None
    whole, rest = divmod(credits, monthly)
    days = (whole * month.hours + _hour_of(rest, lines, month)) / 24
    return min(days, _LONGEST_DAYS)


def _charged(line: Line, month: Month, hour: Decimal) -> Decimal:
    if not line.usd or hour <= line.free_until_h:
        return Decimal(0)
    return line.usd * (hour - line.free_until_h) / (month.hours - line.free_until_h)


def _hour_of(usd: Decimal, lines: Sequence[Line], month: Month) -> Decimal:
    """The hour by which so much is charged, if it is within the month."""
    before, spent = Decimal(0), Decimal(0)
    for hour in bends(lines, month):
        reached = charged_by(lines, month, hour)
        if reached > usd:
            return before + (hour - before) * (usd - spent) / (reached - spent)
        before, spent = hour, reached
    return before
