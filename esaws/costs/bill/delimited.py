"""Delimited text as a part of a bill."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from esaws.costs.bill import typed_text
from esaws.costs.bill.bill_file import Part
from esaws.costs.bill.files import File, Unreadable
from esaws.costs.bill.parquet import cleaned_part
from esaws.costs.bill.text_files import TextTable, in_utf_8, text_table
from esaws.costs.engines.duckdb import Embedded, literal

_LONGEST_LINE = 16 * 1024 * 1024


def delimited_part(file: File, path: Path, duck: Embedded, scratch: Path) -> Part:
    """A delimited file, unpacked at `path`, as a part of a bill.

    Raises:
        Unreadable: it is no bill, a row has another number of columns than the header, or a cell can't be read.
    """
    import duckdb

    table = text_table(file, in_utf_8(file, path, scratch))
    given = {name: f"c{number}" for number, name in reversed(list(enumerate(table.header)))}
    try:
        cells = typed_text.load(
            duck, _reading(table), given, file.name, table.recognised, table.row_of, table.delimiter
        )
    except duckdb.Error as error:
        raise _misshapen(table, error) from None
    return cleaned_part(file, cells, scratch)


def _reading(table: TextTable) -> str:
    """DuckDB's reading of the file. Nothing is detected: what does not fit the header is an error."""
    columns = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(len(table.header)))
    return (
        f"read_csv({literal(str(table.path))}, delim = '{table.delimiter}', quote = '\"', escape = '\"', "
        f"header = false, skip = {table.lines}, auto_detect = false, columns = {{{columns}}}, "
        f"max_line_size = {_LONGEST_LINE}, strict_mode = true, null_padding = false, ignore_errors = false)"
    )


def _misshapen(table: TextTable, error: Exception) -> Unreadable:
    """Where the file is not what its header says; DuckDB knows a line, people look for a row."""
    with table.path.open(encoding="utf-8-sig", newline="") as lines:
        seen = 0
        try:
            for row, record in enumerate(csv.reader(lines, delimiter=table.delimiter, strict=True), start=1):
                seen += bool(record)
                if record and seen > table.records and len(record) != len(table.header):
                    reason = f"it has {len(record)} columns, the header has {len(table.header)}"
                    return Unreadable(table.file.name, reason, row=row)
        except csv.Error as wrong:
            return Unreadable(table.file.name, f"{wrong}", row=row + 1)
    said = re.sub(r"\s+", " ", str(error))
    return Unreadable(table.file.name, f"it can't be read as a table: {said[:300]}")
