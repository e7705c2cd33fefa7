"""Break a bill down by service, usage type, resource, account, region, tag or cluster, in all and by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.selection import BillSelection, Unknown, format_money, granularity, select
from esaws.costs.bill.schema import tag_of
from esaws.costs.results import TableResult
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas

    from esaws.chart import Chart
    from esaws.costs.bill.bill import Bill

ALL_OTHERS = "all others"
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


@dataclass(frozen=True)
class Breakdown(TableResult):
    """A total by one dimension; the parts add up to it."""

    by: str
    parts: tuple[tuple[str, Decimal], ...]
    """(name, cost), the most expensive first; the last may be `all others`."""
    total: Decimal
    currency: str
    others: int
    """The number of values summed up in `all others`."""

    def to_frame(self) -> pandas.DataFrame:
        """One row a part, the most expensive first and `all others` last.

        Columns: cost (in the currency) and percent of the total (NaN where the total is 0).
        """
        import pandas

        columns = {
            "cost": [float(cost) for _, cost in self.parts],
            "percent": [self._percent(c) for _, c in self.parts],
        }
        index = pandas.Index([name for name, _ in self.parts], name=self.by, dtype=object)
        return pandas.DataFrame(columns, index=index, dtype=float)

    def to_dict(self) -> dict[str, Any]:
        """by, currency, total, parts: a list of {name, cost, percent}, others (how many are in `all others`)."""
        parts = [{"name": name, "cost": float(cost), "percent": self._percent(cost)} for name, cost in self.parts]
        return {
            "by": self.by,
            "currency": self.currency,
            "total": float(self.total),
            "parts": parts,
            "others": self.others,
        }

    def draw(self) -> Chart:
        """A bar for each part, with its cost and its share of the total."""
        from esaws.costs.analysis.breakdown_chart import draw_breakdown

        return draw_breakdown(self)

    def _percent(self, cost: Decimal) -> float | None:
        return float(100 * cost / self.total) if self.total else None

    def __repr__(self) -> str:
        return f"{format_money(self.total, self.currency)} by {self.by}"


@dataclass(frozen=True)
class DailyBreakdown(TableResult):
    """A total by day and one dimension; all cells add up to it."""

    by: str
    days: tuple[date, ...]
    """All days from the first to the last."""
    parts: tuple[tuple[str, tuple[Decimal, ...]], ...]
    """(name, cost of each day), the most expensive first; the last may be `all others`."""
    total: Decimal
    currency: str

    def to_frame(self) -> pandas.DataFrame:
        """One row a day (UTC), one column a part, in the currency."""
        import pandas

        index = pandas.DatetimeIndex(self.days, name="day")
        return pandas.DataFrame({name: [float(x) for x in costs] for name, costs in self.parts}, index=index)

    def to_dict(self) -> dict[str, Any]:
        """by, currency, total, days (ISO dates), parts: a list of {name, costs}, a cost for each day."""
        return {
            "by": self.by,
            "currency": self.currency,
            "total": float(self.total),
            "days": [day.isoformat() for day in self.days],
            "parts": [{"name": name, "costs": [float(cost) for cost in costs]} for name, costs in self.parts],
        }

    def draw(self) -> Chart:
        """A stacked bar for each day; the names are listed beside the last one, in the order of the stack."""
        from esaws.costs.analysis.breakdown_chart import draw_daily_breakdown

        return draw_daily_breakdown(self)

    def __repr__(self) -> str:
        return f"{format_money(self.total, self.currency)} by {self.by} on {len(self.days)} days"


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

    `by` is service, usage_type, operation, resource, account, payer, region, zone, type (of the line item), `tag:KEY`
    or cluster (the tag that names one). Returns `Unknown` where no line of the bill has the dimension.

    Raises:
        UsageError: the dimension is not known, `top` is below 1, or the bill does not have the metric, the currency or
            the month.
    """
    if top < 1:
        raise UsageError(f"top={top} shows nothing; take 1 at least")
    selection = select(bill, metric, currency, period)
    lines = selection.lines.mutate(part=dimension_column(selection.lines, by))
    table = lines.group_by("part").aggregate(cost=lines.amount.sum())
    sums = {row["part"]: row["cost"] or Decimal(0) for row in selection.fetch_rows(table)}
    unknown = _unknown_dimension(bill, by, sums)
    if unknown is not None:
        return unknown
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    parts = [(name or label_for_missing(by), cost) for name, cost in ranked[:top]]
    if rest := ranked[top:]:
        parts.append((ALL_OTHERS, sum((cost for _, cost in rest), Decimal(0))))
    return Breakdown(by, tuple(parts), sum(sums.values(), Decimal(0)), selection.currency, len(rest))


