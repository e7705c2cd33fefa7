"""Tables streamed into files: Parquet, or CSV in plain or packed; whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.errors import UsageError

if TYPE_CHECKING:
    import pyarrow

    from esaws.costs.focus.columns import FocusColumn

ENDINGS = (".csv", ".csv.gz", ".parquet")


def ending_of(path: Path) -> str:
    """How a file is to be written.

    Raises:
        UsageError: its ending says none of the ways.
    """
    for ending in ENDINGS:
        if path.name.lower().endswith(ending) and len(path.name) > len(ending):
            return ending
    raise UsageError(f"{path} says no format by its ending; take one of {', '.join(ENDINGS)}")


def check(path: Path, *, overwrite: bool) -> None:
    """Whether a file may be written.

    Raises:
        UsageError: there is such a file, or no folder for it.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"{path} can't be written: there is no folder {path.parent}; make it first")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} is there already; name another file, or say that it may be overwritten (--overwrite)")


@contextmanager
def whole(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """A name to write under; the file gets its own when all is written, and nothing is left if that fails.

    Raises:
        UsageError: there is such a file, or it can't be written there.
    """
    check(path, overwrite=overwrite)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.open("xb").close()
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror or error}") from None
    try:
        yield partial
        check(path, overwrite=overwrite)
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)


def write_batches(
    batches: pyarrow.RecordBatchReader,
    columns: Mapping[str, FocusColumn],
    also: Mapping[str, str],
    path: Path,
    ending: str,
) -> int:
    """Write a stream of rows; gives how many. `also` are further names of columns, which come behind all others.

    In Parquet numbers are float64 and moments are in UTC to the millisecond, as in AWS's own files; for CSV they have
    to be text already.
    """
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    types: dict[str, Any] = {"number": pa.float64(), "moment": pa.timestamp("ms", "UTC")}
    is_parquet = ending == ".parquet"
    sources = [(name, name) for name in columns] + list(also.items())
    schema = pa.schema(
        [
            pa.field(name, types.get(columns[source].type, pa.string()) if is_parquet else pa.string())
            for name, source in sources
        ]
    )
    rows = 0
    stream = None if is_parquet else pa.output_stream(str(path), compression="gzip" if ending == ".csv.gz" else None)
    writer: Any = pq.ParquetWriter(path, schema, compression="zstd") if is_parquet else csv.CSVWriter(stream, schema)
    with stream or pa.BufferOutputStream(), writer:
        for batch in batches:
            arrays: Sequence[Any] = [
                batch.column(source).cast(field.type, safe=False)
                for (_, source), field in zip(sources, schema, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            rows += batch.num_rows
    return rows
