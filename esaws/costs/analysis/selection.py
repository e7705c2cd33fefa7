"""What of a bill is looked at: the lines of one currency, counted by one metric; or that a bill can't tell."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.free_tier import decimal
from esaws.costs.bill.queries import totals
from esaws.costs.bill.schema import METRICS
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas

    from esaws.costs.bill.bill import Bill

_CENT = 0.01
_DAY = 25
"""The hours of a day, also of that on which clocks are put back."""

UNNAMED = "unknown"
"""The currency of lines that name none."""

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
"""The types of line items that go on as usage does; all others (tax, fees, credits, refunds) are charged at once.

https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html#Lineitem-details-L-LineItemType
"""


@dataclass(frozen=True)
class Unknown:
    """The bill can't tell; `why`, and what could."""

    question: str
    why: str

    def to_frame(self) -> pandas.DataFrame:
        """One row, by the question: why it can't be told."""
        import pandas

        return pandas.DataFrame({"unknown": [self.why]}, index=pandas.Index([self.question], name="question"))

    def __repr__(self) -> str:
        return f"unknown: {self.why}"

    def __bool__(self) -> bool:
        raise TypeError("unknown is neither yes nor no: ask isinstance(answer, Unknown)")


@dataclass(frozen=True)
class Chosen:
    """Lines of one currency with two more columns: `amount`, by the metric, and `recurs`, whether it goes on as usage
    does and is told by days or hours."""

    bill: Bill
    lines: ir.Table
    metric: str
    currency: str

    @property
    def cost(self) -> ir.NumericValue:
        """What each line costs."""
        return self.lines.amount

    def rows_of(self, table: ir.Table) -> list[dict[str, Any]]:
        """The rows of an aggregate; NULL text is empty, and numbers are decimals.

        Raises:
            UsageError: an amount is no number.
        """
        found = []
        for row in self.bill.rows_of(table):
            if any(isinstance(value, float) and not isfinite(value) for value in row.values()):
                raise self.bill.no_number()
            found.append({name: decimal(x) if isinstance(x, float | Decimal) else x for name, x in row.items()})
        return found


def chosen(bill: Bill, metric: str | None = None, currency: str | None = None, period: date | None = None) -> Chosen:
    """The lines of a bill in one currency, and perhaps of one month.

    Raises:
        UsageError: the bill does not have the metric, the currency or the month, or has several currencies and none is
            chosen.
    """
    counted = bill.metric(metric)
    lines = bill.lines
    if period is not None:
        period = period.replace(day=1)
        if period not in bill.months:
            raise UsageError(f"the bill has no {period:%Y-%m}; it is of {_months(bill)}")
        lines = lines.filter(lines.period == period)
    amounts: dict[str, bool] = {}
    for row in bill.rows_of(totals(bill.lines, counted)):
        if row["cost"] is not None and not isfinite(row["cost"]):
            raise bill.no_number()
        amounts[row["currency"] or UNNAMED] = bool(row["cost"])
    names = [name for name, any_cost in amounts.items() if name != UNNAMED or any_cost] or list(amounts)
    if currency is None and len(names) > 1:
        raise UsageError(f"the bill is in {' and '.join(names)}, which are never added: choose a currency")
    if currency is not None and currency not in names:
        raise UsageError(f"nothing in the bill is in {currency}; it is in {' and '.join(names) or 'no currency'}")
    one = currency or next(iter(names), UNNAMED)
    if len(amounts) > 1:
        said = lines.currency.fill_null("")
        lines = lines.filter(said == ("" if one == UNNAMED else one))
    amount = lines[METRICS[counted]]
    lines = lines.mutate(amount=amount.fill_null(_zero(amount)), recurs=_recurs(lines))
    return Chosen(bill, lines, counted, one)


def _zero(amount: ir.Value) -> ir.Value:
    import ibis

    return ibis.literal(0).cast(amount.type())


def _recurs(lines: ir.Table) -> ir.BooleanValue:
    of_type = lines.line_item_type.fill_null("").isin(RECURRING) & (lines.service.fill_null("") != "Tax")
    return of_type & (hours_of(lines) <= _DAY).fill_null(True)


def hours_of(lines: ir.Table) -> ir.NumericValue:
    """How many hours a line spans; NULL where it does not say."""
    return (lines.end.epoch_seconds() - lines.start.epoch_seconds()) / 3600


def spans(of: Chosen) -> str:
    """What most usage of a bill is told by: `hours`, `days` or `months`."""
    usage = of.lines.filter(of.lines.line_item_type.fill_null("").isin(RECURRING))
    hours = hours_of(usage)
    (row,) = of.bill.rows_of(
        usage.aggregate(
            known=hours.count(),
            hourly=(hours <= 1).sum().fill_null(0),
            daily=(hours <= _DAY).sum().fill_null(0),
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


def days_in(month: date) -> int:
    return calendar.monthrange(month.year, month.month)[1]


def money(amount: Decimal | float, currency: str) -> str:
    """An amount in words: to the cent, and with two digits below it."""
    small = 0 < abs(float(amount)) < _CENT / 2
    return f"{amount:,.2g} {currency}" if small else f"{amount:,.2f} {currency}"


def _months(bill: Bill) -> str:
    return ", ".join(f"{month:%Y-%m}" for month in bill.months) or "no month"
