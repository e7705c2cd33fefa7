"""Compare two months of a bill, and explain each difference by quantity, rate, free tier, new or gone usage."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.selection import (
    BillSelection,
    Unknown,
    days_in_month,
    format_money,
    granularity,
    select,
)
from esaws.costs.analysis.usage_by_day import ZERO, complete_days, total
from esaws.costs.bill.credits import CreditSplit
from esaws.costs.results import TableResult
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill

EFFECTS = ("quantity", "rate", "free_tier", "new", "gone", "other")
"""The reasons of a difference; `other` is for charges without a quantity, and for taxes."""
_KEY_COLUMNS = ("service", "usage_type", "operation", "line_item_type")
Key = tuple[str, str, str, str]
"""The values of `_KEY_COLUMNS`."""
_DECIMALS = 10
"""The decimals of AWS's amounts."""


@dataclass(frozen=True)
class CostChange:
    """The costs of one kind of usage in two months; the effects add up to the difference exactly."""

    service: str
    usage_type: str
    operation: str
    line_item_type: str
    before: Decimal
    after: Decimal
    quantity: Decimal = ZERO
    """The effect of another quantity, at the rate of the first month."""
    rate: Decimal = ZERO
    """The effect of another rate, on the charged quantity of the second month."""
    free_tier: Decimal = ZERO
    """The effect of more or less free usage."""
    new: Decimal = ZERO
    gone: Decimal = ZERO
    other: Decimal = ZERO

    @property
    def difference(self) -> Decimal:
        return self.after - self.before

    @property
    def label(self) -> str:
        kind = "" if self.line_item_type in ("", "Usage") else self.line_item_type
        words = dict.fromkeys(word for word in (self.service, self.usage_type, self.operation, kind) if word)
        return " ".join(words) or "all"


@dataclass(frozen=True)
class MonthOverMonth(TableResult):
    """Two months, or the same first days of both, and the changes between them, before credits."""

    before: date
    after: date
    days: int | None
    """The number of first days of both months that are compared; None where they are compared whole."""
    changes: tuple[CostChange, ...]
    """The largest first."""
    currency: str
    left_out_before: Decimal
    """Charges after those days, which are not compared."""
    left_out_after: Decimal
    split_before: CreditSplit
    """What was used on the compared days, paid by credits and to pay."""
    split_after: CreditSplit

    @property
    def total_before(self) -> Decimal:
        return total(change.before for change in self.changes)

    @property
    def total_after(self) -> Decimal:
        return total(change.after for change in self.changes)

    def effects(self) -> dict[str, Decimal]:
        """The sum of each effect; together they are the difference between the months."""
        return {name: total(getattr(change, name) for change in self.changes) for name in EFFECTS}

    def to_frame(self) -> pandas.DataFrame:
        """One row a change, the largest first, indexed by service, usage type and operation.

        Columns, in the currency: before, after, difference, and its effects: quantity, rate, free_tier, new, gone,
        other.
        """
        import pandas

        columns = ("before", "after", "difference", *EFFECTS)
        rows = [[float(getattr(change, name)) for name in columns] for change in self.changes]
        index = pandas.Index([change.label for change in self.changes], name="what", dtype=object)
        return pandas.DataFrame(rows, index=index, columns=list(columns), dtype=float)

    def to_dict(self) -> dict[str, Any]:
        """before, after (months), days, currency, total_before, total_after, credits, to_pay, effects, changes.

        Totals and changes are before credits. credits and to_pay are {before, after}; credits are null where the bill
        does not show them. effects has an amount for each effect; changes is a list of the frame's rows, with the key
        what.
        """
        before, after = self.split_before.to_dict(), self.split_after.to_dict()
        return {
            "before": f"{self.before:%Y-%m}",
            "after": f"{self.after:%Y-%m}",
            "days": self.days,
            "currency": self.currency,
            "total_before": float(self.total_before),
            "total_after": float(self.total_after),
            "credits": {"before": before["credits"], "after": after["credits"]},
            "to_pay": {"before": before["to_pay"], "after": after["to_pay"]},
            "effects": {name: float(amount) for name, amount in self.effects().items()},
            "changes": self.to_frame().reset_index().to_dict("records"),
        }

    def draw(self, top: int = 8) -> Chart:
        """A waterfall from one month to the other: the `top` largest changes with their reason, then all others."""
        from esaws.costs.analysis.month_over_month_chart import draw_month_over_month

        return draw_month_over_month(self, top)

    def __repr__(self) -> str:
        before, after = format_money(self.total_before, self.currency), format_money(self.total_after, self.currency)
        days = f", {self.days} days each" if self.days else ""
        credits = ""
        if self.has_credits:
            to_pay = [format_money(split.to_pay, self.currency) for split in (self.split_before, self.split_after)]
            credits = f" before credits; {to_pay[0]} and {to_pay[1]} to pay"
        return f"from {before} in {self.before:%Y-%m} to {after} in {self.after:%Y-%m}{days}{credits}"

    @property
    def has_credits(self) -> bool:
        """Whether credits paid in either month."""
        return bool(self.split_before.credits or self.split_after.credits)


