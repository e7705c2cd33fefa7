"""DuckDB in this process: the engine for bills that fit on the local disk, whatever the memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.engines.engine import Engine
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.operations as ops
    import ibis.expr.types as ir
    import numpy
    import pyarrow


def quote_identifier(name: str) -> str:
    """A name as SQL, with any characters in it."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """A text as SQL, with any characters in it."""
    return "'" + text.replace("'", "''") + "'"


def json_as_map(cell: str) -> str:
    """SQL for a JSON object as a map from text to text."""
    return f"""from_json({cell}, '"MAP(VARCHAR, VARCHAR)"')"""


_MOST_ROWS_KEPT = 1000


class DuckDBEngine(Engine):
    """DuckDB with a thread for each core, spilling to `scratch` beyond its share of the memory.

    Answers of up to 1,000 rows are kept: every question about a bill begins with its currencies and its totals.
    """

    name = "duckdb"

    def __init__(self, scratch: Path) -> None:
        import duckdb
        import ibis

        self._numbers = count()
        self._answers: dict[ops.Node, list[dict[str, Any]]] = {}
        self._connection = duckdb.connect(config={"temp_directory": str(scratch / "spilled")})
        self._backend = ibis.duckdb.from_connection(self._connection)
        self.run_sql("SET TimeZone = 'UTC'")
        self.run_sql("SET parquet_metadata_cache = true")
        # In Jupyter without widgets the bar is off, and DuckDB refuses to turn it off again.
        if self.run_sql("SELECT current_setting('enable_progress_bar')")[0][0]:
            self.run_sql("SET enable_progress_bar = false")

    def read_parquet(self, paths: Sequence[Path], json_maps: Collection[str] = ()) -> ir.Table:
        if not json_maps:
            return self._backend.read_parquet([str(path) for path in paths], hive_partitioning=False)
        files = f"read_parquet([{', '.join(quote_literal(str(path)) for path in paths)}], hive_partitioning = false)"
        maps, joins = [], []
        # Each distinct text is parsed once. Queries that need no map don't join: DuckDB sees that no row would repeat.
        for number, name in enumerate(json_maps):
            column, alias = quote_identifier(name), f"map_{number}"
            distinct = f"(SELECT DISTINCT {column} AS text FROM {files})"
            maps.append(f"{alias}.map AS {column}")
            joins.append(
                f"LEFT JOIN (SELECT text, {json_as_map('text')} AS map FROM {distinct}) {alias} "
                f"ON {alias}.text = files.{column}"
            )
        name = self.new_name("files")
        select = f"SELECT files.* REPLACE ({', '.join(maps)}) FROM {files} files {' '.join(joins)}"
        self.run_sql(f"CREATE TEMP VIEW {name} AS {select}")
        return self._backend.table(name)

    def as_view(self, table: ir.Table) -> ir.Table:
        import ibis.expr.operations as ops

        name = self.new_name("lines")
        self.run_sql(f"CREATE TEMP VIEW {name} AS {self.compile(table)}")
        # The schema is known: the backend's own table() would describe the view first.
        return ops.DatabaseTable(name, schema=table.schema(), source=self._backend).to_expr()

    def fetch_rows(self, table: ir.Table) -> list[dict[str, Any]]:
        query = table.op()
        rows = self._answers.get(query)
        if rows is None:
            rows = self._run(table)
            if len(rows) <= _MOST_ROWS_KEPT:
                self._answers[query] = rows
        return [dict(row) for row in rows]

    def _run(self, table: ir.Table) -> list[dict[str, Any]]:
        import duckdb

        # Ibis's own to_pyarrow would import pandas.
        try:
            result = self._connection.sql(self.compile(table)).to_arrow_table()
        except duckdb.Error as error:
            raise UsageError(f"the bill can't be read ({error})") from None
        schema = table.schema().to_pyarrow()
        if result.schema != schema:  # a cast imports pyarrow.compute
            result = result.cast(schema)
        rows: list[dict[str, Any]] = result.to_pylist()
        return rows

    def materialize(self, table: ir.Table) -> ir.Table:
        """Compute a table now, once, and keep the result in the engine."""
        name = self.new_name("materialized")
        self.run_sql(f"CREATE TEMP TABLE {name} AS {self.compile(table)}")
        return self._backend.table(name)

    def write_parquet(self, table: ir.Table, path: Path) -> None:
        """Write a table to a Parquet file."""
        self._backend.to_parquet(table, path)

    def compile(self, table: ir.Table) -> str:
        """The SQL of an expression."""
        return str(self._backend.compile(table))

    def run_sql(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and fetch all rows of its result, which DuckDB requires before the next statement."""
        rows: list[tuple[Any, ...]] = self._connection.execute(sql, list(parameters)).fetchall()
        return rows

    def fetch_integers(self, sql: str) -> numpy.ndarray[Any, Any]:
        """Run a query of one column without NULLs; return it as an array."""
        (column,) = self._connection.execute(sql).fetchnumpy().values()
        return column

    def stream(self, table: ir.Table, batch_rows: int) -> pyarrow.RecordBatchReader:
        """Evaluate an expression in batches. Close the reader before the next statement."""
        return self._connection.sql(self.compile(table)).to_arrow_reader(batch_rows)

    def load(self, name: str, table: pyarrow.Table, select: str) -> None:
        """Create a temporary table from an Arrow table; `select` lists its columns as SQL."""
        self._connection.register(f"{name}_", table)
        self.run_sql(f"CREATE TEMP TABLE {name} AS SELECT {select} FROM {name}_")
        self._connection.unregister(f"{name}_")

    def new_name(self, prefix: str) -> str:
        """A table name that is not in use."""
        return f"{prefix}_{next(self._numbers)}"
