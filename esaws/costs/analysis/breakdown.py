"""Break a bill down by service, usage type, resource, account, region, tag, cost category or cluster, and by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.selection import BillSelection, Unknown, granularity, select
from esaws.costs.bill.covered_days import covered_days
from esaws.costs.bill.credits import NET_OF_CREDITS, CreditSplit
from esaws.costs.bill.schema import tag_of
from esaws.costs.results import TableResult
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill

ALL_OTHERS = "all others"
COST_CATEGORY = "cost_category:"
CLUSTER_TAGS = (
    "aws:ecs:clusterName",
    "aws:ecs:cluster-name",
    "aws:eks:cluster-name",
    "eks:cluster-name",
    "cluster",
    "Cluster",
    "ClusterName",
    "esaws:name",
)
"""The tags that name a cluster; the first that a line has is used.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
"""
CLUSTER_ARN = (
    "^arn:[^:]*:(?:ecs|eks):[^:]*:[^:]*:(?:"
    "(?:task|service|container-instance)/([^/]+)/|(?:cluster|pod|nodegroup|fargateprofile|addon)/([^/]+)(?:/|$))"
)
"""A pattern of ARNs that name a cluster, for lines without a tag. Old ARNs of tasks and services do not.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html#ecs-resource-ids
"""

_COLUMNS = {
    "service": "service",
    "usage_type": "usage_type",
    "operation": "operation",
    "resource": "resource_id",
    "account": "account",
    "payer": "payer",
    "region": "region",
    "zone": "zone",
    "type": "line_item_type",
}
_NAMES = {"account": "account_name", "payer": "payer_name"}
"""The columns with the names of a dimension's values."""


