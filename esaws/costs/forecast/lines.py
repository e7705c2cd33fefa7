"""The lines of a forecast: list price by tiers, and what of it an allowance covers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from esaws.costs.forecast.month import Month
from esaws.pricelist import Allowance, Price, Regime, Usage, allowances, billed_as, is_charged, tiers

_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Line:
    """What one usage type costs; amounts in USD before tax, not rounded, None where the list has no price."""

    service: str
    usage_type: str
    """With the region's prefix, as bills show it."""
    operation: str | None
    quantity: Decimal
    unit: str
    rate: Decimal | None
    """Of one unit at list price; of the first tier where there are several."""
    free_quantity: Decimal
    list_usd: Decimal | None
    usd: Decimal | None
    verified: bool
    """Whether a published price list or a bill shows the price."""

    @property
    def free_usd(self) -> Decimal | None:
        """What the allowance is worth."""
        return None if self.list_usd is None or self.usd is None else self.list_usd - self.usd

    def to_dict(self) -> dict[str, Any]:
        """service, usage_type, operation, quantity, unit, rate, list_usd, free_usd, usd, verified."""
        amounts = {"list_usd": self.list_usd, "free_usd": self.free_usd, "usd": self.usd}
        return {
            "service": self.service,
            "usage_type": self.usage_type,
            "operation": self.operation,
            "quantity": float(round(self.quantity, 6)),
            "unit": self.unit,
            "rate": None if self.rate is None else float(self.rate),
            **{name: None if amount is None else float(round(amount, 6)) for name, amount in amounts.items()},
            "verified": self.verified,
        }


@dataclass(frozen=True)
class Used:
    """An allowance, and what a month takes of it."""

    allowance: Allowance
    quantity: Decimal
    """Of all that it covers, free or not."""
    exhausted_after_h: Decimal | None
    """The hours after which nothing is left of it; None where some is left at the end."""

    def to_dict(self) -> dict[str, Any]:
        """allowance (its id), unit, cap, used (what of it), exhausted_after_h, verified."""
        after = self.exhausted_after_h
        return {
            "allowance": self.allowance.id,
            "unit": self.allowance.unit,
            "cap": float(self.allowance.amount),
            "used": float(round(min(self.quantity, self.allowance.amount), 6)),
            "exhausted_after_h": None if after is None else float(round(after, 2)),
            "verified": self.allowance.verified,
        }


def rated(
    usages: Iterable[Usage], month: Month, regime: Regime, region: str, when: date
) -> tuple[tuple[Line, ...], tuple[Used, ...]]:
    """The lines of a time and what they take of each allowance; what AWS did not charge for on that day is left out.

    What shares an allowance uses it up side by side, so each gets the part of it that it is of the whole.
    """
    charged = [each for each in usages if is_charged(each.service, each.usage_type, region, when)]
    covered = [(usage, month.quantity(usage), _allowance(usage, regime, region)) for usage in charged]
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for _, quantity, allowance in covered:
        if allowance:
            totals[allowance.id] += quantity
    lines = []
    for usage, quantity, allowance in covered:
        free = _NOTHING
        if allowance and totals[allowance.id]:
            free = quantity * min(Decimal(1), allowance.amount / totals[allowance.id])
        prices = tiers(usage.service, usage.usage_type, usage.operation, region, when)
        lines.append(_line(usage, quantity, free, prices, region))
    each = {allowance.id: allowance for _, _, allowance in covered if allowance}
    used = tuple(_used(allowance, totals[id], month) for id, allowance in each.items())
    return tuple(lines), used


def _allowance(usage: Usage, regime: Regime, region: str) -> Allowance | None:
    asked = usage.service, usage.usage_type, usage.operation, region
    return next((each for each in allowances(regime) if each.covers(*asked)), None)


def _line(usage: Usage, quantity: Decimal, free: Decimal, prices: Sequence[Price], region: str) -> Line:
    whole, rest = _cost(quantity, prices), _cost(quantity - free, prices)
    return Line(
        service=usage.service,
        usage_type=billed_as(usage.usage_type, region),
        operation=usage.operation,
        quantity=quantity,
        unit=usage.unit,
        rate=prices[0].usd if prices else None,
        free_quantity=free,
        list_usd=whole,
        usd=_NOTHING if quantity == free else rest,
        verified=bool(prices) and all(price.verified for price in prices),
    )


def _cost(quantity: Decimal, prices: Sequence[Price]) -> Decimal | None:
    """By tier: each part of the quantity at the price that it falls under; None without a price."""
    if not prices:
        return None
    ends = [*(price.begins for price in prices[1:]), quantity]
    parts = (
        max(_NOTHING, min(quantity, end) - price.begins) * price.usd for price, end in zip(prices, ends, strict=True)
    )
    return sum(parts, _NOTHING)


def _used(allowance: Allowance, quantity: Decimal, month: Month) -> Used:
    over = quantity > allowance.amount
    return Used(allowance, quantity, allowance.amount * month.hours / quantity if over else None)
