"""Convert text cells to typed Parquet. A cell whose value is not certain is an error with file, row and column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.cells import Cells, UnclearCell, parse_maps, parse_numbers, parse_timestamps
from esaws.costs.bill.formats.format import ColumnMapping
from esaws.costs.bill.schema import Kind
from esaws.costs.engines.duckdb import quote_identifier, quote_literal

if TYPE_CHECKING:
    import pyarrow

    from esaws.costs.engines.duckdb import DuckDBEngine

NULL_VALUES = ("", "null", "none", "nan", "n/a", "na", "#n/a", "<null>", "(null)", "\\n", "-")
"""Cells of numbers and dates that mean NULL, in lower case."""
NULL_TEXTS = ("", "NULL", "null", "NaN", "nan", "N/A", "#N/A", "<null>", "(null)", "\\N")
"""Cells of text that mean NULL. `none` and `NA` may be values there."""

SQL_TYPES: Mapping[Kind, str] = {"number": "DECIMAL(38, 18)", "timestamp": "TIMESTAMP", "map": "MAP(VARCHAR, VARCHAR)"}
COPY_OPTIONS = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 30720"
"""Four times smaller row groups than DuckDB's own: they stay in the caches of the processor."""
_BLANKS = " \t\u00a0"
_TOTAL_LABEL = re.compile(r"(grand|sub)?[ -]?(total|sum|totals|summe|gesamt|somme|suma|totale)\b.*", re.IGNORECASE)


def load_cells(
    duck: DuckDBEngine,
    source: str,
    names: Mapping[str, str],
    file: str,
    mapping: ColumnMapping,
    row_of: Callable[[int], int],
    delimiter: str | None = None,
) -> Cells:
    """Load a bill's columns of a SQL relation as text; `names` maps the file's column names to the relation's."""
    cells = Cells(duck, duck.new_name("cells"), file, mapping, row_of, delimiter)
    fields, raw = mapping.format.fields, duck.new_name("raw")
    nulls = {name: NULL_TEXTS if fields[name] in ("text", "map") else NULL_VALUES for name in mapping.columns}
    nulls |= {f"tag_{number}": NULL_TEXTS for number in range(len(mapping.tags))}
    columns = dict(
        zip(nulls, (names[name] for name in (*mapping.columns.values(), *mapping.tags.values())), strict=True)
    )
    selected = [f"{quote_identifier(column)} AS {quote_identifier(name)}" for name, column in columns.items()]
    duck.run_sql(f"CREATE TEMP TABLE {raw} AS SELECT {', '.join(selected)} FROM {source}")
    quoted = {name: quote_identifier(name) for name in columns}
    (has_any,) = duck.run_sql(
        f"SELECT {', '.join(f'bool_or({has_blanks(name)})' for name in quoted.values())} FROM {raw}"
    )
    cleaned = []
    for (name, column), blanks in zip(quoted.items(), has_any, strict=True):
        trimmed = (
            f"trim({column}, {quote_literal(_BLANKS)})" if blanks else column
        )  # trimming all columns takes longest
        cleaned.append(f"{without_nulls(trimmed, nulls[name])} AS {column}")
    duck.run_sql(f"CREATE TEMP TABLE {cells.table} AS SELECT {', '.join(cleaned)} FROM {raw}")
    duck.run_sql(f"DROP TABLE {raw}")
    return cells


def write_typed(cells: Cells, path: Path) -> None:
    """Write the cells as typed Parquet.

    Raises:
        UnreadableBill: the value of a cell is not certain.
    """
    _remove_total_rows(cells)
    joins: list[str] = []
    selected = [
        *_parsed_columns(cells, "number", parse_numbers, joins),
        *_parsed_columns(cells, "timestamp", parse_timestamps, joins),
        *_parsed_columns(cells, "map", parse_maps, joins),
        *(f"r.{quote_identifier(name)} AS {quote_identifier(name)}" for name in cells.columns("text")),
    ]
    if cells.mapping.tags:
        cells_of_tags = {key: f"r.tag_{number}" for number, key in enumerate(cells.mapping.tags)}
        selected.append(f"{tag_map(cells_of_tags)} AS resource_tags")
    query = f"SELECT {', '.join(selected)} FROM {cells.table} r {' '.join(joins)}"
    cells.duck.run_sql(f"COPY ({query}) TO {quote_literal(str(path))} ({COPY_OPTIONS})")
    cells.duck.run_sql(f"DROP TABLE {cells.table}")


