"""Spark: the engine for bills that outgrow a machine, on a cluster or with some cores of this one.

Text is turned into typed Parquet by DuckDB first, wherever the bill is added up, so that a cell is read the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from esaws.costs.engines.engine import Engine
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow

SCHEME = "spark://"


class Spark(Engine):
    """A session of Spark: `spark://local[2]`, `spark://host:7077`, with settings behind `?` (`spark.executor.cores=4`).

    The files of a bill have to be where all workers see them.
    """

    name = "spark"

    def __init__(self, url: str, scratch: Path) -> None:
        try:
            import ibis
            from pyspark.sql import SparkSession
        except ImportError:
            raise UsageError(f"{url} needs Spark: pip install 'ibis-framework[pyspark]'") from None
        master, _, settings = url.removeprefix(SCHEME).partition("?")
        builder = SparkSession.builder.appName("esaws").master(master_of(master))
        for name, value in {**_SETTINGS, **dict(parse_qsl(settings))}.items():
            builder = builder.config(name, value)
        try:
            self._session = builder.getOrCreate()
        except Exception as error:  # what Java says when it is not there, or nothing listens
            raise UsageError(f"Spark does not start at {url}: {error}") from None
        if (runs := self._session.sparkContext.master) != master_of(master):
            raise UsageError(f"Spark runs at {runs} in this process already, so not at {url}")
        self._ibis = ibis.pyspark.connect(self._session)
        self._scratch = scratch
        self._names = count()

    def parquet(self, paths: Sequence[Path]) -> ir.Table:
        readable = [str(self._in_micros(path)) for path in paths]
        return self._view("files", self._session.read.parquet(*readable))

    def named(self, table: ir.Table) -> ir.Table:
        return self._view("lines", self._session.sql(self._ibis.compile(table)))

    def rows_of(self, table: ir.Table) -> list[dict[str, Any]]:
        import pyarrow

        answer = self._session.sql(self._ibis.compile(table)).toArrow()
        plain = [field.with_type(_without_zone(field.type)) for field in answer.schema]
        found: list[dict[str, Any]] = answer.cast(pyarrow.schema(plain)).to_pylist()
        return found

    def _view(self, what: str, frame: Any) -> ir.Table:
        name = f"esaws_{what}_{id(self)}_{next(self._names)}"
        frame.createOrReplaceTempView(name)
        return self._ibis.table(name)

    def _in_micros(self, path: Path) -> Path:
        """A file without nanoseconds, which Spark does not read."""
        import pyarrow.parquet

        file = pyarrow.parquet.ParquetFile(path)
        schema = file.schema_arrow
        if not any(str(field.type).startswith("timestamp[ns") for field in schema):
            return path
        coarser = pyarrow.schema([field.with_type(_micros(field.type)) for field in schema])
        copy = self._scratch / f"micros-{next(self._names)}.parquet"
        with pyarrow.parquet.ParquetWriter(copy, coarser) as writer:
            for batch in file.iter_batches():
                writer.write_table(pyarrow.Table.from_batches([batch]).cast(coarser, safe=False))
        return copy


_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.ansi.enabled": "true",
}


def master_of(place: str) -> str:
    """Spark's own word for where it runs: `local[2]`, or the address of a cluster."""
    if not place or place.startswith(("local", "yarn", "k8s")):
        return place or "local[*]"
    return f"{SCHEME}{place}"


def _without_zone(type_: pyarrow.DataType) -> pyarrow.DataType:
    """Moments are in UTC without saying so, as on other engines."""
    import pyarrow

    return pyarrow.timestamp("us") if pyarrow.types.is_timestamp(type_) else type_


def _micros(type_: pyarrow.DataType) -> pyarrow.DataType:
    import pyarrow

    is_nanos = pyarrow.types.is_timestamp(type_) and type_.unit == "ns"
    return pyarrow.timestamp("us", type_.tz) if is_nanos else type_
