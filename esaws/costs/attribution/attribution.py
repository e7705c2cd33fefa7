"""Attribute the cost of a month, forecast or billed, to the decisions in an architecture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from esaws.cloud import DEFAULT_REGION
from esaws.costs.attribution.decisions import Decision, Declared, find_decisions, total_usage
from esaws.costs.attribution.shapley import shapley_values, split_cents
from esaws.costs.forecasting.lines import ForecastLine, rate_usage
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.usage import Workload, consumers
from esaws.costs.results import TableResult
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, PriceList, Regime, Usage, bundled

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart

_AVERAGE_MONTH = Month.average()
"""In this month quantities stay as they are in the usage."""
_MAX_DECISIONS = 12


@dataclass(frozen=True)
class CostShare:
    """The cost of one decision in USD."""

    name: str
    usd: Fraction
    """Its share of the total."""
    saved_alone: Decimal | None
    """The saving without this decision alone; None for costs that no decision causes."""


@dataclass(frozen=True)
class CostAttribution(TableResult):
    """A total by decision; the shares of decisions and rest add up to it."""

    decisions: tuple[CostShare, ...]
    """The most expensive first."""
    rest: tuple[CostShare, ...]
    """The cost without any of the decisions, by service, the most expensive first."""
    total_usd: Decimal

    def to_frame(self) -> pandas.DataFrame:
        """One row a share, indexed by its name.

        Columns: usd (to the cent, adding up to the total), percent of the total, and alone_usd: what would be saved
        without this decision alone (NaN for the rest). The savings do not add up.
        """
        import pandas

        shares = [*self.decisions, *self.rest]
        cents = split_cents([share.usd for share in shares])
        rows = {
            share.name: {
                "usd": float(usd),
                "percent": round(100 * float(usd / self.total_usd), 1) if self.total_usd else 0.0,
                "alone_usd": None if share.saved_alone is None else round(float(share.saved_alone), 2),
            }
            for share, usd in zip(shares, cents, strict=True)
        }
        frame = pandas.DataFrame.from_dict(rows, orient="index", columns=["usd", "percent", "alone_usd"])
        return frame.astype(float).rename_axis("what")

    def to_dict(self) -> dict[str, Any]:
        """total_usd, decisions and rest: lists of {name, usd, percent, alone_usd} (None for the rest)."""
        frame = self.to_frame()
        rows = [
            {"name": name, "usd": row.usd, "percent": row.percent, "alone_usd": row.alone_usd}
            for name, row in frame.iterrows()
        ]
        count = len(self.decisions)
        rest = [row | {"alone_usd": None} for row in rows[count:]]
        return {"total_usd": round(float(self.total_usd), 2), "decisions": rows[:count], "rest": rest}

    def draw(self, period: str = "") -> Chart:
        """A bar for each share; `period` is added to the title."""
        from esaws.costs.attribution.chart import draw_attribution

        return draw_attribution(self, period)

    def __repr__(self) -> str:
        return f"{self.total_usd:.2f} USD by {len(self.decisions)} decisions"


def attribute_forecast(
    workload: Workload,
    *,
    month: Month | None = None,
    as_of: date | None = None,
    regime: Regime = "none",
    region: str = DEFAULT_REGION,
    decisions: Sequence[Decision] | None = None,
    prices: PriceList | None = None,
) -> CostAttribution:
    """Attribute a forecast month to decisions; the total is that of `forecast(include_aws_managed=True)`.

    `decisions` are those that `find_decisions` finds by default. `as_of` and `month` as for `forecast`.

    Raises:
        UsageError: the regime is not known, there are more than 12 decisions, or a price is missing.
    """
    declared, month = consumers(workload), month or Month.average()
    usages = [replace(usage, quantity=month.quantity(usage)) for usage in total_usage(declared)]
    day = as_of or month.first or date.today()
    return attribute_usage(usages, declared, day, regime, region=region, decisions=decisions, prices=prices)


def attribute_usage(
    usages: Iterable[Usage],
    workload: Workload,
    day: date,
    regime: Regime,
    *,
    region: str = DEFAULT_REGION,
    decisions: Sequence[Decision] | None = None,
    prices: PriceList | None = None,
    fixed_costs: Iterable[tuple[str, Decimal]] = (),
) -> CostAttribution:
    """Attribute the cost of given usage, at the prices of a day.

    Without a decision, usage shrinks by the factor by which the declared usage would. `fixed_costs` are (name, USD)
    that no decision changes. Raises as `attribute_forecast`.
    """
    usages, declared, prices = list(usages), consumers(workload), prices or bundled()
    decisions = find_decisions(declared) if decisions is None else list(decisions)
    if regime not in REGIMES:
        raise UsageError(f"unknown regime {regime!r}; choose from {', '.join(REGIMES)}")
    if len(decisions) > _MAX_DECISIONS:
        raise UsageError(f"{len(decisions)} decisions are too many to combine; pass {_MAX_DECISIONS} at most")
    whole_usage = total_usage(declared)

    def lines(taken: frozenset[int]) -> Sequence[ForecastLine]:
        """The priced lines if only these decisions had been taken."""
        reduced: Declared = declared
        for number, decision in enumerate(decisions):
            if number not in taken:
                reduced = decision.without(reduced)
        factor = _reduction_factors(whole_usage, total_usage(reduced))
        scaled = [replace(usage, quantity=usage.quantity * factor(usage)) for usage in usages]
        return rate_usage(scaled, _AVERAGE_MONTH, regime, region, day, prices).lines

    everything = frozenset(range(len(decisions)))
    if unpriced := sorted({line.usage_type for line in lines(everything) if line.usd is None}):
        raise UsageError(f"the price list has no price for {', '.join(unpriced)}")
    values, _ = shapley_values(len(decisions), lambda taken: _sum(lines(taken)))
    total = _sum(lines(everything))
    shares = [
        CostShare(decision.name, value, total - _sum(lines(everything - {number})))
        for number, (decision, value) in enumerate(zip(decisions, values, strict=True))
    ]
    by_service: defaultdict[str, Fraction] = defaultdict(Fraction)
    for line in lines(frozenset()):
        by_service[f"what is left: {line.service}"] += Fraction(line.usd or 0)
    fixed_costs = list(fixed_costs)
    fixed: defaultdict[str, Fraction] = defaultdict(Fraction)
    for name, usd in fixed_costs:
        fixed[name] += Fraction(usd)
    rest = [CostShare(name, usd, None) for name, usd in [*by_service.items(), *fixed.items()] if usd]
    return CostAttribution(
        tuple(sorted(shares, key=lambda share: -share.usd)),
        tuple(sorted(rest, key=lambda share: -share.usd)),
        total + sum((usd for _, usd in fixed_costs), Decimal(0)),
    )


def _sum(lines: Iterable[ForecastLine]) -> Decimal:
    return sum((line.usd or Decimal(0) for line in lines), Decimal(0))


def _reduction_factors(whole: Sequence[Usage], reduced: Sequence[Usage]) -> Callable[[Usage], Decimal]:
    """A function from usage to the factor by which the declared usage shrinks; 1 for usage that is not declared.

    Bills and declarations may name operations differently. Then the usage type decides.
    """
    exact, by_type = _quotients(whole, reduced, _exact_key), _quotients(whole, reduced, _type_key)
    return lambda usage: exact.get(_exact_key(usage), by_type.get(_type_key(usage), Decimal(1)))


def _quotients(
    whole: Iterable[Usage], reduced: Iterable[Usage], key: Callable[[Usage], Hashable]
) -> dict[Hashable, Decimal]:
    before, after = _sums(whole, key), _sums(reduced, key)
    return {name: after.get(name, Decimal(0)) / quantity for name, quantity in before.items() if quantity}


def _sums(usages: Iterable[Usage], key: Callable[[Usage], Hashable]) -> dict[Hashable, Decimal]:
    sums: defaultdict[Hashable, Decimal] = defaultdict(Decimal)
    for usage in usages:
        sums[key(usage)] += usage.quantity
    return sums


def _exact_key(usage: Usage) -> Hashable:
    return usage.service, usage.usage_type, usage.operation


def _type_key(usage: Usage) -> Hashable:
    return usage.service, usage.usage_type
