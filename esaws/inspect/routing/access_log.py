"""The access logs of a load balancer: what they tell of each request, and the lines that they tell nothing in.

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
"""What is read of a line, by the place of its field; AWS adds new fields at the end."""

NOT_RECORDED = "unknown"
"""In place of a field that old logs lack."""

_FEWEST_FIELDS = 18
"""Up to the trace id: what came later, old logs lack."""
_FIELD = re.compile(r'"([^"]*)"|([^\s"]+)')
_LINE = re.compile(r'(?:"[^"]*"|[^\s"]+)(?: (?:"[^"]*"|[^\s"]+))*')


class MalformedLine(NamedTuple):
    """A line that could not be read, or that tells of no request."""

    source: str
    text: str
    reason: str


@dataclass(frozen=True)
class AccessLog:
    """Log lines as an Arrow table of texts, with the columns of FIELDS, and the lines that could not be read."""

    lines: pyarrow.Table
    malformed: tuple[MalformedLine, ...]


def local_log_files(paths: Iterable[str | Path]) -> Iterator[tuple[str, bytes]]:
    """Each log file with its content; of a folder all `*.log` and `*.log.gz` in it, however deep.

    Raises:
        UsageError: there is no such file, or no log in a folder.
    """
    for path in map(Path, paths):
        files = sorted(path.rglob("*.log*")) if path.is_dir() else [path]
        if not files or not all(file.is_file() for file in files):
            raise UsageError(f"{path}: there is no access log; name a file, or a folder with *.log or *.log.gz in it")
        for file in files:
            yield str(file), file.read_bytes()


def s3_log_files(cloud: Cloud, url: str) -> Iterator[tuple[str, bytes]]:
    """Each log file below `s3://bucket/prefix`, with its content; the file that AWS writes to try the bucket is none.

    Raises:
        UsageError: there is no such bucket, or no log in it.
    """
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    s3, found = cloud.client("s3"), False
    try:
        for each in pages(cloud, "s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix):
            if each["Key"].endswith((".log", ".log.gz")):
                found = True
                yield f"s3://{bucket}/{each['Key']}", s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
    except s3.exceptions.NoSuchBucket:
        raise UsageError(f"{url}: there is no bucket {bucket} in account {cloud.account}") from None
    if not found:
        raise UsageError(f"{url}: there is no access log; name a bucket, or a folder in one, with *.log.gz in it")


def read_access_logs(sources: Iterable[tuple[str, bytes]]) -> AccessLog:
    """The lines of some logs, each a name with its content, gzipped or not; no line is lost: else it is malformed."""
    import pyarrow

    tables, malformed = [_table([])], []
    for name, content in sources:
        table, bad = _read_one(name, content)
        tables.append(table)
        malformed += bad
    return AccessLog(pyarrow.concat_tables(tables), tuple(malformed))


def split_fields(line: str) -> list[str] | None:
    """The fields of one line without their quotes; None if it is no line of an access log."""
    if not _LINE.fullmatch(line):
        return None
    found = [quoted or plain for quoted, plain in _FIELD.findall(line)]
    return found if len(found) >= _FEWEST_FIELDS else None


def _read_one(name: str, content: bytes) -> tuple[pyarrow.Table, list[MalformedLine]]:
    try:
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        return _table([]), [MalformedLine(name, "", f"the file can't be unpacked: {error}")]
    fast = _read_fast(text)
    if fast is None:
        return _read_slowly(name, enumerate(text.decode(errors="replace").split("\n")))[:2]
    table, others = fast
    if not others:
        return table, []
    more, malformed, places = _read_slowly(name, others)
    return _in_order(table, {place for place, _ in others}, more, places), malformed


def _read_fast(text: bytes) -> tuple[pyarrow.Table, list[tuple[int, str]]] | None:
    """The lines that Arrow takes, and the others as they are, each with its place; None where some were lost.

    A quote that is not closed makes Arrow take several lines for one: those come back as lines, at one place.
    """
    import pyarrow
    from pyarrow import csv

    first = split_fields(text[: text.find(b"\n") if b"\n" in text else None].decode(errors="replace").rstrip("\r"))
    if first is None:
        return None
    others: list[tuple[int, str]] = []

    def set_aside(row: csv.InvalidRow) -> str:
        others.extend((row.number, line) for line in row.text.split("\n"))
        return "skip"

    try:
        table = _read_csv(text, len(first), threads=True)
    except pyarrow.ArrowInvalid:
        others.clear()
        try:
            # Only one thread knows the numbers of rows.
            table = _read_csv(text, len(first), threads=False, set_aside=set_aside)
        except pyarrow.ArrowInvalid:
            return None
    expected = text.count(b"\n") + (not text.endswith(b"\n"))
    return (table, others) if table.num_rows + len(others) == expected else None


def _read_csv(
    text: bytes, width: int, *, threads: bool, set_aside: Callable[[Any], str] | None = None
) -> pyarrow.Table:
    """The fields that are read of lines with so many; those that old logs lack are `unknown`.

    Raises:
        pyarrow.ArrowInvalid: a line has another number of fields, and nobody sets it aside.
    """
    import pyarrow
    from pyarrow import csv

    present = {name: str(place) for name, place in FIELDS.items() if place < width}
    wanted = list(present.values())
    table = csv.read_csv(
        io.BytesIO(text),
        csv.ReadOptions(column_names=[str(place) for place in range(width)], block_size=8 << 20, use_threads=threads),
        csv.ParseOptions(delimiter=" ", double_quote=False, invalid_row_handler=set_aside),
        csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pyarrow.string())),
    ).rename_columns(list(present))
    for name in FIELDS.keys() - present.keys():
        table = table.append_column(name, pyarrow.array([NOT_RECORDED] * table.num_rows, pyarrow.string()))
    return table.select(list(FIELDS))


def _in_order(fast: pyarrow.Table, skipped: set[int], slow: pyarrow.Table, places: list[int]) -> pyarrow.Table:
    """Both tables in the order of the file; Arrow numbers its rows from 1, those that it skipped too."""
    import numpy
    import pyarrow

    numbers = numpy.arange(1, fast.num_rows + len(skipped) + 1)
    of_fast = numbers[~numpy.isin(numbers, list(skipped))]
    order = numpy.argsort(numpy.concatenate([of_fast, numpy.array(places, dtype=int)]), kind="stable")
    return pyarrow.concat_tables([fast, slow]).take(order)


def _read_slowly(name: str, lines: Iterable[tuple[int, str]]) -> tuple[pyarrow.Table, list[MalformedLine], list[int]]:
    """The same line by line, and the place of each that could be read."""
    rows, malformed, places = [], [], []
    for place, line in lines:
        if not (line := line.rstrip("\r")):
            continue
        found = split_fields(line)
        if found is None:
            malformed.append(MalformedLine(name, line, "it does not have the fields of an access log"))
        else:
            rows.append([found[field] if field < len(found) else NOT_RECORDED for field in FIELDS.values()])
            places.append(place)
    return _table(rows), malformed, places


def _table(rows: list[list[str]]) -> pyarrow.Table:
    import pyarrow

    columns = zip(*rows, strict=True) if rows else ([] for _ in FIELDS)
    return pyarrow.table(
        {name: pyarrow.array(column, pyarrow.string()) for name, column in zip(FIELDS, columns, strict=True)}
    )
