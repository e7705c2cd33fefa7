"""What an hour's usage costs: allowances first, then tiers of the list price, then credits; all in the order of time.

The free tier is counted over all regions of an account, from the first of a month on; a row that uses it up is split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal

from esaws.pricelist import Allowance, Price, Regime, allowances, day_of, is_charged, tiers
from local_aws_server.billing.account import Customer, month_of
from local_aws_server.billing.charge import HOUR, Charge, Meter
from local_aws_server.billing.meter import Measured

_NOTHING = Decimal(0)


@dataclass
class Counters:
    """What of a month's allowances and tiers, and of the credits, is used up before an hour."""

    month: int = 0
    free: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Allowance, by its id → how much of it."""
    paid: defaultdict[tuple[str, str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """(region, service, usage type) → how much has been charged."""
    credits: Decimal = _NOTHING
    """USD, of all time."""

    def copy(self) -> Counters:
        mine = copy(self)
        mine.free, mine.paid = self.free.copy(), self.paid.copy()
        return mine


def rate(hour: int, usage: Iterable[Measured], customer: Customer, counters: Counters) -> list[Charge]:
    """The charges for what was used in an hour; the counters go on."""
    if month_of(hour) != counters.month:
        counters.month = month_of(hour)
        counters.free.clear()
        counters.paid.clear()
    regime = customer.regime_at(hour)
    charges = [charge for measured in usage for charge in _charges(hour, measured, regime, counters)]
    return [*charges, *_credits(hour, charges, customer, counters)]


def _charges(hour: int, measured: Measured, regime: Regime, counters: Counters) -> Iterator[Charge]:
    meter, quantity, tags = measured
    if not is_charged(meter.price_service, meter.usage_type, meter.region, day_of(hour)):
        return
    prices = tiers(meter.price_service, meter.usage_type, meter.operation, meter.region, day_of(hour))
    allowance = _allowance(meter, regime)
    if allowance is not None:
        free = min(quantity, allowance.amount - counters.free[allowance.id])
        if free > 0:
            counters.free[allowance.id] += free
            quantity -= free
            price = next(iter(prices), None)
            yield Charge(meter, hour, "Usage", free, _NOTHING, _NOTHING, price, allowance.id, tags)
    if not prices:
        if quantity:
            yield Charge(meter, hour, "Usage", quantity, _NOTHING, _NOTHING, None, tags=tags)
        return
    for part, price in _by_tier(meter, quantity, prices, counters):
        yield Charge(meter, hour, "Usage", part, price.usd, part * price.usd, price, tags=tags)


def _allowance(meter: Meter, regime: Regime) -> Allowance | None:
    asked = meter.price_service, meter.usage_type, meter.operation, meter.region
    return next((each for each in allowances(regime) if each.covers(*asked)), None)


def _by_tier(
    meter: Meter, quantity: Decimal, prices: list[Price], counters: Counters
) -> Iterator[tuple[Decimal, Price]]:
    """(how much, at which price) of what is charged."""
    key = meter.region, meter.price_service, meter.usage_type
    ends = [*(price.begins for price in prices[1:]), Decimal("Infinity")]
    for price, end in zip(prices, ends, strict=True):
        part = min(quantity, end - counters.paid[key])
        if part > 0:
            counters.paid[key] += part
            quantity -= part
            yield part, price


def _credits(hour: int, charges: Iterable[Charge], customer: Customer, counters: Counters) -> Iterator[Charge]:
    """What credits take off again: a line for each kind of usage in the hour."""
    left = customer.credit(hour + HOUR - 1) - counters.credits
    if left <= 0:
        return
    costs: defaultdict[Meter, Decimal] = defaultdict(Decimal)
    for charge in charges:
        meter = charge.meter
        kind = Meter(
            meter.region, meter.service, meter.usage_type, meter.operation, meter.unit, "", "", meter.priced_by
        )
        costs[kind] += charge.cost
    for kind, cost in costs.items():
        part = min(cost, left)
        if part > 0:
            left -= part
            counters.credits += part
            yield Charge(kind, hour, "Credit", _NOTHING, _NOTHING, -part, None)
