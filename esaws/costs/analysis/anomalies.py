"""Find the days on which a service cost unusually much, and the usage and resource behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from esaws.costs.analysis.credits import Credits, credits_of
from esaws.costs.analysis.selection import BillSelection, Unknown, format_money, granularity, select
from esaws.costs.analysis.usage_by_day import ZERO, UsageByDay, daily_usage, total
from esaws.costs.bill.covered_days import covered_days
from esaws.costs.results import TableResult

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill

MAX_BASELINE_DAYS, MIN_BASELINE_DAYS = 14, 5
"""The number of preceding days that a day is compared with; with fewer than the minimum no day is unusual."""
DEVIATIONS = Decimal(5)
"""The standard deviations above the median from which a day is unusual."""
MIN_GROWTH = Decimal("0.25")
"""The share of the median that a day must be above it."""
MIN_AMOUNT = Decimal(1)
"""The amount, in the currency, that a day must be above the median."""

_MAD_TO_DEVIATION = Decimal("1.4826")
"""The standard deviation of a normal distribution with a median absolute deviation of 1."""
_QUESTION = "what was out of the ordinary?"

Kind = Literal["unusual", "nothing free is left", "one-off charge", "credits ended"]
CREDITS = "credits"
"""Stands for the service of the days since credits ended."""
Series = dict[date, Decimal]


@dataclass(frozen=True)
class Anomaly:
    """Consecutive days on which a service cost more than before, a one-off charge, or the days since credits ended."""

    kind: Kind
    service: str
    first: date
    last: date
    cost: Decimal
    """The cost of these days."""
    usual: Decimal
    """The usual cost of as many days: the median of the days before."""
    usage_type: str
    """The usage type that grew most; empty where the bill has none."""
    resource: str
    """The resource that grew most; empty where the bill has none."""

    @property
    def above(self) -> Decimal:
        """The cost above the usual."""
        return self.cost - self.usual

    def to_dict(self) -> dict[str, Any]:
        """start, end (ISO dates), service, usual, actual, kind, usage_type, resource."""
        return {
            "start": self.first.isoformat(),
            "end": self.last.isoformat(),
            "service": self.service,
            "usual": float(self.usual),
            "actual": float(self.cost),
            "kind": self.kind,
            "usage_type": self.usage_type,
            "resource": self.resource,
        }


@dataclass(frozen=True)
class Anomalies(TableResult):
    """The anomalies of a bill, the most expensive first."""

    anomalies: tuple[Anomaly, ...]
    by_day: tuple[tuple[date, Decimal], ...]
    """(day, cost before credits) without one-off charges, for the days that the bill covers."""
    currency: str

    @property
    def unusual(self) -> tuple[Anomaly, ...]:
        """The anomalies that neither the free tier, credits nor a one-off charge explains."""
        return tuple(anomaly for anomaly in self.anomalies if anomaly.kind == "unusual")

    def to_frame(self) -> pandas.DataFrame:
        """One row an anomaly: kind, service, first and last day, cost, usual, above, usage_type, resource."""
        import pandas

        columns = ["kind", "service", "first", "last", "cost", "usual", "above", "usage_type", "resource"]
        rows = [[getattr(anomaly, name) for name in columns] for anomaly in self.anomalies]
        frame = pandas.DataFrame(rows, columns=columns)
        return frame.astype({"cost": float, "usual": float, "above": float})

    def to_dict(self) -> dict[str, Any]:
        """currency, anomalies: a list of `Anomaly.to_dict()`."""
        return {"currency": self.currency, "anomalies": [anomaly.to_dict() for anomaly in self.anomalies]}

    def draw(self) -> Chart:
        """A bar for each day; unusual days are coloured and labelled."""
        from esaws.costs.analysis.anomalies_chart import draw_anomalies

        return draw_anomalies(self)

    def __repr__(self) -> str:
        if not self.unusual:
            ended = [one for one in self.anomalies if one.kind == "credits ended"]
            since = f"; since credits ended, {format_money(ended[0].cost, self.currency)} to pay" if ended else ""
            return f"no day was out of the ordinary{since}"
        worst = self.unusual[0]
        more = f", and {len(self.unusual) - 1} more" if len(self.unusual) > 1 else ""
        days = f"{worst.first.day} {worst.first:%B}"
        if worst.last > worst.first:
            days += f" to {worst.last.day} {worst.last:%B}"
        return f"{days}: {worst.service} cost {format_money(worst.above, self.currency)} more than usual{more}"


def anomalies(
    bill: Bill,
    metric: str | None = None,
    currency: str | None = None,
    *,
    minimum: Decimal | float = MIN_AMOUNT,
) -> Anomalies | Unknown:
    """Find the days on which a service cost unusually much; consecutive days are one anomaly.

    A day (UTC) is compared with the median of the days before it that the bill covers, 14 at most and 5 at least. It is
    unusual if it is above the median by more than 5 standard deviations (estimated by the median absolute deviation),
    by more than a quarter, and by more than `minimum`. Costs are before credits: where these end, usage has not grown.
    Free usage counts at its list price; if only the charge is unusual, the free tier was used up. The days since
    credits ended, and one-off charges from `minimum` on, such as taxes, fees and refunds, are listed apart, without
    those that come again a month later.

    Returns `Unknown` where the bill has monthly lines, or fewer than six days.

    Raises:
        UsageError: the bill does not have the metric or the currency.
    """
    selection, minimum = select(bill, metric, currency), Decimal(str(minimum))
    if granularity(selection) == "months":
        return Unknown(_QUESTION, f"this {bill.format} bill has monthly lines; read one with daily lines")
    services: defaultdict[str, list[UsageByDay]] = defaultdict(list)
    for usage in daily_usage(selection):
        services[usage.key.service].append(usage)
    days = covered_days((day for usages in services.values() for usage in usages for day in usage.cost), bill.months)
    if len(days) <= MIN_BASELINE_DAYS:
        return Unknown(_QUESTION, f"the bill has {len(days)} days; at least {MIN_BASELINE_DAYS + 1} are needed")
    anomalies = [*_one_off_charges(selection, minimum), *_end_of_credits(credits_of(selection))]
    for service, usages in services.items():
        for anomaly in merge_consecutive(unusual_days(service, usages, days, minimum)):
            anomalies.append(_with_resource(selection, anomaly, days))
    costs = {day: total(usage.cost.get(day, ZERO) for usages in services.values() for usage in usages) for day in days}
    anomalies.sort(key=lambda one: (one.kind != "unusual", -one.above, one.first, one.service))
    return Anomalies(tuple(anomalies), tuple(costs.items()), selection.currency)


def unusual_days(
    service: str, usages: Sequence[UsageByDay], days: Sequence[date], minimum: Decimal
) -> Iterator[Anomaly]:
    """The unusual days of a service, each by itself."""
    charged = {day: total(usage.cost.get(day, ZERO) for usage in usages) for day in days}
    value = {day: charged[day] + total(usage.free_at_list_price.get(day, ZERO) for usage in usages) for day in days}
    for at, day in enumerate(days):
        baseline = days[max(0, at - MAX_BASELINE_DAYS) : at]
        if len(baseline) < MIN_BASELINE_DAYS:
            continue
        has_grown = _is_unusual(value, day, baseline, minimum)
        if not has_grown and not _is_unusual(charged, day, baseline, minimum):
            continue
        grown_most = max(usages, key=lambda usage: (_growth(usage, day, baseline), usage.key.usage_type))
        usual = median(charged[earlier] for earlier in baseline)
        kind: Kind = "unusual" if has_grown else "nothing free is left"
        yield Anomaly(kind, service, day, day, charged[day], usual, grown_most.key.usage_type, "")


def merge_consecutive(anomalies: Iterable[Anomaly]) -> Iterator[Anomaly]:
    """Merge anomalies of one kind on consecutive days."""
    current: Anomaly | None = None
    for anomaly in anomalies:
        if current and anomaly.kind == current.kind and (anomaly.first - current.last).days == 1:
            cost, usual = current.cost + anomaly.cost, current.usual + anomaly.usual
            current = replace(current, last=anomaly.last, cost=cost, usual=usual)
            continue
        if current:
            yield current
        current = anomaly
    if current:
        yield current


def _is_unusual(costs: Series, day: date, baseline: Sequence[date], minimum: Decimal) -> bool:
    usual = median(costs[earlier] for earlier in baseline)
    deviation = _MAD_TO_DEVIATION * median(abs(costs[earlier] - usual) for earlier in baseline)
    return costs[day] - usual > max(DEVIATIONS * deviation, MIN_GROWTH * usual, minimum)


def _growth(usage: UsageByDay, day: date, baseline: Sequence[date]) -> Decimal:
    def value(on: date) -> Decimal:
        return usage.cost.get(on, ZERO) + usage.free_at_list_price.get(on, ZERO)

    return value(day) - median(value(earlier) for earlier in baseline)


def _with_resource(selection: BillSelection, anomaly: Anomaly, days: Sequence[date]) -> Anomaly:
    """Add the resource whose cost grew most, where the bill has resources."""
    lines = selection.lines
    day = lines.start.date()
    lines = lines.filter(
        lines.recurs
        & (lines.service.fill_null("") == anomaly.service)
        & (lines.usage_type.fill_null("") == anomaly.usage_type)
        & (lines.resource_id.fill_null("") != "")
        & (day >= anomaly.first - timedelta(days=MAX_BASELINE_DAYS))
        & (day <= anomaly.last)
    )
    is_during = lines.start.date() >= anomaly.first
    zero = lines.amount * 0
    table = lines.group_by("resource_id").aggregate(
        during=is_during.ifelse(lines.amount, zero).sum(), before=is_during.ifelse(zero, lines.amount).sum()
    )
    first = anomaly.first - timedelta(days=MAX_BASELINE_DAYS)
    baseline_days = sum(first <= day < anomaly.first for day in days) or 1
    scale = Decimal((anomaly.last - anomaly.first).days + 1) / baseline_days
    growth = [(row["during"] - row["before"] * scale, row["resource_id"]) for row in selection.fetch_rows(table)]
    return replace(anomaly, resource=max(growth)[1] if growth and max(growth)[0] > 0 else "")


def _end_of_credits(credits: Credits) -> Iterator[Anomaly]:
    """What is to pay on the days since credits ended, where usage goes on, of the whole bill or of accounts."""
    for account, ended in credits.ended:
        last = ended.ended_on or date.max
        since = [day for day in ended.days if day.day > last]
        usual = median(day.used - day.paid for day in ended.days if day.day <= last) * len(since)
        cost = total(day.used - day.paid for day in since)
        service = f"{CREDITS} of {account}" if account else CREDITS
        yield Anomaly("credits ended", service, since[0].day, since[-1].day, cost, usual, "", "")


def _one_off_charges(selection: BillSelection, minimum: Decimal) -> Iterator[Anomaly]:
    """Charges that do not recur, by service, type and day; not those that come on the same day of another month."""
    lines = selection.lines.filter(~selection.lines.recurs & selection.lines.start.notnull())
    lines = lines.mutate(
        day=lines.start.date(), name=lines.service.fill_null(""), type=lines.line_item_type.fill_null("")
    )
    rows = selection.fetch_rows(lines.group_by("name", "type", "day").aggregate(cost=lines.amount.sum()))
    costs = {(row["name"], row["type"], row["day"]): row["cost"] or ZERO for row in rows}
    for (name, type_, day), cost in costs.items():
        around = (_month_after(day, -1), _month_after(day, 1))
        is_monthly = any(_is_alike(cost, costs.get((name, type_, other), ZERO)) for other in around)
        if abs(cost) >= minimum and not is_monthly:
            kind = type_ or "charge"
            yield Anomaly("one-off charge", name or kind, day, day, cost, ZERO, kind, "")


def _month_after(day: date, months: int) -> date | None:
    """The same day of another month; None where that month is too short."""
    at = day.year * 12 + day.month - 1 + months
    try:
        return date(at // 12, at % 12 + 1, day.day)
    except ValueError:
        return None


def _is_alike(cost: Decimal, other: Decimal) -> bool:
    return abs(cost - other) <= MIN_GROWTH * min(abs(cost), abs(other)) and cost * other > 0
