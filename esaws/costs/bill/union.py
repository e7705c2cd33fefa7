"""Combine the files of a bill into one canonical table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.bill_file import BillFile, BillingMonth
from esaws.costs.bill.formats.format import ColumnMapping
from esaws.costs.bill.schema import DECIMAL, FLOAT, METRICS, to_schema

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.costs.engines.engine import Engine


def union_files(
    files: Sequence[BillFile], excluded_months: Mapping[BillFile, Collection[BillingMonth]], engine: Engine
) -> ir.Table:
    """The canonical table of these files, without the excluded months of each."""
    import ibis

    number_type = FLOAT if any(file.number_type == FLOAT for file in files) else DECIMAL
    complete: dict[object, list[BillFile]] = {}
    tables = []
    for file in files:
        if excluded_months.get(file):
            table = canonical_table(read_files([file], engine), [file], number_type)
            tables.append(_without_months(table, excluded_months[file]))
        else:
            complete.setdefault((file.mapping.version, file.schema), []).append(file)
    for group in complete.values():
        tables.append(canonical_table(read_files(group, engine), group, number_type))
    return tables[0] if len(tables) == 1 else ibis.union(*tables)


def read_files(files: Sequence[BillFile], engine: Engine) -> ir.Table:
    """A table with the rows of some files of one schema."""
    return engine.read_parquet([file.path for file in files], files[0].json_maps)


def canonical_table(table: ir.Table, files: Sequence[BillFile], number_type: str) -> ir.Table:
    """Convert a table with the rows of some files of one schema to the canonical columns."""
    import ibis

    standard = with_standard_names(table, files[0].mapping)
    constants = {
        name: ibis.literal(value) if value is not None else ibis.null()
        for name, value in common_constants(files).items()
    }
    return to_schema({**files[0].format.canonical_columns(standard), **constants}, standard, number_type)


def with_standard_names(table: ir.Table, mapping: ColumnMapping) -> ir.Table:
    """Select the format's columns under the format's names, with tags in a map."""
    import ibis

    columns: dict[str, ir.Value] = {name: table[source] for name, source in mapping.columns.items()}
    if mapping.tags:
        keys = ibis.array(list(mapping.tags))
        values = ibis.array([table[source].cast("string").nullif("") for source in mapping.tags.values()])
        columns.setdefault("resource_tags", ibis.map(keys, values))
    return table.select(**columns)


def common_constants(files: Sequence[BillFile]) -> dict[str, Any]:
    """The canonical columns that have the same value in all rows of these files."""
    return {
        name: value
        for name, value in files[0].constants.items()
        if all(name in file.constants and file.constants[name] == value for file in files)
    }


def common_metrics(mappings: Sequence[ColumnMapping]) -> tuple[str, ...]:
    """The metrics for which all of these tables have costs, in the order of `METRICS`."""
    return tuple(metric for metric in METRICS if all(metric in mapping.format.metrics(mapping) for mapping in mappings))


def _without_months(lines: ir.Table, months: Collection[BillingMonth]) -> ir.Table:
    for month in months:
        in_month = lines.period.isnull() if month.first is None else lines.period == month.first
        of_payer = lines.payer.isnull() if month.payer is None else lines.payer == month.payer
        lines = lines.filter(~(in_month & of_payer).fill_null(False))
    return lines
