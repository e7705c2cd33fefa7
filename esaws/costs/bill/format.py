"""What a format of bills is: its columns, how it is known by them, and how a row of it is told canonically."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from esaws.costs.bill.schema import Kind

if TYPE_CHECKING:
    import ibis.expr.types as ir


def squash(name: str) -> str:
    """What is left of a column's name when spelling is left out.

    `lineItem/UnblendedCost`, `line_item_unblended_cost` and `Line Item Unblended Cost` are the same.
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Format(ABC):
    """A format, such as the Cost and Usage Report. There is one instance of each."""

    family: ClassVar[str]
    """What its versions have in common: those of one family can be read together."""
    fields: ClassVar[Mapping[str, Kind]]
    """The columns that are read, by the format's own names; all others are left alone."""
    period: ClassVar[tuple[str, ...]]
    """The columns that tell the month of a row, the best first."""
    firsts: ClassVar[tuple[str, ...]]
    """The columns that hold nothing but first days of months."""
    payer: ClassVar[str]
    starts: ClassVar[str]
    ends: ClassVar[str]
    invoice: ClassVar[str]
    currency: ClassVar[str]
    cost: ClassVar[str]
    """What was charged: a row without it counts as nothing."""
    key: ClassVar[tuple[str, ...]]
    """The columns that identify a row in its month; none where the format has no such key."""
    natural_key: ClassVar[tuple[str, ...]]
    """The columns that tell what was charged, but not how much: two exports of a month have them in common."""
    amounts: ClassVar[tuple[str, ...]]
    """The columns that tell how much."""

    @abstractmethod
    def is_enough(self, known: Mapping[str, str]) -> bool:
        """Whether a table with these of the columns is a bill of this format."""

    @abstractmethod
    def version(self, known: Mapping[str, str], names: Sequence[str]) -> str:
        """The version that a table with these columns is of; `names` are all it has."""

    @abstractmethod
    def tag_columns(self, names: Sequence[str]) -> Mapping[str, str]:
        """The key of each tag that has a column of its own → the column's name."""

    @abstractmethod
    def metrics(self, known: Recognised) -> frozenset[str]:
        """The ways to count, of `canonical.METRICS`, that a table with these columns knows."""

    @abstractmethod
    def canonical(self, table: ir.Table) -> Mapping[str, ir.Value]:
        """Canonical columns as expressions over a table that has columns of this format, by the format's names."""


@dataclass(frozen=True)
class Recognised:
    """The columns of a table as a format knows them."""

    format: Format
    version: str
    """Like `CUR 2.0`, `legacy CUR` or `FOCUS 1.2`."""
    columns: Mapping[str, str]
    """The format's name of a column → its name in the table."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The key of a tag that has a column of its own → the column's name in the table."""


def column(table: ir.Table, *names: str) -> ir.Value | None:
    """The first of some columns that a table has."""
    return next((table[name] for name in names if name in table.columns), None)


def text(table: ir.Table, *names: str) -> ir.StringValue | None:
    """What the first of some columns says that says anything; of a single column the column itself, for speed."""
    found = [table[name].cast("string") for name in names if name in table.columns]
    if len(found) < 2:
        return found[0] if found else None
    return first_known(*(each.nullif("") for each in found))


def number(table: ir.Table, *names: str) -> ir.NumericValue | None:
    """The first of some columns as a number: a rate that is written as text, too."""
    found = column(table, *names)
    if found is None or found.type().is_numeric():
        return found
    return found.try_cast("float64")


def month_of(table: ir.Table, names: Sequence[str]) -> ir.DateValue | None:
    """The first day of the month in which the first of some moments lies that is known."""
    found = first_known(*(table[name] for name in names if name in table.columns))
    return None if found is None else found.truncate("M").date()


def first_known(*values: ir.Value | None) -> ir.Value | None:
    """In each row the first that is not NULL; None where there is no column at all."""
    import ibis

    there = [value for value in values if value is not None]
    if len(there) < 2:
        return there[0] if there else None
    return ibis.coalesce(*there)