def month_over_month(
    bill: Bill,
    before: date | None = None,
    after: date | None = None,
    *,
    metric: str | None = None,
    currency: str | None = None,
) -> MonthOverMonth | Unknown:
    """Compare two months of a bill, by default the last one and the one before it.

    Changes are of costs before credits; what credits paid in both months is beside them. Months of different length,
    or an incomplete one, are compared over the same number of first days where the bill has daily lines. Returns
    `Unknown` where the bill covers one month only.

    Raises:
        UsageError: both months are the same; or the bill does not have the metric, the currency or a month.
    """
    if len(bill.months) < 2 and (before is None or after is None):
        return Unknown("what changed", f"the bill covers {bill.period or 'no month'} only; read another month with it")
    last = (after or bill.months[-1]).replace(day=1)
    earlier = [month for month in bill.months if month < last]
    if before is None and not earlier:
        return Unknown("what changed", f"the bill has no month before {last:%Y-%m}")
    first = (before or earlier[-1]).replace(day=1)
    if first == last:
        raise UsageError(f"both months are {first:%Y-%m}: choose two different ones")
    selections = [select(bill, metric, currency, month) for month in (first, last)]
    days = _comparable_days(selections, (first, last))
    if days == 0:
        return Unknown("what changed", f"the bill has no complete day in {first:%Y-%m} or in {last:%Y-%m}")
    amounts_before, left_out_before = _amounts(selections[0], first, days)
    amounts_after, left_out_after = _amounts(selections[1], last, days)
    keys = sorted({*amounts_before, *amounts_after})
    changes = [explain_change(key, amounts_before.get(key), amounts_after.get(key)) for key in keys]
    changes = [change for change in changes if change.before or change.after]
    changes.sort(key=lambda change: (-abs(change.difference), change.label))
    splits = [_split(selection, month, days) for selection, month in zip(selections, (first, last), strict=True)]
    currency = selections[0].currency
    return MonthOverMonth(first, last, days, tuple(changes), currency, left_out_before, left_out_after, *splits)


@dataclass
class MonthlyAmount:
    """Cost and quantity of one kind of usage in a month."""

    cost: Decimal = ZERO
    quantity: Decimal = ZERO
    free: Decimal = ZERO
    has_quantity: bool = False
    """Whether it is usage with a quantity."""


def _comparable_days(selections: list[BillSelection], months: tuple[date, date]) -> int | None:
    if any(granularity(selection) == "months" for selection in selections):
        return None
    days = [complete_days(selection, month) for selection, month in zip(selections, months, strict=True)]
    lengths = [days_in_month(month) for month in months]
    return None if days == lengths and lengths[0] == lengths[1] else min(days)


def _amounts(selection: BillSelection, month: date, days: int | None) -> tuple[dict[Key, MonthlyAmount], Decimal]:
    lines = selection.lines.mutate(**{name: selection.lines[name].fill_null("") for name in _KEY_COLUMNS})
    within = _is_within(lines, month, days)
    lines = lines.mutate(is_free=lines.free.fill_null(False), within=within, recurring=lines.recurs)
    table = lines.group_by(*_KEY_COLUMNS, "is_free", "within", "recurring").aggregate(
        quantity=lines.quantity.sum(), cost=lines.amount.sum()
    )
    amounts: dict[Key, MonthlyAmount] = defaultdict(MonthlyAmount)
    left_out = ZERO
    for row in selection.fetch_rows(table):
        cost, quantity = row["cost"] or ZERO, row["quantity"] or ZERO
        if not row["within"]:
            left_out += cost
            continue
        amount = amounts[row["service"], row["usage_type"], row["operation"], row["line_item_type"]]
        amount.cost += cost
        amount.quantity += quantity
        amount.free += quantity if row["is_free"] else ZERO
        amount.has_quantity = amount.has_quantity or bool(row["recurring"] and quantity)
    return amounts, left_out


def _is_within(lines: ir.Table, month: date, days: int | None) -> ir.BooleanValue:
    last_day = month.replace(day=days) if days else date.max
    return (lines.start.date() <= last_day).fill_null(True)


def _split(selection: BillSelection, month: date, days: int | None) -> CreditSplit:
    lines, credits = (table.filter(_is_within(table, month, days)) for table in (selection.lines, selection.credits))
    return replace(selection, lines=lines, credits=credits).split()


def explain_change(key: Key, before: MonthlyAmount | None, after: MonthlyAmount | None) -> CostChange:
    """Split the difference of two products, charged quantity times rate, into its terms."""
    one, two = before or MonthlyAmount(), after or MonthlyAmount()
    difference = two.cost - one.cost
    if before is None:
        return CostChange(*key, one.cost, two.cost, new=difference)
    if after is None:
        return CostChange(*key, one.cost, two.cost, gone=difference)
    charged_before, charged_after = one.quantity - one.free, two.quantity - two.free
    pairs = ((one, charged_before), (two, charged_after))
    rates = [amount.cost / quantity for amount, quantity in pairs if quantity > 0]
    is_explainable = one.has_quantity and two.has_quantity and bool(rates)
    if not is_explainable or (charged_before <= 0 and one.cost) or (charged_after <= 0 and two.cost):
        return CostChange(*key, one.cost, two.cost, other=difference)
    quantity = round(rates[0] * (two.quantity - one.quantity), _DECIMALS)
    free_tier = round(-rates[0] * (two.free - one.free), _DECIMALS)
    if len(rates) == 1:
        return CostChange(*key, one.cost, two.cost, quantity=difference - free_tier, free_tier=free_tier)
    rate = difference - quantity - free_tier
    return CostChange(*key, one.cost, two.cost, quantity=quantity, free_tier=free_tier, rate=rate)
