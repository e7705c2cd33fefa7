"""One reader for all bills: from files, folders, buckets and Cost Explorer to the canonical table."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from esaws.costs.bill.assembled import assembled, metrics_of, with_constants
from esaws.costs.bill.assumed import assumptions
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.duplicates import Repeats, dropped, may_repeat, repeats
from esaws.costs.bill.parts import parts_of
from esaws.costs.bill.replaced import without_replaced
from esaws.costs.engines.embedded import Embedded
from esaws.costs.engines.engine import engine_of
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud


def read_bill(*sources: str | Path, engine: str | None = None, cloud: Cloud | None = None) -> Bill:
    """The bill that some sources hold, each row once.

    A source is a file, a glob, a folder, a prefix `s3://bucket/prefix`, or days of Cost Explorer itself (`ce:2026-01`,
    `ce:2026-01-05..2026-02-03`; each request costs 0.01 USD on AWS); the last two need `cloud`. The format is known by
    the columns: CUR 2.0, legacy CUR, FOCUS 1.0 to 1.2, or answers of Cost Explorer. `engine` is a URL of
    `esaws.costs.engines`; without one DuckDB in this process adds up.

    Raises:
        UsageError: a source is not there, is no bill, or can't be read in full: the message names file, row and column.
    """
    scratch = TemporaryDirectory(prefix="esaws-bill-")
    folder = Path(scratch.name)
    running = engine_of(engine, folder)
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
    months = sorted({month.first for part in parts for month in part.months if month.first and kept.rows(part)})
    versions = " and ".join(dict.fromkeys(part.recognised.version for part in parts))
    metrics = metrics_of(parts)
    if not metrics:
        raise UsageError(f"{parts[0].file.name} tells no costs")
    lines = with_constants(running.named(lines), parts)
    return Bill(versions, rows, tuple(months), lines, metrics, tuple(warnings), running, tuple(parts), scratch)


def _told(twice: Repeats) -> str:
    told = f"{twice.dropped} rows stood in the bill twice, with the same key: dropped"
    if twice.differing:
        told += f"; {twice.differing} of them had several costs, of which the greatest is kept"
    return told
