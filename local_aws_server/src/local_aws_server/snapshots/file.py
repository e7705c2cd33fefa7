"""The file of a saved local AWS: a line that says what it is and vouches for the rest, a header, and the accounts.

esaws-local-aws 1 <SHA-256 of all that follows> <its bytes>
{"esaws": …, "moto": …, "saved": …, "time": …, "accounts": [{"account": …, "packed": …, "unpacked": …}], …}
<the table of the first account, as JSON, gzip><that of the second>…
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws_server.snapshots.errors import Unreadable, Unsaveable

FORMAT = 1
_MAGIC = "esaws-local-aws"
_LONGEST_LINE = 200
_LONGEST_HEADER = 1 << 20
_LARGEST = 1 << 30
"""Bytes that the accounts of a file may have, unpacked."""
_MOST_VALUES = 30_000_000
"""A list or a dict in memory is larger than in the file: that many commas and brackets there may be."""


@dataclass(frozen=True)
class Part:
    """One account of a file."""

    account: str
    packed: bytes
    unpacked: int
    """Its bytes before they were packed."""
    values: int
    """About how many values it has."""


@dataclass(frozen=True)
class Saved:
    """What a file holds."""

    header: dict[str, Any]
    tables: dict[str, dict[str, Any]]
    """Account → its table."""


def part(account: str, table: Mapping[str, Any]) -> Part:
    """An account as it is in a file."""
    unpacked = json.dumps(table, separators=(",", ":")).encode()
    packed = gzip.compress(unpacked, compresslevel=3, mtime=0)
    return Part(account, packed, len(unpacked), _values(unpacked))


def pack(header: Mapping[str, Any], parts: Iterable[Part]) -> bytes:
    """The bytes of a file. Raises Unsaveable if it would be too large."""
    parts = list(parts)
    if sum(each.unpacked for each in parts) > _LARGEST or sum(each.values for each in parts) > _MOST_VALUES:
        raise Unsaveable("it is too much for a file; save its accounts one by one, or empty buckets")
    accounts = [{"account": each.account, "packed": len(each.packed), "unpacked": each.unpacked} for each in parts]
    packed = [each.packed for each in parts]
    rest = b"".join([json.dumps({**header, "accounts": accounts}).encode(), b"\n", *packed])
    first = f"{_MAGIC} {FORMAT} {hashlib.sha256(rest).hexdigest()} {len(rest)}\n"
    return first.encode() + rest


def unpack(content: bytes, moto: str) -> Saved:
    """What a file holds, if it is whole and of this format and this version of moto. Raises Unreadable."""
    header, rest = _opened(content)
    if header.get("moto") != moto:
        raise Unreadable(f"it was saved with moto {header.get('moto')!s:.20}, and this is moto {moto}")
    tables: dict[str, dict[str, Any]] = {}
    place, room, values = 0, _LARGEST, _MOST_VALUES
    for each in header["accounts"]:
        table = _unpacked(rest[place : place + each["packed"]], each["unpacked"], room)
        place, room, values = place + each["packed"], room - len(table), values - _values(table)
        if values < 0:
            raise Unreadable("it unpacks to more than there can be")
        tables[str(each["account"])] = _parsed(table)
    if place != len(rest):
        raise Unreadable("there is more in it than it says")
    return Saved(header, tables)


def header_of(path: Path) -> dict[str, Any]:
    """What a file says of itself, its accounts unseen. Raises OSError and Unreadable."""
    with path.open("rb") as file:
        _first(file.readline(_LONGEST_LINE))
        return _header(file.readline(_LONGEST_HEADER))


def write(path: Path, content: bytes) -> None:
    """Let a file hold these bytes, its owner's alone: the old one or the new, never half of it. Raises OSError."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _opened(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """(the header, the accounts) of a file that is as it was written."""
    line, _, _ = content[:_LONGEST_LINE].partition(b"\n")
    digest, length = _first(line)
    rest = content[len(line) + 1 :]
    if len(rest) < length:
        raise Unreadable(f"it is truncated: {length - len(rest)} bytes are missing")
    if len(rest) > length or hashlib.sha256(rest).hexdigest() != digest:
        raise Unreadable("it is damaged: its checksum is another one")
    line, _, _ = rest[:_LONGEST_HEADER].partition(b"\n")
    return _header(line), memoryview(rest)[len(line) + 1 :]


def _first(line: bytes) -> tuple[str, int]:
    """(checksum, length) in the first line."""
    words = line.decode("ascii", errors="replace").split()
    if words[:1] != [_MAGIC] or len(words) < 2 or not words[1].isdecimal():
        raise Unreadable("it is no file of `esaws local save`")
    if int(words[1]) != FORMAT:
        newer = "a newer" if int(words[1]) > FORMAT else "another"
        raise Unreadable(f"it is of {newer} format, {words[1]:.9}; this esaws reads format {FORMAT}")
    if len(words) != 4 or not words[3].isdecimal():
        raise Unreadable("it is damaged: its first line is not whole")
    return words[2], int(words[3])


def _header(line: bytes) -> dict[str, Any]:
    header = _parsed(line)
    parts = header.get("accounts")
    sizes = ("packed", "unpacked")
    if not isinstance(parts, list) or not all(
        isinstance(part, dict) and all(type(part.get(size)) is int and part[size] >= 0 for size in sizes)
        for part in parts
    ):
        raise Unreadable("its header lists no accounts")
    return header


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Unreadable(f"it is no JSON inside ({problem!s:.80})") from None
    if not isinstance(found, dict):
        raise Unreadable("it has no object where one must be")
    return found


def _unpacked(packed: memoryview, size: int, room: int) -> bytes:
    """Never more than it may be, whatever it unpacks to."""
    if size > room:
        raise Unreadable("it unpacks to more than there can be")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            found = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as problem:
        raise Unreadable(f"what is in it can't be unpacked ({problem!s:.80})") from None
    if len(found) != size:
        raise Unreadable("it unpacks to another size than it says")
    return found


def _values(table: bytes) -> int:
    return sum(map(table.count, (b",", b"[", b"{")))
