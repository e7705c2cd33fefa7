"""Project what the running month will cost by its end, with a range for 8 of 10 months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.credits import Credits, MonthToPay, credits_of, month_to_pay
from esaws.costs.analysis.month_end_range import MIN_DAYS_FOR_RANGE, month_range
from esaws.costs.analysis.projection import ProjectedLine, Projection
from esaws.costs.analysis.selection import (
    BillSelection,
    Unknown,
    days_in_month,
    format_money,
    granularity,
    select,
)
from esaws.costs.analysis.usage_by_day import ZERO, UsageByDay, complete_days, daily_usage, total
from esaws.costs.bill.credits import round_amount
from esaws.costs.results import TableResult
from esaws.pricelist import PriceList, bundled

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill


@dataclass(frozen=True, kw_only=True)
class MonthSoFar:
    """What a bill says about a month: all that a projection needs."""

    period: date
    """The first day of the month."""
    complete_days: int
    """The days of the month, from the first, that the bill has whole."""
    usages: Sequence[UsageByDay]
    one_off: Decimal
    """Fees, refunds and purchases: charged once."""
    currency: str
    bill_format: str
    tax: Decimal = ZERO
    """The tax so far."""

    @property
    def tax_rate(self) -> Decimal:
        """Tax for each unit of the charges so far, refunds left out; 0 where there are none.

        AWS dates the tax of a running month to its first day, and it grows with the charges.
        """
        charges = total(cost for usage in self.usages for cost in usage.cost.values()) + max(ZERO, self.one_off)
        return self.tax / charges if self.tax > 0 and charges > 0 else ZERO


@dataclass(frozen=True)
class MonthEnd(TableResult):
    """The projected cost of a month before credits, in the currency.

    AWS may add charges when it closes the month. Where the bill does not show credits, amounts are after them.
    """

    period: date
    currency: str
    complete_days: int
    """The complete days of the month, from its first."""
    known_days: int
    """Those of them from the first day with any usage: the ones that the projection rests on."""
    so_far: Decimal
    """Charges so far, one-off charges included."""
    one_off: Decimal
    """Fees, refunds and purchases so far: part of all sums, with no more projected."""
    expected: Decimal
    low: Decimal | None
    """The month ends between `low` and `high` in about 8 of 10 cases; None where the bill has fewer than three complete
    days, or no cost in them."""
    high: Decimal | None
    credits: Decimal | None
    """What credits paid so far, positive; None where the bill does not show it."""
    to_pay: MonthToPay
    """What is to pay of `expected` after credits."""
    lines: tuple[ProjectedLine, ...]
    """The most expensive first."""
    exhausted: tuple[tuple[str, Decimal], ...]
    """Allowances (with the payer, where there are several) that will be used up, and the day of the month, like 3.5."""
    cumulative: tuple[tuple[int, Decimal], ...]
    """(day of the month, amount charged by its end): the complete days, then the projected ones."""
    notes: tuple[str, ...]

    @property
    def at_least(self) -> Decimal | None:
        """The amount that the month will not fall below: that of a complete month; None while the month runs.

        Until AWS closes a month, a refund or a corrected line can take back any charge.
        """
        return self.so_far if self.complete_days == days_in_month(self.period) else None

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
        """period, currency, expected, low, high, at_least, so_far, complete_days, notes, and what credits change.

        That is paid_by_credits (so far), to_pay, to_pay_while_credits_last and to_pay_if_credits_end (now), all at the
        end of the month. Amounts that are not known are null; while credits pay, to_pay is.
        """
        amounts = {name: getattr(self, name) for name in ("expected", "low", "high", "at_least", "so_far")}
        return {
            "period": f"{self.period:%Y-%m}",
            "currency": self.currency,
            **{name: _to_json(amount) for name, amount in amounts.items()},
            "complete_days": self.complete_days,
            "paid_by_credits": _to_json(self.credits),
            "to_pay": _to_json(self.to_pay.to_pay),
            "to_pay_while_credits_last": _to_json(self.to_pay.while_credits_last),
            "to_pay_if_credits_end": _to_json(self.to_pay.if_credits_end),
            "notes": list(self.notes),
        }

    def draw(self) -> Chart:
        """A solid line to the last complete day, a dashed one to the end of the month, and the range."""
        from esaws.costs.analysis.month_end_chart import draw_month_end

        return draw_month_end(self)

    def __repr__(self) -> str:
        return self.sentence(f"{self.period:%Y-%m}") + (f"; {self.after_credits}" if self.after_credits else "")

    def sentence(self, month: str) -> str:
        """What `month` came or will come to before credits, with the range."""
        is_complete = self.complete_days == days_in_month(self.period)
        words = f"{month} {'came' if is_complete else 'will come'} to {format_money(self.expected, self.currency)}"
        words += " before credits" if self.credits else ""
        if self.low is None or self.high is None:
            days = "the day" if self.known_days == 1 else f"the {self.known_days} days"
            words += f" if the rest is like {days} so far"
        elif self.high > self.low:
            words += f", with 80 % between {self.low:,.2f} and {self.high:,.2f}"
        return words

    @property
    def after_credits(self) -> str:
        """What is to pay after credits, in words; empty where they paid nothing."""
        if not self.credits:
            return ""
        after = self.to_pay
        if after.to_pay is not None:
            return f"{format_money(after.to_pay, self.currency)} to pay after credits"
        if after.while_credits_last is None or after.if_credits_end is None:
            return "what credits leave to pay is unknown"
        least, most = (
            format_money(amount, self.currency) for amount in (after.while_credits_last, after.if_credits_end)
        )
        return f"{least} to pay while credits last, {most} if they end now"


def month_end(
    bill: Bill,
    *,
    period: date | None = None,
    metric: str | None = None,
    currency: str | None = None,
    prices: PriceList | None = None,
) -> MonthEnd | Unknown:
    """Project what a month, by default the last of the bill that has a complete day, will cost before credits.

    The rest is projected from the days so far (`rest_weights`): by their mean, a weekly pattern, a level that changed
    once, or a trend. Usage under an allowance stays free until the payer has used it up. It is then charged as the bill
    charged it before, else at the list price of `prices` (the bundled ones by default). Tax grows with the charges.
    Other one-off charges, and what is charged on the first of a month alone, stay as they are. `bill.as_of(day)` is the
    bill without the usage after a day.

    `low` and `high` hold the cost in about 8 of 10 months (`month_range`): days differ by chance, and what runs may
    change.

    Returns `Unknown` where the bill has monthly lines only, or no complete day.

    Raises:
        UsageError: the bill does not have the metric, the currency or the month.
    """
    question = "what the month will come to"
    if period is None and not bill.months:
        return Unknown(question, "the bill has no lines")
    days, months = 0, [period.replace(day=1)] if period else list(bill.months[:-3:-1])
    for month in months:
        selection = select(bill, metric, currency, month)
        if granularity(selection) == "months":
            return Unknown(question, f"this {bill.format} bill has monthly lines; read one with daily lines")
        if days := complete_days(selection, month):
            break
    else:
        return Unknown(question, f"the bill has no complete day of {months[0]:%Y-%m} yet")
    tax, one_off = _one_off_charges(selection)
    so_far = MonthSoFar(
        period=month,
        complete_days=days,
        usages=daily_usage(selection),
        one_off=one_off,
        currency=selection.currency,
        bill_format=bill.format,
        tax=tax,
    )
    return project_month(so_far, prices, credits_of(selection))


def project_month(month: MonthSoFar, prices: PriceList | None = None, credits: Credits | None = None) -> MonthEnd:
    """Project a month from what is known of it; `month_end` reads that from a bill."""
    days, length = month.complete_days, days_in_month(month.period)
    known_days = _known_days(month)
    projection = Projection(
        month.bill_format, month.currency, month.usages, known_days, length - days, prices or bundled()
    )
    tax_rate, lines = month.tax_rate, list(projection.lines)
    if month.tax:
        tax_rest = tax_rate * total(line.rest for line in lines)
        daily_tax = tax_rest / (length - days) if days < length else ZERO
        lines.append(ProjectedLine("tax", month.tax, tax_rest, daily_tax, Decimal(1), ZERO))
    so_far = month.one_off + total(line.so_far for line in lines)
    rest = total(line.rest for line in lines)
    billed_later = total(cost for usage in month.usages for day, cost in usage.cost.items() if day > known_days[-1])
    daily = [cost * float(1 + tax_rate) for cost in projection.daily_values(known_days)]
    bounds = month_range(so_far - billed_later, rest + billed_later, daily, length - days)
    low, high = bounds or (None, None)
    if low is not None and min(daily) >= 0:
        low = min(max(low, so_far), so_far + rest)
    notes = list(projection.notes) if days < length else []
    if not bounds:
        few = len(known_days) < MIN_DAYS_FOR_RANGE
        notes.append(f"no range: {'fewer than three complete days' if few else 'no day has a cost yet'}")
    if len(known_days) < days:
        first = known_days[0]
        notes.append(f"no usage is before {first.day} {first:%B}: the days before it count as days without cost")
    with_lines = {day for usage in month.usages for day in usage.quantity}
    if silent := [day for day in known_days if with_lines and day not in with_lines]:
        some = f"{silent[0].day} {silent[0]:%B} has" if len(silent) == 1 else f"{len(silent)} days have"
        notes.append(f"{some} no line in the bill: counted as without cost, though data may be missing")
    if credits is not None:
        notes += credits.notes
    if month.one_off and days < length:
        notes.append("fees, refunds and monthly charges are included as they are; no more are projected")
    if tax_rate and days < length:
        notes.append(f"tax grows with the charges, of which it is {tax_rate:.1%} so far")
    return MonthEnd(
        month.period,
        month.currency,
        days,
        len(known_days),
        so_far,
        month.one_off,
        so_far + rest,
        low,
        high,
        credits.split.credits if credits else None,
        _to_pay(credits, so_far + rest, length - days),
        tuple(sorted(lines, key=lambda line: (-(line.so_far + line.rest), line.usage))),
        tuple(sorted(projection.exhausted(days), key=lambda item: (item[1], item[0]))),
        tuple(projection.cumulative(month.period, days, length, month.one_off + month.tax, tax_rate)),
        tuple(notes),
    )


def _to_pay(credits: Credits | None, expected: Decimal, days_left: int) -> MonthToPay:
    if credits is None or credits.split.credits is None:
        return MonthToPay(expected)  # the amounts are what is left after credits
    return month_to_pay(credits, expected, days_left)


def _known_days(month: MonthSoFar) -> list[date]:
    """The complete days of the month, from the first with any usage: an account may start in the middle."""
    days = [month.period.replace(day=day) for day in range(1, month.complete_days + 1)]
    used = {day for usage in month.usages for day in usage.quantity if usage.quantity[day] or usage.cost.get(day)}
    first = min((day for day in days if day in used), default=days[0])
    return days[first.day - 1 :]


def _one_off_charges(selection: BillSelection) -> tuple[Decimal, Decimal]:
    """Tax, and the other charges that do not recur."""
    lines = selection.lines
    lines = lines.filter(~(lines.recurs & lines.start.notnull()).fill_null(False))
    is_tax = (lines.line_item_type.fill_null("") == "Tax") | (lines.service.fill_null("") == "Tax")
    rows = selection.fetch_rows(lines.mutate(is_tax=is_tax).group_by("is_tax").aggregate(cost=lines.amount.sum()))
    sums = {row["is_tax"]: row["cost"] or ZERO for row in rows}
    return sums.get(True, ZERO), sums.get(False, ZERO)


def _to_json(amount: Decimal | None) -> float | None:
    return None if amount is None else round_amount(amount)
