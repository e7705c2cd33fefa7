"""What a bill says, one question a function: expressions over the canonical table, the same for every engine.

Each gives an Ibis table with what is asked for, `currency`, `rows` (line items) and `cost`; sums are never over two
currencies. `metric` is a way to count of `canonical.METRICS`. Dearest first; `Bill.frame` makes a small pandas frame of
it. What a bill does not tell is empty text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.costs.bill.schema import METRICS, tag_of

if TYPE_CHECKING:
    import ibis.expr.types as ir


def by(lines: ir.Table, *names: str, metric: str = "unblended") -> ir.Table:
    """By some columns of the table. Columns: those, currency, rows, cost."""
    import ibis

    constant = {name: value for name in (*names, "currency") if (value := _constant(lines, name)) is not None}
    grouped = [name for name in (*names, "currency") if name not in constant]
    sums = {"rows": lines.count(), "cost": lines[METRICS[metric]].sum()}
    found = lines.group_by(grouped).aggregate(**sums) if grouped else lines.aggregate(**sums)
    known = {
        name: ibis.literal(constant[name], type=lines[name].type()) if name in constant else _said(found, name)
        for name in (*names, "currency")
    }
    return found.select(**known, rows=found.rows, cost=found.cost).order_by(ibis.desc("cost"), *names, "currency")


def by_service(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By service: AWS's product code in a CUR, the service's name elsewhere. Columns: service, currency, rows, cost."""
    return by(lines, "service", metric=metric)


def by_usage_type(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By usage type, with the region's prefix. Columns: usage_type, currency, rows, cost."""
    return by(lines, "usage_type", metric=metric)


def by_resource(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By resource. Columns: service, resource_id, currency, rows, cost."""
    return by(lines, "service", "resource_id", metric=metric)


def by_account(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By the account that used it. Columns: account, currency, rows, cost."""
    return by(lines, "account", metric=metric)


def by_region(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By region. Columns: region, currency, rows, cost."""
    return by(lines, "region", metric=metric)


def by_type(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By what kind of charge it is: usage, tax, credits, fees… Columns: line_item_type, currency, rows, cost."""
    return by(lines, "line_item_type", metric=metric)


def by_provider(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By whose bill it is. Columns: provider, currency, rows, cost."""
    return by(lines, "provider", metric=metric)


def by_tag(lines: ir.Table, key: str, metric: str = "unblended") -> ir.Table:
    """By the value of a tag; empty where there is none. Columns: tag, currency, rows, cost."""
    return by(lines.mutate(tag=tag_of(lines, key)), "tag", metric=metric)


def by_month(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By the month that is billed, in order. Columns: period, currency, rows, cost."""
    return by(lines, "period", metric=metric).order_by("period", "currency")


def by_day(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By the day on which usage began (UTC), in order. Columns: day, currency, rows, cost."""
    return by(lines.mutate(day=lines.start.date()), "day", metric=metric).order_by("day", "currency")


def totals(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """The whole, by currency. Columns: currency, rows, cost."""
    return by(lines, metric=metric)


def free_usage(lines: ir.Table) -> ir.Table:
    """What free tiers covered, by month and payer, in the order of the columns.

    Columns: period, payer, product_code, service, usage_type, operation, region, unit, currency, quantity, list_cost
    (NULL where the bill tells none), cost.
    """
    names = ("period", "payer", "product_code", "service", "usage_type", "operation", "region", "unit", "currency")
    free = lines.filter(lines.free)
    found = free.group_by(names).aggregate(
        quantity=free.quantity.sum(), list_cost=free.list_cost.sum(), cost=free.unblended_cost.sum()
    )
    said = {name: _said(found, name) for name in names}
    return found.select(**said, quantity=found.quantity, list_cost=found.list_cost, cost=found.cost).order_by(*names)


def _said(table: ir.Table, name: str) -> ir.Value:
    """A column in which what is not known is empty text; other types keep NULL."""
    return table[name].fill_null("") if table[name].type().is_string() else table[name]


def _constant(lines: ir.Table, name: str) -> object:
    """The value of a column that is the same in all rows, where the expression itself tells it."""
    import ibis.expr.operations as ops

    values = getattr(lines.op(), "values", {})
    while isinstance(value := values.get(name), ops.Cast | ops.Alias):
        values = {name: value.arg}
    return value.value if isinstance(value, ops.Literal) else None
