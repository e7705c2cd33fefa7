"""Access logs of a load balancer: the fields of each request, and malformed lines.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.errors import UsageError

if TYPE_CHECKING:
    import pyarrow

FIELDS = {"time": 1, "client": 3, "status": 8, "request": 12, "user_agent": 13, "logged": 20}
"""The fields that are read, by their number in a line; AWS adds new fields at the end."""

NOT_RECORDED = "unknown"
"""The value of a field that old logs lack."""

_MIN_FIELDS = 18
"""Up to the trace id; AWS added the later fields over time."""
_FIELDS = re.compile(r'"((?:[^"\\]|\\.)*)"(?!\S)|([^\s"]+)')
_FIELDS_WITHOUT_ESCAPES = re.compile(r'"([^"]*)"(?!\S)|([^\s"]+)')
_ESCAPED_LINE = re.compile(rb'^.*\\".*$', re.MULTILINE)
_PLACEHOLDER = b"escaped"
"""A line that Arrow rejects, in the place of one with an escaped quote, which it would split wrongly."""


class MalformedLine(NamedTuple):
    """A line that could not be read, or that contains no request."""

    source: str
    text: str
    reason: str


@dataclass(frozen=True)
class AccessLog:
    """Log lines as an Arrow table of strings with the columns of FIELDS, and the malformed lines."""

    lines: pyarrow.Table
    malformed: tuple[MalformedLine, ...]


def local_log_files(paths: Iterable[str | Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each log file; of a folder all `*.log` and `*.log.gz` at any depth.

    Raises:
        UsageError: a file does not exist, or a folder has no log.
    """
    for path in map(Path, paths):
        files = sorted(path.rglob("*.log*")) if path.is_dir() else [path]
        if not files or not all(file.is_file() for file in files):
            raise UsageError(f"{path}: no access log found. Give a file, or a folder with *.log or *.log.gz files")
        for file in files:
            yield str(file), file.read_bytes()


