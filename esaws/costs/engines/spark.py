"""Spark: the engine for bills that outgrow one computer, on a cluster or on local cores.

DuckDB converts text to typed Parquet first, whatever the engine, so that every engine reads a cell the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.ansi.enabled": "true",
}


class SparkEngine(Engine):
    """A Spark session: `spark://local[2]` or `spark://host:7077`, with settings after `?` (`spark.executor.cores=4`).

    All workers must be able to read the files of a bill.
    """

    name = "spark"

    def __init__(self, url: str, scratch: Path) -> None:
        try:
            import ibis
            from pyspark.sql import SparkSession
        except ImportError:
            raise UsageError(f"{url}: Spark is not installed. Run pip install 'ibis-framework[pyspark]'.") from None
        host, _, settings = url.removeprefix(SCHEME).partition("?")
        master = master_url(host)
        builder = SparkSession.builder.appName("esaws").master(master)
        for name, value in {**_SETTINGS, **dict(parse_qsl(settings))}.items():
            builder = builder.config(name, value)
        try:
            self._session = builder.getOrCreate()
        except Exception as error:  # of Java, where it is missing or nothing listens
            raise UsageError(f"{url}: Spark does not start ({error})") from None
        if (running := self._session.sparkContext.master) != master:
            raise UsageError(f"{url}: Spark already runs at {running} in this process. Use that URL, or a new process.")
        self._backend = ibis.pyspark.connect(self._session)
        self._scratch = scratch
        self._numbers = count()

    def read_parquet(self, paths: Sequence[Path], json_maps: Collection[str] = ()) -> ir.Table:
        from pyspark.sql.functions import from_json

        frame = self._session.read.parquet(*(str(self._to_microseconds(path)) for path in paths))
        for name in json_maps:
            frame = frame.withColumn(name, from_json(frame[name], "map<string,string>"))
        return self._create_view("files", frame)

    def as_view(self, table: ir.Table) -> ir.Table:
        return self._create_view("lines", self._session.sql(self._backend.compile(table)))

    def fetch_rows(self, table: ir.Table) -> list[dict[str, Any]]:
        import pyarrow

        result = self._session.sql(self._backend.compile(table)).toArrow()
        fields = [field.with_type(_without_time_zone(field.type)) for field in result.schema]
        rows: list[dict[str, Any]] = result.cast(pyarrow.schema(fields)).to_pylist()
        return rows

    def _create_view(self, prefix: str, frame: Any) -> ir.Table:
        name = f"esaws_{prefix}_{id(self)}_{next(self._numbers)}"
        frame.createOrReplaceTempView(name)
        return self._backend.table(name)

    def _to_microseconds(self, path: Path) -> Path:
        """Copy a file with nanoseconds, which Spark can't read, to one with microseconds."""
        import pyarrow.parquet

        file = pyarrow.parquet.ParquetFile(path)
        schema = file.schema_arrow
        if not any(str(field.type).startswith("timestamp[ns") for field in schema):
            return path
        coarser = pyarrow.schema([field.with_type(_microseconds(field.type)) for field in schema])
        copy = self._scratch / f"microseconds-{next(self._numbers)}.parquet"
        with pyarrow.parquet.ParquetWriter(copy, coarser) as writer:
            for batch in file.iter_batches():
                writer.write_table(pyarrow.Table.from_batches([batch]).cast(coarser, safe=False))
        return copy


def master_url(host: str) -> str:
    """Spark's master URL: `local[2]`, or the address of a cluster."""
    if not host or host.startswith(("local", "yarn", "k8s")):
        return host or "local[*]"
    return f"{SCHEME}{host}"


def _without_time_zone(type_: pyarrow.DataType) -> pyarrow.DataType:
    """Drop the time zone, which is UTC, as the other engines do."""
    import pyarrow

    return pyarrow.timestamp("us") if pyarrow.types.is_timestamp(type_) else type_


def _microseconds(type_: pyarrow.DataType) -> pyarrow.DataType:
    import pyarrow

    is_nanoseconds = pyarrow.types.is_timestamp(type_) and type_.unit == "ns"
    return pyarrow.timestamp("us", type_.tz) if is_nanoseconds else type_
