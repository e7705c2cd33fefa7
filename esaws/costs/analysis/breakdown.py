"""Where the money went: by service, usage type, resource, account, region, tag or cluster, and on which days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from esaws.costs.analysis.selection import Chosen, Unknown, chosen, money, spans
from esaws.costs.bill.schema import tag_of
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas

    from esaws.costs.bill.bill import Bill

OTHERS = "all others"
CLUSTER = (
    "aws:ecs:clusterName",
    "aws:ecs:cluster-name",
    "aws:eks:cluster-name",
    "eks:cluster-name",
    "cluster",
    "Cluster",
    "ClusterName",
    "esaws:name",
)
"""The tags that name a cluster, the surest first.

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
class Where:
    """A sum by what it was spent on; the parts add up to the total."""

    by: str
    parts: tuple[tuple[str, Decimal], ...]
    """Dearest first; the last may be `all others`."""
    total: Decimal
    currency: str
    others: int
    """How many things are in `all others`."""

    def to_frame(self) -> pandas.DataFrame:
        """One row a part, dearest first and `all others` last. Columns: cost (in the currency), percent of the whole
        (NaN where the whole is 0)."""
        import pandas

        percent = [float(100 * cost / self.total) if self.total else None for _, cost in self.parts]
        columns = {"cost": [float(cost) for _, cost in self.parts], "percent": percent}
        index = pandas.Index([name for name, _ in self.parts], name=self.by, dtype=object)
        return pandas.DataFrame(columns, index=index, dtype=float)

    def __repr__(self) -> str:
        return f"{money(self.total, self.currency)} by {self.by}"


@dataclass(frozen=True)
class ByDay:
    """What was spent on each day, by what it was spent on; all cells add up to the total."""

    by: str
    days: tuple[date, ...]
    """All, from the first to the last."""
    parts: tuple[tuple[str, tuple[Decimal, ...]], ...]
    """Dearest first; the last may be `all others`."""
    total: Decimal
    currency: str

    def to_frame(self) -> pandas.DataFrame:
        """One row a day (UTC), one column a part, in the currency."""
        import pandas

        index = pandas.DatetimeIndex(self.days, name="day")
        return pandas.DataFrame({name: [float(x) for x in costs] for name, costs in self.parts}, index=index)

    def __repr__(self) -> str:
        return f"{money(self.total, self.currency)} by {self.by} on {len(self.days)} days"


def where(
    bill: Bill,
    by: str = "service",
    n: int = 10,
    *,
    period: date | None = None,
    metric: str | None = None,
    currency: str | None = None,
) -> Where | Unknown:
    """The `n` dearest of something, and all others together.

    `by` is service, usage_type, operation, resource, account, payer, region, zone, type (of line item), `tag:KEY` or
    cluster (the tag that names one). Unknown where no line of the bill tells it.

    Raises:
        UsageError: there is no such `by`; or as `chosen`.
    """
    if n < 1:
        raise UsageError(f"{n} parts are none; take 1 at least")
    of = chosen(bill, metric, currency, period)
    lines = of.lines.mutate(what=told(of.lines, by))
    table = lines.group_by("what").aggregate(cost=lines.amount.sum())
    sums = {row["what"]: row["cost"] or Decimal(0) for row in of.rows_of(table)}
    unknown = _untold(bill, by, sums)
    if unknown is not None:
        return unknown
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    parts = [(name or missing(by), cost) for name, cost in ranked[:n]]
    if rest := ranked[n:]:
        parts.append((OTHERS, sum((cost for _, cost in rest), Decimal(0))))
    return Where(by, tuple(parts), sum(sums.values(), Decimal(0)), of.currency, len(rest))


def where_by_day(
    bill: Bill,
    by: str = "service",
    n: int = 5,
    *,
    period: date | None = None,
    metric: str | None = None,
    currency: str | None = None,
) -> ByDay | Unknown:
    """What was spent on each day (UTC, by the beginning of a line), by the `n` dearest and all others.

    Unknown where most of the bill is told by months. Raises as `where` does.
    """
    found = where(bill, by, n, period=period, metric=metric, currency=currency)
    if isinstance(found, Unknown):
        return found
    of = chosen(bill, metric, currency, period)
    if spans(of) == "months":
        return Unknown("on which days", f"{bill.format} tells months here; ask for days")
    named = [name for name, _ in found.parts[: len(found.parts) - bool(found.others)]]
    lines = of.lines.mutate(what=_named(of, by), day=of.lines.start.date())
    lines = lines.mutate(what=lines.what.isin(named).ifelse(lines.what, OTHERS))
    table = lines.group_by("what", "day").aggregate(cost=lines.amount.sum())
    cells = {(row["what"], row["day"]): row["cost"] or Decimal(0) for row in of.rows_of(table) if row["day"]}
    first, last = min(day for _, day in cells), max(day for _, day in cells)
    days = tuple(date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1))
    parts = tuple((name, tuple(cells.get((name, day), Decimal(0)) for day in days)) for name, _ in found.parts)
    return ByDay(by, days, parts, found.total, of.currency)


def told(lines: ir.Table, by: str) -> ir.StringValue:
    """What a line is of; empty where it does not say.

    Raises:
        UsageError: there is no such `by`.
    """
    import ibis

    if by == "cluster":
        found = ibis.coalesce(*(tag(lines, key) for key in CLUSTER))
    elif by.startswith("tag:") and (key := by.removeprefix("tag:")):
        found = tag(lines, key)
    elif by in _COLUMNS:
        found = lines[_COLUMNS[by]]
    else:
        raise UsageError(f"a bill is not told by {by!r}; take {', '.join(_COLUMNS)}, cluster or tag:KEY")
    return found.fill_null("")


def missing(by: str) -> str:
    """How what does not say is called."""
    if by.startswith("tag:"):
        return f"without {by.removeprefix('tag:')}"
    return f"without {by.replace('_', ' ')}"


def tag(lines: ir.Table, key: str) -> ir.StringValue:
    """A tag, also where its key is spelled as CUR 2.0 does: `esaws:name` as `user_esaws_name`."""
    import ibis

    snake = "".join(
        f"_{c.lower()}" if c.isupper() and at and key[at - 1].islower() else c.lower() if c.isalnum() else "_"
        for at, c in enumerate(key)
    )
    spelled = dict.fromkeys((key, snake))
    return ibis.coalesce(*(tag_of(lines, each).nullif("") for each in spelled))


def _named(of: Chosen, by: str) -> ir.StringValue:
    what = told(of.lines, by)
    return (what == "").ifelse(missing(by), what)


def _untold(bill: Bill, by: str, sums: dict[str, Decimal]) -> Unknown | None:
    question = f"where the money went, by {by}"
    if not sums:
        return Unknown(question, "the bill has no lines")
    if any(sums):
        return None
    if by == "cluster" or by.startswith("tag:"):
        what = "a tag that names a cluster" if by == "cluster" else f"the tag {by.removeprefix('tag:')}"
        return Unknown(question, f"no line of the bill has {what}; activate it as a cost allocation tag")
    return Unknown(question, f"this {bill.format} does not tell it: no line names its {by.replace('_', ' ')}")
