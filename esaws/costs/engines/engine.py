"""What an engine has to do, and which one a URL names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir


class Engine(ABC):
    """Reads Parquet files as Ibis tables and evaluates expressions over them."""

    name: str

    @abstractmethod
    def parquet(self, paths: Sequence[Path]) -> ir.Table:
        """Files of one schema as a table; nothing but their footers is read."""

    @abstractmethod
    def named(self, table: ir.Table) -> ir.Table:
        """The same table under a name, so that what is asked of it need not repeat how it is made."""

    @abstractmethod
    def rows_of(self, table: ir.Table) -> list[dict[str, Any]]:
        """The rows of an expression over such tables: for aggregates."""


def engine_of(text: str | None, scratch: Path) -> Engine:
    """The engine that a URL names; without one, DuckDB in this process. `scratch` is a folder for what it spills.

    Raises:
        UsageError: no such engine.
    """
    if text is None or text in ("duckdb", "duckdb://"):
        from esaws.costs.engines.duckdb import Embedded

        return Embedded(scratch)
    if text.startswith("spark://"):
        from esaws.costs.engines.spark import Spark

        return Spark(text, scratch)
    if text.startswith(("athena://", "trino://")):
        from esaws.costs.engines.warehouse import Warehouse

        return Warehouse(text)
    raise UsageError(f"there is no engine {text!r}; take duckdb, spark://…, athena://… or trino://…")
