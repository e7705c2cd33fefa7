"""One file of a bill: its location, its format, and the months that it covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from esaws.costs.bill.dedup.layout import FileLocation, parse_location
from esaws.costs.bill.formats.format import ColumnMapping, Format
from esaws.errors import UsageError


@dataclass(frozen=True)
class File:
    """A file of a source."""

    path: Path
    """The local path."""
    name: str
    """The name for messages: the path as given, or the s3:// address."""
    modified: float
    """Seconds since 1970."""


class UnreadableBill(UsageError):
    """A file is not a bill, or can't be read in full. Nothing of it is counted."""

    def __init__(self, file: str, reason: str, *, row: int | None = None, column: str | None = None):
        self.file, self.row, self.column = file, row, column
        position = "".join((f", row {row}" if row is not None else "", f", column {column}" if column else ""))
        super().__init__(f"{file}{position}: {reason}")


class EmptyBill(UsageError):
    """The sources are bills, and none of them has a row."""


@dataclass(frozen=True)
class BillingMonth:
    """A month of a payer: the unit that a later export replaces."""

    payer: str | None
    first: date | None
    """The first day."""

    def __str__(self) -> str:
        month = f"{self.first:%B %Y}" if self.first else "an unknown month"
        return f"{month} of {self.payer}" if self.payer else month


@dataclass(frozen=True)
class MonthCoverage:
    """The rows of a file in one billing month."""

    month: BillingMonth
    rows: int
    until: datetime | None
    """The end of the latest usage."""
    is_invoiced: bool
    """Whether a row names an invoice, which means that AWS has closed the month."""


@dataclass(frozen=True, eq=False)
class BillFile:
    """One file of a bill, as Parquet with typed columns."""

    file: File
    path: Path
    """The Parquet file to read: the file itself, or the one that its text was converted to."""
    mapping: ColumnMapping
    rows: int
    number_type: str
    """The type of its numbers: `schema.DECIMAL` or `schema.FLOAT`."""
    schema: tuple[tuple[str, str], ...]
    """Names and types of its columns. Files of one schema are read together."""
    warnings: tuple[str, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    """The canonical columns that have the same value in all rows."""
    coverage: tuple[MonthCoverage, ...] = ()

    @property
    def format(self) -> Format:
        return self.mapping.format

    @property
    def months(self) -> list[BillingMonth]:
        return [coverage.month for coverage in self.coverage]

    @cached_property
    def json_maps(self) -> tuple[str, ...]:
        """The columns of maps that are stored as JSON, to be parsed only by the queries that need them."""
        fields, types = self.format.fields, dict(self.schema)
        return tuple(
            source
            for name, source in self.mapping.columns.items()
            if fields[name] == "map" and types[source] == "string"
        )

    @cached_property
    def location(self) -> FileLocation:
        return parse_location(self.file.name)
