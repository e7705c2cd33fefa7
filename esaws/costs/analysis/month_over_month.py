"""What changed between two months and why: quantities, rates, what was free, new things and gone ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from esaws.costs.analysis.selection import Chosen, Unknown, chosen, days_in, money, spans
from esaws.costs.analysis.usage_by_day import NOTHING, complete_days, total
from esaws.errors import UsageError

if TYPE_CHECKING:
    import pandas

    from esaws.costs.bill.bill import Bill

EFFECTS = ("quantity", "rate", "free_tier", "new", "gone", "other")
"""Why something costs more or less; `other` is what nobody can tell: charges that have no quantity, and taxes."""
_NAMES = ("service", "usage_type", "operation", "line_item_type")
_Key = tuple[str, str, str, str]
_DIGITS = 10
"""AWS's decimals of an amount."""


@dataclass(frozen=True)
class Change:
    """What one usage cost before and after, and why: the effects add up to the difference exactly."""

    service: str
    usage_type: str
    operation: str
    line_item_type: str
    before: Decimal
    after: Decimal
    quantity: Decimal = NOTHING
    """More or less of it, at the rate of before."""
    rate: Decimal = NOTHING
    """Another rate, of what was charged after."""
    free_tier: Decimal = NOTHING
    """Less or more of it was free."""
    new: Decimal = NOTHING
    gone: Decimal = NOTHING
    other: Decimal = NOTHING

    @property
    def difference(self) -> Decimal:
        return self.after - self.before

    @property
    def what(self) -> str:
        kind = "" if self.line_item_type in ("", "Usage") else self.line_item_type
        words = dict.fromkeys(word for word in (self.service, self.usage_type, self.operation, kind) if word)
        return " ".join(words) or "all"


@dataclass(frozen=True)
class Changes:
    """Two months, or the same first days of both, and what makes the difference."""

    before: date
    after: date
    days: int | None
    """Both are counted over so many of their first days; None where they are counted whole."""
    changes: tuple[Change, ...]
    """The largest first."""
    currency: str
    left_out_before: Decimal
    """What was charged behind those days, and is not compared."""
    left_out_after: Decimal

    @property
    def total_before(self) -> Decimal:
        return total(change.before for change in self.changes)

    @property
    def total_after(self) -> Decimal:
        return total(change.after for change in self.changes)

    def effects(self) -> dict[str, Decimal]:
        """How much each effect makes of the difference; all of them add up to it."""
        return {name: total(getattr(change, name) for change in self.changes) for name in EFFECTS}

    def to_frame(self) -> pandas.DataFrame:
        """One row a change, the largest first, by what it is of.

        Columns, in the currency: before, after, difference, and what makes it: quantity, rate, free_tier, new, gone,
        other.
        """
        import pandas

        columns = ("before", "after", "difference", *EFFECTS)
        rows = [[float(getattr(change, name)) for name in columns] for change in self.changes]
        index = pandas.Index([change.what for change in self.changes], name="what", dtype=object)
        return pandas.DataFrame(rows, index=index, columns=list(columns), dtype=float)

    def __repr__(self) -> str:
        one, two = money(self.total_before, self.currency), money(self.total_after, self.currency)
        span = f", {self.days} days each" if self.days else ""
        return f"from {one} in {self.before:%Y-%m} to {two} in {self.after:%Y-%m}{span}"


