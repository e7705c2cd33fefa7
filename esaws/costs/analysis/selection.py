"""The part of a bill that an analysis reads: the lines of one currency, counted by one metric.

`Unknown` is the answer where a bill does not contain what the question needs.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.credits import CreditSplit, format_money, has_no_type, is_credit
from esaws.costs.bill.free_tier import to_decimal
from esaws.costs.bill.schema import METRICS
from esaws.costs.results import TableResult
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill

_LONGEST_DAY_H = 25
"""The day on which clocks are put back has 25 hours."""

__all__ = ["BillSelection", "Unknown", "days_in_month", "format_money", "granularity", "line_hours", "select"]

UNNAMED_CURRENCY = "unknown"
"""Stands for the currency of lines that name none."""

RECURRING = (
    "",
    "Usage",
    "DiscountedUsage",
    "SavingsPlanCoveredUsage",
    "SavingsPlanNegation",
    "SavingsPlanRecurringFee",
    "EdpDiscount",
    "PrivateRateDiscount",
    "BundledDiscount",
    "DistributorDiscount",
)
"""The types of line items that recur as usage does. All others (tax, fees, refunds) are charged once.

https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html#Lineitem-details-L-LineItemType
"""


@dataclass(frozen=True)
class Unknown(TableResult):
    """The answer to a question that a bill can't answer; `reason` says why, and which data would help."""

    question: str
    reason: str

    def to_frame(self) -> pandas.DataFrame:
        """One row, indexed by the question, with the column unknown: the reason."""
        import pandas

        return pandas.DataFrame({"unknown": [self.reason]}, index=pandas.Index([self.question], name="question"))

    def to_dict(self) -> dict[str, Any]:
        """unknown: the reason."""
        return {"unknown": self.reason}

    def draw(self, *_: Any) -> Chart:
        """A picture that says so; it takes and ignores the arguments of the result that it stands for."""
        from esaws.costs.analysis.charts import draw_unknown

        return draw_unknown(self)

    def __repr__(self) -> str:
        return f"unknown: {self.reason}"

    def __bool__(self) -> bool:
        raise TypeError("an unknown answer is neither true nor false; use isinstance(answer, Unknown)")


@dataclass(frozen=True)
class BillSelection:
    """Lines of a bill in one currency before credits, and the credits apart, each with two more columns.

    `amount` is the cost by the metric. `recurs` is true for lines of recurring usage that span a day or less.
    """

    bill: Bill
    lines: ir.Table
    """All lines but credits. Where the bill does not show credits, amounts are what is left after them."""
    credits: ir.Table
    """The lines that are credits; their amounts are negative."""
    metric: str
    currency: str
    shows_credits: bool
    """Whether every line has a type, which is what tells credits from usage."""

    def split(self) -> CreditSplit:
        """The sums before and after credits."""
        (before,) = self.fetch_rows(self.lines.aggregate(cost=self.lines.amount.sum()))
        (credits,) = self.fetch_rows(self.credits.aggregate(cost=self.credits.amount.sum()))
        paid = -(credits["cost"] or Decimal(0))
        return CreditSplit((before["cost"] or Decimal(0)) - paid, paid if self.shows_credits else None)

    def fetch_rows(self, table: ir.Table) -> list[dict[str, Any]]:
        """The rows of an aggregate, with numbers as decimals.

        Raises:
            UsageError: an amount is not a number.
        """
        rows = []
        for row in self.bill.fetch_rows(table):
            if any(isinstance(value, float) and not isfinite(value) for value in row.values()):
                raise self.bill.invalid_cost_error()
            rows.append({name: to_decimal(x) if isinstance(x, float | Decimal) else x for name, x in row.items()})
        return rows


