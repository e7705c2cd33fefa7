"""A bill that is a table of Athena or Trino. Queries read only the columns and partitions that they need."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.formats.detect import detect_format
from esaws.costs.bill.formats.format import ColumnMapping
from esaws.costs.bill.schema import DEFAULT_CURRENCY, FLOAT, to_schema
from esaws.costs.bill.union import with_standard_names
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SOURCE = re.compile(r"(?P<table>[^@]+?)(?:@(?P<first>\d{4}-\d{2})(?:\.\.(?P<last>\d{4}-\d{2}))?)?")
_EXAMPLES = "Write cur.hourly@2026-01 or cur.hourly@2026-01..2026-03."


def parse_source(source: str) -> tuple[str, list[date]]:
    """Split a source into its table and its months; no months mean all.

    `cur.hourly@2026-01` and `cur.hourly@2026-01..2026-03` have months, the last one included.

    Raises:
        UsageError: the table or the months are not valid.
    """
    match = _SOURCE.fullmatch(source)
    if match is None:
        raise UsageError(f"{source}: no valid table. {_EXAMPLES}")
    if match["first"] is None:
        return match["table"], []
    try:
        first, last = (date.fromisoformat(f"{match[name] or match['first']}-01") for name in ("first", "last"))
    except ValueError:
        raise UsageError(f"{source}: no valid month. {_EXAMPLES}") from None
    months = [date(number // 12, number % 12 + 1, 1) for number in range(_month_number(first), _month_number(last) + 1)]
    if not months:
        raise UsageError(f"{source}: the last month is before the first")
    return match["table"], months


def detect_table(name: str, table: ir.Table) -> ColumnMapping:
    """The format of a table, by its columns.

    Raises:
        UnreadableBill: the table is not a bill.
    """
    mapping = detect_format(table.columns)
    if mapping is None:
        raise UnreadableBill(name, f"not a bill (its columns are {', '.join(table.columns[:6])}…)")
    return mapping


def read_lines(table: ir.Table, mapping: ColumnMapping, months: Sequence[date]) -> ir.Table:
    """The canonical table over a table of a warehouse, for some months or all.

    Months are filtered by the partitions that crawlers make of AWS's folders, so that other files are not read:
    `billing_period` of CUR 2.0 and FOCUS, `year` and `month` of legacy reports. They are filtered by row, too.
    """
    import ibis

    if months:
        partitions = _partition_filter(table, months)
        if partitions is not None:
            table = table.filter(partitions)
    standard = with_standard_names(table, mapping)
    columns = dict(mapping.format.canonical_columns(standard))
    if mapping.format.currency_column not in mapping.columns:
        columns["currency"] = ibis.literal(DEFAULT_CURRENCY)
    lines = to_schema(columns, standard, FLOAT)
    return lines.filter(lines.period.isin(list(months))) if months else lines


def _partition_filter(table: ir.Table, months: Sequence[date]) -> ir.BooleanValue | None:
    names = {name.lower(): name for name in table.columns}
    if "billing_period" in names:
        return table[names["billing_period"]].cast("string").isin([f"{month:%Y-%m}" for month in months])
    if not {"year", "month"} <= names.keys():
        return None
    year, month = (table[names[name]] for name in ("year", "month"))
    if year.type().is_string():
        conditions = [(year == str(day.year)) & month.isin([str(day.month), f"{day:%m}"]) for day in months]
    else:
        conditions = [(year == day.year) & (month == day.month) for day in months]
    combined = conditions[0]
    for condition in conditions[1:]:
        combined |= condition
    return combined


def _month_number(month: date) -> int:
    return month.year * 12 + month.month - 1
