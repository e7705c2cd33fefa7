"""DuckDB in this process: the engine for bills that fit on the machine's disk, whatever its memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.engines.engine import Engine
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL takes it, whatever is in it."""
    return "'" + text.replace("'", "''") + "'"


class Embedded(Engine):
    """DuckDB with no more threads than cores, spilling to `scratch` beyond its share of the memory."""

    name = "duckdb"

    def __init__(self, scratch: Path) -> None:
        import ibis

        self._names = count()
        self.ibis = ibis.duckdb.connect(temp_directory=str(scratch / "spilled"))
        self.raw: Any = self.ibis.con
        self.rows("SET TimeZone = 'UTC'")
        # In Jupyter it is off where there are no widgets, and refuses to be turned off.
        if self.rows("SELECT current_setting('enable_progress_bar')")[0][0]:
            self.rows("SET enable_progress_bar = false")

    def parquet(self, paths: Sequence[Path]) -> ir.Table:
        return self.ibis.read_parquet([str(path) for path in paths], hive_partitioning=False)

    def named(self, table: ir.Table) -> ir.Table:
        name = self.new_name("lines")
        self.rows(f"CREATE TEMP VIEW {name} AS {self.ibis.compile(table)}")
        return self.ibis.table(name)

    def rows_of(self, table: ir.Table) -> list[dict[str, Any]]:
        import duckdb

        try:
            found: list[dict[str, Any]] = self.ibis.to_pyarrow(table).to_pylist()
        except duckdb.Error as error:
            raise UsageError(f"the bill can't be read: {error}") from None
        return found

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows that a statement gives; DuckDB takes no other before they are fetched."""
        found: list[tuple[Any, ...]] = self.raw.execute(sql, list(values)).fetchall()
        return found

    def kept(self, table: ir.Table) -> ir.Table:
        """A table that is computed now and once."""
        name = self.new_name("kept")
        self.rows(f"CREATE TEMP TABLE {name} AS {self.ibis.compile(table)}")
        return self.ibis.table(name)

    def new_name(self, what: str) -> str:
        """A name for a table that no other has."""
        return f"{what}_{next(self._names)}"