def select(
    bill: Bill, metric: str | None = None, currency: str | None = None, period: date | None = None
) -> BillSelection:
    """Select the lines of a bill in one currency, and optionally of one month.

    Raises:
        UsageError: the bill does not have the metric, the currency or the month; or it has several currencies and
            `currency` is not given.
    """
    metric = bill.resolve_metric(metric)
    lines = bill.lines
    if period is not None:
        period = period.replace(day=1)
        if period not in bill.months:
            raise UsageError(f"the bill does not cover {period:%Y-%m}; it covers {_format_months(bill)}")
        lines = lines.filter(lines.period == period)
    has_cost: dict[str, bool] = {}
    shows_credits: dict[str, bool] = {}
    for row in bill.fetch_rows(_by_currency(bill, metric)):
        if row["cost"] is not None and not isfinite(row["cost"]):
            raise bill.invalid_cost_error()
        name = row["currency"] or UNNAMED_CURRENCY
        has_cost[name] = bool(row["cost"])
        shows_credits[name] = not row["untyped"]
    names = [name for name, any_cost in has_cost.items() if name != UNNAMED_CURRENCY or any_cost] or list(has_cost)
    if currency is None and len(names) > 1:
        choice = f"choose one: currency={names[0]!r}, or --currency {names[0]}"
        raise UsageError(f"the bill is in {' and '.join(names)}, which can't be added up; {choice}")
    if currency is not None and currency not in names:
        raise UsageError(f"the bill has no costs in {currency}; it is in {' and '.join(names) or 'no currency'}")
    currency = currency or next(iter(names), UNNAMED_CURRENCY)
    if len(has_cost) > 1:
        lines = lines.filter(lines.currency.fill_null("") == ("" if currency == UNNAMED_CURRENCY else currency))
    amount = lines[METRICS[metric]]
    lines = lines.mutate(amount=amount.fill_null(_zero(amount)), recurs=_recurs(lines))
    used, credits = lines.filter(~is_credit(lines)), lines.filter(is_credit(lines))
    return BillSelection(bill, used, credits, metric, currency, shows_credits.get(currency, True))


def _by_currency(bill: Bill, metric: str) -> ir.Table:
    lines = bill.lines.mutate(currency=bill.lines.currency.fill_null(""))
    return (
        lines.group_by("currency")
        .aggregate(cost=lines[METRICS[metric]].sum(), untyped=has_no_type(lines).sum())
        .order_by("currency")
    )


def _zero(amount: ir.Value) -> ir.Value:
    import ibis

    return ibis.literal(0).cast(amount.type())


def _recurs(lines: ir.Table) -> ir.BooleanValue:
    has_recurring_type = lines.line_item_type.fill_null("").isin(RECURRING) & (lines.service.fill_null("") != "Tax")
    return has_recurring_type & (line_hours(lines) <= _LONGEST_DAY_H).fill_null(True)


def line_hours(lines: ir.Table) -> ir.NumericValue:
    """The hours from start to end of a line; NULL where either is missing."""
    return (lines.end.epoch_seconds() - lines.start.epoch_seconds()) / 3600


def granularity(selection: BillSelection) -> str:
    """The time span of most usage lines: `hours`, `days` or `months`."""
    usage = selection.lines.filter(selection.lines.line_item_type.fill_null("").isin(RECURRING))
    hours = line_hours(usage)
    (row,) = selection.bill.fetch_rows(
        usage.aggregate(
            known=hours.count(),
            hourly=(hours <= 1).sum().fill_null(0),
            daily=(hours <= _LONGEST_DAY_H).sum().fill_null(0),
            starts=usage.start.nunique(),
            days=usage.start.date().nunique(),
        )
    )
    if not row["starts"]:
        return "days"
    if not row["known"]:
        return "hours" if row["starts"] > row["days"] else "days" if row["days"] > 1 else "months"
    if row["hourly"] * 2 >= row["known"]:
        return "hours"
    return "days" if row["daily"] * 2 >= row["known"] else "months"


def days_in_month(month: date) -> int:
    return calendar.monthrange(month.year, month.month)[1]


def _format_months(bill: Bill) -> str:
    return ", ".join(f"{month:%Y-%m}" for month in bill.months) or "no month"