@dataclass(frozen=True)
class Breakdown(TableResult):
    """A total by one dimension, before credits; the parts add up to it."""

    by: str
    parts: tuple[tuple[str, Decimal], ...]
    """(name, cost before credits), the most expensive first; the last may be `all others`."""
    total: Decimal
    currency: str
    others: int
    """The number of values summed up in `all others`."""
    split: CreditSplit
    """The total before credits, what credits paid, and what is to pay."""
    credits: Mapping[str, Decimal] = field(default_factory=dict)
    """What credits paid of each part, positive; empty if nothing."""
    account_names: Mapping[str, str] = field(default_factory=dict)
    """The name of each account, where the bill has it."""

    def to_frame(self) -> pandas.DataFrame:
        """One row a part, the most expensive first and `all others` last.

        Columns: cost (before credits, in the currency) and percent of the total (NaN where the total is 0). Where
        credits paid, also credits and to_pay; where accounts have names, also account_name.
        """
        import pandas

        columns: dict[str, list[Any]] = {
            "cost": [float(cost) for _, cost in self.parts],
            "percent": [self._percent(c) for _, c in self.parts],
        }
        if self.credits:
            columns["credits"] = [float(self.credits.get(name, 0)) for name, _ in self.parts]
            columns["to_pay"] = [float(cost - self.credits.get(name, 0)) for name, cost in self.parts]
        index = pandas.Index([name for name, _ in self.parts], name=self.by, dtype=object)
        frame = pandas.DataFrame(columns, index=index, dtype=float)
        if self.account_names:
            frame.insert(0, "account_name", [self.account_names.get(name, "") for name, _ in self.parts])
        return frame

    def to_dict(self) -> dict[str, Any]:
        """by, currency, total, before_credits, credits, to_pay, parts, others (how many are in `all others`).

        parts is a list of {name, cost, percent, credits, to_pay}, and account_name where the bill has it. cost and
        total are before credits; with by="type", where credits are a part, they are what is to pay. credits and
        before_credits are null where the bill does not show which lines are credits.
        """
        shown = self.split.credits is not None
        parts = []
        for name, cost in self.parts:
            credits = self.credits.get(name, Decimal(0))
            part = {"name": name, "cost": float(cost), "percent": self._percent(cost)}
            part |= {"credits": float(credits) if shown else None, "to_pay": float(cost - credits)}
            if name in self.account_names:
                part["account_name"] = self.account_names[name]
            parts.append(part)
        return {
            "by": self.by,
            "currency": self.currency,
            "total": float(self.total),
            **self.split.to_dict(),
            "parts": parts,
            "others": self.others,
        }

    def draw(self) -> Chart:
        """A bar for each part, with its cost and its share of the total; what credits paid is pale."""
        from esaws.costs.analysis.breakdown_chart import draw_breakdown

        return draw_breakdown(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know beside the amounts."""
        return (NET_OF_CREDITS,) if self.split.credits is None else ()

    def label(self, name: str) -> str:
        """The name of a part for people: an account with its name."""
        return f"{self.account_names[name]} ({name})" if name in self.account_names else name

    def _percent(self, cost: Decimal) -> float | None:
        return float(100 * cost / self.total) if self.total else None

    def __repr__(self) -> str:
        return f"{self.split.describe(self.currency)} by {self.by}"


@dataclass(frozen=True)
class DailyBreakdown(TableResult):
    """A total by day and one dimension, before credits; all cells add up to it."""

    by: str
    days: tuple[date, ...]
    """All days that the bill covers, those without a cost included."""
    parts: tuple[tuple[str, tuple[Decimal, ...]], ...]
    """(name, cost of each day), the most expensive first; the last may be `all others`."""
    total: Decimal
    currency: str
    split: CreditSplit
    """The total before credits, what credits paid, and what is to pay."""

    def to_frame(self) -> pandas.DataFrame:
        """One row a day (UTC) that the bill covers, one column a part, in the currency, before credits."""
        import pandas

        index = pandas.DatetimeIndex(self.days, name="day")
        return pandas.DataFrame({name: [float(x) for x in costs] for name, costs in self.parts}, index=index)

    def to_dict(self) -> dict[str, Any]:
        """by, currency, total, before_credits, credits, to_pay, days (ISO dates), parts.

        parts is a list of {name, costs}, a cost before credits for each day. A day that the bill does not cover is not
        in days.
        """
        return {
            "by": self.by,
            "currency": self.currency,
            "total": float(self.total),
            **self.split.to_dict(),
            "days": [day.isoformat() for day in self.days],
            "parts": [{"name": name, "costs": [float(cost) for cost in costs]} for name, costs in self.parts],
        }

    def draw(self) -> Chart:
        """A stacked bar for each day; the names are listed beside the last one, in the order of the stack."""
        from esaws.costs.analysis.breakdown_chart import draw_daily_breakdown

        return draw_daily_breakdown(self)

    def __repr__(self) -> str:
        return f"{self.split.describe(self.currency)} by {self.by} on {len(self.days)} days"


def breakdown(
    bill: Bill,
    by: str = "service",
    top: int = 10,
    *,
    period: date | None = None,
    metric: str | None = None,
    currency: str | None = None,
) -> Breakdown | Unknown:
    """Break a bill down by one dimension: the `top` most expensive values, and all others together.

    Amounts are before credits, with what credits paid beside them. `by` is service, usage_type, operation, resource,
    account, payer, region, zone, type (of the line item; credits are one), `tag:KEY`, `cost_category:NAME` or cluster
    (by a tag or the ARN of a resource). Where the bill has split cost allocation data, tags and clusters get the tasks'
    and pods' shares of their instances, with what nothing used. Returns `Unknown` where no line of the bill has the
    dimension.

    Raises:
        UsageError: the dimension is not known, `top` is below 1, or the bill does not have the metric, the currency or
            the month.
    """
    if top < 1:
        raise UsageError(f"top={top} shows nothing; take 1 at least")
    selection = select(bill, metric, currency, period)
    lines = _amounts_by_part(selection, by)
    table = lines.group_by("part").aggregate(cost=lines.amount.sum(), label=lines.label.max())
    rows = selection.fetch_rows(table)
    sums = {row["part"]: row["cost"] or Decimal(0) for row in rows}
    credits = {} if by == "type" else _credits_by_part(selection, by)
    sums |= {part: Decimal(0) for part in credits if part not in sums}
    unknown = _unknown_dimension(bill, by, sums)
    if unknown is not None:
        return unknown
    named = {name: cost for name, cost in sums.items() if name or cost or credits.get(name) or len(sums) == 1}
    ranked = sorted(named.items(), key=lambda item: (-item[1], item[0]))
    parts = [(name or label_for_missing(by), cost) for name, cost in ranked[:top]]
    paid = {name or label_for_missing(by): credits[name] for name, _ in ranked[:top] if credits.get(name)}
    if rest := ranked[top:]:
        parts.append((ALL_OTHERS, sum((cost for _, cost in rest), Decimal(0))))
        if others := sum((credits.get(name, Decimal(0)) for name, _ in rest), Decimal(0)):
            paid[ALL_OTHERS] = others
    total = sum(sums.values(), Decimal(0))
    names = {row["part"]: row["label"] for row in rows if row["part"] and row["label"]}
    return Breakdown(by, tuple(parts), total, selection.currency, len(rest), selection.split(), paid, names)


def breakdown_by_day(
    bill: Bill,
    by: str = "service",
    top: int = 5,
    *,
    period: date | None = None,
    metric: str | None = None,
    currency: str | None = None,
) -> DailyBreakdown | Unknown:
    """Break a bill down by day (UTC, of the start of a line) and one dimension, before credits.

    Returns `Unknown` where most lines of the bill span a month, or no line has the dimension. Raises as `breakdown`.
    """
    whole = breakdown(bill, by, top, period=period, metric=metric, currency=currency)
    if isinstance(whole, Unknown):
        return whole
    selection = select(bill, metric, currency, period)
    if granularity(selection) == "months":
        return Unknown("on which days", f"this {bill.format} bill has monthly lines; read one with daily lines")
    names = [name for name, _ in whole.parts[: len(whole.parts) - bool(whole.others)]]
    lines = _amounts_by_part(selection, by)
    lines = lines.mutate(part=(lines.part == "").ifelse(label_for_missing(by), lines.part), day=lines.start.date())
    lines = lines.mutate(part=lines.part.isin(names).ifelse(lines.part, ALL_OTHERS))
    table = lines.group_by("part", "day").aggregate(cost=lines.amount.sum())
    cells = {(row["part"], row["day"]): row["cost"] or Decimal(0) for row in selection.fetch_rows(table) if row["day"]}
    days = tuple(covered_days((day for _, day in cells), bill.months))
    parts = tuple((name, tuple(cells.get((name, day), Decimal(0)) for day in days)) for name, _ in whole.parts)
    return DailyBreakdown(by, days, parts, whole.total, selection.currency, whole.split)


def _amounts_by_part(selection: BillSelection, by: str) -> ir.Table:
    """The amounts of a selection: part (empty where a line has none), label (its name, or NULL), start, amount.

    With by="type" credits are lines like others. Split costs move from an instance to what ran on it.
    """
    import ibis

    lines = selection.lines
    if by == "type":
        lines = ibis.union(lines, selection.credits)
    label = lines[_NAMES[by]] if by in _NAMES else ibis.null("string")
    lines = lines.mutate(part=dimension_column(lines, by), label=label)
    amounts = lines.select("part", "label", "start", "amount")
    if not _splits_instances(by) or not _has_splits(selection, lines):
        return amounts
    return ibis.union(amounts, *split_costs(lines))


def _credits_by_part(selection: BillSelection, by: str) -> dict[str, Decimal]:
    lines = selection.credits.mutate(part=dimension_column(selection.credits, by))
    table = lines.group_by("part").aggregate(cost=lines.amount.sum())
    return {row["part"]: -row["cost"] for row in selection.fetch_rows(table) if row["cost"]}


def _splits_instances(by: str) -> bool:
    return by == "cluster" or by.startswith("tag:")


def _has_splits(selection: BillSelection, lines: ir.Table) -> bool:
    (row,) = selection.bill.fetch_rows(lines.aggregate(splits=lines.split_parent.nullif("").count()))
    return bool(row["splits"])


def split_costs(lines: ir.Table) -> tuple[ir.Table, ir.Table]:
    """What moves by split cost allocation data: the shares of tasks and pods, and the same taken from their instances.

    `lines` has the columns part and label. A share is the split cost and the share of what nothing used, so that the
    shares of an instance add up to its cost.
    https://docs.aws.amazon.com/cur/latest/userguide/split-cost-allocation-data.html
    """
    import ibis

    shares = lines.filter(lines.split_parent.fill_null("") != "")
    amount = ibis.coalesce(shares.split_cost, shares.amount * 0) + ibis.coalesce(
        shares.split_unused_cost, shares.amount * 0
    )
    shares = shares.mutate(amount=amount.cast(lines.amount.type()))
    own = lines.filter(lines.split_parent.fill_null("") == "")
    instances = own.group_by(instance=own.resource_id.fill_null("")).aggregate(instance_part=own.part.max())
    taken = shares.left_join(instances, shares.split_parent == instances.instance)
    taken = taken.select(
        part=taken.instance_part.fill_null(""), label=ibis.null("string"), start=taken.start, amount=-taken.amount
    )
    return shares.select("part", "label", "start", "amount"), taken.cast({"amount": lines.amount.type()})


def dimension_column(lines: ir.Table, by: str) -> ir.StringValue:
    """The column of a dimension; empty text where a line does not have it.

    Raises:
        UsageError: the dimension is not known.
    """
    import ibis

    if by == "cluster":
        arns = lines.resource_id.fill_null("")
        in_arn = [arns.re_extract(CLUSTER_ARN, group).nullif("") for group in (1, 2)]
        column = ibis.coalesce(*(tag_column(lines, key) for key in CLUSTER_TAGS), *in_arn)
    elif by.startswith("tag:") and (key := by.removeprefix("tag:")):
        column = tag_column(lines, key)
    elif by.startswith(COST_CATEGORY) and (key := by.removeprefix(COST_CATEGORY)):
        column = ibis.coalesce(lines.cost_categories.get(key).nullif(""), tag_column(lines, f"costCategory/{key}"))
    elif by in _COLUMNS:
        column = lines[_COLUMNS[by]]
    else:
        raise UsageError(
            f"unknown dimension {by!r}; choose from {', '.join(_COLUMNS)}, cluster, tag:KEY or cost_category:NAME"
        )
    return column.fill_null("")


def label_for_missing(by: str) -> str:
    """The label of lines that do not have a dimension."""
    if by.startswith(("tag:", COST_CATEGORY)):
        return f"without {by.partition(':')[2]}"
    return f"without {by.replace('_', ' ')}"


def tag_column(lines: ir.Table, key: str) -> ir.StringValue:
    """The values of a tag; its key may also be spelled as in CUR 2.0: `esaws:name` as `user_esaws_name`."""
    import ibis

    snake_case = "".join(
        f"_{c.lower()}" if c.isupper() and at and key[at - 1].islower() else c.lower() if c.isalnum() else "_"
        for at, c in enumerate(key)
    )
    spellings = dict.fromkeys((key, snake_case))
    return ibis.coalesce(*(tag_of(lines, spelling).nullif("") for spelling in spellings))


def _unknown_dimension(bill: Bill, by: str, sums: dict[str, Decimal]) -> Unknown | None:
    question = f"where the money went, by {by}"
    if not sums:
        return Unknown(question, "the bill has no lines")
    if any(sums):
        return None
    if by.startswith(COST_CATEGORY):
        return Unknown(question, f"no line of the bill has the cost category {by.removeprefix(COST_CATEGORY)}")
    if by == "cluster" or by.startswith("tag:"):
        name = "a tag or an ARN that names a cluster" if by == "cluster" else f"the tag {by.removeprefix('tag:')}"
        return Unknown(question, f"no line of the bill has {name}; activate it as a cost allocation tag")
    return Unknown(question, f"no line of this {bill.format} bill has a {by.replace('_', ' ')}")
