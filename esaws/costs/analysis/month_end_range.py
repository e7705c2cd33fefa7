"""What a usual day costs, and how far the rest of a month may differ from it: pure functions over daily amounts.

The numbers were chosen on made bills of ten kinds (steady, weekly pattern, steps, bursts, growth, fees, one-off charges
and mixtures of them) and confirmed on as many others; `benchmarks/month_end.py` measures them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import hypot, sqrt
from statistics import fmean, median, stdev

WINDOW_DAYS = 7
"""The days that a projection rests on: a whole week, as weekends differ from other days."""
MIN_DAYS_FOR_RANGE = 3
"""With fewer complete days there is no range."""
_T_90 = {2: 1.886, 3: 1.638, 4: 1.533, 5: 1.476, 6: 1.440}
"""The 90 % quantile of Student's t by degrees of freedom: 80 % lie between it and its negative."""
_RISE, _FALL = 0.5, 0.4
"""Even where all days cost the same, what runs may change: the share of the rest by which it may cost more or less."""
_LEVEL_DAYS = 20
"""The days ahead for which `_RISE` and `_FALL` hold; they grow with the square root of the days."""
_HIGH_DAYS = 3
"""The rest of the month may cost as much a day as the most expensive days of this number in a row."""
_ZERO = Decimal(0)


def weekly_mean(amounts: Sequence[Decimal]) -> Decimal:
    """The mean of the last seven days."""
    days = amounts[-WINDOW_DAYS:]
    return sum(days, _ZERO) / len(days) if days else _ZERO


def usual_share(totals: Sequence[Decimal]) -> Decimal:
    """The share of the weekly mean that a usual day costs, given the cost of each day.

    Where few expensive days raise the mean above the median, a usual day is the middle between both: bursts end, and
    most do not come again. Cheap days, like weekends, do: elsewhere the share is 1.
    """
    mean = weekly_mean(totals)
    if not mean:
        return Decimal(1)
    middle = median(totals[-WINDOW_DAYS:])
    return (mean + middle) / 2 / mean if 0 <= middle < mean else Decimal(1)


def is_monthly_charge(amounts: Sequence[Decimal]) -> bool:
    """Whether the first day of a month stands out, as AWS charges what is due once a month (zones, fees) on it."""
    return len(amounts) >= MIN_DAYS_FOR_RANGE and amounts[0] > 2 * max(*amounts[1:], _ZERO)


def month_range(
    so_far: Decimal, rest: Decimal, daily: Sequence[float], days_left: int
) -> tuple[Decimal, Decimal] | None:
    """The range that holds the month's cost in about 8 of 10 months: from the lowest amount to the highest.

    `daily` is the cost of each complete day, monthly charges left out; `rest` is what is projected. Days differ by
    chance (Student's t of the last seven). Beyond that, what runs may change: by a share of the rest, to the cheapest
    day so far or to the most expensive days in a row. None with fewer than three days or without any cost.
    """
    if not days_left:
        return so_far + rest, so_far + rest
    if len(daily) < MIN_DAYS_FOR_RANGE or not any(daily):
        return None
    known = daily[-WINDOW_DAYS:]
    chance = _T_90[len(known) - 1] * stdev(known) * sqrt(days_left + days_left**2 / len(known))
    change = abs(float(rest)) * sqrt(days_left / _LEVEL_DAYS)
    runs = [fmean(daily[at : at + _HIGH_DAYS]) for at in range(len(daily) - _HIGH_DAYS + 1)]
    low = min(float(rest) - hypot(chance, _FALL * change), days_left * min(daily))
    high = max(float(rest) + hypot(chance, _RISE * change), days_left * max(runs))
    return so_far + Decimal(low), so_far + Decimal(high)
