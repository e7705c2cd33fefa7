"""The format of a saved file: a line with format and checksum, a header, and the accounts.

esaws-local-aws 2 <SHA-256 of the rest> <bytes of the rest>
{"esaws": …, "moto": …, "saved": …, "time": …, "accounts": [{"account": …, "packed": …, "unpacked": …}], …}
<table of the first account, JSON, gzip><table of the second>…
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

FORMAT = 2
"""Raise it whenever a saved class, its module or its fields get another name."""
_MAGIC = "esaws-local-aws"
_MAX_LINE = 200
_MAX_HEADER = 1 << 20
_MAX_UNPACKED = 1 << 30
"""Limit of the unpacked bytes of all accounts."""
_MAX_VALUES = 30_000_000
"""Limit of commas and brackets: lists and dicts are larger in memory than in the file."""


@dataclass(frozen=True)
class AccountPart:
    """One account in a file."""

    account: str
    packed: bytes
    unpacked: int
    """Bytes before compression."""
    values: int
    """Approximate number of values."""


@dataclass(frozen=True)
class SavedFile:
    """The content of a file."""

    header: dict[str, Any]
    tables: dict[str, dict[str, Any]]
    """Account → its table."""


def pack_account(account: str, table: Mapping[str, Any]) -> AccountPart:
    """Compress the table of an account."""
    unpacked = json.dumps(table, separators=(",", ":")).encode()
    packed = gzip.compress(unpacked, compresslevel=3, mtime=0)
    return AccountPart(account, packed, len(unpacked), _count_values(unpacked))


def pack(header: Mapping[str, Any], parts: Iterable[AccountPart]) -> bytes:
    """The bytes of a file. Raises Unsaveable if it is too large."""
    parts = list(parts)
    if sum(part.unpacked for part in parts) > _MAX_UNPACKED or sum(part.values for part in parts) > _MAX_VALUES:
        raise Unsaveable("too large for a file. Save the accounts one by one, or empty some buckets")
    accounts = [{"account": part.account, "packed": len(part.packed), "unpacked": part.unpacked} for part in parts]
    packed = [part.packed for part in parts]
    rest = b"".join([json.dumps({**header, "accounts": accounts}).encode(), b"\n", *packed])
    first = f"{_MAGIC} {FORMAT} {hashlib.sha256(rest).hexdigest()} {len(rest)}\n"
    return first.encode() + rest


def unpack(content: bytes, moto: str) -> SavedFile:
    """The content of a file. Raises Unreadable if it is damaged, or of another format or version of moto."""
    header, rest = _open(content)
    if header.get("moto") != moto:
        raise Unreadable(f"the file was saved with moto {header.get('moto')!s:.20}, and moto {moto} is running")
    tables: dict[str, dict[str, Any]] = {}
    position, room, values = 0, _MAX_UNPACKED, _MAX_VALUES
    for part in header["accounts"]:
        table = _unpack_table(rest[position : position + part["packed"]], part["unpacked"], room)
        position, room, values = position + part["packed"], room - len(table), values - _count_values(table)
        if values < 0:
            raise Unreadable("the file unpacks to too much data")
        tables[str(part["account"])] = _parse_object(table)
    if position != len(rest):
        raise Unreadable("the file has more content than its header lists")
    return SavedFile(header, tables)


def write(path: Path, content: bytes) -> None:
    """Write a file atomically, readable for its owner only. Raises OSError."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _open(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """(header, accounts) of a file with a correct checksum."""
    line, _, _ = content[:_MAX_LINE].partition(b"\n")
    digest, length = _parse_first_line(line)
    rest = content[len(line) + 1 :]
    if len(rest) < length:
        raise Unreadable(f"the file is truncated: {length - len(rest)} bytes are missing")
    if len(rest) > length or hashlib.sha256(rest).hexdigest() != digest:
        raise Unreadable("the file is damaged: its checksum does not match")
    line, _, _ = rest[:_MAX_HEADER].partition(b"\n")
    return _parse_header(line), memoryview(rest)[len(line) + 1 :]


def _parse_first_line(line: bytes) -> tuple[str, int]:
    """(checksum, length) of the first line."""
    words = line.decode("ascii", errors="replace").split()
    if words[:1] != [_MAGIC] or len(words) < 2 or not words[1].isdecimal():
        raise Unreadable("the file was not written by `esaws local save`")
    if int(words[1]) != FORMAT:
        age = "newer" if int(words[1]) > FORMAT else "older"
        raise Unreadable(f"the file has the {age} format {words[1]:.9}, and this esaws reads format {FORMAT}")
    if len(words) != 4 or not words[3].isdecimal():
        raise Unreadable("the file is damaged: its first line is incomplete")
    return words[2], int(words[3])


def _parse_header(line: bytes) -> dict[str, Any]:
    header = _parse_object(line)
    parts = header.get("accounts")
    sizes = ("packed", "unpacked")
    if not isinstance(parts, list) or not all(
        isinstance(part, dict) and all(type(part.get(size)) is int and part[size] >= 0 for size in sizes)
        for part in parts
    ):
        raise Unreadable("the header of the file lists no accounts")
    return header


def _parse_object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the file has invalid JSON ({error!s:.80})") from None
    if not isinstance(value, dict):
        raise Unreadable("the file has another JSON value where an object is expected")
    return value


def _unpack_table(packed: memoryview, size: int, room: int) -> bytes:
    """Decompress a table, and never more than its size."""
    if size > room:
        raise Unreadable("the file unpacks to too much data")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            table = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(f"an account in the file cannot be unpacked ({error!s:.80})") from None
    if len(table) != size:
        raise Unreadable("an account in the file has another size than the header says")
    return table


def _count_values(table: bytes) -> int:
    return sum(map(table.count, (b",", b"[", b"{")))
