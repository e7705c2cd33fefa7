"""What the footer of a Parquet file tells of its columns, without reading a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Range:
    """The values of a column: the least, the greatest, and how many are NULL."""

    least: Any
    greatest: Any
    nulls: int

    @property
    def only(self) -> Any:
        """The value that all rows have; None if they differ or some have none."""
        return self.least if self.nulls == 0 and self.least == self.greatest else None


def ranges(path: Path, names: Iterable[str]) -> Mapping[str, Range]:
    """The range of each column of which the footer tells it; moments are in UTC, without saying so.

    Texts that are longer than footers keep them in full are left out where it shows.
    """
    import pyarrow.parquet

    metadata = pyarrow.parquet.read_metadata(path)
    if metadata.num_row_groups == 0:
        return {}
    first = metadata.row_group(0)
    places = {first.column(number).path_in_schema: number for number in range(first.num_columns)}
    found = {}
    for name in names:
        if name not in places:
            continue
        chunks = [metadata.row_group(group).column(places[name]) for group in range(metadata.num_row_groups)]
        statistics = [chunk.statistics for chunk in chunks]
        if any(each is None or not each.has_null_count for each in statistics):
            continue
        with_values = [each for each in statistics if each.null_count < each.num_values + each.null_count]
        if not all(each.has_min_max for each in with_values):
            continue
        least = min((_plain(each.min) for each in with_values), default=None)
        greatest = max((_plain(each.max) for each in with_values), default=None)
        found[name] = Range(least, greatest, sum(each.null_count for each in statistics))
    return found


def _plain(value: Any) -> Any:
    """A moment without its zone: footers tell UTC either way."""
    return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) is not None else value
