"""Evaluate a query of Data Exports with pyarrow: named columns of one table, with a condition and a limit.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-data-query.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class InvalidQuery(ValueError):
    """A statement that Data Exports refuses; the message says why."""


@dataclass(frozen=True)
class SelectedColumn:
    """A column, or one key of a map column, and its name in the export."""

    column: str
    key: str | None
    name: str

    def values(self, table: pa.Table) -> pa.ChunkedArray:
        """Its values in a table."""
        import pyarrow.compute as pc

        values = table[self.column]
        return values if self.key is None else pc.map_lookup(values, self.key, "first")


@dataclass(frozen=True)
class Condition:
    """A comparison of a column with a value, or AND, OR and NOT over other conditions."""

    operator: str
    """`AND`, `OR`, `NOT`, `IS NULL`, `LIKE`, `IN`, or the name of a comparison in pyarrow."""
    column: SelectedColumn | None = None
    value: Any = None
    operands: tuple[Condition, ...] = ()

    def columns(self) -> Iterator[SelectedColumn]:
        """The columns that it compares."""
        if self.column is not None:
            yield self.column
        for operand in self.operands:
            yield from operand.columns()

    def evaluate(self, table: pa.Table) -> Any:
        """A boolean for each row; NULL where a compared value is NULL."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.operator == "NOT":
            return pc.invert(self.operands[0].evaluate(table))
        if self.operands:
            combine = pc.and_kleene if self.operator == "AND" else pc.or_kleene
            return combine(self.operands[0].evaluate(table), self.operands[1].evaluate(table))
        assert self.column is not None
        values = self.column.values(table)
        if self.operator == "IS NULL":
            return pc.is_null(values)
        if self.operator == "LIKE":
            return pc.match_like(values, self.value)
        if self.operator == "IN":
            return pc.is_in(values, pa.array([_cast(text, values.type) for text in self.value], values.type))
        return pc.call_function(self.operator, [values, pa.scalar(_cast(self.value, values.type), values.type)])


@dataclass(frozen=True)
class Query:
    """A parsed statement."""

    selected: tuple[SelectedColumn, ...]
    condition: Condition | None
    limit: int | None

    def referenced_columns(self) -> list[SelectedColumn]:
        """The selected columns and those of the condition."""
        return [*self.selected, *(self.condition.columns() if self.condition else ())]

    def required_columns(self) -> list[str]:
        """The names of the table's columns that it needs."""
        return list(dict.fromkeys(column.column for column in self.referenced_columns()))

    def apply(self, table: pa.Table) -> pa.Table:
        """The selected rows and columns of a table."""
        import pyarrow as pa

        if self.condition:
            table = table.filter(self.condition.evaluate(table))
        if self.limit is not None:
            table = table.slice(0, self.limit)
        return pa.table({column.name: column.values(table) for column in self.selected})


def _cast(text: str, data_type: pa.DataType) -> Any:
    """A literal in the type of a column."""
    import pyarrow as pa

    try:
        if pa.types.is_floating(data_type):
            return float(text)
        if pa.types.is_timestamp(data_type):
            time = datetime.fromisoformat(text)
            return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except ValueError as error:
        raise InvalidQuery(f"'{text}' cannot be compared with the column") from error
    return text
