"""Delimited text files as bill files: decompress, decode, find the delimiter, convert to Parquet."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import re
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from esaws.costs.bill.bill_file import BillFile, File, UnreadableBill
from esaws.costs.bill.formats.console_csv import is_console_csv
from esaws.costs.bill.formats.detect import detect_format, repeated_columns
from esaws.costs.bill.formats.format import ColumnMapping
from esaws.costs.bill.formats.other_exports import describe_export
from esaws.costs.bill.parquet import TextRelation, convert_text
from esaws.costs.engines.duckdb import DuckDBEngine, quote_literal

DELIMITERS = (",", ";", "\t", "|")
_GZIP_MAGIC, _ZIP_MAGIC = b"\x1f\x8b", b"PK\x03\x04"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MAX_HEADER = 4 * 1024 * 1024
_MAX_LINE = 16 * 1024 * 1024
_BUFFER = 2 * _MAX_LINE
"""What DuckDB reads at a time; without a limit that is 32 times the longest line, even for a single row."""
csv.field_size_limit(_MAX_LINE)
_numbers = itertools.count()


@dataclass(frozen=True)
class TextTable:
    """A delimited file with the header of a bill."""

    file: File
    path: Path
    """The same content in UTF-8."""
    delimiter: str
    header: tuple[str, ...]
    header_lines: int
    """The number of lines up to the end of the header."""
    header_records: int
    """The number of records up to the header that are not blank: 1, or 2 with a delimiter hint (`sep=;`)."""
    mapping: ColumnMapping

    def row_of(self, index: int) -> int:
        """The row in which a spreadsheet shows a record: the header is row 1, and blank rows count."""
        with self.path.open(encoding="utf-8-sig", newline="") as lines:
            record_index = -self.header_records - 1
            for row, record in enumerate(csv.reader(lines, delimiter=self.delimiter), start=1):
                record_index += bool(record)
                if record_index == index:
                    return row
        return index + 2


def new_path(scratch: Path) -> Path:
    """A path in `scratch` that is not in use."""
    return scratch / f"content-{next(_numbers)}"


def decompress(file: File, scratch: Path) -> Path:
    """Decompress a gzip or zip file to `scratch`; return the path of the content. Other files stay where they are.

    Raises:
        UnreadableBill: the compressed data is damaged, or a zip archive has several files.
    """
    with file.path.open("rb") as stream:
        magic = stream.read(4)
    if not magic.startswith(_GZIP_MAGIC) and magic != _ZIP_MAGIC:
        return file.path
    content = new_path(scratch)
    try:
        if magic == _ZIP_MAGIC:
            with zipfile.ZipFile(file.path) as archive:
                members = [name for name in archive.namelist() if not name.endswith("/")]
                if len(members) != 1:
                    reason = f"the archive has {len(members)} files. Unpack it and pass its folder."
                    raise UnreadableBill(file.name, reason)
                with archive.open(members[0]) as packed, content.open("wb") as out:
                    shutil.copyfileobj(packed, out, 1 << 20)
        else:
            with gzip.open(file.path) as packed, content.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        reason = f"the compressed data is damaged or truncated ({error}). Download the file again."
        raise UnreadableBill(file.name, reason) from None
    return content


def to_utf_8(file: File, path: Path, scratch: Path) -> Path:
    """Convert a text file to UTF-8 where needed: spreadsheets also write UTF-16 and Windows code page 1252."""
    with path.open("rb") as stream:
        start = stream.read(4)
    if start[:2] in _UTF_16_MARKS:
        encoding = "utf-16"
    elif len(start) == 4 and b"\0" in start:  # ASCII in UTF-16 without a mark
        encoding = "utf-16-be" if start[0] == 0 else "utf-16-le"
    elif _is_utf_8(path):
        return path
    else:
        encoding = "cp1252"
    converted = new_path(scratch)
    try:
        with path.open(encoding=encoding, newline="") as text, converted.open("w", encoding="utf-8", newline="") as out:
            shutil.copyfileobj(text, out, 1 << 20)
    except UnicodeError:
        raise UnreadableBill(file.name, "not a text file (neither UTF-8 nor UTF-16 nor code page 1252)") from None
    return converted


def console_delimiter(path: Path) -> str | None:
    """The delimiter of a CSV of Cost Explorer's console, in UTF-8 at `path`; None for any other file."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        first = lines.readline(_MAX_HEADER)
    headers = {delimiter: next(csv.reader([first], delimiter=delimiter), []) for delimiter in DELIMITERS}
    return next((delimiter for delimiter, header in headers.items() if is_console_csv(header)), None)