def _remove_total_rows(cells: Cells) -> None:
    """Remove blank rows, and the totals that a spreadsheet added below the last row of the bill.

    Raises:
        UnreadableBill: a row has no date and is not a total.
    """
    timestamps = cells.columns("timestamp")
    undated = " AND ".join(f"{quote_identifier(name)} IS NULL" for name in timestamps)
    others = [name for name in cells.mapping.columns if name not in timestamps]
    columns = ", ".join(map(quote_identifier, others))
    rows: list[tuple[Any, ...]] = cells.duck.run_sql(
        f"SELECT rowid, {columns} FROM {cells.table} WHERE {undated} ORDER BY rowid"
    )
    if not rows:
        return
    ((last,),) = cells.duck.run_sql(f"SELECT max(rowid) FROM {cells.table} WHERE NOT ({undated})")
    numbers = set(cells.columns("number"))
    for index, *values in rows:
        row = {name: value for name, value in zip(others, values, strict=True) if value is not None}
        if not row:
            continue
        labels = [text for name, text in row.items() if name not in numbers]
        if last is None or index < last or not all(_TOTAL_LABEL.match(label) for label in labels):
            raise UnreadableBill(cells.file, "the row has no date", row=cells.row_of(index))
        shown = ", ".join(row.values())
        cells.warnings.append(f"{cells.file}, row {cells.row_of(index)}: total row, not counted ({shown})")
    cells.duck.run_sql(f"DELETE FROM {cells.table} WHERE {undated}")


def _parsed_columns(
    cells: Cells, kind: Kind, parse: Callable[[Cells], pyarrow.Table | None], joins: list[str]
) -> list[str]:
    """SQL for the columns of a kind. Texts that DuckDB can't parse are joined with the parsed values."""
    columns, sql_type = cells.columns(kind), SQL_TYPES[kind]
    try:
        parsed = parse(cells)
    except UnclearCell as unclear:
        raise cells.error(unclear, columns) from None
    if parsed is None:
        return [f"CAST(r.{quote_identifier(name)} AS {sql_type}) AS {quote_identifier(name)}" for name in columns]
    table = cells.duck.new_name(kind)
    cells.duck.load(table, parsed, f"name, text, value::{sql_type} AS value")
    selected = []
    for number, name in enumerate(columns):
        alias, column = f"{table}_{number}", quote_identifier(name)
        joins.append(
            f"LEFT JOIN {table} {alias} ON {alias}.text = r.{column} AND {alias}.name IN ('', {quote_literal(name)})"
        )
        direct = f"TRY_CAST(r.{column} AS {sql_type})" if kind == "number" else "NULL"
        selected.append(f"coalesce({alias}.value, {direct}) AS {column}")
    return selected


def has_blanks(column: str) -> str:
    """SQL that is true where a cell begins or ends with a blank."""
    edges = [f"ends_with({column}, {quote_literal(blank)})" for blank in _BLANKS]
    return f"{column} < '!' AND {column} <> '' OR starts_with({column}, '\u00a0') OR {' OR '.join(edges)}"


def without_nulls(cell: str, nulls: tuple[str, ...]) -> str:
    """SQL for a cell that is NULL where its text means that."""
    compared = f"lower({cell})" if nulls is NULL_VALUES else cell
    return f"CASE WHEN {compared} IN ({', '.join(map(quote_literal, nulls))}) THEN NULL ELSE {cell} END"


def tag_map(cells: Mapping[str, str]) -> str:
    """SQL for a map of the tags that are not NULL; `cells` maps each key to SQL."""
    entries = ", ".join(f"{{'k': {quote_literal(key)}, 'v': {cell}}}" for key, cell in cells.items())
    return f"map_from_entries(list_filter([{entries}], lambda e: e.v IS NOT NULL))"
