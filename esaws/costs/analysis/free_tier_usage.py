"""Cumulative use of each free-tier allowance over a month, and the day on which it is used up."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.selection import Unknown, days_in_month, granularity, select
from esaws.costs.analysis.usage_by_day import ZERO, UsageByDay, daily_usage, has_free_tier_info, total
from esaws.costs.bill.credits import round_amount
from esaws.costs.results import TableResult
from esaws.pricelist import Allowance

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill


@dataclass(frozen=True)
class AllowanceBurnDown:
    """The use of one allowance by a payer in a month; all series are cumulative from the first of the month."""

    allowance: str
    """Its id, like `AmazonEC2 Hrs`."""
    payer: str
    cap: Decimal
    unit: str
    days: tuple[date, ...]
    """From the first of the month to the last day with usage."""
    used: tuple[Decimal, ...]
    """The quantity by the end of each day, of all usage that the allowance covers."""
    free: tuple[Decimal, ...]
    """The part of it that was free."""
    charged: tuple[Decimal, ...]
    """The cost of the rest, in the currency."""
    exhausted_on: date | None
    """The first day with a charge for usage beyond the allowance; None where all usage was free."""


@dataclass(frozen=True)
class FreeTierUsage(TableResult):
    """All allowances under which some usage of a month was free."""

    period: date
    currency: str
    allowances: tuple[AllowanceBurnDown, ...]
    """The most expensive first, then those with the largest used share."""
    paid_by_credits: Decimal | None = None
    """What credits paid, which are no allowance: see `credits`. None where the bill does not show it."""

    def to_frame(self) -> pandas.DataFrame:
        """One row for each day of each allowance and payer; quantities are cumulative from the first of the month.

        Columns: allowance, payer, day, used, free, charged_quantity, cap (all in unit), unit, charged (in the
        currency), ran_out (the day on which it was used up, or NaT).
        """
        import pandas

        columns = ("allowance", "payer", "day", "used", "free", "charged_quantity", "cap", "unit", "charged", "ran_out")
        rows = [
            (
                burn_down.allowance,
                burn_down.payer,
                day,
                float(used),
                float(free),
                float(used - free),
                float(burn_down.cap),
                burn_down.unit,
                float(charged),
                burn_down.exhausted_on,
            )
            for burn_down in self.allowances
            for day, used, free, charged in zip(
                burn_down.days, burn_down.used, burn_down.free, burn_down.charged, strict=True
            )
        ]
        frame = pandas.DataFrame(rows, columns=list(columns))
        return frame.astype({"day": "datetime64[ns]", "ran_out": "datetime64[ns]"})

    def to_dict(self) -> dict[str, Any]:
        """period, currency, paid_by_credits, allowances: {allowance, payer, cap, unit, used, free, charged, ran_out}.

        Quantities and costs are those of the whole month so far; ran_out is an ISO date or None.
        """
        allowances = [
            {
                "allowance": burn_down.allowance,
                "payer": burn_down.payer,
                "cap": float(burn_down.cap),
                "unit": burn_down.unit,
                "used": float(burn_down.used[-1]),
                "free": float(burn_down.free[-1]),
                "charged": float(burn_down.charged[-1]),
                "ran_out": burn_down.exhausted_on.isoformat() if burn_down.exhausted_on else None,
            }
            for burn_down in self.allowances
        ]
        paid = self.paid_by_credits
        return {
            "period": f"{self.period:%Y-%m}",
            "currency": self.currency,
            "paid_by_credits": None if paid is None else round_amount(paid),
            "allowances": allowances,
        }

    def draw(self, top: int = 6) -> Chart:
        """A plot for each of the `top` allowances: free usage in green, charged usage in orange."""
        from esaws.costs.analysis.free_tier_chart import draw_free_tier

        return draw_free_tier(self, top)

    def __repr__(self) -> str:
        if not self.allowances:
            credits = f"; credits paid {self.paid_by_credits:,.2f} {self.currency}" if self.paid_by_credits else ""
            return f"no usage of {self.period:%Y-%m} was free under an allowance{credits}"
        exhausted = sum(burn_down.exhausted_on is not None for burn_down in self.allowances)
        return f"{exhausted} of {len(self.allowances)} allowances ran out in {self.period:%Y-%m}"


def free_tier(
    bill: Bill,
    *,
    period: date | None = None,
    payer: str | None = None,
    metric: str | None = None,
    currency: str | None = None,
) -> FreeTierUsage | Unknown:
    """Sum up the use of each allowance by the end of each day (UTC) of a month, by default the last of the bill.

    A payer has one allowance for all its accounts and regions. The result has the allowances under which the bill has
    free usage; it is empty where nothing was free. Returns `Unknown` where the bill does not show free usage, usage
    types or days.

    Raises:
        UsageError: the bill does not have the metric, the currency or the month.
    """
    question = "how the free tier burns down"
    if period is None and not bill.months:
        return Unknown(question, "the bill has no lines")
    month = (period or bill.months[-1]).replace(day=1)
    selection = select(bill, metric, currency, month)
    if not has_free_tier_info(selection):
        return Unknown(question, f"this {bill.format} bill does not show free usage; a Cost and Usage Report does")
    if granularity(selection) == "months":
        return Unknown(question, f"this {bill.format} bill has monthly lines; read one with daily lines")
    usages = [usage for usage in daily_usage(selection) if payer is None or usage.key.payer == payer]
    free = [usage for usage in usages if total(usage.free.values())]
    if free and not any(usage.key.usage_type for usage in usages):
        return Unknown(question, f"this {bill.format} bill shows free usage, but no usage types to find the allowance")
    pools: dict[tuple[str, str], list[UsageByDay]] = defaultdict(list)
    allowances: dict[str, Allowance] = {}
    for usage in usages:
        if allowance := usage.key.allowance:
            pools[allowance.id, usage.key.payer].append(usage)
            allowances[allowance.id] = allowance
    if free and not any(usage in members for usage in free for members in pools.values()):
        return Unknown(question, "some usage was free, but under an allowance that esaws does not know")
    burn_downs = [
        _burn_down(allowances[name], payer_id, members, month)
        for (name, payer_id), members in sorted(pools.items())
        if any(usage in free for usage in members)
    ]
    burn_downs.sort(key=lambda one: (-one.charged[-1], -one.used[-1] / one.cap, one.allowance, one.payer))
    return FreeTierUsage(month, selection.currency, tuple(burn_downs), selection.split().credits)


def _burn_down(allowance: Allowance, payer: str, members: list[UsageByDay], month: date) -> AllowanceBurnDown:
    length = max((day - month).days + 1 for usage in members for day in usage.quantity)
    days = tuple(date.fromordinal(month.toordinal() + at) for at in range(max(1, min(length, days_in_month(month)))))
    used, free, charged = [], [], []
    exhausted_on = None
    used_so_far, free_so_far, cost_so_far = ZERO, ZERO, ZERO
    for day in days:
        charged_before = used_so_far - free_so_far
        used_so_far += total(usage.quantity.get(day, ZERO) for usage in members)
        free_so_far += total(usage.free.get(day, ZERO) for usage in members)
        cost_so_far += total(usage.cost.get(day, ZERO) for usage in members)
        if exhausted_on is None and used_so_far - free_so_far > max(charged_before, ZERO) and cost_so_far > 0:
            exhausted_on = day
        used.append(used_so_far)
        free.append(free_so_far)
        charged.append(cost_so_far)
    return AllowanceBurnDown(
        allowance.id,
        payer,
        allowance.amount,
        allowance.unit,
        days,
        tuple(used),
        tuple(free),
        tuple(charged),
        exhausted_on,
    )