def read_text_table(file: File, path: Path) -> TextTable:
    """Find the delimiter and the header of a file in UTF-8.

    Raises:
        UnreadableBill: the file is empty, or its header is not that of a bill with any delimiter.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        start = lines.read(_MAX_HEADER)
    if not start.strip():
        raise UnreadableBill(file.name, "the file is empty")
    hint_length = start.find("\n", 0, 9) + 1 if start[:6].lower().startswith("sep=") else 0
    has_hint = hint_length > 0
    headers = []
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(start[hint_length:], newline=""), delimiter=delimiter)
        header = tuple(next((record for record in reader if record), ()))
        headers.append(header)
        if mapping := detect_format(header):
            return TextTable(file, path, delimiter, header, reader.line_num + has_hint, 1 + has_hint, mapping)
    header = max(headers, key=len)
    columns = ", ".join(header[:6])[:200]
    reason = describe_export(header) or f"not a bill (its columns are {columns}…)"
    raise UnreadableBill(file.name, reason, row=1)


def read_delimited(file: File, path: Path, duck: DuckDBEngine, scratch: Path) -> BillFile:
    """Convert a text file, decompressed and in UTF-8 at `path`, to a bill file.

    Raises:
        UnreadableBill: the file is not a bill, a row has more or fewer cells than the header, or the value of a cell
            is not certain.
    """
    import duckdb

    table = read_text_table(file, path)
    repeated = list(repeated_columns(file.name, table.header, table.mapping))
    names = {name: f"c{number}" for number, name in reversed(list(enumerate(table.header)))}
    relation = TextRelation(_read_csv(table), names, table.mapping, table.row_of, table.delimiter)
    try:
        return convert_text(file, relation, duck, scratch, repeated)
    except duckdb.Error as error:
        raise _malformed(table, error) from None


def _read_csv(table: TextTable) -> str:
    """SQL that reads the file. Detection is off, so that a row that does not match the header is an error."""
    columns = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(len(table.header)))
    return (
        f"read_csv({quote_literal(str(table.path))}, delim = '{table.delimiter}', quote = '\"', escape = '\"', "
        f"header = false, skip = {table.header_lines}, auto_detect = false, columns = {{{columns}}}, "
        f"max_line_size = {_MAX_LINE}, buffer_size = {_BUFFER}, strict_mode = true, null_padding = false, "
        "ignore_errors = false)"
    )


def _malformed(table: TextTable, error: Exception) -> UnreadableBill:
    """The error that names the row which does not match the header; DuckDB gives only the line."""
    with table.path.open(encoding="utf-8-sig", newline="") as lines:
        records, row = 0, 0
        try:
            for row, record in enumerate(csv.reader(lines, delimiter=table.delimiter, strict=True), start=1):
                records += bool(record)
                if record and records > table.header_records and len(record) != len(table.header):
                    reason = f"the row has {len(record)} columns, the header has {len(table.header)}"
                    return UnreadableBill(table.file.name, reason, row=row)
        except csv.Error as csv_error:
            return UnreadableBill(table.file.name, f"{csv_error}", row=row + 1)
    message = re.sub(r"\s+", " ", str(error))
    return UnreadableBill(table.file.name, f"not a valid table ({message[:300]})")


def _is_utf_8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 18):
                if decoder.getstate()[0] or not chunk.isascii():  # decoding takes six times as long
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
