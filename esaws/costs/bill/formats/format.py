"""The interface of a bill format, and expressions that formats share."""

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
    """Reduce a column name to lower-case letters and digits, so that spellings compare equal.

    `lineItem/UnblendedCost`, `line_item_unblended_cost` and `Line Item Unblended Cost` give the same text.
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Format(ABC):
    """A format, such as the Cost and Usage Report. There is one instance of each."""

    family: ClassVar[str]
    """Versions of one family can be read together."""
    fields: ClassVar[Mapping[str, Kind]]
    """The columns that are read, by the format's own names. All others are ignored."""
    other_names: ClassVar[Mapping[str, str]] = {}
    """The name of a column in another version → its name in `fields`, for tables without that one."""
    second_spellings: ClassVar[frozenset[str]] = frozenset()
    """Names that differ from one in `fields` in case alone, and stand beside it on purpose."""
    period_columns: ClassVar[tuple[str, ...]]
    """The columns that give the month of a row, the preferred one first."""
    month_start_columns: ClassVar[tuple[str, ...]]
    """The columns whose values are always the first day of a month."""
    payer_column: ClassVar[str]
    start_column: ClassVar[str]
    end_column: ClassVar[str]
    invoice_column: ClassVar[str]
    currency_column: ClassVar[str]
    cost_column: ClassVar[str]
    """The charge. A row without it counts as 0."""
    key_columns: ClassVar[tuple[str, ...]]
    """The columns that identify a row within its month; empty where the format has no such key."""
    natural_key_columns: ClassVar[tuple[str, ...]]
    """The columns that describe a charge without its amount. Two exports of a month agree on them."""
    amount_columns: ClassVar[tuple[str, ...]]

    @abstractmethod
    def is_bill(self, columns: Mapping[str, str]) -> bool:
        """Whether a table with these columns of the format is a bill."""

    @abstractmethod
    def version(self, columns: Mapping[str, str], names: Sequence[str]) -> str:
        """The version of a table with these columns; `names` are all column names of the table."""

    def unknown_columns(self, names: Sequence[str]) -> list[str]:
        """The column names that no known version of the format has."""
        return []

    @abstractmethod
    def tag_columns(self, names: Sequence[str]) -> Mapping[str, str]:
        """Map the key of each tag that has a column of its own to the name of that column."""

    @abstractmethod
    def metrics(self, mapping: ColumnMapping) -> frozenset[str]:
        """The keys of `schema.METRICS` for which a table with these columns has costs."""

    @abstractmethod
    def canonical_columns(self, table: ir.Table) -> Mapping[str, ir.Value]:
        """Canonical columns as expressions over a table whose columns have the format's names."""


@dataclass(frozen=True)
class ColumnMapping:
    """The format of a table, and which of its columns the format uses."""

    format: Format
    version: str
    """For example `CUR 2.0`, `legacy CUR` or `FOCUS 1.2`."""
    columns: Mapping[str, str]
    """The format's name of a column → its name in the table."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The key of a tag that has a column of its own → the name of that column in the table."""
    unknown: tuple[str, ...] = ()
    """The columns of the table that no known version of the format has."""


def column(table: ir.Table, *names: str) -> ir.Value | None:
    """The first of these columns that the table has."""
    return next((table[name] for name in names if name in table.columns), None)


def text(table: ir.Table, *names: str) -> ir.StringValue | None:
    """In each row the first non-empty value among these columns."""
    values = [table[name].cast("string") for name in names if name in table.columns]
    if len(values) < 2:  # the plain column is faster to group by
        return values[0] if values else None
    return coalesce(*(value.nullif("") for value in values))


def number(table: ir.Table, *names: str) -> ir.NumericValue | None:
    """The first of these columns that the table has, as a number. Exports write rates as text."""
    value = column(table, *names)
    if value is None or value.type().is_numeric():
        return value
    return value.try_cast("float64")


def month_of(table: ir.Table, names: Sequence[str]) -> ir.DateValue | None:
    """In each row the first day of the month of the first timestamp that is not NULL."""
    timestamp = coalesce(*(table[name] for name in names if name in table.columns))
    return None if timestamp is None else timestamp.truncate("M").date()


def coalesce(*values: ir.Value | None) -> ir.Value | None:
    """In each row the first value that is not NULL; None if no column is given."""
    import ibis

    columns = [value for value in values if value is not None]
    if len(columns) < 2:
        return columns[0] if columns else None
    return ibis.coalesce(*columns)


def is_free(
    line_item_type: ir.StringValue | None,
    cost: ir.NumericValue,
    rate: ir.NumericValue | None,
    list_cost: ir.NumericValue | None,
    description: ir.StringValue | None,
) -> ir.BooleanValue:
    """Whether a row is usage that a free tier covered; NULL where a row does not say.

    In a CUR such a row has a rate of 0 and keeps its list price, or its description names the free tier. A row may
    also cost nothing because so little was used: its rate is not 0.
    """
    import ibis

    reasons = []  # the cheapest condition first: few rows reach the last one
    if list_cost is not None:
        reasons.append((list_cost > 0) & (rate == 0) if rate is not None else list_cost > 0)
    if description is not None:
        reasons.append(description.ilike("%free tier%") & ~description.ilike("%beyond%free tier%"))
    if not reasons:
        return ibis.literal(False)
    free = cost == 0
    if line_item_type is not None:
        free &= line_item_type == "Usage"
    return free & (reasons[0] if len(reasons) == 1 else reasons[0] | reasons[1])