def changes(
    bill: Bill,
    before: date | None = None,
    after: date | None = None,
    *,
    metric: str | None = None,
    currency: str | None = None,
) -> Changes | Unknown:
    """What changed from one month to another, by default the last of the bill and the one before it in the bill.

    Months of different length, and one that still runs, are compared over the same number of first days, where the bill
    tells days. Unknown where the bill is of one month alone.

    Raises:
        UsageError: both months are the same; or as `chosen`.
    """
    if len(bill.months) < 2 and (before is None or after is None):
        return Unknown("what changed", f"the bill is of {bill.period or 'no month'} alone: read another month with it")
    last = (after or bill.months[-1]).replace(day=1)
    earlier = [month for month in bill.months if month < last]
    if before is None and not earlier:
        return Unknown("what changed", f"the bill has no month before {last:%Y-%m}")
    first = (before or earlier[-1]).replace(day=1)
    if first == last:
        raise UsageError(f"both months are {first:%Y-%m}: choose two")
    of = [chosen(bill, metric, currency, month) for month in (first, last)]
    days = _days(of, (first, last))
    if days == 0:
        return Unknown("what changed", f"no day of {first:%Y-%m} or of {last:%Y-%m} is complete in the bill")
    one, left_one = _amounts(of[0], first, days)
    two, left_two = _amounts(of[1], last, days)
    found = [_change(key, one.get(key), two.get(key)) for key in sorted({*one, *two})]
    kept = [change for change in found if change.before or change.after]
    kept.sort(key=lambda change: (-abs(change.difference), change.what))
    return Changes(first, last, days, tuple(kept), of[0].currency, left_one, left_two)


@dataclass
class _Amount:
    cost: Decimal = NOTHING
    quantity: Decimal = NOTHING
    free: Decimal = NOTHING
    counted: bool = False
    """Whether it is usage and has a quantity."""


def _days(of: list[Chosen], months: tuple[date, date]) -> int | None:
    if any(spans(each) == "months" for each in of):
        return None
    days = [complete_days(each, month) for each, month in zip(of, months, strict=True)]
    whole = [days_in(month) for month in months]
    return None if days == whole and whole[0] == whole[1] else min(days)


def _amounts(of: Chosen, month: date, days: int | None) -> tuple[dict[_Key, _Amount], Decimal]:
    lines = of.lines.mutate(**{name: of.lines[name].fill_null("") for name in _NAMES})
    until = month.replace(day=days) if days else date.max
    within = (lines.start.date() <= until).fill_null(True)
    lines = lines.mutate(at_no_cost=lines.free.fill_null(False), within=within, recurring=lines.recurs)
    table = lines.group_by(*_NAMES, "at_no_cost", "within", "recurring").aggregate(
        quantity=lines.quantity.sum(), cost=lines.amount.sum()
    )
    found: dict[_Key, _Amount] = defaultdict(_Amount)
    left_out = NOTHING
    for row in of.rows_of(table):
        cost, quantity = row["cost"] or NOTHING, row["quantity"] or NOTHING
        if not row["within"]:
            left_out += cost
            continue
        amount = found[row["service"], row["usage_type"], row["operation"], row["line_item_type"]]
        amount.cost += cost
        amount.quantity += quantity
        amount.free += quantity if row["at_no_cost"] else NOTHING
        amount.counted = amount.counted or bool(row["recurring"] and quantity)
    return found, left_out


def _change(key: _Key, before: _Amount | None, after: _Amount | None) -> Change:
    """Paid quantity times rate, before and after: the difference of the two products, term by term."""
    one, two = before or _Amount(), after or _Amount()
    difference = two.cost - one.cost
    if before is None:
        return Change(*key, one.cost, two.cost, new=difference)
    if after is None:
        return Change(*key, one.cost, two.cost, gone=difference)
    paid, paid_after = one.quantity - one.free, two.quantity - two.free
    rates = [amount.cost / quantity for amount, quantity in ((one, paid), (two, paid_after)) if quantity > 0]
    told = one.counted and two.counted and bool(rates)
    if not told or (paid <= 0 and one.cost) or (paid_after <= 0 and two.cost):
        return Change(*key, one.cost, two.cost, other=difference)
    more = round(rates[0] * (two.quantity - one.quantity), _DIGITS)
    freed = round(-rates[0] * (two.free - one.free), _DIGITS)
    if len(rates) == 1:
        return Change(*key, one.cost, two.cost, quantity=difference - freed, free_tier=freed)
    return Change(*key, one.cost, two.cost, quantity=more, free_tier=freed, rate=difference - more - freed)
