"""The lines of a forecast: tiered list prices, and the part that an allowance covers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from esaws.costs.forecasting.month import Month
from esaws.pricelist import Allowance, Price, PriceList, Regime, Usage, allowances, with_prefix

_ZERO = Decimal(0)


@dataclass(frozen=True)
class ForecastLine:
    """The cost of one usage type; amounts in USD before tax, not rounded, None where the list has no price."""

    service: str
    usage_type: str
    """With the region's prefix, as in bills."""
    operation: str | None
    quantity: Decimal
    unit: str
    rate: Decimal | None
    """The list price of one unit; of the first tier where there are several."""
    free_quantity: Decimal
    free_until_h: Decimal
    """The hours after which it is charged; all hours where all of it is free."""
    list_usd: Decimal | None
    usd: Decimal | None
    verified: bool
    """Whether a published price list or a bill shows the price."""

    @property
    def free_usd(self) -> Decimal | None:
        """The value of the allowance."""
        return None if self.list_usd is None or self.usd is None else self.list_usd - self.usd

    def to_dict(self) -> dict[str, Any]:
        """service, usage_type, quantity, unit, rate, list_usd, free_usd, usd, verified, operation."""
        amounts = {"list_usd": self.list_usd, "free_usd": self.free_usd, "usd": self.usd}
        return {
            "service": self.service,
            "usage_type": self.usage_type,
            "quantity": float(round(self.quantity, 6)),
            "unit": self.unit,
            "rate": None if self.rate is None else float(self.rate),
            **{name: None if amount is None else float(round(amount, 6)) for name, amount in amounts.items()},
            "verified": self.verified,
            "operation": self.operation,
        }


@dataclass(frozen=True)
class AllowanceUsage:
    """An allowance, and what a time span uses of it."""

    allowance: Allowance
    quantity: Decimal
    """All usage that it covers, free or not."""
    exhausted_after_h: Decimal | None
    """The hours after which it is used up; None where some is left at the end."""

    def to_dict(self) -> dict[str, Any]:
        """allowance (its id), cap, used (of the cap), exhausted_after_h, unit, verified."""
        after = self.exhausted_after_h
        return {
            "allowance": self.allowance.id,
            "cap": float(self.allowance.amount),
            "used": float(round(min(self.quantity, self.allowance.amount), 6)),
            "exhausted_after_h": None if after is None else float(round(after, 2)),
            "unit": self.allowance.unit,
            "verified": self.allowance.verified,
        }


class RatedUsage(NamedTuple):
    """The lines of a time span, and what they use of each allowance."""

    lines: tuple[ForecastLine, ...]
    allowances: tuple[AllowanceUsage, ...]


def rate_usage(
    usages: Iterable[Usage], month: Month, regime: Regime, region: str, day: date, prices: PriceList
) -> RatedUsage:
    """Price usage, at the prices of a day; usage types that AWS did not charge for on that day are left out."""
    charged = [usage for usage in usages if prices.is_charged(usage.service, usage.usage_type, region, day)]
    quantities = [month.quantity(usage) for usage in charged]
    covering = [_allowance_of(usage, regime, region) for usage in charged]
    sharers: defaultdict[str, list[int]] = defaultdict(list)
    for at, allowance in enumerate(covering):
        if allowance:
            sharers[allowance.id].append(at)
    free, free_until = [_ZERO] * len(charged), [_ZERO] * len(charged)
    allowance_usages = []
    for members in sharers.values():
        members.sort(key=lambda at: (charged[at].usage_type, charged[at].operation or ""))
        allowance = covering[members[0]]
        assert allowance
        parts = [quantities[at] for at in members]
        allowance_usage = _use_allowance(allowance, sum(parts, _ZERO), month)
        allowance_usages.append(allowance_usage)
        exhausted_after = allowance_usage.exhausted_after_h
        for at, part in zip(members, _share_allowance(parts, allowance.amount, month), strict=True):
            free[at], free_until[at] = part, month.hours if exhausted_after is None else exhausted_after
    lines = [
        _line(usage, quantity, free[at], free_until[at], prices.tiers(*_price_key(usage), region, day), region)
        for at, (usage, quantity) in enumerate(zip(charged, quantities, strict=True))
    ]
    return RatedUsage(tuple(lines), tuple(allowance_usages))


def added_lines(whole: Iterable[ForecastLine], part: Iterable[ForecastLine]) -> tuple[ForecastLine, ...]:
    """The lines by which a larger forecast exceeds a smaller one."""
    known = {(line.usage_type, line.operation): line for line in part}
    added = []
    for line in whole:
        before = known.get((line.usage_type, line.operation))
        more = line if before is None else _difference(line, before)
        added += [more] if more.quantity else []
    return tuple(added)


def _price_key(usage: Usage) -> tuple[str, str, str | None]:
    return usage.service, usage.usage_type, usage.operation


def _allowance_of(usage: Usage, regime: Regime, region: str) -> Allowance | None:
    return next((each for each in allowances(regime) if each.covers(*_price_key(usage), region)), None)


def _share_allowance(parts: Sequence[Decimal], amount: Decimal, month: Month) -> list[Decimal]:
    """The share of each usage in a common allowance: side by side, and in the last hour one after the other.

    AWS's own rows split like this within a region, and the local AWS meters like this: by hour, then by usage type.
    """
    if sum(parts) <= amount:
        return list(parts)
    hourly_parts = [part / month.hours for part in parts]
    whole_hours = amount // sum(hourly_parts)
    left = amount - whole_hours * sum(hourly_parts)
    shares = []
    for hourly in hourly_parts:
        last_hour = min(hourly, left)
        left -= last_hour
        shares.append(whole_hours * hourly + last_hour)
    return shares


def _use_allowance(allowance: Allowance, quantity: Decimal, month: Month) -> AllowanceUsage:
    is_exhausted = quantity > allowance.amount
    return AllowanceUsage(allowance, quantity, allowance.amount * month.hours / quantity if is_exhausted else None)


def _line(
    usage: Usage, quantity: Decimal, free: Decimal, free_until: Decimal, prices: Sequence[Price], region: str
) -> ForecastLine:
    return ForecastLine(
        service=usage.service,
        usage_type=with_prefix(usage.usage_type, region),
        operation=usage.operation,
        quantity=quantity,
        unit=usage.unit,
        rate=prices[0].usd if prices else None,
        free_quantity=free,
        free_until_h=free_until,
        list_usd=_tiered_cost(quantity, prices),
        usd=_ZERO if quantity == free else _tiered_cost(quantity - free, prices),
        verified=bool(prices) and all(price.verified for price in prices),
    )


def _tiered_cost(quantity: Decimal, prices: Sequence[Price]) -> Decimal | None:
    """The cost of a quantity, each part at the price of its tier; None without a price."""
    if not prices:
        return None
    ends = [*(price.begins for price in prices[1:]), quantity]
    parts = (max(_ZERO, min(quantity, end) - price.begins) * price.usd for price, end in zip(prices, ends, strict=True))
    return sum(parts, _ZERO)


def _difference(line: ForecastLine, before: ForecastLine) -> ForecastLine:
    def subtract(one: Decimal | None, other: Decimal | None) -> Decimal | None:
        return None if one is None or other is None else one - other

    return replace(
        line,
        quantity=line.quantity - before.quantity,
        free_quantity=line.free_quantity - before.free_quantity,
        list_usd=subtract(line.list_usd, before.list_usd),
        usd=subtract(line.usd, before.usd),
    )
