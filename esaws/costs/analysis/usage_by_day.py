"""Daily sums of a bill's usage: quantities, the part that was free, costs, and the allowance that covers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from esaws.costs.analysis.selection import BillSelection, days_in_month
from esaws.costs.bill.free_tier import allowance_of
from esaws.pricelist import Allowance

ZERO = Decimal(0)
_KEY_COLUMNS = ("payer", "service", "product_code", "usage_type", "operation", "region", "unit")


@dataclass(frozen=True)
class UsageKey:
    """The columns that identify usage of one kind."""

    payer: str
    service: str
    product_code: str
    usage_type: str
    operation: str
    region: str
    unit: str

    @property
    def allowance(self) -> Allowance | None:
        """The free-tier allowance that covers it in the first 12 months of an account, or None."""
        return allowance_of(
            {name: getattr(self, name) for name in ("product_code", "usage_type", "operation", "region")}
        )

    def __str__(self) -> str:
        return " ".join(dict.fromkeys(part for part in (self.service, self.usage_type) if part)) or "all"


@dataclass
class UsageByDay:
    """Usage of one kind by day (UTC)."""

    key: UsageKey
    quantity: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    free: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """The part of the quantity that was free."""
    cost: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    free_at_list_price: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """The on-demand price of the free part, where the bill has it."""


def daily_usage(selection: BillSelection) -> list[UsageByDay]:
    """Sum up the recurring lines by kind of usage and day; sorted by key."""
    lines = selection.lines.filter(selection.lines.recurs & selection.lines.start.notnull())
    names = {name: lines[name].fill_null("") for name in _KEY_COLUMNS}
    lines = lines.mutate(**names, day=lines.start.date(), is_free=lines.free.fill_null(False))
    table = lines.group_by(*_KEY_COLUMNS, "day", "is_free").aggregate(
        quantity=lines.quantity.sum(), cost=lines.amount.sum(), list_cost=lines.list_cost.sum()
    )
    usages: dict[UsageKey, UsageByDay] = {}
    for row in selection.fetch_rows(table):
        key = UsageKey(*(row[name] for name in _KEY_COLUMNS))
        usage, day = usages.setdefault(key, UsageByDay(key)), row["day"]
        usage.quantity[day] += row["quantity"] or ZERO
        usage.cost[day] += row["cost"] or ZERO
        if row["is_free"]:
            usage.free[day] += row["quantity"] or ZERO
            usage.free_at_list_price[day] += row["list_cost"] or ZERO
    return [usages[key] for key in sorted(usages, key=lambda key: tuple(getattr(key, name) for name in _KEY_COLUMNS))]


def complete_days(selection: BillSelection, period: date) -> int:
    """The number of complete days of usage in a month: those before the day in which the last line ends."""
    lines = selection.lines.filter(selection.lines.recurs & (selection.lines.period == period))
    (row,) = selection.bill.fetch_rows(lines.aggregate(end=lines.end.max(), start=lines.start.max()))
    last: datetime | None = row["end"] or row["start"]
    if last is None:
        return 0
    next_month = date.fromordinal(period.toordinal() + days_in_month(period))
    return days_in_month(period) if last.date() >= next_month else max(0, (last.date() - period).days)


def has_free_tier_info(selection: BillSelection) -> bool:
    """Whether any line has a list price or a description: free usage is recognised by these."""
    if selection.bill.format == "Cost Explorer":
        return False
    lines = selection.lines
    (row,) = selection.bill.fetch_rows(
        lines.aggregate(listed=lines.list_cost.count(), described=lines.description.count())
    )
    return bool(row["listed"] or row["described"])


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of some amounts, exact."""
    return sum(amounts, ZERO)
