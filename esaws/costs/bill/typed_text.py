"""Text cells turned into typed Parquet: each is read for certain, or refused with file, row and column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from esaws.costs.bill.cells import Unclear, amounts_of, maps_of, moments_of
from esaws.costs.bill.files import Unreadable
from esaws.costs.bill.format import Recognised
from esaws.costs.bill.schema import Kind
from esaws.costs.bill.total_rows import set_sums_aside
from esaws.costs.engines.duckdb import literal, quoted

if TYPE_CHECKING:
    import pyarrow

    from esaws.costs.engines.duckdb import Embedded

NOTHING = ("", "null", "none", "nan", "n/a", "na", "#n/a", "<null>", "(null)", "\\n", "-")
"""What stands in cells of numbers and dates for nothing, in lower case."""
NO_TEXT = ("", "NULL", "null", "NaN", "nan", "N/A", "#N/A", "<null>", "(null)", "\\N")
"""What stands in cells of text for nothing: there `none` and `NA` may be meant."""

_SQL_TYPES: Mapping[Kind, str] = {"number": "DECIMAL(38, 18)", "moment": "TIMESTAMP", "map": "MAP(VARCHAR, VARCHAR)"}
_SHOWN = 80
"""Characters of a cell that an error shows."""
_BLANKS = "' \t\u00a0'"


@dataclass
class Cells:
    """A table of text in DuckDB, with a bill's columns by the format's names; cells that hold nothing are NULL."""

    duck: Embedded
    table: str
    file: str
    recognised: Recognised
    row_of: Callable[[int], int]
    """The row in the file of the record with this number, counted from 0."""
    delimiter: str | None
    warnings: list[str] = field(default_factory=list)

    def columns(self, kind: Kind) -> list[str]:
        return [name for name in self.recognised.columns if self.recognised.format.fields[name] == kind]

    def distinct(self, columns: list[str], where: str = "true") -> list[str]:
        """The texts that stand in any of some columns; `where` is about `cell`."""
        each = [f"SELECT {quoted(name)} AS cell FROM {self.table}" for name in columns]
        sql = (
            f"SELECT DISTINCT cell FROM ({' UNION ALL '.join(each)}) WHERE cell IS NOT NULL AND ({where}) ORDER BY cell"
        )
        return [cell for (cell,) in self.duck.rows(sql)] if each else []

    def refuse(self, unclear: Unclear, columns: list[str]) -> Unreadable:
        """The error that names the first cell with a text that can't be read."""
        shown_text = unclear.text if len(unclear.text) < _SHOWN else f"{unclear.text[:_SHOWN]}…"
        said = f"{shown_text!r} {unclear.reason}"
        for name in [unclear.column] if unclear.column else columns:
            sql = f"SELECT min(rowid) FROM {self.table} WHERE {quoted(name)} = ?"
            ((index,),) = self.duck.rows(sql, [unclear.text])
            if index is not None:
                shown = self.recognised.columns[name]
                return Unreadable(self.file, said, row=self.row_of(index), column=shown)
        return Unreadable(self.file, said)


def load(
    duck: Embedded,
    source: str,
    names: Mapping[str, str],
    file: str,
    recognised: Recognised,
    row_of: Callable[[int], int],
    delimiter: str | None = None,
) -> Cells:
    """The bill's columns of a relation as text; `names` are those of the relation by those of the file."""
    cells = Cells(duck, duck.new_name("cells"), file, recognised, row_of, delimiter)
    selected = []
    for name, given in recognised.columns.items():
        nothing = NO_TEXT if recognised.format.fields[name] in ("text", "map") else NOTHING
        selected.append(f"{_cell(names[given], nothing)} AS {quoted(name)}")
    for number, given in enumerate(recognised.tags.values()):
        selected.append(f"{_cell(names[given], NO_TEXT)} AS tag_{number}")
    duck.rows(f"CREATE TEMP TABLE {cells.table} AS SELECT {', '.join(selected)} FROM {source}")
    return cells


def write(cells: Cells, path: Path) -> int:
    """The table, typed, as Parquet; gives the number of rows.

    Raises:
        Unreadable: a cell can't be read for certain.
    """
    set_sums_aside(cells)
    joins: list[str] = []
    selected = [
        *_translated(cells, "number", amounts_of, joins),
        *_translated(cells, "moment", moments_of, joins),
        *_translated(cells, "map", maps_of, joins),
        *(f"r.{quoted(name)} AS {quoted(name)}" for name in cells.columns("text")),
    ]
    if cells.recognised.tags:
        selected.append(f"{_tags(cells.recognised.tags)} AS resource_tags")
    query = f"SELECT {', '.join(selected)} FROM {cells.table} r {' '.join(joins)}"
    cells.duck.rows(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")
    ((rows,),) = cells.duck.rows(f"SELECT count(*) FROM {cells.table}")
    cells.duck.rows(f"DROP TABLE {cells.table}")
    return int(rows)


def _translated(
    cells: Cells, kind: Kind, translate: Callable[[Cells], pyarrow.Table | None], joins: list[str]
) -> list[str]:
    """The columns of a kind as SQL; texts that DuckDB does not read by itself are looked up in what was translated."""
    columns, sql_type = cells.columns(kind), _SQL_TYPES[kind]
    try:
        known = translate(cells)
    except Unclear as unclear:
        raise cells.refuse(unclear, columns) from None
    if known is None:
        return [f"CAST(r.{quoted(name)} AS {sql_type}) AS {quoted(name)}" for name in columns]
    table = cells.duck.new_name(kind)
    cells.duck.raw.register(f"{table}_", known)
    cells.duck.rows(f"CREATE TEMP TABLE {table} AS SELECT name, text, value::{sql_type} AS value FROM {table}_")
    cells.duck.raw.unregister(f"{table}_")
    selected = []
    for number, name in enumerate(columns):
        joined = f"{table}_{number}"
        of_column = f"{joined}.name IN ('', {literal(name)})"
        joins.append(f"LEFT JOIN {table} {joined} ON {joined}.text = r.{quoted(name)} AND {of_column}")
        by_itself = f"TRY_CAST(r.{quoted(name)} AS {sql_type})" if kind == "number" else "NULL"
        selected.append(f"coalesce({joined}.value, {by_itself}) AS {quoted(name)}")
    return selected


def _cell(name: str, nothing: tuple[str, ...]) -> str:
    trimmed = f"trim({quoted(name)}, {_BLANKS})"
    compared = f"lower({trimmed})" if nothing is NOTHING else trimmed
    words = ", ".join(f"'{word}'" for word in nothing)
    return f"CASE WHEN {compared} IN ({words}) THEN NULL ELSE {trimmed} END"


def _tags(tags: Mapping[str, str]) -> str:
    entries = ", ".join(f"{{'k': {literal(key)}, 'v': r.tag_{number}}}" for number, key in enumerate(tags))
    return f"map_from_entries(list_filter([{entries}], lambda e: e.v IS NOT NULL))"
