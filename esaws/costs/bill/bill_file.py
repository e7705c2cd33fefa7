"""A part of a bill: one file, as Parquet whose columns have types, and what its footer tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.dedup.layout import Place, place_of
from esaws.costs.bill.files import File
from esaws.costs.bill.format import Format, Recognised
from esaws.costs.bill.schema import conform

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.costs.bill.dedup.months import Month, Span


@dataclass(frozen=True, eq=False)
class Part:
    """One file of a bill."""

    file: File
    path: Path
    """The Parquet file to read: the file itself, or what became of its text."""
    recognised: Recognised
    rows: int
    number: str
    """What numbers are in it: `canonical.DECIMAL` or `FLOAT`."""
    schema: tuple[tuple[str, str], ...]
    """Its columns with their types: parts of one schema are read together."""
    warnings: tuple[str, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    """The canonical columns that have the same value in all rows."""
    spans: tuple[Span, ...] = ()
    """The months in it."""

    @property
    def format(self) -> Format:
        return self.recognised.format

    @property
    def months(self) -> list[Month]:
        return [span.month for span in self.spans]

    @cached_property
    def place(self) -> Place:
        return place_of(self.file.name)


def canonical(table: ir.Table, parts: list[Part], number: str) -> ir.Table:
    """A table that holds some parts of one schema, told canonically; `number` is what numbers are to be."""
    import ibis

    told = standard(table, parts[0].recognised)
    constants = {
        name: ibis.literal(value) if value is not None else ibis.null() for name, value in constants_of(parts).items()
    }
    return conform({**parts[0].format.canonical(told), **constants}, told, number)


def constants_of(parts: Sequence[Part]) -> dict[str, Any]:
    """The canonical columns that have the same value in all rows of some parts."""
    return {
        name: value
        for name, value in parts[0].constants.items()
        if all(name in part.constants and part.constants[name] == value for part in parts)
    }


def standard(table: ir.Table, recognised: Recognised) -> ir.Table:
    """A table with the format's columns under the format's names, and tags in a map."""
    import ibis

    columns: dict[str, ir.Value] = {name: table[given] for name, given in recognised.columns.items()}
    if recognised.tags:
        keys = ibis.array(list(recognised.tags))
        values = ibis.array([table[given].cast("string").nullif("") for given in recognised.tags.values()])
        columns.setdefault("resource_tags", ibis.map(keys, values))
    return table.select(**columns)
