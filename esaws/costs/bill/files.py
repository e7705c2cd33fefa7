"""Files that are looked at as bills, and what is said when one can't be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from esaws.errors import UsageError


@dataclass(frozen=True)
class File:
    """A file of a source."""

    path: Path
    """Where it can be read."""
    name: str
    """What it is called in messages: its path as given, or its s3:// address."""
    changed: float
    """Seconds since 1970."""


class Unreadable(UsageError):
    """A file is no bill, or can't be read in full: nothing of it is counted."""

    def __init__(self, file: str, reason: str, *, row: int | None = None, column: str | None = None):
        self.file, self.row, self.column = file, row, column
        place = "".join((f", row {row}" if row is not None else "", f", column {column}" if column else ""))
        super().__init__(f"{file}{place}: {reason}")
