"""How the allowances of the free tier burn down, day by day, and when nothing of them is left."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from esaws.costs.analysis.selection import Unknown, chosen, days_in, spans
from esaws.costs.analysis.usage_by_day import NOTHING, Used, tells_what_was_free, total, used_by_day
from esaws.pricelist import Allowance

if TYPE_CHECKING:
    import pandas

    from esaws.costs.bill.bill import Bill


@dataclass(frozen=True)
class Burned:
    """What a payer used of an allowance in a month, summed up from its first day."""

    allowance: str
    """Its id, like `AmazonEC2 Hrs`."""
    payer: str
    cap: Decimal
    unit: str
    days: tuple[date, ...]
    """From the first of the month to the last day that the bill tells of."""
    used: tuple[Decimal, ...]
    """By the end of each day, of all that the allowance covers."""
    free: tuple[Decimal, ...]
    """What of it was free."""
    charged: tuple[Decimal, ...]
    """What the rest has cost, in the currency."""
    ran_out: date | None
    """The day on which something was charged for the first time, as nothing was left; None where all was free."""


@dataclass(frozen=True)
class BurnDown:
    """All allowances of which something was free in a month."""

    period: date
    currency: str
    allowances: tuple[Burned, ...]
    """The dearest first, then those of which most is used."""

    def to_frame(self) -> pandas.DataFrame:
        """One row for each day of each allowance and payer; the quantities are sums since the first of the month.

        Columns: allowance, payer, day, used, free, charged_quantity, cap (all in unit), unit, charged (in the
        currency), ran_out (the day, NaT where it did not).
        """
        import pandas

        columns = ("allowance", "payer", "day", "used", "free", "charged_quantity", "cap", "unit", "charged", "ran_out")
        rows = [
            (
                each.allowance,
                each.payer,
                day,
                float(used),
                float(free),
                float(used - free),
                float(each.cap),
                each.unit,
                float(charged),
                each.ran_out,
            )
            for each in self.allowances
            for day, used, free, charged in zip(each.days, each.used, each.free, each.charged, strict=True)
        ]
        frame = pandas.DataFrame(rows, columns=list(columns))
        return frame.astype({"day": "datetime64[ns]", "ran_out": "datetime64[ns]"})

    def __repr__(self) -> str:
        out = sum(each.ran_out is not None for each in self.allowances)
        return f"{out} of {len(self.allowances)} allowances ran out in {self.period:%Y-%m}"


def burn_down(
    bill: Bill,
    *,
    period: date | None = None,
    payer: str | None = None,
    metric: str | None = None,
    currency: str | None = None,
) -> BurnDown | Unknown:
    """How much of each allowance was used by the end of each day (UTC) of a month, by default the last of the bill.

    An allowance is one for a payer: over all its accounts and regions. Only those are here of which the bill tells free
    usage, and whose amount esaws knows. Where a bill can tell and nothing was free, there are none. Unknown where the
    bill does not tell what was free, by usage type, or on which day.

    Raises:
        UsageError: as `chosen`.
    """
    question = "how the free tier burns down"
    if period is None and not bill.months:
        return Unknown(question, "the bill has no lines")
    month = (period or bill.months[-1]).replace(day=1)
    of = chosen(bill, metric, currency, month)
    if not tells_what_was_free(of):
        return Unknown(question, f"{bill.format} does not tell what was free here; a Cost and Usage Report does")
    if spans(of) == "months":
        return Unknown(question, f"{bill.format} tells months here; ask for days")
    used = [each for each in used_by_day(of) if payer is None or each.key.payer == payer]
    free = [each for each in used if total(each.free.values())]
    if free and not any(each.key.usage_type for each in used):
        return Unknown(question, f"this {bill.format} tells free usage, and no usage types to know its allowance by")
    pools: dict[tuple[str, str], list[Used]] = defaultdict(list)
    known: dict[str, Allowance] = {}
    for each in used:
        if allowance := each.key.allowance:
            pools[allowance.id, each.key.payer].append(each)
            known[allowance.id] = allowance
    if free and not any(each in members for each in free for members in pools.values()):
        return Unknown(question, "something was free, and esaws knows no allowance for it")
    found = [
        _burned(known[name], whose, members, month)
        for (name, whose), members in sorted(pools.items())
        if any(each in free for each in members)
    ]
    found.sort(key=lambda each: (-each.charged[-1], -each.used[-1] / each.cap, each.allowance, each.payer))
    return BurnDown(month, of.currency, tuple(found))


def _burned(allowance: Allowance, payer: str, members: list[Used], month: date) -> Burned:
    length = max((day - month).days + 1 for each in members for day in each.quantity)
    days = tuple(date.fromordinal(month.toordinal() + at) for at in range(max(1, min(length, days_in(month)))))
    used, free, charged = [], [], []
    ran_out = None
    done, at_no_cost, cost = NOTHING, NOTHING, NOTHING
    for day in days:
        before = done - at_no_cost
        done += total(each.quantity.get(day, NOTHING) for each in members)
        at_no_cost += total(each.free.get(day, NOTHING) for each in members)
        cost += total(each.cost.get(day, NOTHING) for each in members)
        if ran_out is None and done - at_no_cost > max(before, NOTHING) and cost > 0:
            ran_out = day
        used.append(done)
        free.append(at_no_cost)
        charged.append(cost)
    return Burned(
        allowance.id,
        payer,
        allowance.amount,
        allowance.unit,
        days,
        tuple(used),
        tuple(free),
        tuple(charged),
        ran_out,
    )
