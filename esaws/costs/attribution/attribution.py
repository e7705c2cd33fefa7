"""What each decision has cost or will: of a month that is forecast, or of one that was billed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from esaws.cloud import DEFAULT_REGION
from esaws.costs.attribution.decisions import Decision, Declared, decisions_of, usages_of
from esaws.costs.attribution.shapley import in_cents, shares
from esaws.costs.forecasting.lines import Line, rated
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.usage import What, consumers
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, PriceList, Regime, Usage, bundled

if TYPE_CHECKING:
    import pandas

_AS_IT_IS = Month.average()
"""A month in which quantities are those of the usage."""
_MOST = 12


@dataclass(frozen=True)
class Part:
    """What a decision costs, in USD: its share of the whole, and what is saved where it alone is taken away."""

    name: str
    share: Fraction
    alone: Decimal | None
    """None for what was decided by nobody: what is left."""


@dataclass(frozen=True)
class Decided:
    """A sum by decision; the shares of all parts are the sum."""

    parts: tuple[Part, ...]
    """Decisions, the dearest first."""
    rest: tuple[Part, ...]
    """What is left without any of them, by service, the dearest first."""
    total_usd: Decimal

    def to_frame(self) -> pandas.DataFrame:
        """One row a part, by its name: usd, to the cent and adding up to the whole, percent of it, and alone_usd, what
        would be saved without this one alone (NaN for what is left); those do not add up."""
        import pandas

        parts = [*self.parts, *self.rest]
        cents = in_cents([part.share for part in parts])
        rows = {
            part.name: {
                "usd": float(usd),
                "percent": round(100 * float(usd / self.total_usd), 1) if self.total_usd else 0.0,
                "alone_usd": None if part.alone is None else round(float(part.alone), 2),
            }
            for part, usd in zip(parts, cents, strict=True)
        }
        frame = pandas.DataFrame.from_dict(rows, orient="index", columns=["usd", "percent", "alone_usd"])
        return frame.astype(float).rename_axis("what")

    def __repr__(self) -> str:
        return f"{self.total_usd:.2f} USD by {len(self.parts)} decisions"


def decided(
    what: What,
    *,
    month: Month | None = None,
    as_of: date | None = None,
    regime: Regime = "none",
    region: str = DEFAULT_REGION,
    decisions: Sequence[Decision] | None = None,
    prices: PriceList | None = None,
) -> Decided:
    """What each decision in an architecture makes of a month's bill: the sum is that of `forecast(count_below=True)`.

    Without `decisions` those that `decisions_of` finds. `as_of` and `month` as in `forecast`.

    Raises:
        UsageError: there is no such regime, there are more than 12 decisions, or a price is missing.
    """
    declared, month = consumers(what), month or Month.average()
    usages = [_over(usage, month) for usage in usages_of(declared)]
    when = as_of or month.first or date.today()
    return split(usages, declared, when, regime, region=region, decisions=decisions, prices=prices)


def split(
    usages: Iterable[Usage],
    what: What,
    when: date,
    regime: Regime,
    *,
    region: str = DEFAULT_REGION,
    decisions: Sequence[Decision] | None = None,
    prices: PriceList | None = None,
    besides: Iterable[tuple[str, Decimal]] = (),
) -> Decided:
    """What each decision makes of usage that was there: by the share of it that the declaration would have less.

    `besides` are sums that no decision changes, by what they are of. Raises as `decided` does.
    """
    usages, declared, prices = list(usages), consumers(what), prices or bundled()
    chosen = decisions_of(declared) if decisions is None else list(decisions)
    if regime not in REGIMES:
        raise UsageError(f"there is no regime {regime!r}; there are {', '.join(REGIMES)}")
    if len(chosen) > _MOST:
        raise UsageError(f"{len(chosen)} decisions are too many to take away in each combination; take {_MOST} at most")
    whole = usages_of(declared)

    def lines(taken: frozenset[int]) -> Sequence[Line]:
        left: Declared = declared
        for number, decision in enumerate(chosen):
            if number not in taken:
                left = decision.without(left)
        share = _shares_left(whole, usages_of(left))
        used = [replace(each, quantity=each.quantity * share(each)) for each in usages]
        return rated(used, _AS_IT_IS, regime, region, when, prices).lines

    everything = frozenset(range(len(chosen)))
    if unpriced := sorted({line.usage_type for line in lines(everything) if line.usd is None}):
        raise UsageError(f"the price list has no price for {', '.join(unpriced)}")
    parts, _ = shares(len(chosen), lambda taken: _sum(lines(taken)))
    total = _sum(lines(everything))
    found = [
        Part(decision.name, part, total - _sum(lines(everything - {number})))
        for number, (decision, part) in enumerate(zip(chosen, parts, strict=True))
    ]
    rest: defaultdict[str, Fraction] = defaultdict(Fraction)
    for line in lines(frozenset()):
        rest[f"what is left: {line.service}"] += Fraction(line.usd or 0)
    fixed: defaultdict[str, Fraction] = defaultdict(Fraction)
    for name, usd in besides:
        fixed[name] += Fraction(usd)
    left = [Part(name, usd, None) for name, usd in [*rest.items(), *fixed.items()] if usd]
    return Decided(
        tuple(sorted(found, key=lambda part: -part.share)),
        tuple(sorted(left, key=lambda part: -part.share)),
        total + sum((usd for _, usd in besides), Decimal(0)),
    )


def _over(usage: Usage, month: Month) -> Usage:
    return replace(usage, quantity=month.quantity(usage))


def _sum(lines: Iterable[Line]) -> Decimal:
    return sum((line.usd or Decimal(0) for line in lines), Decimal(0))


def _shares_left(whole: Sequence[Usage], left: Sequence[Usage]) -> Callable[[Usage], Decimal]:
    """What of some usage is left, by the declaration; all of it where that does not know it.

    Bills and declarations may name operations differently: then the usage type decides.
    """
    exact, alike = _quotients(whole, left, _exactly), _quotients(whole, left, _by_type)
    return lambda usage: exact.get(_exactly(usage), alike.get(_by_type(usage), Decimal(1)))


def _quotients(
    whole: Iterable[Usage], left: Iterable[Usage], key: Callable[[Usage], Hashable]
) -> dict[Hashable, Decimal]:
    before, after = _sums(whole, key), _sums(left, key)
    return {name: after.get(name, Decimal(0)) / quantity for name, quantity in before.items() if quantity}


def _sums(usages: Iterable[Usage], key: Callable[[Usage], Hashable]) -> dict[Hashable, Decimal]:
    found: defaultdict[Hashable, Decimal] = defaultdict(Decimal)
    for usage in usages:
        found[key(usage)] += usage.quantity
    return found


def _exactly(usage: Usage) -> Hashable:
    return usage.service, usage.usage_type, usage.operation


def _by_type(usage: Usage) -> Hashable:
    return usage.service, usage.usage_type
