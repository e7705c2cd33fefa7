"""Text cells of a table, and what they mean together: the decimal separator and the order of day and month."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.datetimes import DateOrder, months_of, needs_date_order, parse_timestamp, possible_date_orders
from esaws.costs.bill.formats.format import ColumnMapping
from esaws.costs.bill.maps import parse_map
from esaws.costs.bill.numbers import DecimalSeparator, decimal_separators, parse_number
from esaws.costs.bill.schema import Kind
from esaws.costs.engines.duckdb import quote_identifier

if TYPE_CHECKING:
    import pyarrow

    from esaws.costs.engines.duckdb import DuckDBEngine

ANY_COLUMN = ""
"""The column name of a parsed value that holds for all columns."""

_DUCKDB_CANT_PARSE = "TRY_CAST(cell AS DECIMAL(38, 18)) IS NULL"
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_SHOWN_CHARACTERS = 80
"""The length to which error messages cut a cell."""


class UnclearCell(Exception):
    """A cell whose value is not certain, and why."""

    def __init__(self, text: str, reason: str, column: str | None = None):
        super().__init__(f"{text!r} {reason}")
        self.text, self.reason, self.column = text, reason, column


@dataclass
class Cells:
    """A table of text in DuckDB with a bill's columns under the format's names. Empty cells are NULL."""

    duck: DuckDBEngine
    table: str
    file: str
    mapping: ColumnMapping
    row_of: Callable[[int], int]
    """The row in the file of the record with this index, counted from 0."""
    delimiter: str | None
    warnings: list[str] = field(default_factory=list)

    def columns(self, kind: Kind) -> list[str]:
        return [name for name in self.mapping.columns if self.mapping.format.fields[name] == kind]

    def distinct(self, columns: list[str], where: str = "true") -> list[str]:
        """The distinct texts in these columns, sorted; `where` is a SQL condition on `cell`."""
        if not columns:
            return []
        cells = " UNION ALL ".join(f"SELECT {quote_identifier(name)} AS cell FROM {self.table}" for name in columns)
        sql = f"SELECT DISTINCT cell FROM ({cells}) WHERE cell IS NOT NULL AND ({where}) ORDER BY cell"
        return [cell for (cell,) in self.duck.run_sql(sql)]

    def count_rows(self, column: str, texts: Sequence[str]) -> int:
        """The number of rows with one of these texts in a column."""
        sql = f"SELECT count(*) FROM {self.table} WHERE list_contains(?, {quote_identifier(column)})"
        ((rows,),) = self.duck.run_sql(sql, [list(texts)])
        return int(rows)

    def error(self, unclear: UnclearCell, columns: list[str]) -> UnreadableBill:
        """The error that names file, row and column of the first cell with this text."""
        reason = f"{_shorten(unclear.text)!r} {unclear.reason}"
        for name in [unclear.column] if unclear.column else columns:
            sql = f"SELECT min(rowid) FROM {self.table} WHERE {quote_identifier(name)} = ?"
            ((index,),) = self.duck.run_sql(sql, [unclear.text])
            if index is not None:
                return UnreadableBill(self.file, reason, row=self.row_of(index), column=self.mapping.columns[name])
        return UnreadableBill(self.file, reason)


def parse_numbers(cells: Cells) -> pyarrow.Table | None:
    """The numbers that DuckDB can't parse itself, as `name`, `text`, `value`; None if it can parse all.

    Raises:
        UnclearCell: a text is not a number, or a column has both decimal separators.
    """
    columns = cells.columns("number")
    if not cells.distinct(columns, _DUCKDB_CANT_PARSE):
        return None
    texts = {column: cells.distinct([column]) for column in columns}
    separators = _decimal_separators(cells, texts)
    values = {}
    for column, texts_of_column in texts.items():
        separator = separators[column]
        for text in texts_of_column:
            if separator == "." and _PLAIN_NUMBER.fullmatch(text):
                continue
            if (value := parse_number(text, separator)) is None:
                raise UnclearCell(text, "is not a number", column)
            values[column, text] = f"{value:f}"
    return _to_arrow(values, "number")


def parse_timestamps(cells: Cells) -> pyarrow.Table | None:
    """The timestamps of all date cells, as `name`, `text`, `value`; None if there are none.

    Raises:
        UnclearCell: a text is not a date, or the order of day and month is not certain.
    """
    texts = cells.distinct(cells.columns("timestamp"))
    order = _date_order(cells, [text for text in texts if needs_date_order(text)])
    as_written = _has_local_calendar(cells)
    if as_written:
        cells.warnings.append(
            f"{cells.file}: times are counted as the file has them, with their offset from UTC, because its months or "
            "days begin at midnight there"
        )
    values = {}
    for text in texts:
        if (value := parse_timestamp(text, order, as_written=as_written)) is None:
            raise UnclearCell(text, "is not a date")
        values[ANY_COLUMN, text] = value
    return _to_arrow(values, "timestamp") if values else None


def parse_maps(cells: Cells) -> pyarrow.Table | None:
    """The keys and values of all map cells, nested values as JSON, as `name`, `text`, `value`; None if there are none.

    A cell that can't be parsed has no tags, and a warning says how many rows have one: tags are no reason to refuse
    the costs beside them.
    """
    values = {}
    for name in cells.columns("map"):
        texts = cells.distinct([name])
        parsed = {text: parse_map(text) for text in texts}
        values.update({(name, text): [*entries.items()] for text, entries in parsed.items() if entries is not None})
        _warn_of_maps(cells, name, [text for text in texts if parsed[text] is None], "counted without {column}")
        unusual = [text for text in texts if parsed[text] and not text.startswith(("{", "["))]
        _warn_of_maps(cells, name, unusual, "read as if it stood in braces")
    return _to_arrow(values, "map") if values else None


def _has_local_calendar(cells: Cells) -> bool:
    """Whether the offsets in a file's times are those of its calendar: its months or days begin at midnight there.

    A month that begins at 00:00+01:00 would begin an hour before its first day in UTC.
    """
    format_, known = cells.mapping.format, cells.mapping.columns
    names = [name for name in format_.month_start_columns if name in known] or [format_.start_column]
    texts = cells.distinct([name for name in names if name in known], "regexp_matches(cell, '[+-]\\d{2}:?\\d{2}$')")
    written = [parse_timestamp(text, None, as_written=True) for text in texts]
    in_utc = [parse_timestamp(text, None) for text in texts]

    def begin_days(timestamps: list[datetime | None]) -> bool:
        return all(timestamp is not None and timestamp.time() == time() for timestamp in timestamps)

    return bool(texts) and begin_days(written) and not begin_days(in_utc)


def _warn_of_maps(cells: Cells, name: str, texts: Sequence[str], consequence: str) -> None:
    if texts:
        column, rows = cells.mapping.columns[name], cells.count_rows(name, texts)
        cells.warnings.append(
            f"{cells.file}, column {column}: {rows} row{'s have' if rows != 1 else ' has'} a cell that is not a JSON "
            f"object of keys and values, such as {_shorten(texts[0])!r} ({consequence.format(column=column)})"
        )


def _shorten(text: str) -> str:
    return text if len(text) < _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _decimal_separators(cells: Cells, texts: Mapping[str, Sequence[str]]) -> dict[str, DecimalSeparator]:
    """The decimal separator of each column: programs that write commas leave the points of text columns.

    A column that does not show it, such as one with 1,234 alone, takes that of the other columns. If none shows it, the
    delimiter decides: files with semicolons have commas.
    """
    possible = {column: decimal_separators(texts_of_column) for column, texts_of_column in texts.items()}
    for column, separators in possible.items():
        if not separators:
            raise _unclear_number(column, texts[column])
    certain = {next(iter(separators)) for separators in possible.values() if len(separators) == 1}
    default: DecimalSeparator = certain.pop() if len(certain) == 1 else "," if cells.delimiter == ";" else "."
    return {
        column: next(iter(separators)) if len(separators) == 1 else default for column, separators in possible.items()
    }


def _unclear_number(column: str, texts: Sequence[str]) -> UnclearCell:
    """The reason why a column can't be parsed with either separator."""
    for text in texts:
        if parse_number(text, ".") is None and parse_number(text, ",") is None:
            return UnclearCell(text, "is not a number", column)
    text = next(text for text in texts if parse_number(text, ".") is None)
    return UnclearCell(text, "has a decimal comma, while other numbers of the column have a decimal point", column)


