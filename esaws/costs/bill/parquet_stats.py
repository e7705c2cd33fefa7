"""Column statistics from the footer of a Parquet file, without reading rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow.parquet


@dataclass(frozen=True)
class ColumnStats:
    """The range of a column's values, and the number of NULLs."""

    minimum: Any
    maximum: Any
    null_count: int

    @property
    def only_value(self) -> Any:
        """The value that all rows have; None if they differ or some are NULL."""
        return self.minimum if self.null_count == 0 and self.minimum == self.maximum else None


def read_metadata(path: Path) -> pyarrow.parquet.FileMetaData:
    """The footer of a file, read once unless the file changes."""
    status = path.stat()
    return _read_metadata(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=10_000)
def _read_metadata(path: Path, mtime_ns: int, size: int) -> pyarrow.parquet.FileMetaData:
    import pyarrow.parquet

    return pyarrow.parquet.read_metadata(path)


def column_stats(path: Path, names: Iterable[str]) -> Mapping[str, ColumnStats]:
    """The statistics of each column for which the footer has them. Timestamps are in UTC, without a time zone.

    Columns are left out if the footer shows that their texts were cut.
    """
    metadata = read_metadata(path)
    if metadata.num_row_groups == 0:
        return {}
    first = metadata.row_group(0)
    positions = {first.column(number).path_in_schema: number for number in range(first.num_columns)}
    stats = {}
    for name in names:
        if name not in positions:
            continue
        chunks = [metadata.row_group(group).column(positions[name]) for group in range(metadata.num_row_groups)]
        statistics = [chunk.statistics for chunk in chunks]
        if any(chunk is None or not chunk.has_null_count for chunk in statistics):
            continue
        with_values = [chunk for chunk in statistics if chunk.null_count < chunk.num_values + chunk.null_count]
        if not all(chunk.has_min_max for chunk in with_values):
            continue
        minimum = min((_without_time_zone(chunk.min) for chunk in with_values), default=None)
        maximum = max((_without_time_zone(chunk.max) for chunk in with_values), default=None)
        stats[name] = ColumnStats(minimum, maximum, sum(chunk.null_count for chunk in statistics))
    return stats


def _without_time_zone(value: Any) -> Any:
    return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) is not None else value
