"""One reader for all bills: from files, folders, buckets and Cost Explorer to the canonical table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from esaws.costs.bill.bill import Bill
from esaws.costs.bill.dedup.duplicate_rows import Repeats, counted, dropped, may_repeat, once, repeats
from esaws.costs.bill.dedup.superseded import without_replaced
from esaws.costs.bill.loading import parts_of
from esaws.costs.bill.sources.sql import lines_of, recognised_table, table_and_months
from esaws.costs.bill.union import assembled, metrics_of, with_constants
from esaws.costs.bill.warnings import CURRENCY, assumptions
from esaws.costs.engines.duckdb import Embedded
from esaws.costs.engines.engine import Engine, engine_of
from esaws.costs.engines.warehouse import Warehouse
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud


def read_bill(*sources: str | Path, engine: str | None = None, cloud: Cloud | None = None) -> Bill:
    """The bill that some sources hold, each row once.

    A source is a file, a glob, a folder, a prefix `s3://bucket/prefix`, or days of Cost Explorer itself (`ce:2026-01`,
    `ce:2026-01-05..2026-02-03`; each request costs 0.01 USD on AWS); the last two need `cloud`. The format is known by
    the columns: CUR 2.0, legacy CUR, FOCUS 1.0 to 1.2, or answers of Cost Explorer.

    `engine` says where it is added up: `duckdb` in this process, `spark://local[2]` or `spark://host:7077`. With
    `athena://…` or `trino://…` the source is a table there, with the months that are wanted: `cur.hourly@2026-01` or
    `cur.hourly@2026-01..2026-03`.

    Raises:
        UsageError: a source is not there, is no bill, or can't be read in full: the message names file, row and column.
    """
    scratch = TemporaryDirectory(prefix="esaws-bill-")
    try:
        running = engine_of(engine, Path(scratch.name))
        if isinstance(running, Warehouse):
            return _of_tables(sources, running, scratch)
        return _of_files(sources, cloud, running, scratch)
    except BaseException:
        scratch.cleanup()
        raise


def _of_files(
    sources: Sequence[str | Path], cloud: Cloud | None, running: Engine, scratch: TemporaryDirectory[str]
) -> Bill:
    folder = Path(scratch.name)
    duck = running if isinstance(running, Embedded) else Embedded(folder)
    found = parts_of(sources, cloud, duck, folder)
    kept = without_replaced(found.parts, found.manifests, duck)
    parts = [part for part in found.parts if kept.rows(part)]
    warnings = [*found.warnings, *kept.warnings]
    lines, rows = assembled(parts, kept.left_out, running), sum(kept.rows(part) for part in parts)
    if may_repeat(parts, duck) and (twice := repeats(assembled(parts, kept.left_out, duck), duck, folder)):
        lines, rows = dropped(lines, twice, running), rows - twice.dropped
        warnings.append(_told(twice))
    warnings += assumptions(parts)
    months = sorted({month.first for part in parts for month in part.months if month.first})
    versions = " and ".join(dict.fromkeys(part.recognised.version for part in parts))
    metrics = metrics_of([part.recognised for part in parts])
    if not metrics:
        raise UsageError(f"{parts[0].file.name} tells no costs")
    lines = with_constants(running.named(lines), parts)
    return Bill(versions, rows, tuple(months), lines, metrics, tuple(warnings), running, tuple(parts), scratch)


def _of_tables(sources: Sequence[str | Path], warehouse: Warehouse, scratch: TemporaryDirectory[str]) -> Bill:
    if len(sources) != 1:
        raise UsageError(
            f"{warehouse.name} reads one table, like cur.hourly@2026-01; {len(sources)} sources were given"
        )
    name, wanted = table_and_months(str(sources[0]))
    table = warehouse.table(name)
    recognised = recognised_table(name, table)
    lines = lines_of(table, recognised, wanted)
    (told,) = warehouse.rows_of(counted(lines))
    warnings = []
    if told["keyed"] != told["keys"]:
        lines = once(lines)
        warnings.append(f"{told['keyed'] - told['keys']} rows of {name} have a key that stands in it twice: dropped")
        (told,) = warehouse.rows_of(counted(lines))
    months = [row["period"] for row in warehouse.rows_of(lines.select("period").distinct().order_by("period"))]
    months = [month for month in months if month is not None]
    if recognised.format.currency not in recognised.columns:
        warnings.append(f"{name} names no currency: taken for {CURRENCY}")
    metrics = metrics_of([recognised])
    return Bill(
        recognised.version, told["rows"], tuple(months), lines, metrics, tuple(warnings), warehouse, (), scratch
    )


def _told(twice: Repeats) -> str:
    told = f"{twice.dropped} rows stood in the bill twice, with the same key: dropped"
    if twice.differing:
        told += f"; {twice.differing} of them had several costs, of which the greatest is kept"
    return told
