"""Stream a table into a file: Parquet, or CSV with or without gzip. The file is complete, or does not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.errors import UsageError
from esaws.files import atomic_path

if TYPE_CHECKING:
    import pyarrow

    from esaws.costs.focus.columns import FocusColumn

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def suffix_of(path: Path) -> str:
    """The suffix of a file name, which decides the file format.

    Raises:
        UsageError: the suffix is not one of `SUFFIXES`.
    """
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return suffix
    raise UsageError(f"{path}: unknown file format. Choose a name that ends with one of {', '.join(SUFFIXES)}.")


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Check that a file may be written.

    Raises:
        UsageError: the file exists and may not be overwritten, or its folder does not exist.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name a file in it.")
    if not path.parent.is_dir():
        raise UsageError(f"{path} can't be written (no folder {path.parent}). Create the folder first.")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} already exists. Choose another name, or allow overwriting (--overwrite).")


@contextmanager
def temporary_path(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces `path` when the block ends without an error.

    Raises:
        UsageError: the file exists and may not be overwritten, or can't be written.
    """
    check_writable(path, overwrite=overwrite)
    try:
        with atomic_path(path) as temporary:
            yield temporary
            check_writable(path, overwrite=overwrite)
    except OSError as error:
        raise UsageError(f"{path} can't be written ({error.strerror or error})") from None


def write_batches(
    batches: pyarrow.RecordBatchReader,
    columns: Mapping[str, FocusColumn],
    draft_names: Mapping[str, str],
    path: Path,
    suffix: str,
) -> int:
    """Write a stream of rows; return their number. `draft_names` are additional columns at the end.

    In Parquet numbers are float64 and timestamps are in UTC to the millisecond, as in AWS's own files. For CSV both
    must already be text.
    """
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    types: dict[str, Any] = {"number": pa.float64(), "timestamp": pa.timestamp("ms", "UTC")}
    is_parquet = suffix == ".parquet"
    sources = [(name, name) for name in columns] + list(draft_names.items())
    schema = pa.schema(
        [
            pa.field(name, types.get(columns[source].type, pa.string()) if is_parquet else pa.string())
            for name, source in sources
        ]
    )
    rows = 0
    stream = None if is_parquet else pa.output_stream(str(path), compression="gzip" if suffix == ".csv.gz" else None)
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
