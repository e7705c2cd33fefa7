"""The days that a bill covers: a month that is not in the bill is unknown, not a month of zeros."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta


def covered_days(days: Iterable[date], months: Sequence[date]) -> list[date]:
    """Every day that a bill with lines on `days` covers, those without a line included.

    `months` are the first days of the months in the bill. Consecutive months are covered from their first to their last
    day with a line. A bill of March and May covers no day of April.
    """
    dates = sorted(set(days))
    months_with_lines = {day.replace(day=1) for day in dates}
    if not dates:
        return []
    first, last = min(months_with_lines), max(months_with_lines)
    known = sorted(months_with_lines | {month for month in months if first < month < last})
    covered: list[date] = []
    for run in _consecutive(known):
        inside = [day for day in dates if run[0] <= day < next_month(run[-1])]
        if inside:
            covered += [inside[0] + timedelta(days=at) for at in range((inside[-1] - inside[0]).days + 1)]
    return covered


def missing_months(months: Sequence[date]) -> list[date]:
    """The months between the first and the last that are not in the list."""
    if not months:
        return []
    missing, month = [], min(months)
    while month < max(months):
        month = next_month(month)
        if month not in months:
            missing.append(month)
    return missing


def next_month(month: date) -> date:
    """The first day of the month after one."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def _consecutive(months: Sequence[date]) -> list[list[date]]:
    """Group sorted months into runs without a gap."""
    runs: list[list[date]] = []
    for month in months:
        if runs and next_month(runs[-1][-1]) == month:
            runs[-1].append(month)
        else:
            runs.append([month])
    return runs
