"""Predict the charges of an account if it goes on as in the last 14 days.

The average hourly usage of the last 14 days continues at the same rate and is rated like the bill. Allowances and tiers
are renewed each month and credits run out, so a forecast includes the end of the free tier within a month and its
renewal in the next. AWS documents only that its own model learns from past usage:
https://docs.aws.amazon.com/cost-management/latest/userguide/ce-forecast.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from math import floor
from statistics import NormalDist, pstdev

from local_aws_server.billing.account import Customer
from local_aws_server.billing.bill import AccountBill, get_bill
from local_aws_server.billing.calendar import DAY, HOUR, hour_start
from local_aws_server.billing.charge import Charge, ChargeFilter, ChargeMeasure, Meter, Tags, charge_cost, match_all
from local_aws_server.billing.meter import MeteredUsage
from local_aws_server.billing.rating import Counters, rate_usage
from local_aws_server.clock.clock import CLOCK

HISTORY_DAYS = 14
_ZERO = Decimal(0)


@dataclass(frozen=True)
class PeriodForecast:
    """The expected amount of a period: its amount so far, and the prediction for the rest."""

    start: int
    end: int
    mean: Decimal
    lower: Decimal
    upper: Decimal
    """`lower` and `upper` bound the prediction interval, which widens with the square root of the days to come."""


def forecast_periods(
    account: str,
    periods: Sequence[tuple[int, int]],
    *,
    matches: ChargeFilter = match_all,
    measure: ChargeMeasure = charge_cost,
    level: int = 80,
) -> list[PeriodForecast]:
    """The expected amount of each period, (start, end) in seconds since 1970; periods in order of time.

    `matches` selects charges, `measure` gives the amount of each. `level` is the probability of the prediction
    interval in percent. The interval is that of a normal distribution with the standard deviation of the past days.
    Costs of past days are measured at list prices, because the end of an allowance is not random.
    """
    bill, now = get_bill(account), CLOCK.now()
    deviation = _daily_deviation(bill, now, matches, _list_cost if measure is charge_cost else measure)
    width = deviation * _quantile(level)
    forecasts = []
    for (start, end), mean in zip(periods, expected_amounts(account, periods, matches, measure), strict=True):
        days = Decimal(max(0, end - max(start, now))) / DAY
        margin = width * days.sqrt()
        lower = max(mean - margin, min(mean, _ZERO))
        forecasts.append(PeriodForecast(start, end, mean, lower, mean + margin))
    return forecasts


def expected_amounts(
    account: str, periods: Sequence[tuple[int, int]], matches: ChargeFilter, measure: ChargeMeasure
) -> list[Decimal]:
    """The means of `forecast_periods`, in less time."""
    bill, now = get_bill(account), CLOCK.now()
    past = bill.charges(min(start for start, _ in periods), now)
    edges = [edge for period in periods for edge in period]
    predicted = [(start, charge) for start, charge in _predict_charges(bill, now, edges) if matches(charge)]
    amounts = []
    for start, end in periods:
        mean = sum((measure(charge) for charge in past if start <= charge.hour < end and matches(charge)), _ZERO)
        amounts.append(mean + sum((measure(charge) for step, charge in predicted if start <= step < end), _ZERO))
    return amounts


def recent_charges(account: str) -> list[Charge]:
    """The charges of the last 14 days, without the current hour."""
    until = hour_start(CLOCK.now())
    return get_bill(account).charges(until - HISTORY_DAYS * DAY, until)


def history_days(account: str, matches: ChargeFilter = match_all) -> int:
    """The number of whole days, of the last 14, since the hour of the first matching charge."""
    first = next((charge.hour for charge in recent_charges(account) if matches(charge)), None)
    return 0 if first is None else (hour_start(CLOCK.now()) - first) // DAY


def _list_cost(charge: Charge) -> Decimal:
    return charge.list_cost


def _quantile(level: int) -> Decimal:
    return Decimal(NormalDist().inv_cdf(0.5 + level / 200))


def _history(bill: AccountBill, now: float) -> tuple[int, int]:
    """(start, end) of the whole hours with usage in the last 14 days, without the first, which may be incomplete."""
    until = hour_start(now)
    charges = bill.charges(until - HISTORY_DAYS * DAY, until)
    return (min(until, charges[0].hour + HOUR), until) if charges else (until, until)


def _daily_deviation(bill: AccountBill, now: float, matches: ChargeFilter, measure: ChargeMeasure) -> Decimal:
    """The standard deviation between days; 0 for less than two days of history."""
    first, until = _history(bill, now)
    amounts = [_ZERO] * ((until - first) // DAY)
    for charge in bill.charges(first, until):
        day = (until - HOUR - charge.hour) // DAY
        if day < len(amounts) and charge.kind == "Usage" and matches(charge):
            amounts[day] += measure(charge)
    return pstdev(amounts) if len(amounts) > 1 else _ZERO


def _usage_per_second(bill: AccountBill, now: float) -> list[MeteredUsage]:
    """The average usage of each kind in a second."""
    first, until = _history(bill, now)
    of_resources: defaultdict[tuple[Meter, Tags], Decimal] = defaultdict(Decimal)
    for charge in bill.charges(first, until):
        if charge.kind == "Usage":
            of_resources[charge.meter, charge.tags] += charge.quantity
    sums: defaultdict[tuple[Meter, Tags], Decimal] = defaultdict(Decimal)
    for (meter, tags), quantity in of_resources.items():
        sums[replace(meter, resource=""), tags] += quantity
    return [MeteredUsage(meter, quantity / (until - first), tags) for (meter, tags), quantity in sums.items()]


def _predict_charges(bill: AccountBill, now: float, edges: Iterable[int]) -> Iterator[tuple[int, Charge]]:
    """(start of a step, charge in it) from now until the last edge.

    A step is a day or part of one. On the free plan it is an hour, because AWS closes the account in the hour in which
    the credits run out.
    """
    rates, counters = _usage_per_second(bill, now), bill.counters()
    step = HOUR if bill.customer.is_on_free_plan else DAY
    for start, end in pairwise(_step_edges(floor(now), edges, step)):
        if _is_closed(bill.customer, counters, start):
            return
        usage = [MeteredUsage(meter, quantity * (end - start), tags) for meter, quantity, tags in rates]
        for charge in rate_usage(start, usage, bill.customer, counters):
            yield start, charge


def _step_edges(now: int, edges: Iterable[int], step: int) -> list[int]:
    """Now, the beginnings of days (UTC) or hours, and the edges of the periods, in order."""
    later = {edge for edge in edges if edge > now}
    between = range(now // step * step + step, max(later, default=now), step)
    return sorted({now, *between, *later})


def _is_closed(customer: Customer, counters: Counters, timestamp: int) -> bool:
    """Whether AWS has closed the account: on the free plan, after its credits or its time."""
    if customer.closed_at is not None:
        return True
    is_spent = counters.credits_spent >= customer.credits_granted(timestamp)
    return customer.is_on_free_plan and (is_spent or timestamp >= customer.free_plan_end)
