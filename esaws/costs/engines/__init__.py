"""Where a bill is added up: DuckDB in this process, Spark, Athena or Trino. All evaluate the same Ibis expressions.

with TemporaryDirectory() as scratch:
    engine = open_engine("duckdb", Path(scratch))
    table = engine.read_parquet(sorted(Path("bill").glob("*.parquet")))
    engine.fetch_rows(table.aggregate(rows=table.count()))
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.costs.engines.engine import Engine

__all__ = ["open_engine"]


def open_engine(url: str | None, scratch: Path) -> Engine:
    """Open the engine that a URL names; DuckDB in this process without one. `scratch` is a folder for temporary files.

    Raises:
        UsageError: there is no such engine, or it can't be reached.
    """
    if url in (None, "duckdb", "duckdb://"):
        from esaws.costs.engines.duckdb import DuckDBEngine

        return DuckDBEngine(scratch)
    if url.startswith("spark://"):
        from esaws.costs.engines.spark import SparkEngine

        return SparkEngine(url, scratch)
    if url.startswith(("athena://", "trino://")):
        from esaws.costs.engines.warehouse import WarehouseEngine

        return WarehouseEngine(url)
    raise UsageError(f"unknown engine {url!r}. Choose duckdb, spark://…, athena://… or trino://….")
