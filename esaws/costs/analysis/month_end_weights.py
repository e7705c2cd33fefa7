"""How a month goes on: the weight of each day so far in the projected rest, from the daily costs alone.

Days are weighed, not extrapolated usage by usage, so that the projected usages add up to the projected total.
The numbers were chosen on made bills, and confirmed on others of the same and of more kinds;
`benchmarks/month_end.py` measures them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from math import log
from statistics import fmean, median

WEEK_DAYS = 7
MIN_DAYS = 3
"""With fewer days nothing is concluded from how they differ."""
_TREND_DAYS = 10
"""The last days to which a straight line is fitted."""
_MIN_TREND_DAYS = 5
_STEP_NOISE, _STEP_SHARE = 4.0, 0.2
"""A level changed where a day is off by more than these: times the usual change from day to day, and of the level."""
_EXPENSIVE, _MOST_EXPENSIVE_DAYS = 1.5, 0.25
"""Days above this many times the median are expensive, as long as they are this share of all days at most."""
_EPISODE_DISCOUNT = 0.2
"""The part of a single expensive episode that is not expected to come again."""

Weights = list[float]


def is_monthly_charge(amounts: Sequence[Decimal]) -> bool:
    """Whether the first day of a month stands out, as AWS charges what is due once a month (zones, fees) on it."""
    return len(amounts) >= MIN_DAYS and amounts[0] > 2 * max(*amounts[1:], Decimal(0))


def rest_weights(daily: Sequence[float], days_left: int) -> Weights:
    """How often each day comes again in the rest of the month; all together `days_left` times, or fewer if costs fall
    so fast that a straight line ends at nothing.

    The base is the mean (`_level`). A straight line takes its place as far as it would have projected the days so far
    more than twice as well.
    """
    if not days_left:
        return [0.0] * len(daily)
    level = _level(daily, days_left)
    share = _trend_share(daily)
    if not share:
        return level
    trend = _trend(daily, days_left)
    return [share * of_trend + (1 - share) * of_level for of_trend, of_level in zip(trend, level, strict=True)]


def _level(daily: Sequence[float], days_left: int) -> Weights:
    """The weights if costs neither rise nor fall.

    A pattern that repeats by weekday goes on. Where the level changed once, the days since then count the more, the
    longer the new level has lasted: what has run for n days runs as long again in half of all cases. Else
    all days count alike, but for a few expensive ones, which count less.
    """
    days = len(daily)
    if _repeats_weekly(daily):
        return _weekday_weights(days, days_left)
    usual = _usual(daily, days_left)
    start = _single_change(daily)
    lasted = days - start - 1
    if not start or not lasted:
        return usual
    stays = lasted / days_left * log(1 + days_left / lasted)
    new = days_left / (days - start)
    return [stays * (new if day >= start else 0.0) + (1 - stays) * usual[day] for day in range(days)]


def _usual(daily: Sequence[float], days_left: int) -> Weights:
    """The same weight for each day; where a few are expensive, a part of theirs goes to the others."""
    days = len(daily)
    even = days_left / days
    middle = median(daily)
    expensive = [cost > max(_EXPENSIVE * middle, middle + 0.2 * fmean(daily)) for cost in daily]
    count = sum(expensive)
    if middle < 0 or days < MIN_DAYS or not 0 < count <= _MOST_EXPENSIVE_DAYS * days:
        return [even] * days
    episodes = sum(now and not before for before, now in zip([False, *expensive], expensive, strict=False))
    moved = even * _EPISODE_DISCOUNT / episodes
    return [even - moved if costly else even + moved * count / (days - count) for costly in expensive]


def _single_change(daily: Sequence[float]) -> int:
    """The day on which the level changed, if it did once; 0 where it never did, or again and again."""
    if len(daily) < 2:
        return 0
    noise = _STEP_NOISE * _usual_change(daily)
    least = 0.02 * fmean(map(abs, daily))
    starts, level, length = [0], daily[0], 1
    for day, cost in enumerate(daily[1:], start=1):
        if abs(cost - level) > max(noise, _STEP_SHARE * abs(level), least):
            starts.append(day)
            level, length = cost, 1
        else:
            level, length = (level * length + cost) / (length + 1), length + 1
    return starts[1] if len(starts) == 2 else 0


def _repeats_weekly(daily: Sequence[float]) -> bool:
    """Whether days are much nearer to the same weekday a week before than to the mean of that week."""
    days = len(daily)
    if days < WEEK_DAYS + 2:
        return False
    weekday = fmean(abs(daily[day] - daily[day - WEEK_DAYS]) for day in range(WEEK_DAYS, days))
    mean = fmean(abs(daily[day] - fmean(daily[day - WEEK_DAYS : day])) for day in range(WEEK_DAYS, days))
    return weekday < 0.4 * mean


def _weekday_weights(days: int, days_left: int) -> Weights:
    """Each day of the rest is like the same weekday of the last week, or of the last two."""
    weeks = 2 if days >= 2 * WEEK_DAYS else 1
    weights = [0.0] * days
    for ahead in range(days_left):
        for week in range(1, weeks + 1):
            weights[days - week * WEEK_DAYS + ahead % WEEK_DAYS] += 1 / weeks
    return weights


def _trend(daily: Sequence[float], days_left: int) -> Weights:
    """The weights of a straight line through the last days; none where it falls below zero."""
    days = len(daily)
    window = min(days, _TREND_DAYS)
    middle = (window - 1) / 2
    ahead = window - 1 + (days_left + 1) / 2 - middle
    spread = sum((at - middle) ** 2 for at in range(window))
    line = [days_left * (1 / window + (at - middle) * ahead / spread) for at in range(window)]
    if sum(weight * cost for weight, cost in zip(line, daily[-window:], strict=True)) < 0:
        return [0.0] * days
    return [0.0] * (days - window) + line


def _trend_share(daily: Sequence[float]) -> float:
    """How much a straight line counts, from 0 to 1: what it would have projected on each day so far is compared."""
    days = len(daily)
    if days < _MIN_TREND_DAYS:
        return 0.0
    window = daily[-_TREND_DAYS:]
    if abs(slope(window)) * (len(window) - 1) <= 2.5 * _usual_change(window):
        return 0.0
    level_error = trend_error = 0.0
    for known in range(MIN_DAYS, days):
        past, ahead = daily[:known], days - known
        actual, counts = fmean(daily[known:]), 1 / (ahead + 2)
        level_error += counts * abs(_dot(_level(past, ahead), past) - actual * ahead)
        trend_error += counts * abs(_dot(_trend(past, ahead), past) - actual * ahead)
    if not level_error:
        return 0.0
    return min(1.0, max(0.0, 3 * (1 - 2 * trend_error / level_error))) * min(1.0, (days - 3) / 5)


def slope(daily: Sequence[float]) -> float:
    """By how much costs rise a day: the straight line through them."""
    middle, mean = (len(daily) - 1) / 2, fmean(daily)
    spread = sum((at - middle) ** 2 for at in range(len(daily)))
    return sum((at - middle) * (cost - mean) for at, cost in enumerate(daily)) / spread


def _usual_change(daily: Sequence[float]) -> float:
    return median(abs(after - before) for before, after in pairwise(daily))


def _dot(weights: Weights, daily: Sequence[float]) -> float:
    return sum(weight * cost for weight, cost in zip(weights, daily, strict=True))
