"""What credits paid, how much a day, when they ended, and what is to pay since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.selection import BillSelection, format_money, granularity, select
from esaws.costs.analysis.usage_by_day import ZERO, total
from esaws.costs.bill.covered_days import covered_days
from esaws.costs.bill.credits import NET_OF_CREDITS, CreditSplit, round_amount
from esaws.costs.results import TableResult

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.cloud import Cloud
    from esaws.costs.bill.bill import Bill

WINDOW_DAYS = 7
"""The last days that the amounts a day are the mean of: a whole week."""
_FULLY = Decimal("0.99")
"""The share of a day's usage from which on credits paid for all of it."""
_TOLERANCE = Decimal("0.01")


@dataclass(frozen=True)
class CreditDay:
    """A day (UTC) of a bill."""

    day: date
    used: Decimal
    """The cost of its usage before credits, without charges that span more than a day."""
    paid: Decimal
    """What credits paid of it."""
    covered: Decimal
    """The part of `used` that is of services for which credits paid on any day."""
    is_complete: bool


@dataclass(frozen=True)
class Credits(TableResult):
    """Credits as an allowance that burns down, in the currency."""

    split: CreditSplit
    """What was used, what credits paid, and what is to pay."""
    currency: str
    days: tuple[CreditDay, ...]
    """The days that the bill covers; none where it has monthly lines."""
    burns_down: bool
    """Whether credits pay day by day, rather than in a sum that no day explains."""
    left: Decimal | None = None
    """What is left of the credits; None where neither the account nor the caller says it: no bill does."""
    accounts: tuple[tuple[str, Credits], ...] = ()
    """(account, its credits) where credits pay for several: those of one may end while others go on.

    Their amounts are those of `days`, without charges that span more than a day.
    """

    @property
    def per_day(self) -> Decimal | None:
        """What credits pay, or paid, a day: the mean of the last seven complete days on which they did.

        None where that is unknown.
        """
        if not self.split.credits:
            return self.split.credits
        paying = [day for day in self.days if day.paid > 0 and day.is_complete]
        if not self.burns_down or not paying:
            return None
        full = [day for day in paying if day.day != self.ended_on or _is_paid(day)] or paying
        return total(day.paid for day in full[-WINDOW_DAYS:]) / len(full[-WINDOW_DAYS:])

    @property
    def ended_on(self) -> date | None:
        """The last day on which credits paid, where usage that they had paid for goes on without; else None."""
        paying = [day for day in self.days if day.paid > 0]
        if not self.burns_down or not paying:
            return None
        return paying[-1].day if self._days_since(paying[-1].day) else None

    @property
    def ended(self) -> tuple[tuple[str, Credits], ...]:
        """(account, its credits) whose credits ended; the account is empty where they ended for the whole bill."""
        if self.ended_on:
            return (("", self),)
        return tuple((account, credits) for account, credits in self.accounts if credits.ended_on)

    @property
    def to_pay_per_day(self) -> Decimal | None:
        """What is to pay a day since the credits ended; None where they have not."""
        if self.ended_on is None:
            return None
        since = self._days_since(self.ended_on)[-WINDOW_DAYS:]
        return total(day.used - day.paid for day in since) / len(since)

    @property
    def lasts_until(self) -> date | None:
        """The last day that what is left pays for in full at the present rate; None where that is unknown."""
        per_day = self.per_day
        if self.left is None or not per_day or self.ended_on:
            return None
        last = [day.day for day in self.days if day.is_complete][-1]
        return last + timedelta(days=int(self.left / per_day))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is unknown, and what a reader should know beside the amounts."""
        notes = [] if self.split.credits is not None else [NET_OF_CREDITS]
        if not self.split.credits:
            return tuple(notes)
        if not self.burns_down:
            notes.append("credits were not paid day by day: what they pay a day and when they end is unknown")
        if self.left is None and self.ended_on is None:
            notes.append("what is left of the credits is not in the bill: see Credits in the Billing console")
        for account, credits in self.ended if not self.ended_on else ():
            daily = format_money(credits.to_pay_per_day or ZERO, self.currency)
            notes.append(
                f"credits of account {account} ended on {_format_day(credits.ended_on)}, {daily} a day to pay since"
            )
        if self.is_running_out:
            day = self.days[-1]
            notes.append(
                f"on {_format_day(day.day)} credits paid {day.paid:,.2f} of {day.used:,.2f}: they may have ended"
            )
        return tuple(notes)

    @property
    def is_running_out(self) -> bool:
        """Whether credits paid a part of the last day only, and all of the day before."""
        if not self.burns_down or len(self.days) < 2:
            return False
        before, last = self.days[-2:]
        return before.paid > 0 and _is_paid(before) and last.covered > 0 and not _is_paid(last) and not self.ended_on

    def to_frame(self) -> pandas.DataFrame:
        """One row a day (UTC): used, paid_by_credits, to_pay, in the currency, without charges that span a month."""
        import pandas

        rows = [(float(day.used), float(day.paid), float(day.used - day.paid)) for day in self.days]
        index = pandas.DatetimeIndex([day.day for day in self.days], name="day")
        return pandas.DataFrame(rows, columns=["used", "paid_by_credits", "to_pay"], index=index, dtype=float)

    def to_dict(self) -> dict[str, Any]:
        """used, paid_by_credits, to_pay, per_day, ended_on, left, and currency, to_pay_per_day, lasts_until, notes.

        ended_on and lasts_until are ISO dates. Values that are not known are null; where the bill does not show which
        lines are credits, there is also unknown, the reason.
        """
        ended_on, until, used = self.ended_on, self.lasts_until, self.split.before_credits
        values: dict[str, Any] = {
            "used": _to_json(used),
            "paid_by_credits": _to_json(self.split.credits),
            "to_pay": _to_json(self.split.to_pay),
            "per_day": _to_json(self.per_day),
            "ended_on": ended_on.isoformat() if ended_on else None,
            "left": _to_json(self.left),
            "currency": self.currency,
            "to_pay_per_day": _to_json(self.to_pay_per_day),
            "lasts_until": until.isoformat() if until else None,
            "notes": list(self.notes),
        }
        return values if self.split.credits is not None else values | {"unknown": NET_OF_CREDITS}

    def draw(self) -> Chart:
        """A bar for each day: what credits paid, and what is to pay."""
        from esaws.costs.analysis.credits_chart import draw_credits

        return draw_credits(self)

    def __repr__(self) -> str:
        if self.split.credits is None:
            return f"unknown what credits paid: {format_money(self.split.to_pay, self.currency)} to pay"
        text = self.split.describe(self.currency)
        if not self.split.credits:
            return f"{text} to pay, nothing paid by credits"
        if self.ended_on and self.to_pay_per_day is not None:
            daily = format_money(self.to_pay_per_day, self.currency)
            return f"{text}; credits ended on {_format_day(self.ended_on)}, {daily} a day to pay since"
        if self.per_day is None:
            return text
        text = f"{text}; credits pay {format_money(self.per_day, self.currency)} a day"
        if self.left is None:
            return f"{text}, what is left is unknown"
        until = f", enough until {_format_day(self.lasts_until)}" if self.lasts_until else ""
        return f"{text}, {format_money(self.left, self.currency)} is left{until}"

    def _days_since(self, last: date) -> list[CreditDay]:
        """The complete days after one on which credits paid nothing for usage that they had paid for."""
        return [day for day in self.days if day.day > last and day.is_complete and day.covered > 0 >= day.paid]


@dataclass(frozen=True)
class MonthToPay:
    """What a month will leave to pay after credits. One of the two pairs is known: `to_pay`, or the other two."""

    to_pay: Decimal | None
    """None while credits pay, as they may end on any day."""
    while_credits_last: Decimal | None = None
    """If credits go on to pay as on the last days."""
    if_credits_end: Decimal | None = None
    """If credits pay nothing from now on."""


def credits(
    bill: Bill,
    *,
    period: date | None = None,
    metric: str | None = None,
    currency: str | None = None,
    left: Decimal | float | None = None,
    cloud: Cloud | None = None,
) -> Credits:
    """What was used, what credits paid of it, how much a day, and when they ended; optionally of one month.

    No bill says how much is left: pass `left`, which the Billing console shows, or `cloud` to request it from the
    account, if the bill is of that account. Where the bill does not show which lines are credits, amounts are None.

    Raises:
        UsageError: the bill does not have the metric, the currency or the month.
    """
    result = credits_of(select(bill, metric, currency, period))
    if left is None and cloud is not None:
        left = _left_of_account(bill, cloud)
    return result if left is None else replace(result, left=Decimal(str(left)))


def credits_of(selection: BillSelection) -> Credits:
    """The credits of a selection, without what is left."""
    split = selection.split()
    if granularity(selection) == "months":
        return Credits(split, selection.currency, (), burns_down=False)
    days = _days_by_account(selection)
    whole = _burn_down(split, selection.currency, days[None])
    accounts = {account: of_days for account, of_days in days.items() if account is not None}
    if not whole.burns_down or len(accounts) < 2:
        return whole
    return replace(
        whole,
        accounts=tuple(
            (account, _burn_down(_split_of(of_days), selection.currency, of_days))
            for account, of_days in accounts.items()
        ),
    )


def _burn_down(split: CreditSplit, currency: str, days: Sequence[CreditDay]) -> Credits:
    dated = total(day.paid for day in days)
    burns_down = (
        bool(split.credits)
        and abs(dated - (split.credits or ZERO)) <= _TOLERANCE
        and all(day.paid <= day.covered + _TOLERANCE for day in days)
    )
    return Credits(split, currency, tuple(days), burns_down)


def _split_of(days: Sequence[CreditDay]) -> CreditSplit:
    paid = total(day.paid for day in days)
    return CreditSplit(total(day.used for day in days) - paid, paid)


def month_to_pay(credits: Credits, expected: Decimal, days_left: int) -> MonthToPay:
    """What a month of `expected` before credits will leave to pay, given its credits so far."""
    paid = credits.split.credits
    if paid is None:
        return MonthToPay(None)
    after = expected - paid
    if not paid or not days_left or not credits.burns_down or credits.ended_on or credits.per_day is None:
        return MonthToPay(after)
    rest = max(ZERO, after - credits.split.to_pay)
    recent = [day for day in credits.days if day.is_complete][-WINDOW_DAYS:]
    share = total(day.paid for day in recent) / (total(day.used for day in recent) or 1)
    return MonthToPay(None, after - rest * min(share, Decimal(1)), after)


def _days_by_account(selection: BillSelection) -> dict[str | None, list[CreditDay]]:
    """The days of the whole selection (None), and of each account for which credits paid."""
    lines, paid_lines = selection.lines, selection.credits
    lines = lines.filter(lines.recurs & lines.start.notnull())
    used = lines.group_by(
        day=lines.start.date(), account=lines.account.fill_null(""), service=lines.service.fill_null("")
    ).aggregate(amount=lines.amount.sum(), end=lines.end.max())
    paid_lines = paid_lines.filter(paid_lines.start.notnull())
    paid = paid_lines.group_by(
        day=paid_lines.start.date(),
        account=paid_lines.account.fill_null(""),
        service=paid_lines.service.fill_null(""),
    ).aggregate(amount=paid_lines.amount.sum())
    used_rows, paid_rows = selection.fetch_rows(used), selection.fetch_rows(paid)
    ends = [row["end"] for row in used_rows if row["end"]]
    end: datetime = max(ends) if ends else datetime.max
    covered = covered_days((row["day"] for row in (*used_rows, *paid_rows)), selection.bill.months)
    accounts: list[str | None] = [None, *sorted({row["account"] for row in paid_rows})]
    return {
        account: _days(
            [row for row in used_rows if account in (None, row["account"])],
            [row for row in paid_rows if account in (None, row["account"])],
            covered,
            end,
        )
        for account in accounts
    }


def _days(
    used_rows: Sequence[dict[str, Any]], paid_rows: Sequence[dict[str, Any]], days: Sequence[date], end: datetime
) -> list[CreditDay]:
    services = {row["service"] for row in paid_rows} & {row["service"] for row in used_rows}
    used, paid = _sum_by_day(used_rows), _sum_by_day(paid_rows)
    covered = used if not services else _sum_by_day([row for row in used_rows if row["service"] in services])
    return [
        CreditDay(
            day,
            used.get(day, ZERO),
            ZERO - paid.get(day, ZERO),
            covered.get(day, ZERO),
            datetime.combine(day + timedelta(days=1), datetime.min.time()) <= end,
        )
        for day in days
    ]


def _sum_by_day(rows: Sequence[dict[str, Any]]) -> dict[date, Decimal]:
    sums: dict[date, Decimal] = {}
    for row in rows:
        sums[row["day"]] = sums.get(row["day"], ZERO) + (row["amount"] or ZERO)
    return sums


def _left_of_account(bill: Bill, cloud: Cloud) -> float | None:
    """What is left of the credits of the account of `cloud`; None if it does not say, or the bill is of another one."""
    from esaws.costs.forecasting.account_regime import detect_regime

    payers = bill.fetch_rows(bill.lines.select("payer").distinct())
    if cloud.account not in {row["payer"] for row in payers}:
        return None
    return detect_regime(cloud).credits


def _is_paid(day: CreditDay) -> bool:
    return day.paid >= day.covered * _FULLY


def _to_json(amount: Decimal | None) -> float | None:
    return None if amount is None else round_amount(amount)


def _format_day(day: date | None) -> str:
    return f"{day.day} {day:%B}" if day else ""
