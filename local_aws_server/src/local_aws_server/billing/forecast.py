"""What an account will be charged, if it goes on as it has lately.

What each kind of usage amounted to an hour, on average over the last 14 days, goes on at that rate, and is rated as the
bill is: allowances and tiers begin anew each month, credits last as long as they last. So a forecast knows that the
free tier ends in the middle of a month, and that it is there again in the next. AWS says no more of its method than
that it learns from past usage: https://docs.aws.amazon.com/cost-management/latest/userguide/ce-forecast.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from math import floor
from statistics import NormalDist, pstdev

from local_aws_server.billing.account import Customer, month_after, month_of
from local_aws_server.billing.bill import Bill, bill
from local_aws_server.billing.charge import HOUR, Charge
from local_aws_server.billing.meter import Measured
from local_aws_server.billing.rating import Counters, rate
from local_aws_server.clock.clock import CLOCK

DAY = 24 * HOUR
HISTORY_DAYS = 14
_NOTHING = Decimal(0)

Keep = Callable[[Charge], bool]
Measure = Callable[[Charge], Decimal]


@dataclass(frozen=True)
class Forecast:
    """What a period will amount to: what it has until now, and what is still to come."""

    start: int
    end: int
    mean: Decimal
    lower: Decimal
    upper: Decimal
    """The bounds of the prediction interval; they widen with the root of the days that are still to come."""


def everything(_: Charge) -> bool:
    """Keep every charge."""
    return True


def cost(charge: Charge) -> Decimal:
    """USD, as charged."""
    return charge.cost


def quantity(charge: Charge) -> Decimal:
    """In the unit of its meter."""
    return charge.quantity


def _list_cost(charge: Charge) -> Decimal:
    return charge.list_cost


def month_end_forecast(account: str, keep: Keep = everything) -> Decimal:
    """USD that the calendar month (UTC) will have cost when it ends: charged so far, and predicted for the rest."""
    now = CLOCK.now()
    return forecast(account, [(month_of(now), month_after(now))], keep=keep)[0].mean


def forecast(
    account: str,
    periods: Sequence[tuple[int, int]],
    *,
    keep: Keep = everything,
    measure: Measure = cost,
    level: int = 80,
) -> list[Forecast]:
    """What each period, (start, end) in seconds since 1970, will amount to; periods one after another.

    `keep` tells which charges count, `measure` what of each of them; `level` is the per cent of cases in which the
    amount is to lie in the interval. The interval is that of a normal distribution with the deviation of the past
    days, which are measured at list prices: the end of an allowance is no accident.
    """
    its, now = bill(account), CLOCK.now()
    width = _deviation(its, now, keep, _list_cost if measure is cost else measure) * _quantile(level)
    past = its.charges(min(start for start, _ in periods), now)
    edges = [edge for period in periods for edge in period]
    coming = [(start, charge) for start, charge in _predicted(its, now, edges) if keep(charge)]
    found = []
    for start, end in periods:
        mean = sum((measure(charge) for charge in past if start <= charge.hour < end and keep(charge)), _NOTHING)
        mean += sum((measure(charge) for at, charge in coming if start <= at < end), _NOTHING)
        days = Decimal(max(0, end - max(start, now))) / DAY
        margin = width * days.sqrt()
        lower = max(mean - margin, min(mean, _NOTHING))
        found.append(Forecast(start, end, mean, lower, mean + margin))
    return found


def recent(account: str) -> list[Charge]:
    """The charges of the last 14 days, the passing hour not among them."""
    until = _this_hour(CLOCK.now())
    return bill(account).charges(until - HISTORY_DAYS * DAY, until)


def days_of_history(account: str, keep: Keep = everything) -> int:
    """For how many whole days, of the last 14, it is known what was used: since the hour of the first usage."""
    first = next((charge.hour for charge in recent(account) if keep(charge)), None)
    return 0 if first is None else (_this_hour(CLOCK.now()) - first) // DAY


def _quantile(level: int) -> Decimal:
    return Decimal(NormalDist().inv_cdf(0.5 + level / 200))


def _this_hour(moment: float) -> int:
    return floor(moment) // HOUR * HOUR


def _history(its: Bill, now: float) -> tuple[int, int]:
    """The whole hours, of the last 14 days, that something was used in: not the first, it began somewhere within."""
    until = _this_hour(now)
    used = its.charges(until - HISTORY_DAYS * DAY, until)
    return (min(until, used[0].hour + HOUR), until) if used else (until, until)


def _deviation(its: Bill, now: float, keep: Keep, measure: Measure) -> Decimal:
    """By how much one day differs from another; nothing is known of it in less than two days."""
    first, until = _history(its, now)
    amounts = [_NOTHING] * ((until - first) // DAY)
    for charge in its.charges(first, until):
        day = (until - HOUR - charge.hour) // DAY
        if day < len(amounts) and charge.kind == "Usage" and keep(charge):
            amounts[day] += measure(charge)
    return pstdev(amounts) if len(amounts) > 1 else _NOTHING


def _pace(its: Bill, now: float) -> list[Measured]:
    """How much of each kind is used in a second."""
    first, until = _history(its, now)
    sums: defaultdict[Measured, Decimal] = defaultdict(Decimal)
    for charge in its.charges(first, until):
        if charge.kind == "Usage":
            kind = replace(charge.meter, resource="")
            sums[Measured(kind, _NOTHING, charge.tags)] += charge.quantity
    return [Measured(kind.meter, used / (until - first), kind.tags) for kind, used in sums.items()]


def _predicted(its: Bill, now: float, edges: Iterable[int]) -> Iterator[tuple[int, Charge]]:
    """(beginning of a day or part of one, a charge in it) from now on, until the last edge.

    On the free plan it goes hour by hour, as the account is closed in the hour in which the credits are used up.
    """
    pace, counters = _pace(its, now), its.counters()
    step = HOUR if its.customer.on_free_plan else DAY
    for start, end in pairwise(_steps(floor(now), edges, step)):
        if _closed(its.customer, counters, start):
            return
        usage = [Measured(meter, used * (end - start), tags) for meter, used, tags in pace]
        for charge in rate(start, usage, its.customer, counters):
            yield start, charge


def _steps(now: int, edges: Iterable[int], step: int) -> list[int]:
    """Where days (UTC) or hours and periods begin, from now until the last edge."""
    later = {edge for edge in edges if edge > now}
    between = range(now // step * step + step, max(later, default=now), step)
    return sorted({now, *between, *later})


def _closed(customer: Customer, counters: Counters, moment: int) -> bool:
    """Whether AWS has closed the account by then: on the free plan, once credits or time are used up."""
    if customer.closed is not None:
        return True
    spent = counters.credits >= customer.credit(moment)
    return customer.on_free_plan and (spent or moment >= customer.free_plan_ends)
