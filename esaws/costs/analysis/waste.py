"""Find resources that still cost money on the last days of a bill, with no sign of use.

A bill shows usage, not purpose: a finding is `yes` where the bill proves it and `perhaps` where it only suggests it.
For a live account, `esaws.inspect` examines the resources themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.breakdown import tag_column
from esaws.costs.analysis.selection import BillSelection, Unknown, format_money, granularity, line_hours, select
from esaws.costs.analysis.waste_rules import RULES, USED_DAYS, WasteRule
from esaws.costs.bill.covered_days import covered_days
from esaws.costs.results import TableResult

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill

RECENT_DAYS = 3
"""A resource without cost on this many last days is gone, or free."""

_DAYS_PER_MONTH = Decimal(730) / 24
_QUESTION = "what was forgotten?"
_MIN_MONTHLY = Decimal("0.005")
_LONGEST_DAY_H = 25


@dataclass(frozen=True)
class WastedResource:
    """A resource that still costs money and shows no use."""

    rule: WasteRule
    resource: str
    """Its id or ARN; the usage type where the bill has no resources."""
    name: str
    """The value of its tag `Name`, else the same as `resource`."""
    cost: Decimal
    """Its cost in the whole bill."""
    monthly: Decimal
    """Its cost of a month like the last days."""


@dataclass(frozen=True)
class Waste(TableResult):
    """The unused resources of a bill, the most expensive first."""

    resources: tuple[WastedResource, ...]
    currency: str

    @property
    def monthly(self) -> Decimal:
        """The cost of all of them a month."""
        return sum((resource.monthly for resource in self.resources), Decimal(0))

    def to_frame(self) -> pandas.DataFrame:
        """One row a resource: what (its kind), name, sure (yes or perhaps), cost (in the bill), a_month, why, fix."""
        import pandas

        columns = ["what", "name", "sure", "cost", "a_month", "why", "fix"]
        rows = [
            (one.rule.kind, one.name, one.rule.sure, float(one.cost), float(one.monthly), one.rule.why, one.rule.fix)
            for one in self.resources
        ]
        index = pandas.Index([one.resource for one in self.resources], name="resource", dtype=object)
        return pandas.DataFrame(rows, columns=columns, index=index).astype({"cost": float, "a_month": float})

    def to_dict(self) -> dict[str, Any]:
        """currency, a_month (of all), resources: a list of the frame's rows, with the key resource."""
        rows = self.to_frame().reset_index().to_dict("records")
        return {"currency": self.currency, "a_month": float(self.monthly), "resources": rows}

    def draw(self) -> Chart:
        """A bar for each resource, by its cost a month; those that are not sure are grey."""
        from esaws.costs.analysis.waste_chart import draw_waste

        return draw_waste(self)

    def __repr__(self) -> str:
        if not self.resources:
            return "nothing in the bill looks forgotten"
        count = "1 thing looks" if len(self.resources) == 1 else f"{len(self.resources)} things look"
        return f"{count} forgotten, for {format_money(self.monthly, self.currency)} a month"


def waste(bill: Bill, metric: str | None = None, currency: str | None = None) -> Waste | Unknown:
    """Find resources that cost money in the last three days of a bill, and that nothing in it shows the use of.

    The rules are in `esaws.costs.analysis.waste_rules`. Returns `Unknown` where the bill has monthly lines, or no usage
    types.

    Raises:
        UsageError: the bill does not have the metric or the currency.
    """
    selection = select(bill, metric, currency)
    if granularity(selection) == "months":
        return Unknown(_QUESTION, f"this {bill.format} bill has monthly lines; read one with daily lines")
    if not _has_usage_types(selection):
        return Unknown(_QUESTION, f"no line of this {bill.format} bill has a usage type; read an export of the account")
    lines = selection.lines.mutate(
        type=_without_region(selection.lines), resource=selection.lines.resource_id.fill_null("")
    )
    lines = lines.mutate(resource=(lines.resource == "").ifelse(lines.type, lines.resource))
    starts = lines.filter(lines.start.notnull())
    last = bill.fetch_rows(starts.group_by(day=starts.start.date()).aggregate(start=starts.start.max()))
    if not last:
        return Unknown(_QUESTION, "no line of the bill has a date")
    end = max(row["start"] for row in last).replace(tzinfo=None) + timedelta(hours=1)
    days = covered_days((row["day"] for row in last), bill.months)
    recent, used = (_days_before(end, count, days) for count in (RECENT_DAYS, USED_DAYS))
    rows = [{**row, "type": _qualified_type(row)} for row in selection.fetch_rows(_by_resource(lines, recent, used))]
    without_instances = _disks_without_instances(selection, lines)
    resources: dict[str, WastedResource] = {}
    for rule in RULES:
        for resource in _apply_rule(rule, rows, without_instances):
            resources.setdefault(resource.resource, resource)
    ranked = sorted(resources.values(), key=lambda one: (-one.monthly, one.resource))
    return Waste(tuple(ranked), selection.currency)