def s3_log_files(cloud: Cloud, url: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each log file below `s3://bucket/prefix`, without the test file that AWS writes.

    Raises:
        UsageError: the bucket does not exist, or has no log.
    """
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    s3, found = cloud.client("s3"), False
    try:
        for item in pages(cloud, "s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix):
            if item["Key"].endswith((".log", ".log.gz")):
                found = True
                yield f"s3://{bucket}/{item['Key']}", s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
    except s3.exceptions.NoSuchBucket:
        raise UsageError(f"{url}: account {cloud.account} has no bucket {bucket}") from None
    if not found:
        raise UsageError(f"{url}: no access log found. Give a bucket or prefix with *.log.gz files")


def read_access_logs(sources: Iterable[tuple[str, bytes]]) -> AccessLog:
    """Parse logs, each a name with its content, gzipped or not. Every line ends up in `lines` or in `malformed`."""
    import pyarrow

    tables, malformed = [_table([])], []
    for name, content in sources:
        table, unreadable = _read_one(name, content)
        tables.append(table)
        malformed += unreadable
    return AccessLog(pyarrow.concat_tables(tables), tuple(malformed))


def split_fields(line: str) -> list[str] | None:
    """Split a line into fields without their quotes; None if it is not a line of an access log.

    A backslash escapes the quote after it; in a line that this does not split, it is an ordinary character.
    """
    for pattern in (_FIELDS, _FIELDS_WITHOUT_ESCAPES):
        fields = _split(pattern, line)
        if fields is not None and len(fields) >= _MIN_FIELDS:
            return fields
    return None


def _split(pattern: re.Pattern[str], line: str) -> list[str] | None:
    """Return the fields of a line, or None where anything but one space is between two of them."""
    fields, end = [], -1
    for match in pattern.finditer(line):
        if match.start() != end + 1 or (end >= 0 and line[end] != " "):
            return None
        quoted, plain = match.groups()
        fields.append(plain if quoted is None else quoted.replace('\\"', '"'))
        end = match.end()
    return fields if end == len(line) else None


def _read_one(name: str, content: bytes) -> tuple[pyarrow.Table, list[MalformedLine]]:
    try:
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        return _table([]), [MalformedLine(name, "", f"the file can't be decompressed: {error}")]
    fast_result = _read_fast(text)
    if fast_result is None:
        return _read_slowly(name, enumerate(text.decode(errors="replace").split("\n")))[:2]
    table, rejected = fast_result
    if not rejected:
        return table, []
    slow_table, malformed, numbers = _read_slowly(name, rejected)
    return _in_order(table, {number for number, _ in rejected}, slow_table, numbers), malformed


def _read_fast(text: bytes) -> tuple[pyarrow.Table, list[tuple[int, str]]] | None:
    """Return the lines that Arrow parses, and the rejected ones with their row numbers; None where lines were lost.

    An unclosed quote makes Arrow merge several lines into one row; they are returned as lines with one number. A line
    with an escaped quote is rejected.
    """
    import pyarrow
    from pyarrow import csv

    first = split_fields(text[: text.find(b"\n") if b"\n" in text else None].decode(errors="replace").rstrip("\r"))
    if first is None:
        return None
    escaped = _ESCAPED_LINE.findall(text) if b'\\"' in text else []
    if escaped:
        text = _ESCAPED_LINE.sub(_PLACEHOLDER, text)
    rejected: list[tuple[int, str]] = []

    def reject_row(row: csv.InvalidRow) -> str:
        rejected.extend((row.number, line) for line in row.text.split("\n"))
        return "skip"

    try:
        table = _read_csv(text, len(first), threads=True)
    except pyarrow.ArrowInvalid:
        rejected.clear()
        try:
            # Row numbers are only available with one thread.
            table = _read_csv(text, len(first), threads=False, reject_row=reject_row)
        except pyarrow.ArrowInvalid:
            return None
    expected = text.count(b"\n") + (not text.endswith(b"\n"))
    if table.num_rows + len(rejected) != expected:
        return None
    texts = iter(escaped)
    placeholder = _PLACEHOLDER.decode()
    lines = (next(texts).decode(errors="replace") if line.rstrip("\r") == placeholder else line for _, line in rejected)
    return table, [(number, line) for (number, _), line in zip(rejected, lines, strict=True)]


def _read_csv(
    text: bytes, width: int, *, threads: bool, reject_row: Callable[[Any], str] | None = None
) -> pyarrow.Table:
    """Read the columns of FIELDS from lines of `width` fields; those that old logs lack are `unknown`.

    Raises:
        pyarrow.ArrowInvalid: a line has another number of fields, and `reject_row` is not given.
    """
    import pyarrow
    from pyarrow import csv

    present = {name: str(number) for name, number in FIELDS.items() if number < width}
    columns = list(present.values())
    table = csv.read_csv(
        io.BytesIO(text),
        csv.ReadOptions(column_names=[str(number) for number in range(width)], block_size=8 << 20, use_threads=threads),
        csv.ParseOptions(delimiter=" ", double_quote=False, invalid_row_handler=reject_row),
        csv.ConvertOptions(include_columns=columns, column_types=dict.fromkeys(columns, pyarrow.string())),
    ).rename_columns(list(present))
    for name in FIELDS.keys() - present.keys():
        table = table.append_column(name, pyarrow.array([NOT_RECORDED] * table.num_rows, pyarrow.string()))
    return table.select(list(FIELDS))


def _in_order(fast: pyarrow.Table, skipped: set[int], slow: pyarrow.Table, slow_numbers: list[int]) -> pyarrow.Table:
    """Return both tables in the order of the file; Arrow numbers its rows from 1, including skipped ones."""
    import numpy
    import pyarrow

    row_numbers = numpy.arange(1, fast.num_rows + len(skipped) + 1)
    fast_numbers = row_numbers[~numpy.isin(row_numbers, list(skipped))]
    order = numpy.argsort(numpy.concatenate([fast_numbers, numpy.array(slow_numbers, dtype=int)]), kind="stable")
    return pyarrow.concat_tables([fast, slow]).take(order)


def _read_slowly(name: str, lines: Iterable[tuple[int, str]]) -> tuple[pyarrow.Table, list[MalformedLine], list[int]]:
    """Parse line by line; also return the number of each line that could be read."""
    rows, malformed, numbers = [], [], []
    for number, line in lines:
        if not (line := line.rstrip("\r")):
            continue
        fields = split_fields(line)
        if fields is None:
            malformed.append(MalformedLine(name, line, "it does not have the fields of an access log"))
        else:
            rows.append([fields[field] if field < len(fields) else NOT_RECORDED for field in FIELDS.values()])
            numbers.append(number)
    return _table(rows), malformed, numbers


def _table(rows: list[list[str]]) -> pyarrow.Table:
    import pyarrow

    columns = zip(*rows, strict=True) if rows else ([] for _ in FIELDS)
    return pyarrow.table(
        {name: pyarrow.array(column, pyarrow.string()) for name, column in zip(FIELDS, columns, strict=True)}
    )
