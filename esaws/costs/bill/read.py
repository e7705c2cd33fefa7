"""Read a bill of any format: from files, folders, buckets, Cost Explorer or a warehouse to the canonical table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from esaws.costs.bill.bill import Bill
from esaws.costs.bill.bill_file import BillFile
from esaws.costs.bill.dedup.duplicate_rows import (
    count_rows_and_keys,
    drop_duplicates,
    find_duplicates,
    may_have_duplicates,
    replace_duplicates,
)
from esaws.costs.bill.dedup.superseded import find_superseded
from esaws.costs.bill.loading import load_files
from esaws.costs.bill.parquet_stats import column_stats
from esaws.costs.bill.schema import DEFAULT_CURRENCY
from esaws.costs.bill.sources.sql import detect_table, parse_source, read_lines
from esaws.costs.bill.union import common_metrics, union_files
from esaws.costs.engines import open_engine
from esaws.costs.engines.duckdb import DuckDBEngine
from esaws.costs.engines.warehouse import WarehouseEngine
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.costs.engines.engine import Engine


def read_bill(*sources: str | Path, engine: str | None = None, cloud: Cloud | None = None) -> Bill:
    """Read a bill from one or more sources. Each charge counts once, even if it was exported several times.

    A source is a file, a glob, a folder, a prefix `s3://bucket/prefix`, or days of Cost Explorer (`ce:2026-01`,
    `ce:2026-01-05..2026-02-03`; two requests at least, each for 0.01 USD on AWS). The last two need `cloud`. The
    columns show the format: CUR 2.0, legacy CUR, FOCUS 0.5 to 1.4, or Cost Explorer responses.

    `engine` is where the bill is added up: `duckdb` in this process, `spark://local[2]` or `spark://host:7077`. With
    `athena://…` or `trino://…` the source is a table there, optionally with months: `cur.hourly@2026-01` or
    `cur.hourly@2026-01..2026-03`.

    Raises:
        UsageError: a source does not exist, is not a bill, or can't be read in full. The message names file, row and
            column.
    """
    scratch = TemporaryDirectory(prefix="esaws-bill-")
    try:
        opened = open_engine(engine, Path(scratch.name))
        if isinstance(opened, WarehouseEngine):
            return _read_table(sources, opened, scratch)
        return _read_files(sources, cloud, opened, scratch)
    except BaseException:
        scratch.cleanup()
        raise


def _read_files(
    sources: Sequence[str | Path], cloud: Cloud | None, engine: Engine, scratch: TemporaryDirectory[str]
) -> Bill:
    folder = Path(scratch.name)
    duck = engine if isinstance(engine, DuckDBEngine) else DuckDBEngine(folder)
    loaded = load_files(sources, cloud, duck, folder)
    supersession = find_superseded(loaded.files, loaded.manifests, duck)
    files = [file for file in loaded.files if supersession.counted_rows(file)]
    excluded = supersession.excluded_months
    warnings = [*loaded.warnings, *supersession.warnings]
    lines, rows = union_files(files, excluded, engine), sum(supersession.counted_rows(file) for file in files)
    if may_have_duplicates(files, duck):
        duplicates = find_duplicates(union_files(files, excluded, duck), duck, folder)
        if duplicates:
            lines, rows = replace_duplicates(lines, duplicates, engine), rows - duplicates.dropped
            warnings.append(str(duplicates))
    warnings += _assumptions(files)
    months = sorted({month.first for file in files for month in file.months if month.first})
    versions = " and ".join(dict.fromkeys(file.mapping.version for file in files))
    metrics = common_metrics([file.mapping for file in files])
    if not metrics:
        raise UsageError(f"{files[0].file.name} has no cost column")
    lines = engine.as_view(lines)
    return Bill(versions, rows, tuple(months), lines, metrics, tuple(warnings), engine, tuple(files), scratch)


def _read_table(sources: Sequence[str | Path], warehouse: WarehouseEngine, scratch: TemporaryDirectory[str]) -> Bill:
    if len(sources) != 1:
        raise UsageError(f"{warehouse.name} reads one table, not {len(sources)}. Name one, like cur.hourly@2026-01.")
    name, selected_months = parse_source(str(sources[0]))
    table = warehouse.table(name)
    mapping = detect_table(name, table)
    lines = read_lines(table, mapping, selected_months)
    (counts,) = warehouse.fetch_rows(count_rows_and_keys(lines))
    warnings = []
    if duplicates := counts["keyed"] - counts["keys"]:
        lines = drop_duplicates(lines)
        warnings.append(f"{name}: duplicate rows dropped (same key and usage): {duplicates}")
        (counts,) = warehouse.fetch_rows(count_rows_and_keys(lines))
    periods = [row["period"] for row in warehouse.fetch_rows(lines.select("period").distinct().order_by("period"))]
    months = tuple(period for period in periods if period is not None)
    if mapping.format.currency_column not in mapping.columns:
        warnings.append(f"{name} has no currency column: {DEFAULT_CURRENCY} is assumed")
    metrics = common_metrics([mapping])
    return Bill(mapping.version, counts["rows"], months, lines, metrics, tuple(warnings), warehouse, (), scratch)


def _assumptions(files: Sequence[BillFile]) -> Iterator[str]:
    """The assumptions made where files lack a currency or costs, or have columns of an unknown version."""
    for unknown in dict.fromkeys(file.mapping.unknown for file in files if file.mapping.unknown):
        name = next(file.file.name for file in files if file.mapping.unknown == unknown)
        yield (
            f"{name}: {', '.join(unknown)} {'are columns' if len(unknown) > 1 else 'is a column'} of no known version "
            "of its format (a newer one?), not read"
        )
    without_currency = [file for file in files if file.format.currency_column not in file.mapping.columns]
    if without_currency:
        names = without_currency[0].file.name
        if len(without_currency) > 1:
            names += f" (and {len(without_currency) - 1} more)"
        yield f"{names} has no currency column: {DEFAULT_CURRENCY} is assumed"
    for file in files:
        cost = file.format.cost_column
        if cost in file.mapping.columns:
            source = file.mapping.columns[cost]
            stats = column_stats(file.path, [source]).get(source)
            if stats is not None and stats.null_count:
                yield f"{file.file.name}: {stats.null_count} rows have no {cost} (counted as 0)"
