"""What an account costs as things stand: an hour from now, this month so far, and what is running it up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from math import floor
from typing import Any

from esaws.pricelist import allowances
from local_aws_server.billing.account import Customer, month_after, month_of
from local_aws_server.billing.bill import bill, total
from local_aws_server.billing.charge import HOUR, Charge
from local_aws_server.billing.meter import BOOKS, Measured
from local_aws_server.billing.products import cost_explorer_name
from local_aws_server.clock.clock import CLOCK, iso

_NOTHING = Decimal(0)


@dataclass
class Line:
    """One usage type in one region."""

    service: str
    usage_type: str
    unit: str
    running: Decimal = _NOTHING
    """How much of it there is now: 12 instances, 360 GB."""
    per_hour: Decimal = _NOTHING
    """USD, if everything goes on as it is."""
    quantity: Decimal = _NOTHING
    """This month so far."""
    free: Decimal = _NOTHING
    """What of it an allowance covers."""
    usd: Decimal = _NOTHING
    list_usd: Decimal = _NOTHING
    priced: bool = True
    """Whether the bundled list has its price."""
    verified: bool = True


@dataclass(frozen=True)
class Allowed:
    """An allowance that the account uses."""

    allowance: str
    used: Decimal
    cap: Decimal
    unit: str
    gone_in_hours: Decimal | None
    """If everything goes on as it is; None if it lasts until the end of the month."""


def today(account: str) -> dict[str, Any]:
    """The account's costs in USD, as JSON: numbers are strings, in decimal."""
    now, its_bill = CLOCK.now(), bill(account)
    charges, coming = its_bill.of_month(now), its_bill.rated_on(next_hour(account))
    lines = _lines(account, charges, coming)
    customer = its_bill.customer
    return {
        "account": account,
        "time": iso(now),
        **told(customer),
        "credits_left": str(its_bill.credits_left()),
        "currency": "USD",
        "per_hour": str(total(coming)),
        "list_per_hour": str(sum((charge.list_cost for charge in coming), _NOTHING)),
        "month": {
            "start": iso(month_of(now)),
            "usd": str(total(charges)),
            "list_usd": str(sum((charge.list_cost for charge in charges), _NOTHING)),
            "credits_usd": str(-total(charge for charge in charges if charge.kind == "Credit")),
        },
        "lines": [_as_json(line) for line in lines],
        "free_tier": [_as_json(each) for each in _allowed(customer, charges, coming)],
    }


def told(customer: Customer) -> dict[str, Any]:
    """What kind of customer an account is, as JSON."""
    return {
        "regime": customer.regime,
        "plan": customer.plan,
        "opened": iso(customer.opened),
        "closed": None if customer.closed is None else iso(customer.closed),
    }


def next_hour(account: str) -> list[Measured]:
    """What will be used in the next hour, if everything goes on as it is; what is counted, as in the last hour."""
    start, whole = floor(CLOCK.now()), list[Measured]()
    for span in BOOKS[account].running():
        whole.append(Measured(span.meter, span.an_hour(start), span.tags))
        whole += span.counted(account, max(span.start, start - HOUR), start)
    return whole


def _lines(account: str, charges: Iterable[Charge], coming: Iterable[Charge]) -> list[Line]:
    lines: dict[tuple[str, str], Line] = {}

    def line(charge: Charge) -> Line:
        key = cost_explorer_name(charge.meter), charge.usage_type
        return lines.setdefault(key, Line(*key, charge.meter.unit))

    for charge in charges:
        found = line(charge)
        found.quantity += charge.quantity
        found.free += charge.quantity if charge.allowance else _NOTHING
        found.usd += charge.cost
        found.list_usd += charge.list_cost
        if charge.kind == "Usage":
            found.priced &= charge.price is not None
            found.verified &= charge.price is not None and charge.price.verified
    for charge in coming:
        line(charge).per_hour += charge.cost
    running: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for span in BOOKS[account].running():
        running[cost_explorer_name(span.meter), span.meter.billed_as] += span.amount
    for key, amount in running.items():
        if key in lines:
            lines[key].running = amount
    return sorted(lines.values(), key=lambda each: (-each.usd, -each.per_hour, each.service, each.usage_type))


def _allowed(customer: Customer, charges: Iterable[Charge], coming: Iterable[Charge]) -> list[Allowed]:
    used: defaultdict[str, Decimal] = defaultdict(Decimal)
    pace: defaultdict[str, Decimal] = defaultdict(Decimal)
    for charge in charges:
        if charge.allowance:
            used[charge.allowance] += charge.quantity
    known = {each.id: each for each in allowances(customer.regime_at(CLOCK.now()))}
    for charge in coming:
        for each in known.values():
            meter = charge.meter
            if each.covers(meter.price_service, meter.usage_type, meter.operation, meter.region):
                pace[each.id] += charge.quantity
    hours_left = Decimal(month_after(CLOCK.now()) - CLOCK.now()) / HOUR
    found = []
    for id, amount in sorted(used.items()):
        left = known[id].amount - amount
        hours = left / pace[id] if pace[id] else None
        gone = hours.quantize(Decimal("0.1")) if hours is not None and hours <= hours_left else None
        found.append(Allowed(id, amount, known[id].amount, known[id].unit, gone))
    return found


def _as_json(record: Line | Allowed) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(record).items()}