def breakdown_by_day(
    bill: Bill,
    by: str = "service",
    top: int = 5,
    *,
    period: date | None = None,
    metric: str | None = None,
    currency: str | None = None,
) -> DailyBreakdown | Unknown:
    """Break a bill down by day (UTC, of the start of a line) and one dimension.

    Returns `Unknown` where most lines of the bill span a month, or no line has the dimension. Raises as `breakdown`.
    """
    whole = breakdown(bill, by, top, period=period, metric=metric, currency=currency)
    if isinstance(whole, Unknown):
        return whole
    selection = select(bill, metric, currency, period)
    if granularity(selection) == "months":
        return Unknown("on which days", f"this {bill.format} bill has monthly lines; read one with daily lines")
    names = [name for name, _ in whole.parts[: len(whole.parts) - bool(whole.others)]]
    lines = selection.lines.mutate(part=_labelled_dimension(selection, by), day=selection.lines.start.date())
    lines = lines.mutate(part=lines.part.isin(names).ifelse(lines.part, ALL_OTHERS))
    table = lines.group_by("part", "day").aggregate(cost=lines.amount.sum())
    cells = {(row["part"], row["day"]): row["cost"] or Decimal(0) for row in selection.fetch_rows(table) if row["day"]}
    first, last = min(day for _, day in cells), max(day for _, day in cells)
    days = tuple(date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1))
    parts = tuple((name, tuple(cells.get((name, day), Decimal(0)) for day in days)) for name, _ in whole.parts)
    return DailyBreakdown(by, days, parts, whole.total, selection.currency)


def dimension_column(lines: ir.Table, by: str) -> ir.StringValue:
    """The column of a dimension; empty text where a line does not have it.

    Raises:
        UsageError: the dimension is not known.
    """
    import ibis

    if by == "cluster":
        column = ibis.coalesce(*(tag_column(lines, key) for key in CLUSTER_TAGS))
    elif by.startswith("tag:") and (key := by.removeprefix("tag:")):
        column = tag_column(lines, key)
    elif by in _COLUMNS:
        column = lines[_COLUMNS[by]]
    else:
        raise UsageError(f"unknown dimension {by!r}; choose from {', '.join(_COLUMNS)}, cluster or tag:KEY")
    return column.fill_null("")


def label_for_missing(by: str) -> str:
    """The label of lines that do not have a dimension."""
    if by.startswith("tag:"):
        return f"without {by.removeprefix('tag:')}"
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


def _labelled_dimension(selection: BillSelection, by: str) -> ir.StringValue:
    column = dimension_column(selection.lines, by)
    return (column == "").ifelse(label_for_missing(by), column)


def _unknown_dimension(bill: Bill, by: str, sums: dict[str, Decimal]) -> Unknown | None:
    question = f"where the money went, by {by}"
    if not sums:
        return Unknown(question, "the bill has no lines")
    if any(sums):
        return None
    if by == "cluster" or by.startswith("tag:"):
        name = "a tag that names a cluster" if by == "cluster" else f"the tag {by.removeprefix('tag:')}"
        return Unknown(question, f"no line of the bill has {name}; activate it as a cost allocation tag")
    return Unknown(question, f"no line of this {bill.format} bill has a {by.replace('_', ' ')}")