def _date_order(cells: Cells, ambiguous: Sequence[str]) -> DateOrder | None:
    if not ambiguous:
        return None
    format_, known = cells.mapping.format, cells.mapping.columns
    month_starts = cells.distinct([name for name in format_.month_start_columns if name in known])
    possible = possible_date_orders(ambiguous, [text for text in month_starts if needs_date_order(text)])
    if len(possible) > 1 and format_.start_column in known and format_.period_columns[0] in known:
        starts, periods = cells.distinct([format_.start_column]), cells.distinct([format_.period_columns[0]])
        possible = {order for order in possible if months_of(starts, order) <= months_of(periods, order)} or possible
    if len(possible) == 1:
        return possible.pop()
    if possible:
        raise UnclearCell(ambiguous[0], "could be two dates: the file does not show whether the day comes first")
    for text in ambiguous:
        if parse_timestamp(text, "DMY") is None and parse_timestamp(text, "MDY") is None:
            raise UnclearCell(text, "is not a date")
    raise UnclearCell(
        ambiguous[0], "could be two dates: the file has some with the day first, some with the month first"
    )


def _to_arrow(values: Mapping[tuple[str, str], Any], kind: Kind) -> pyarrow.Table:
    import pyarrow as pa

    types = {"number": pa.string(), "timestamp": pa.timestamp("us"), "map": pa.map_(pa.string(), pa.string())}
    return pa.table(
        {
            "name": pa.array([name for name, _ in values], pa.string()),
            "text": pa.array([text for _, text in values], pa.string()),
            "value": pa.array(list(values.values()), types[kind]),
        }
    )
