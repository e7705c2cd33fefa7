"""How far the rest of a month may differ from what is projected: a pure function over daily costs.

Days differ by chance, and what runs may change: that is more than days so far show. `benchmarks/month_end.py` measures
how often the range holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from math import hypot, sqrt
from statistics import fmean, median, stdev

from esaws.costs.analysis.month_end_weights import WEEK_DAYS, slope

MIN_DAYS_FOR_RANGE = 3
"""With fewer complete days there is no range."""
_T_90 = {2: 1.886, 3: 1.638, 4: 1.533, 5: 1.476, 6: 1.440}
"""The 90 % quantile of Student's t by degrees of freedom: 80 % lie between it and its negative."""
_DRIFT = 0.5
"""Even where all days cost the same, what runs may change: the share of the rest by which it may cost more or less."""
_DRIFT_DAYS = 20
"""The days ahead for which `_DRIFT` holds; it grows with the square root of the days."""
_SETTLED_DAYS = 12
"""With fewer days so far, more is still unknown: after three days a rest may cost up to `_EARLY_RISE` times more."""
_EARLY_RISE, _EARLY_FALL = 3.0, 0.3
_LATE_CHARGES = 0.2
"""The share of the month that may come as one charge, like a purchase, or a fee on its last day."""
_HIGH_DAYS = 3
"""The rest of the month may cost as much a day as the most expensive days of this number in a row."""
_RECENT_DAYS = (4, 7)
"""The last days whose straight line the rest may follow, and more than follow."""
_OVERSHOOT = 1.3


def month_range(
    so_far: Decimal, rest: Decimal, daily: Sequence[float], days_left: int
) -> tuple[Decimal, Decimal] | None:
    """The range that holds the month's cost in about 8 of 10 months: from the lowest amount to the highest.

    `daily` is the cost of each complete day, monthly charges left out; `rest` is what is projected. It is as wide as
    days differ by chance (Student's t of the last seven) and as levels drift. Beyond that, the rest may be like
    the cheapest day so far, like the most expensive days in a row, or go on as costs rose or fell
    in the last days. None with fewer than three days or without any cost.

    A first burst of costs is announced by no day before it: no range that is of use holds it.
    """
    if not days_left:
        return so_far + rest, so_far + rest
    if len(daily) < MIN_DAYS_FOR_RANGE or not any(daily):
        return None
    expected, known = float(rest), daily[-WEEK_DAYS:]
    chance = _T_90[len(known) - 1] * stdev(known) * sqrt(days_left + days_left**2 / len(known))
    drift = _DRIFT * abs(expected) * sqrt(days_left / _DRIFT_DAYS)
    early = max(0, _SETTLED_DAYS - len(daily)) / (_SETTLED_DAYS - MIN_DAYS_FOR_RANGE)
    runs = [fmean(daily[at : at + _HIGH_DAYS]) for at in range(len(daily) - _HIGH_DAYS + 1)]
    late = _LATE_CHARGES * abs(sum(daily) + expected)
    trends = [expected + _OVERSHOOT * (trend - expected) for trend in _recent_trends(daily, days_left)]
    low = min(expected - hypot(chance, drift * (1 + _EARLY_FALL * early)), days_left * min(daily), *trends)
    high = max(expected + hypot(chance, drift * (1 + _EARLY_RISE * early), late), days_left * max(runs), *trends)
    return so_far + Decimal(low), so_far + Decimal(high)


def _recent_trends(daily: Sequence[float], days_left: int) -> Iterator[float]:
    """The rest if costs go on rising or falling as in the last days, where that is more than chance."""
    for days in _RECENT_DAYS:
        window = daily[-days:]
        if len(window) < days:
            continue
        rise = slope(window)
        noise = median(abs(after - before - rise) for before, after in pairwise(window))
        if abs(rise) * (days - 1) > max(4 * noise, 0.03 * fmean(map(abs, window))):
            end = fmean(window) + rise * (days - 1) / 2
            yield days_left * max(0.0, end + rise * (days_left + 1) / 2)
