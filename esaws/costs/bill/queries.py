"""Queries over the canonical table of a bill, as Ibis expressions that every engine can evaluate.

Each returns its columns, `currency`, `rows` (the number of line items) and `cost`, the most expensive first. Amounts of
different currencies are never added. `metric` is a key of `schema.METRICS`. Missing text is empty.

    bill.to_frame(by_service(bill.lines))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.costs.bill.credits import has_no_type, is_credit
from esaws.costs.bill.schema import METRICS, tag_of

if TYPE_CHECKING:
    import ibis.expr.types as ir


def by_columns(lines: ir.Table, *names: str, metric: str = "unblended") -> ir.Table:
    """By some columns of the table. Columns: those, currency, rows, cost."""
    import ibis

    names = (*names, "currency")
    table = lines.group_by(names).aggregate(rows=lines.count(), cost=lines[METRICS[metric]].sum())
    columns = {name: _null_text_as_empty(table, name) for name in names}
    return table.select(**columns, rows=table.rows, cost=table.cost).order_by(ibis.desc("cost"), *names)


def by_service(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By service: the product code in a CUR, the service name elsewhere. Columns: service, currency, rows, cost."""
    return by_columns(lines, "service", metric=metric)


def spending(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By service and usage type, with what credits paid: all sums of a report in one pass over the bill.

    Columns: service, usage_type, currency, cost, credits, untyped (the rows that have no type).
    """
    names = ("service", "usage_type", "currency")
    cost = lines[METRICS[metric]]
    paid, untyped = is_credit(lines).ifelse(-cost, cost * 0), has_no_type(lines)
    table = lines.group_by(names).aggregate(cost=cost.sum(), credits=paid.sum(), untyped=lines.count(where=untyped))
    columns = {name: _null_text_as_empty(table, name) for name in names}
    return table.select(**columns, cost=table.cost, credits=table.credits, untyped=table.untyped).order_by(*names)


def by_usage_type(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By usage type, with the prefix of the region. Columns: usage_type, currency, rows, cost."""
    return by_columns(lines, "usage_type", metric=metric)


def by_resource(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By resource. Columns: service, resource_id, currency, rows, cost."""
    return by_columns(lines, "service", "resource_id", metric=metric)


def by_account(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By usage account. Columns: account, currency, rows, cost."""
    return by_columns(lines, "account", metric=metric)


def by_provider(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By provider. Columns: provider, currency, rows, cost."""
    return by_columns(lines, "provider", metric=metric)


def by_tag(lines: ir.Table, key: str, metric: str = "unblended") -> ir.Table:
    """By the value of a tag; empty for lines without it. Columns: tag, currency, rows, cost."""
    return by_columns(lines.mutate(tag=tag_of(lines, key)), "tag", metric=metric)


def by_month(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By billed month, in order. Columns: period, currency, rows, cost."""
    return by_columns(lines, "period", metric=metric).order_by("period", "currency")


def by_day(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """By the UTC day on which usage started, in order. Columns: day, currency, rows, cost."""
    return by_columns(lines.mutate(day=lines.start.date()), "day", metric=metric).order_by("day", "currency")


def totals(lines: ir.Table, metric: str = "unblended") -> ir.Table:
    """The totals by currency. Columns: currency, rows, cost."""
    return by_columns(lines, metric=metric)


def free_usage(lines: ir.Table) -> ir.Table:
    """The usage that free tiers covered, by month and payer, sorted by the columns.

    Columns: period, payer, product_code, service, usage_type, operation, region, unit, currency, quantity, list_cost
    (NULL where the bill has none), cost.
    """
    names = ("period", "payer", "product_code", "service", "usage_type", "operation", "region", "unit", "currency")
    free = lines.filter(lines.free)
    table = free.group_by(names).aggregate(
        quantity=free.quantity.sum(), list_cost=free.list_cost.sum(), cost=free.unblended_cost.sum()
    )
    columns = {name: _null_text_as_empty(table, name) for name in names}
    return table.select(**columns, quantity=table.quantity, list_cost=table.list_cost, cost=table.cost).order_by(*names)


def _null_text_as_empty(table: ir.Table, name: str) -> ir.Value:
    """A column whose NULLs are empty text, if it is text."""
    return table[name].fill_null("") if table[name].type().is_string() else table[name]
