"""The lines of a forecast: list price by tiers, and what of it an allowance covers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from esaws.costs.forecasting.month import Month
from esaws.pricelist import Allowance, Price, PriceList, Regime, Usage, allowances, billed_as

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
    free_until_h: Decimal
    """The hours after which it is charged; all of them where all of it is free."""
    list_usd: Decimal | None
    usd: Decimal | None
    verified: bool
    """Whether a published price list or a bill shows the price."""

    @property
    def free_usd(self) -> Decimal | None:
        """What the allowance is worth."""
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
class Used:
    """An allowance, and what a month takes of it."""

    allowance: Allowance
    quantity: Decimal
    """Of all that it covers, free or not."""
    exhausted_after_h: Decimal | None
    """The hours after which nothing is left of it; None where some is left at the end."""

    def to_dict(self) -> dict[str, Any]:
        """allowance (its id), cap, used (what of it), exhausted_after_h, unit, verified."""
        after = self.exhausted_after_h
        return {
            "allowance": self.allowance.id,
            "cap": float(self.allowance.amount),
            "used": float(round(min(self.quantity, self.allowance.amount), 6)),
            "exhausted_after_h": None if after is None else float(round(after, 2)),
            "unit": self.allowance.unit,
            "verified": self.allowance.verified,
        }


class Rated(NamedTuple):
    """The lines of a time, and what they take of each allowance."""

    lines: tuple[Line, ...]
    used: tuple[Used, ...]


def rated(usages: Iterable[Usage], month: Month, regime: Regime, region: str, when: date, prices: PriceList) -> Rated:
    """What a time costs; what AWS did not charge for on that day is left out."""
    charged = [each for each in usages if prices.is_charged(each.service, each.usage_type, region, when)]
    quantities = [month.quantity(usage) for usage in charged]
    covering = [_allowance(usage, regime, region) for usage in charged]
    sharers: defaultdict[str, list[int]] = defaultdict(list)
    for at, allowance in enumerate(covering):
        if allowance:
            sharers[allowance.id].append(at)
    free, until, used = [_NOTHING] * len(charged), [_NOTHING] * len(charged), []
    for each in sharers.values():
        each.sort(key=lambda at: (charged[at].usage_type, charged[at].operation or ""))
        allowance = covering[each[0]]
        assert allowance
        parts = [quantities[at] for at in each]
        found = _used(allowance, sum(parts, _NOTHING), month)
        used.append(found)
        for at, part in zip(each, _shares(parts, allowance.amount, month), strict=True):
            free[at], until[at] = part, month.hours if found.exhausted_after_h is None else found.exhausted_after_h
    lines = [
        _line(usage, quantity, free[at], until[at], prices.tiers(*_asked(usage), region, when), region)
        for at, (usage, quantity) in enumerate(zip(charged, quantities, strict=True))
    ]
    return Rated(tuple(lines), tuple(used))


def beyond(whole: Iterable[Line], part: Iterable[Line]) -> tuple[Line, ...]:
    """What a forecast of more things has that one of fewer has not, line by line."""
    known = {(line.usage_type, line.operation): line for line in part}
    found = []
    for line in whole:
        before = known.get((line.usage_type, line.operation))
        more = line if before is None else _difference(line, before)
        found += [more] if more.quantity else []
    return tuple(found)


def _asked(usage: Usage) -> tuple[str, str, str | None]:
    return usage.service, usage.usage_type, usage.operation


def _allowance(usage: Usage, regime: Regime, region: str) -> Allowance | None:
    return next((each for each in allowances(regime) if each.covers(*_asked(usage), region)), None)


def _shares(parts: Sequence[Decimal], amount: Decimal, month: Month) -> list[Decimal]:
    """What of an allowance each of those gets that share it: side by side, and in the last hour one after the other.

    That is how AWS's own rows split within a region, and how the local AWS meters: hour by hour, by usage type.
    """
    if sum(parts) <= amount:
        return list(parts)
    each_hour = [part / month.hours for part in parts]
    whole_hours = amount // sum(each_hour)
    left = amount - whole_hours * sum(each_hour)
    shares = []
    for hourly in each_hour:
        last = min(hourly, left)
        left -= last
        shares.append(whole_hours * hourly + last)
    return shares


def _used(allowance: Allowance, quantity: Decimal, month: Month) -> Used:
    over = quantity > allowance.amount
    return Used(allowance, quantity, allowance.amount * month.hours / quantity if over else None)


def _line(usage: Usage, quantity: Decimal, free: Decimal, until: Decimal, prices: Sequence[Price], region: str) -> Line:
    whole, rest = _cost(quantity, prices), _cost(quantity - free, prices)
    return Line(
        service=usage.service,
        usage_type=billed_as(usage.usage_type, region),
        operation=usage.operation,
        quantity=quantity,
        unit=usage.unit,
        rate=prices[0].usd if prices else None,
        free_quantity=free,
        free_until_h=until,
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


def _difference(line: Line, before: Line) -> Line:
    def less(one: Decimal | None, other: Decimal | None) -> Decimal | None:
        return None if one is None or other is None else one - other

    return replace(
        line,
        quantity=line.quantity - before.quantity,
        free_quantity=line.free_quantity - before.free_quantity,
        list_usd=less(line.list_usd, before.list_usd),
        usd=less(line.usd, before.usd),
    )
