"""A part of a bill: one file, as Parquet whose columns have types, and what its footer tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from esaws.costs.bill.canonical import conform
from esaws.costs.bill.files import File
from esaws.costs.bill.format import Format, Recognised

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
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

    @property
    def format(self) -> Format:
        return self.recognised.format

    def canonical(self, table: ir.Table, number: str) -> ir.Table:
        """A table with this part's columns as the canonical one."""
        told = standard(table, self.recognised)
        return conform(self.format.canonical(told), told, number)


def standard(table: ir.Table, recognised: Recognised) -> ir.Table:
    """A table with the format's columns under the format's names, and tags in a map."""
    import ibis

    columns: dict[str, ir.Value] = {name: table[given] for name, given in recognised.columns.items()}
    if recognised.tags:
        keys = ibis.array(list(recognised.tags))
        values = ibis.array([table[given].cast("string").nullif("") for given in recognised.tags.values()])
        columns.setdefault("resource_tags", ibis.map(keys, values))
    return table.select(**columns)