def _has_usage_types(selection: BillSelection) -> bool:
    (row,) = selection.bill.fetch_rows(selection.lines.aggregate(named=selection.lines.usage_type.nullif("").count()))
    return bool(row["named"])


def _days_before(end: datetime, count: int, days: Sequence[date]) -> datetime:
    """The time `count` days before the end of a bill; days that it does not cover do not count."""
    start = end - timedelta(days=count)
    missing = (days[-1] - days[0]).days + 1 - len(days)
    inside = sum(start.date() < day for day in days)
    return start - timedelta(days=missing) if missing and inside < count else start


def _by_resource(lines: ir.Table, recent: datetime, used: datetime) -> ir.Table:
    """By resource and usage type: the cost in all and since `recent`, and the quantity since `used`."""
    is_recent = lines.start >= recent
    is_last_week = lines.start >= used
    return lines.group_by("type", "product_code", "service", "resource").aggregate(
        name=tag_column(lines, "Name").max(),
        cost=lines.amount.sum(),
        recent_cost=is_recent.ifelse(lines.amount, lines.amount * 0).sum(),
        used=is_last_week.ifelse(lines.quantity, lines.quantity * 0).sum(),
    )


def _apply_rule(
    rule: WasteRule, rows: Sequence[dict[str, Any]], without_instances: set[str]
) -> Iterable[WastedResource]:
    pattern = rule.use_pattern
    in_use = {row["resource"] for row in rows if pattern and re.search(pattern, row["type"]) and (row["used"] or 0) > 0}
    if pattern and any(re.search(pattern, name) for name in in_use):
        return  # the bill has no resources, and something of the kind is in use
    costs: dict[str, tuple[Decimal, Decimal]] = {}
    names = {row["resource"]: row["name"] for row in rows if row["name"]}
    for row in rows:
        if re.search(rule.cost_pattern, row["type"]) and row["resource"] not in in_use:
            cost, recent = costs.get(row["resource"], (Decimal(0), Decimal(0)))
            costs[row["resource"]] = cost + (row["cost"] or 0), recent + (row["recent_cost"] or 0)
    for resource, (cost, recent) in costs.items():
        monthly = recent / RECENT_DAYS * _DAYS_PER_MONTH
        if monthly >= _MIN_MONTHLY and (not rule.only_without_instances or resource in without_instances):
            yield WastedResource(rule, resource, names.get(resource, resource), cost, monthly)


def _disks_without_instances(selection: BillSelection, lines: ir.Table) -> set[str]:
    """The disks with hours (or days) in which no instance ran in their region and account."""
    short = lines.filter(line_hours(lines) <= _LONGEST_DAY_H).mutate(
        location=lines.account.fill_null("") + " " + lines.region.fill_null("")
    )
    unit = "h" if granularity(selection) == "hours" else "D"
    short = short.mutate(time=short.start.truncate(unit))
    instances = short.filter(short.type.re_search("^(BoxUsage|SpotUsage)")).select("location", "time").distinct()
    disks = short.filter(short.type.re_search("^EBS:Volume"))
    alone = disks.anti_join(instances, ["location", "time"]).select("resource").distinct()
    return {row["resource"] for row in selection.fetch_rows(alone)}


def _without_region(lines: ir.Table) -> ir.StringValue:
    """The usage type without a prefix that looks like a region: `EUW3-`, `USE1-`, `EU-`."""
    return lines.usage_type.fill_null("").re_replace("^(([A-Z]{3}[0-9]|[A-Z]{2}|[a-z]{2}(-[a-z]+)+-[0-9])-)", "")


def _qualified_type(row: dict[str, Any]) -> str:
    """The usage type, with the product where two products share it."""
    product = row["product_code"] or row["service"] or ""
    return f"{row['type']}|{product}" if row["type"] == "TimedStorage-ByteHrs" else str(row["type"])
