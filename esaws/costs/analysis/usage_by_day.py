"""The usage of a bill by day, in sums: how much, what of it was free, and which allowance it falls under."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from esaws.costs.analysis.selection import Chosen, days_in
from esaws.costs.bill.free_tier import allowance_of
from esaws.pricelist import Allowance

NOTHING = Decimal(0)
_NAMES = ("payer", "service", "product_code", "usage_type", "operation", "region", "unit")


@dataclass(frozen=True)
class Key:
    """What lines have in common that are of the same usage."""

    payer: str
    service: str
    product_code: str
    usage_type: str
    operation: str
    region: str
    unit: str

    @property
    def allowance(self) -> Allowance | None:
        """What covers it in the first 12 months of an account, if anything does."""
        return allowance_of(
            {name: getattr(self, name) for name in ("product_code", "usage_type", "operation", "region")}
        )

    def __str__(self) -> str:
        return " ".join(dict.fromkeys(part for part in (self.service, self.usage_type) if part)) or "all"


@dataclass
class Used:
    """Usage by day (UTC): quantities, what of them was free, and what was charged."""

    key: Key
    quantity: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    free: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    cost: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    listed: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """What the free part would have cost on demand, as far as the bill tells."""


def used_by_day(of: Chosen) -> list[Used]:
    """What recurs in some lines, by usage and day; in the order of the keys."""
    lines = of.lines.filter(of.lines.recurs & of.lines.start.notnull())
    names = {name: lines[name].fill_null("") for name in _NAMES}
    told = lines.mutate(**names, day=lines.start.date(), at_no_cost=lines.free.fill_null(False))
    table = told.group_by(*_NAMES, "day", "at_no_cost").aggregate(
        quantity=told.quantity.sum(), cost=told.amount.sum(), listed=told.list_cost.sum()
    )
    found: dict[Key, Used] = {}
    for row in of.rows_of(table):
        key = Key(*(row[name] for name in _NAMES))
        used, day = found.setdefault(key, Used(key)), row["day"]
        used.quantity[day] += row["quantity"] or NOTHING
        used.cost[day] += row["cost"] or NOTHING
        if row["at_no_cost"]:
            used.free[day] += row["quantity"] or NOTHING
            used.listed[day] += row["listed"] or NOTHING
    return [found[key] for key in sorted(found, key=lambda key: tuple(getattr(key, name) for name in _NAMES))]


def complete_days(of: Chosen, period: date) -> int:
    """How many days of a month its usage tells in full: those before the day in which the last line ends."""
    lines = of.lines.filter(of.lines.recurs & (of.lines.period == period))
    (row,) = of.bill.rows_of(lines.aggregate(end=lines.end.max(), start=lines.start.max()))
    last: datetime | None = row["end"] or row["start"]
    if last is None:
        return 0
    following = date.fromordinal(period.toordinal() + days_in(period))
    return days_in(period) if last.date() >= following else max(0, (last.date() - period).days)


def tells_what_was_free(of: Chosen) -> bool:
    """Whether any line has what free usage is known by: a list price, or a description."""
    if of.bill.format == "Cost Explorer":
        return False
    lines = of.lines
    (row,) = of.bill.rows_of(lines.aggregate(listed=lines.list_cost.count(), described=lines.description.count()))
    return bool(row["listed"] or row["described"])


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, NOTHING)
