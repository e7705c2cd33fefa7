"""Find the billing months in a file and how far each goes, from the Parquet footer where it suffices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.bill_file import BillFile, BillingMonth, MonthCoverage
from esaws.costs.bill.parquet_stats import ColumnStats, column_stats
from esaws.costs.bill.schema import DEFAULT_CURRENCY
from esaws.costs.bill.union import canonical_table, read_files

if TYPE_CHECKING:
    from esaws.costs.engines.duckdb import DuckDBEngine


def read_coverage(file: BillFile, duck: DuckDBEngine) -> list[MonthCoverage]:
    """The months in a file."""
    if file.rows == 0:
        return []
    constants = footer_constants(file)
    if {"period", "payer"} <= constants.keys():
        format_, columns = file.format, file.mapping.columns
        names = (format_.end_column, format_.invoice_column)
        stats = column_stats(file.path, [columns[name] for name in names if name in columns])
        ends, invoices = (stats.get(columns.get(name, "")) for name in names)
        until = _to_datetime(ends.maximum) if ends else None
        month = BillingMonth(constants["payer"], constants["period"])
        return [MonthCoverage(month, file.rows, until, bool(invoices and invoices.maximum))]
    return _coverage_from_rows(file, duck)


def footer_constants(file: BillFile) -> Mapping[str, Any]:
    """The canonical columns that have the same value in all rows, as far as the footer shows."""
    format_, columns = file.format, file.mapping.columns
    sources = {"payer": format_.payer_column, "currency": format_.currency_column}
    defaults = {"payer": None, "currency": DEFAULT_CURRENCY}
    names = [columns[name] for name in (*sources.values(), *format_.period_columns) if name in columns]
    stats = column_stats(file.path, names)
    constants: dict[str, Any] = {}
    for canonical, name in sources.items():
        if name not in columns:
            constants[canonical] = defaults[canonical]
        elif (column := stats.get(columns[name])) and column.only_value is not None:
            constants[canonical] = column.only_value
    period = next((name for name in format_.period_columns if name in columns), None)
    if period is not None and (month := _only_month(stats.get(columns[period]))):
        constants["period"] = month
    return constants


def _only_month(stats: ColumnStats | None) -> date | None:
    """The first day of the month that all values are in."""
    if stats is None or stats.null_count or stats.minimum is None:
        return None
    minimum, maximum = stats.minimum, stats.maximum
    is_one_month = (minimum.year, minimum.month) == (maximum.year, maximum.month)
    return date(minimum.year, minimum.month, 1) if is_one_month else None


def _coverage_from_rows(file: BillFile, duck: DuckDBEngine) -> list[MonthCoverage]:
    lines = canonical_table(read_files([file], duck), [file], file.number_type)
    grouped = lines.group_by("payer", "period").aggregate(
        rows=lines.count(), until=lines.end.max(), invoiced=(lines.invoice_id.fill_null("") != "").any()
    )
    return [
        MonthCoverage(BillingMonth(row["payer"], row["period"]), row["rows"], row["until"], bool(row["invoiced"]))
        for row in duck.fetch_rows(grouped.order_by("payer", "period"))
    ]


def _to_datetime(value: date | datetime | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day)
