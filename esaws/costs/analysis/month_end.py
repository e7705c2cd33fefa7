"""Project what the running month will cost by its end, with an 80 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import sqrt
from statistics import stdev
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.projection import ProjectedLine, Projection
from esaws.costs.analysis.selection import (
    BillSelection,
    Unknown,
    days_in_month,
    format_money,
    granularity,
    select,
)
from esaws.costs.analysis.usage_by_day import ZERO, complete_days, daily_usage, total
from esaws.costs.results import TableResult
from esaws.pricelist import PriceList, bundled

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill

WINDOW_DAYS = 7
"""The days that the projection rests on: a whole week, as weekends differ from other days."""
MIN_DAYS_FOR_INTERVAL = 3
"""With fewer complete days there is no interval."""
_T_90 = {2: 1.886, 3: 1.638, 4: 1.533, 5: 1.476, 6: 1.440}
"""The 90 % quantile of Student's t by degrees of freedom: 80 % lie between it and its negative."""


@dataclass(frozen=True)
class MonthEnd(TableResult):
    """The projected cost of a month, in the currency, before the charges that AWS adds when it closes the month."""

    period: date
    currency: str
    complete_days: int
    """The complete days of the month that the bill has."""
    so_far: Decimal
    """Charges so far, one-off charges included."""
    one_off: Decimal
    """Tax, fees, credits and purchases so far: part of all sums, with no more projected."""
    expected: Decimal
    low: Decimal | None
    """The 80 % interval is from `low` to `high`; None where the bill has fewer than three complete days."""
    high: Decimal | None
    is_lower_bound: bool
    """Whether the month may cost more than `expected` for a reason that the notes name."""
    lines: tuple[ProjectedLine, ...]
    """The most expensive first."""
    exhausted: tuple[tuple[str, Decimal], ...]
    """Allowances (with the payer, where there are several) that will be used up, and the day of the month, like 3.5."""
    cumulative: tuple[tuple[int, Decimal], ...]
    """(day of the month, amount charged by its end): the complete days, then the projected ones."""
    notes: tuple[str, ...]

    @property
    def at_least(self) -> Decimal | None:
        """The amount that the month will not fall below: the charges so far; None where they may still go down."""
        return None if self.expected < self.so_far else self.so_far

    def to_frame(self) -> pandas.DataFrame:
        """One row for each usage, the most expensive first, then the one-off charges; they add up to `expected`.

        Columns: so_far, rest (of the month), month, in the currency.
        """
        import pandas

        rows = [(line.usage, line.so_far, line.rest) for line in self.lines]
        rows.append(("one-off charges", self.one_off, ZERO))
        values = [(float(so_far), float(rest), float(so_far + rest)) for _, so_far, rest in rows]
        index = pandas.Index([usage for usage, _, _ in rows], name="what")
        return pandas.DataFrame(values, columns=["so_far", "rest", "month"], index=index)

    def to_dict(self) -> dict[str, Any]:
        """period, currency, expected, low, high, at_least (each None where not known), so_far, complete_days, notes."""
        amounts = {name: getattr(self, name) for name in ("expected", "low", "high", "at_least", "so_far")}
        return {
            "period": f"{self.period:%Y-%m}",
            "currency": self.currency,
            **{name: None if amount is None else float(amount) for name, amount in amounts.items()},
            "complete_days": self.complete_days,
            "notes": list(self.notes),
        }

    def draw(self) -> Chart:
        """A solid line to the last complete day, a dashed one to the end of the month, and the interval."""
        from esaws.costs.analysis.month_end_chart import draw_month_end

        return draw_month_end(self)

    def __repr__(self) -> str:
        band = "" if self.low is None or self.high is None else f", 80 % between {self.low:,.2f} and {self.high:,.2f}"
        least = "at least " if self.is_lower_bound else ""
        return f"{self.period:%Y-%m} will come to {least}{format_money(self.expected, self.currency)}{band}"


def month_end(
    bill: Bill,
    *,
    period: date | None = None,
    metric: str | None = None,
    currency: str | None = None,
    prices: PriceList | None = None,
) -> MonthEnd | Unknown:
    """Project what a month, by default the last of the bill, will cost if its last seven days (at most) go on.

    Each usage continues at its daily mean, counted from the first of those days on which it occurred. Usage under an
    allowance stays free until the payer has used it up. It is then charged as the bill charged it before, else at the
    list price of `prices` (the bundled ones by default). One-off charges stay as they are.

    The interval assumes that days differ by chance and independently: 80 % of the sums of the remaining days lie
    within Student's t of the spread of the known days.

    Returns `Unknown` where the bill has monthly lines only, or no complete day.

    Raises:
        UsageError: the bill does not have the metric, the currency or the month.
    """
    question = "what the month will come to"
    if period is None and not bill.months:
        return Unknown(question, "the bill has no lines")
    month = (period or bill.months[-1]).replace(day=1)
    selection = select(bill, metric, currency, month)
    if granularity(selection) == "months":
        return Unknown(question, f"this {bill.format} bill has monthly lines; read one with daily lines")
    days, length = complete_days(selection, month), days_in_month(month)
    if not days:
        return Unknown(question, f"the bill has no complete day of {month:%Y-%m} yet")
    known_days = [month.replace(day=day) for day in range(max(1, days - WINDOW_DAYS + 1), days + 1)]
    projection = Projection(selection, daily_usage(selection), known_days, length - days, prices or bundled())
    one_off = _one_off_charges(selection)
    so_far = one_off + total(line.so_far for line in projection.lines)
    expected = so_far + total(line.rest for line in projection.lines)
    low, high = _interval(so_far, expected, interval_margin(projection.daily_values(known_days), length - days))
    notes = projection.notes
    if one_off:
        notes.append("tax, fees, credits and monthly charges are included as they are; no more are projected")
    return MonthEnd(
        month,
        selection.currency,
        days,
        so_far,
        one_off,
        expected,
        low,
        high,
        projection.is_lower_bound,
        tuple(sorted(projection.lines, key=lambda line: (-(line.so_far + line.rest), line.usage))),
        tuple(sorted(projection.exhausted(days), key=lambda item: (item[1], item[0]))),
        tuple(projection.cumulative(month, days, length, one_off)),
        tuple(notes),
    )


def _interval(so_far: Decimal, expected: Decimal, margin: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    if margin is None:
        return None, None
    low = expected - margin
    return low if expected < so_far else max(low, so_far), expected + margin


def interval_margin(daily_values: Sequence[float], days_left: int) -> Decimal | None:
    """Half of the interval: the sum of the remaining days varies, and so does the mean that it is projected from."""
    if not days_left:
        return ZERO
    if len(daily_values) < MIN_DAYS_FOR_INTERVAL:
        return None
    known = len(daily_values)
    return Decimal(_T_90[known - 1] * stdev(daily_values) * sqrt(days_left + days_left * days_left / known))


def _one_off_charges(selection: BillSelection) -> Decimal:
    lines = selection.lines
    lines = lines.filter(~(lines.recurs & lines.start.notnull()).fill_null(False))
    (row,) = selection.fetch_rows(lines.aggregate(cost=lines.amount.sum()))
    return row["cost"] or ZERO
