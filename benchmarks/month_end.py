"""Cut months at every day, project their end, and compare with what they cost in the end.

The months are made. The numbers of `esaws.costs.analysis.month_end_weights` and
`month_end_range` were chosen on even seeds of some kinds, never on odd ones, and never on other kinds.
`python benchmarks/month_end.py BILL…` also cuts each month that a daily bill has whole.

Two figures matter: how often the range of 80 % holds the cost, and the mean error beside that of the plain run-rate
(cost so far, divided by the days so far, times the days of the month).
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import exp
from random import Random
from statistics import fmean, median

from esaws import costs
from esaws.costs.analysis.month_end import MonthEnd, MonthSoFar, project_month
from esaws.costs.analysis.selection import days_in_month
from esaws.costs.analysis.usage_by_day import UsageByDay, UsageKey

FIRST_CUT = 3
"""The complete days from which on there is a range."""

Costs = Mapping[str, Sequence[float]]
"""The daily costs of a month by service."""

Kind = Callable[[dict[str, list[float]], Random, float], None]
"""What changes the months of a kind, given the services, chance, and the size of their costs."""


@dataclass(frozen=True)
class Cut:
    """A month as it was projected on a day, and its cost in the end."""

    day: int
    result: MonthEnd
    actual: float
    run_rate: float

    @property
    def holds(self) -> bool:
        """Whether the cost lies in the range; a hundredth of a percent beside it counts as in."""
        tolerance = 1e-4 * abs(self.actual)
        low, high = self.result.low, self.result.high
        return low is not None and high is not None and float(low) - tolerance <= self.actual <= float(high) + tolerance

    @property
    def error(self) -> float:
        """The distance of the projection from the cost, as a share of it."""
        return abs(float(self.result.expected) - self.actual) / abs(self.actual)

    @property
    def run_rate_error(self) -> float:
        return abs(self.run_rate - self.actual) / abs(self.actual)

    @property
    def width(self) -> float:
        low, high = self.result.low, self.result.high
        return float("nan") if low is None or high is None else float(high - low) / abs(self.actual)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bills", nargs="*", help="daily bills of whole months")
    parser.add_argument("--seeds", type=int, default=10, help="made months of each kind and half")
    options = parser.parse_args()
    for name, kinds, first in (
        ("chosen on", {**KINDS, **HARDER_KINDS}, 0),
        ("kept back", {**KINDS, **HARDER_KINDS}, 1),
        ("kinds kept back", OTHER_KINDS, 0),
    ):
        months = [(kind, made_month(kind, seed)) for kind in kinds for seed in range(first, 2 * options.seeds, 2)]
        show(f"made months, {name}", ((kind, cut) for kind, month in months for cut in cuts(month)))
    if options.bills:
        show("bills", ((path, cut) for path in options.bills for cut in cuts_of_bill(path)))


def show(title: str, cuts: Iterable[tuple[str, Cut]]) -> None:
    by_kind: dict[str, list[Cut]] = defaultdict(list)
    for kind, cut in cuts:
        by_kind[kind].append(cut)
    if not by_kind:
        sys.exit(f"{title}: no whole month with daily lines")
    print(f"{title:34}{'cuts':>7}{'in range':>10}{'width':>8}{'error':>8}{'run-rate':>10}")
    for kind, some in (*by_kind.items(), ("all", [cut for each in by_kind.values() for cut in each])):
        figures = (fmean(cut.holds for cut in some), median(cut.width for cut in some))
        errors = (fmean(cut.error for cut in some), fmean(cut.run_rate_error for cut in some))
        print(f"  {kind[-32:]:32}{len(some):>7}{figures[0]:>9.0%}{figures[1]:>9.0%}{errors[0]:>8.1%}{errors[1]:>10.1%}")
    print()


def cuts(month: Costs, first: date = date(2026, 1, 1), days: Sequence[int] = ()) -> Iterator[Cut]:
    """Project a month from each of its days, or from some."""
    length = len(next(iter(month.values())))
    period = next(
        p for p in (first, date(2026, 2, 1), date(2026, 4, 1), date(2024, 2, 1)) if days_in_month(p) == length
    )
    actual = sum(map(sum, month.values()))
    for day in days or range(FIRST_CUT, length):
        so_far = {name: costs[:day] for name, costs in month.items()}
        run_rate = sum(map(sum, so_far.values())) / day * length
        yield Cut(day, project_month(month_so_far(period, so_far)), actual, run_rate)


def month_so_far(period: date, daily: Costs) -> MonthSoFar:
    """A month of which some days have passed."""
    usages = []
    for service, amounts in daily.items():
        usage = UsageByDay(UsageKey("", service, "", "", "", "", ""))
        for at, amount in enumerate(amounts):
            usage.cost[period + timedelta(days=at)] = Decimal(f"{amount:.10f}")
        usages.append(usage)
    complete_days = len(next(iter(daily.values())))
    return MonthSoFar(
        period=period,
        complete_days=complete_days,
        usages=usages,
        one_off=Decimal(0),
        currency="USD",
        bill_format="Cost Explorer",
    )


def cuts_of_bill(path: str, days: Sequence[int] = ()) -> Iterator[Cut]:
    """Project each whole month of a bill from each of its days, or from some."""
    bill = costs.read_bill(path)
    for month in bill.months:
        whole = costs.month_end(bill, period=month)
        if not isinstance(whole, MonthEnd) or whole.at_least is None or not whole.expected:
            continue
        length = days_in_month(month)
        for day in days or range(FIRST_CUT, length):
            result = costs.month_end(bill.as_of(month.replace(day=day)), period=month)
            if isinstance(result, MonthEnd):
                yield Cut(day, result, float(whole.expected), float(result.so_far) / day * length)


# --- made months


def made_month(kind: str, seed: int) -> dict[str, list[float]]:
    """A month of a kind; the same for the same seed."""
    random = Random(f"{kind} {seed}")
    length, size = random.choice([28, 30, 31, 31]), 10 ** random.uniform(-1, 3)
    noise = random.choice([0.0, 0.005, 0.02, 0.1])
    month = {
        "compute": [size * max(0.0, random.gauss(1, noise)) for _ in range(length)],
        "disk": [size * random.uniform(0.05, 0.2)] * length,
    }
    {**KINDS, **HARDER_KINDS, **OTHER_KINDS}[kind](month, random, size)
    return month


def _steady(month: dict[str, list[float]], random: Random, size: float) -> None:
    """Leave every day as it is."""


def _weekly(month: dict[str, list[float]], random: Random, size: float) -> None:
    share, phase = random.uniform(0, 0.7), random.randrange(7)
    month["compute"] = [cost * share if (at + phase) % 7 < 2 else cost for at, cost in enumerate(month["compute"])]


def _step_up(month: dict[str, list[float]], random: Random, size: float) -> None:
    length = len(month["compute"])
    day, more, noise = random.randrange(2, length - 2), size * random.uniform(0.1, 1.2), random.choice([0.01, 0.2])
    added = [0.0] * day + [more * max(0.0, random.gauss(1, noise)) for _ in range(length - day)]
    if random.random() < 0.5:
        month["new"] = added
    else:
        month["compute"] = [cost + more for cost, more in zip(month["compute"], added, strict=True)]


def _step_down(month: dict[str, list[float]], random: Random, size: float) -> None:
    day, share = random.randrange(2, len(month["compute"]) - 2), random.choice([0.0, random.uniform(0.2, 0.8)])
    month["compute"] = [cost if at < day else cost * share for at, cost in enumerate(month["compute"])]


def _bursts(month: dict[str, list[float]], random: Random, size: float) -> None:
    length = len(month["compute"])
    jobs = [0.0] * length
    for _ in range(random.randint(1, 4)):
        start, cost = random.randrange(length), size * random.uniform(0.5, 10)
        for day in range(start, min(length, start + random.randint(1, 4))):
            jobs[day] += cost * random.uniform(0.3, 1)
    if random.random() < 0.5:
        month["compute"] = [cost * 0.1 + job for cost, job in zip(month["compute"], jobs, strict=True)]
    else:
        month["jobs"] = jobs


def _growth(month: dict[str, list[float]], random: Random, size: float) -> None:
    rate = random.uniform(0.005, 0.04)
    month["compute"] = [cost * (1 + rate) ** at for at, cost in enumerate(month["compute"])]


def _one_off(month: dict[str, list[float]], random: Random, size: float) -> None:
    month["purchase"] = [0.0] * len(month["compute"])
    month["purchase"][random.randrange(len(month["compute"]))] = size * random.uniform(1, 10)


def _monthly_fee(month: dict[str, list[float]], random: Random, size: float) -> None:
    daily = random.choice([0.0, size * random.uniform(0, 0.05)])
    month["zones"] = [size * random.uniform(0.5, 15), *[daily] * (len(month["compute"]) - 1)]


def _month_end(month: dict[str, list[float]], random: Random, size: float) -> None:
    month["support"] = [0.0] * (len(month["compute"]) - 1) + [sum(month["compute"]) * random.uniform(0.03, 0.1)]


def _mixed(month: dict[str, list[float]], random: Random, size: float) -> None:
    for kind in random.sample([_weekly, _step_up, _step_down, _bursts, _growth, _one_off, _monthly_fee, _month_end], 2):
        kind(month, random, size)


def _ramp(month: dict[str, list[float]], random: Random, size: float) -> None:
    length = len(month["compute"])
    start, most = random.randrange(length - 5), random.uniform(0.5, 4)
    most = most if random.random() < 0.7 else -min(1.0, most / 4)
    factors = [1 + most * max(0, at - start) / (length - start) for at in range(length)]
    _multiply(month, factors)


def _fast_growth(month: dict[str, list[float]], random: Random, size: float) -> None:
    rate = random.uniform(0.05, 0.07)
    _multiply(month, [(1 + rate) ** at for at in range(31)])


def _on_off(month: dict[str, list[float]], random: Random, size: float) -> None:
    factors: list[float] = []
    low, lasts, is_on = random.choice([0.0, 0.0, 0.2]), random.choice([2, 3, 5, 8]), random.random() < 0.5
    while len(factors) < len(month["compute"]):
        factors += [1.0 if is_on else low] * max(1, round(random.expovariate(1 / lasts)))
        is_on = not is_on
    _multiply(month, factors)


def _random_walk(month: dict[str, list[float]], random: Random, size: float) -> None:
    spread, level, factors = random.uniform(0.03, 0.15), 0.0, []
    for _ in month["compute"]:
        factors.append(exp(level))
        level += random.gauss(0, spread)
    _multiply(month, factors)


def _two_steps(month: dict[str, list[float]], random: Random, size: float) -> None:
    length = len(month["compute"])
    first, second = sorted(random.sample(range(2, length - 1), 2))
    levels = random.uniform(0.3, 2.5), random.uniform(0.3, 2.5)
    _multiply(month, [1 if at < first else levels[at >= second] for at in range(length)])


def _weekly_growth(month: dict[str, list[float]], random: Random, size: float) -> None:
    share, phase, rate = random.uniform(0.1, 0.8), random.randrange(7), random.uniform(-0.03, 0.05)
    _multiply(month, [(share if (at + phase) % 7 < 2 else 1) * (1 + rate) ** at for at in range(31)])


def _decay(month: dict[str, list[float]], random: Random, size: float) -> None:
    rate = random.uniform(0.03, 0.1)
    _multiply(month, [(1 - rate) ** at for at in range(31)])


def _sawtooth(month: dict[str, list[float]], random: Random, size: float) -> None:
    days = random.randint(3, 12)
    _multiply(month, [0.2 + 1.6 * ((at + 3) % days) / days for at in range(31)])


def _sessions(month: dict[str, list[float]], random: Random, size: float) -> None:
    """Some days of work between days of none."""
    length, at = len(month["compute"]), 0
    month["compute"] = [0.0] * length
    month["disk"] = [size * random.uniform(0.001, 0.1)] * length
    while at < length:
        at += max(1, round(random.expovariate(1 / 4)))
        days, cost = random.randint(1, 4), size * random.uniform(0.2, 2)
        for day in range(at, min(length, at + days)):
            month["compute"][day] = cost * random.uniform(0.5, 1.2)
        at += days


def _multiply(month: dict[str, list[float]], factors: Sequence[float]) -> None:
    month["compute"] = [cost * factor for cost, factor in zip(month["compute"], factors, strict=False)]


KINDS: dict[str, Kind] = {
    "steady": _steady,
    "weekly": _weekly,
    "step_up": _step_up,
    "step_down": _step_down,
    "bursts": _bursts,
    "growth": _growth,
    "one_off": _one_off,
    "monthly_fee": _monthly_fee,
    "month_end": _month_end,
    "mixed": _mixed,
}

HARDER_KINDS: dict[str, Kind] = {"ramp": _ramp, "fast_growth": _fast_growth, "on_off": _on_off}

OTHER_KINDS: dict[str, Kind] = {
    "random_walk": _random_walk,
    "two_steps": _two_steps,
    "weekly_growth": _weekly_growth,
    "decay": _decay,
    "sawtooth": _sawtooth,
    "sessions": _sessions,
}
"""Kinds on which nothing was chosen."""


if __name__ == "__main__":
    main()
