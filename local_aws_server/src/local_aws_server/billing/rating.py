"""Rate an hour's usage: free-tier allowances first, then the tiers of the list price, then credits.

Hours are rated in order of time. Allowances are shared by all regions of an account and renewed on the first of each
month (UTC). Usage that exhausts an allowance is split into a free and a paid charge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from esaws.pricelist import Allowance, Price, Regime, allowances, bundled, utc_day
from local_aws_server.billing.account import Customer
from local_aws_server.billing.calendar import HOUR, month_start
from local_aws_server.billing.charge import Charge, Meter
from local_aws_server.billing.meter import MeteredUsage

_ZERO = Decimal(0)


@dataclass
class Counters:
    """The allowances and tiers used in a month, and the credits spent, before an hour."""

    month: int | None = None
    """The beginning of the month, in seconds since 1970; None before the first hour."""
    free_used: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Allowance id → the quantity used."""
    tier_used: defaultdict[tuple[str, str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """(region, service, usage type) → the quantity charged."""
    credits_spent: Decimal = _ZERO
    """USD, since the account was opened."""

    def copy(self) -> Counters:
        """A copy that changes on its own."""
        counters = copy(self)
        counters.free_used, counters.tier_used = self.free_used.copy(), self.tier_used.copy()
        return counters


def rate_usage(hour: int, usage: Iterable[MeteredUsage], customer: Customer, counters: Counters) -> list[Charge]:
    """The charges for the usage of one hour; `counters` is updated."""
    if month_start(hour) != counters.month:
        counters.month = month_start(hour)
        counters.free_used.clear()
        counters.tier_used.clear()
    regime = customer.regime_at(hour)
    charges = [charge for metered in usage for charge in _rate_meter(hour, metered, regime, counters)]
    return [*charges, *_apply_credits(hour, charges, customer, counters)]


def _rate_meter(hour: int, usage: MeteredUsage, regime: Regime, counters: Counters) -> Iterator[Charge]:
    meter, quantity, tags = usage
    if not bundled().is_charged(meter.price_service, meter.usage_type, meter.region, utc_day(hour)):
        return
    prices = bundled().tiers(meter.price_service, meter.usage_type, meter.operation, meter.region, utc_day(hour))
    allowance = covering_allowance(meter, regime)
    if allowance is not None:
        free = min(quantity, allowance.amount - counters.free_used[allowance.id])
        if free > 0:
            counters.free_used[allowance.id] += free
            quantity -= free
            price = next(iter(prices), None)
            yield Charge(meter, hour, "Usage", free, _ZERO, _ZERO, price, allowance.id, tags)
    if not prices:
        if quantity:
            yield Charge(meter, hour, "Usage", quantity, _ZERO, _ZERO, None, tags=tags)
        return
    for part, price in _split_by_tier(meter, quantity, prices, counters):
        yield Charge(meter, hour, "Usage", part, price.usd, part * price.usd, price, tags=tags)


def covering_allowance(meter: Meter, regime: Regime) -> Allowance | None:
    """The allowance that covers the usage of a meter; None if there is none."""
    return _covering_allowance(meter.price_service, meter.usage_type, meter.operation, meter.region, regime)


@cache
def _covering_allowance(service: str, usage_type: str, operation: str, region: str, regime: Regime) -> Allowance | None:
    usage = service, usage_type, operation, region
    return next((allowance for allowance in allowances(regime) if allowance.covers(*usage)), None)


def _split_by_tier(
    meter: Meter, quantity: Decimal, prices: list[Price], counters: Counters
) -> Iterator[tuple[Decimal, Price]]:
    """(quantity, price) of each tier that the quantity falls into."""
    key = meter.region, meter.price_service, meter.usage_type
    ends = [*(price.begins for price in prices[1:]), Decimal("Infinity")]
    for price, end in zip(prices, ends, strict=True):
        part = min(quantity, end - counters.tier_used[key])
        if part > 0:
            counters.tier_used[key] += part
            quantity -= part
            yield part, price


def _apply_credits(hour: int, charges: Iterable[Charge], customer: Customer, counters: Counters) -> Iterator[Charge]:
    """The credits that pay for an hour: one charge for each kind of usage in it."""
    left = max(_ZERO, customer.credits_granted(hour + HOUR - 1) - counters.credits_spent)  # less than 0: they expired
    if not left:
        return
    costs: defaultdict[Meter, Decimal] = defaultdict(Decimal)
    for charge in charges:
        meter = charge.meter
        kind = Meter(
            meter.region, meter.service, meter.usage_type, meter.operation, meter.unit, "", "", meter.price_list_service
        )
        costs[kind] += charge.cost
    for kind, cost in costs.items():
        credit = min(cost, left)
        if credit > 0:
            left -= credit
            counters.credits_spent += credit
            yield Charge(kind, hour, "Credit", _ZERO, _ZERO, -credit, None)
