"""Text files of bills: unpacked, in UTF-8, and with their delimiter, before anything of them is read."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from esaws.costs.bill.files import File, Unreadable
from esaws.costs.bill.format import Recognised
from esaws.costs.bill.recognise import recognise

DELIMITERS = (",", ";", "\t", "|")
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_UTF_8_BOM = b"\xef\xbb\xbf"
_UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_LONGEST_HEADER = 4 * 1024 * 1024
csv.field_size_limit(16 * 1024 * 1024)


@dataclass(frozen=True)
class TextTable:
    """A delimited file whose header is that of a bill."""

    file: File
    path: Path
    """The same in plain UTF-8."""
    delimiter: str
    header: tuple[str, ...]
    lines: int
    """How many lines there are up to the end of the header."""
    records: int
    """How many records that are not blank: one, or two with the hint for spreadsheets (`sep=;`)."""
    recognised: Recognised

    def row_of(self, index: int) -> int:
        """The row that a spreadsheet shows a record in: the header is row 1, and blank rows count."""
        with self.path.open(encoding="utf-8-sig", newline="") as lines:
            seen = -self.records - 1
            for row, record in enumerate(csv.reader(lines, delimiter=self.delimiter), start=1):
                seen += bool(record)
                if seen == index:
                    return row
        return index + 2


def unpacked(file: File, scratch: Path) -> Path:
    """The file, or what is in it where it is compressed.

    Raises:
        Unreadable: the compressed data is damaged, or an archive holds several files.
    """
    with file.path.open("rb") as stream:
        magic = stream.read(4)
    if not magic.startswith(_GZIP) and magic != _ZIP:
        return file.path
    plain = scratch / f"unpacked-{len(list(scratch.iterdir()))}"
    try:
        if magic == _ZIP:
            with zipfile.ZipFile(file.path) as archive:
                members = [each for each in archive.namelist() if not each.endswith("/")]
                if len(members) != 1:
                    raise Unreadable(
                        file.name, f"the archive holds {len(members)} files; unpack it, and give its folder"
                    )
                with archive.open(members[0]) as packed, plain.open("wb") as out:
                    shutil.copyfileobj(packed, out, 1 << 20)
        else:
            with gzip.open(file.path) as packed, plain.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise Unreadable(
            file.name, f"the compressed data is damaged or cut off ({error}); get the file again"
        ) from None
    return plain


def in_utf_8(file: File, path: Path, scratch: Path) -> Path:
    """A text file in UTF-8: spreadsheets also write UTF-16, and Windows' code page 1252."""
    with path.open("rb") as stream:
        begins = stream.read(2)
    encoding = _UTF_16.get(begins) or (None if _is_utf_8(path) else "cp1252")
    if encoding is None:
        return path
    plain = scratch / f"utf-8-{len(list(scratch.iterdir()))}"
    try:
        with path.open(encoding=encoding, newline="") as text, plain.open("w", encoding="utf-8", newline="") as out:
            shutil.copyfileobj(text, out, 1 << 20)
    except UnicodeError:
        raise Unreadable(file.name, "it is no text: neither UTF-8 nor UTF-16 nor code page 1252") from None
    return plain


def text_table(file: File, path: Path) -> TextTable:
    """How to read a delimited file in UTF-8.

    Raises:
        Unreadable: it is empty, or its header is not that of a bill under any delimiter.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        start = lines.read(_LONGEST_HEADER)
    if not start.strip():
        raise Unreadable(file.name, "the file is empty")
    hint = start[:6].lower().startswith("sep=") and start.find("\n", 0, 9) + 1
    headers = {}
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(start[hint or 0 :], newline=""), delimiter=delimiter)
        header = tuple(next((record for record in reader if record), ()))
        headers[delimiter] = header
        if recognised := recognise(header):
            return TextTable(file, path, delimiter, header, reader.line_num + bool(hint), 1 + bool(hint), recognised)
    shown = max(headers.values(), key=len)
    raise Unreadable(file.name, f"its header is not that of a bill: {', '.join(shown[:6])[:200]}…", row=1)


def _is_utf_8(path: Path) -> bool:
    with path.open("rb") as stream:
        rest = b""
        while chunk := stream.read(1 << 20):
            try:
                (rest + chunk).decode("utf-8")
                rest = b""
            except UnicodeDecodeError as error:
                if error.end < len(rest) + len(chunk) or error.reason != "unexpected end of data":
                    return False
                rest = (rest + chunk)[error.start :]
    return not rest
