"""A bill that is a table of Athena or Trino: only the columns and the partitions that are asked for are read there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from esaws.costs.bill.bill_file import standard
from esaws.costs.bill.files import Unreadable
from esaws.costs.bill.format import Recognised
from esaws.costs.bill.recognise import recognise
from esaws.costs.bill.schema import FLOAT, conform
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SOURCE = re.compile(r"(?P<table>[^@]+?)(?:@(?P<first>\d{4}-\d{2})(?:\.\.(?P<last>\d{4}-\d{2}))?)?")


def table_and_months(source: str) -> tuple[str, list[date]]:
    """What a source names: a table, and the months of it; none for all.

    `cur.hourly@2026-01` and `cur.hourly@2026-01..2026-03` name months, the last included.

    Raises:
        UsageError: it names no months behind its `@`.
    """
    found = _SOURCE.fullmatch(source)
    if found is None:
        raise UsageError(f"{source} names no table; say it like cur.hourly@2026-01 or cur.hourly@2026-01..2026-03")
    if found["first"] is None:
        return found["table"], []
    try:
        first, last = (date.fromisoformat(f"{found[name] or found['first']}-01") for name in ("first", "last"))
    except ValueError:
        raise UsageError(f"{source} names no month; say it like cur.hourly@2026-01") from None
    months = [date(number // 12, number % 12 + 1, 1) for number in range(_number(first), _number(last) + 1)]
    if not months:
        raise UsageError(f"{source} ends before it begins")
    return found["table"], months


def recognised_table(name: str, table: ir.Table) -> Recognised:
    """What a table is, by its columns.

    Raises:
        Unreadable: it is no bill.
    """
    recognised = recognise(table.columns)
    if recognised is None:
        raise Unreadable(name, f"its columns are not those of a bill: {', '.join(table.columns[:6])}…")
    return recognised


def lines_of(table: ir.Table, recognised: Recognised, months: Sequence[date]) -> ir.Table:
    """The canonical table over a table of a warehouse, of some months or all.

    Months are asked for by the partitions that crawlers make of AWS's folders, so that nothing else is read:
    `billing_period` of CUR 2.0 and FOCUS, `year` and `month` of legacy reports; and by the rows themselves.
    """
    import ibis

    if months:
        partitions = _partitions(table, months)
        if partitions is not None:
            table = table.filter(partitions)
    told = standard(table, recognised)
    known = dict(recognised.format.canonical(told))
    if recognised.format.currency not in recognised.columns:
        known["currency"] = ibis.literal("USD")
    lines = conform(known, told, FLOAT)
    return lines.filter(lines.period.isin(list(months))) if months else lines


def _partitions(table: ir.Table, months: Sequence[date]) -> ir.BooleanValue | None:
    names = {name.lower(): name for name in table.columns}
    if "billing_period" in names:
        return table[names["billing_period"]].cast("string").isin([f"{month:%Y-%m}" for month in months])
    if {"year", "month"} <= names.keys():
        year, month = (table[names[name]] for name in ("year", "month"))
        if year.type().is_string():
            wanted = [(year == str(each.year)) & month.isin([str(each.month), f"{each:%m}"]) for each in months]
        else:
            wanted = [(year == each.year) & (month == each.month) for each in months]
        found = wanted[0]
        for each in wanted[1:]:
            found |= each
        return found
    return None


def _number(month: date) -> int:
    return month.year * 12 + month.month - 1
