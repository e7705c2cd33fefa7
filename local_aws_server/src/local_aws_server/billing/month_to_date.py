"""The current cost of an account: USD per hour, this month so far, and the usage types that cost it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from math import floor
from typing import Any

from esaws.pricelist import allowances
from local_aws_server.billing.account import Customer
from local_aws_server.billing.bill import get_bill, total_cost
from local_aws_server.billing.calendar import HOUR, month_start, next_month_start
from local_aws_server.billing.charge import Charge
from local_aws_server.billing.meter import USAGE_LOGS, MeteredUsage
from local_aws_server.billing.service_names import cost_explorer_name
from local_aws_server.clock.clock import CLOCK, format_timestamp

_ZERO = Decimal(0)


@dataclass
class CostLine:
    """The cost of one usage type in one region."""

    service: str
    usage_type: str
    unit: str
    running: Decimal = _ZERO
    """How much is running now: 12 instances, 360 GB."""
    per_hour: Decimal = _ZERO
    """USD for the next hour, if nothing changes."""
    quantity: Decimal = _ZERO
    """This month so far."""
    free: Decimal = _ZERO
    """The part of `quantity` that an allowance covers."""
    usd: Decimal = _ZERO
    list_usd: Decimal = _ZERO
    priced: bool = True
    """Whether the bundled price list has its price."""
    verified: bool = True


@dataclass(frozen=True)
class AllowanceUsage:
    """An allowance that the account uses this month."""

    allowance: str
    used: Decimal
    cap: Decimal
    unit: str
    gone_in_hours: Decimal | None
    """Hours until it is used up, if nothing changes; None if it lasts until the end of the month."""


def month_to_date(account: str) -> dict[str, Any]:
    """The account's costs in USD, as JSON; numbers are decimal strings."""
    now, bill = CLOCK.now(), get_bill(account)
    charges, next_hour = bill.month_charges(now), bill.estimate(next_hour_usage(account))
    lines = _cost_lines(account, charges, next_hour)
    return {
        "account": account,
        "time": format_timestamp(now),
        **customer_to_dict(bill.customer),
        "credits_left": str(bill.credits_left()),
        "currency": "USD",
        "per_hour": str(total_cost(next_hour)),
        "list_per_hour": str(sum((charge.list_cost for charge in next_hour), _ZERO)),
        "month": {
            "start": format_timestamp(month_start(now)),
            "usd": str(total_cost(charges)),
            "list_usd": str(sum((charge.list_cost for charge in charges), _ZERO)),
            "credits_usd": str(-total_cost(charge for charge in charges if charge.kind == "Credit")),
        },
        "lines": [_to_json(line) for line in lines],
        "free_tier": [_to_json(allowance) for allowance in _allowance_usage(bill.customer, charges, next_hour)],
    }


def customer_to_dict(customer: Customer) -> dict[str, Any]:
    """The regime, plan, opening and closing time of an account, as JSON."""
    return {
        "regime": customer.regime,
        "plan": customer.plan,
        "opened": format_timestamp(customer.opened_at),
        "closed": None if customer.closed_at is None else format_timestamp(customer.closed_at),
    }


def next_hour_usage(account: str) -> list[MeteredUsage]:
    """The usage of the next hour, if nothing changes; derived usage as in the last hour."""
    start, usage = floor(CLOCK.now()), list[MeteredUsage]()
    for span in USAGE_LOGS[account].running_spans():
        usage.append(MeteredUsage(span.meter, span.hourly_quantity(start), span.tags))
        usage += span.derive_usage(account, max(span.start, start - HOUR), start)
    return usage


def _cost_lines(account: str, charges: Iterable[Charge], next_hour: Iterable[Charge]) -> list[CostLine]:
    """One line for each usage type, the most expensive first."""
    lines: dict[tuple[str, str], CostLine] = {}

    def line_of(charge: Charge) -> CostLine:
        key = cost_explorer_name(charge.meter), charge.meter.regional_usage_type
        return lines.setdefault(key, CostLine(*key, charge.meter.unit))

    for charge in charges:
        line = line_of(charge)
        line.quantity += charge.quantity
        line.free += charge.quantity if charge.allowance else _ZERO
        line.usd += charge.cost
        line.list_usd += charge.list_cost
        if charge.kind == "Usage":
            line.priced &= charge.price is not None
            line.verified &= charge.price is not None and charge.price.verified
    for charge in next_hour:
        line_of(charge).per_hour += charge.cost
    running: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for span in USAGE_LOGS[account].running_spans():
        running[cost_explorer_name(span.meter), span.meter.regional_usage_type] += span.amount
    for key, amount in running.items():
        if key in lines:
            lines[key].running = amount
    return sorted(lines.values(), key=lambda line: (-line.usd, -line.per_hour, line.service, line.usage_type))


def _allowance_usage(
    customer: Customer, charges: Iterable[Charge], next_hour: Iterable[Charge]
) -> list[AllowanceUsage]:
    """The allowances with any usage this month, by id."""
    used: defaultdict[str, Decimal] = defaultdict(Decimal)
    per_hour: defaultdict[str, Decimal] = defaultdict(Decimal)
    for charge in charges:
        if charge.allowance:
            used[charge.allowance] += charge.quantity
    by_id = {allowance.id: allowance for allowance in allowances(customer.regime_at(CLOCK.now()))}
    for charge in next_hour:
        for allowance in by_id.values():
            meter = charge.meter
            if allowance.covers(meter.price_service, meter.usage_type, meter.operation, meter.region):
                per_hour[allowance.id] += charge.quantity
    hours_left = Decimal(next_month_start(CLOCK.now()) - CLOCK.now()) / HOUR
    rows = []
    for id, amount in sorted(used.items()):
        allowance = by_id[id]
        hours = (allowance.amount - amount) / per_hour[id] if per_hour[id] else None
        gone_in = hours.quantize(Decimal("0.1")) if hours is not None and hours <= hours_left else None
        rows.append(AllowanceUsage(id, amount, allowance.amount, allowance.unit, gone_in))
    return rows


def _to_json(record: CostLine | AllowanceUsage) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(record).items()}
