"""One reader for all bills: from files to the canonical table."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from esaws.costs.bill.canonical import DECIMAL, FLOAT
from esaws.costs.bill.delimited import delimited_part
from esaws.costs.bill.files import File, Unreadable
from esaws.costs.bill.parquet import MAGIC, parquet_part
from esaws.costs.bill.part import Part
from esaws.costs.bill.text import unpacked
from esaws.costs.engines.embedded import Embedded
from esaws.costs.engines.engine import Engine, engine_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.cloud import Cloud


@dataclass(frozen=True)
class Bill:
    """A bill that was read.

    `lines` is the canonical table (`esaws.costs.bill.canonical`) as an Ibis expression: nothing of it is in memory.
    """

    format: str
    """Like `CUR 2.0`, `legacy CUR`, `FOCUS 1.0` or `Cost Explorer`."""
    lines: ir.Table
    warnings: tuple[str, ...]
    engine: Engine
    scratch: tempfile.TemporaryDirectory[str]


def read_bill(*sources: str | Path, engine: str | None = None, cloud: Cloud | None = None) -> Bill:
    """The bill that files, folders or globs hold."""
    import ibis

    scratch = tempfile.TemporaryDirectory(prefix="esaws-bill-")
    running = engine_of(engine, Path(scratch.name))
    duck = running if isinstance(running, Embedded) else Embedded(Path(scratch.name))
    files = [File(Path(each), str(each), Path(each).stat().st_mtime) for each in sources]
    parts = [part_of(file, duck, Path(scratch.name)) for file in files]
    number = FLOAT if any(part.number == FLOAT for part in parts) else DECIMAL
    by_schema: dict[object, list[Part]] = {}
    for part in parts:
        by_schema.setdefault((part.recognised.version, part.schema), []).append(part)
    tables = [some[0].canonical(running.parquet([part.path for part in some]), number) for some in by_schema.values()]
    lines = tables[0] if len(tables) == 1 else ibis.union(*tables)
    formats = " and ".join(dict.fromkeys(part.recognised.version for part in parts))
    return Bill(formats, lines, tuple(warning for part in parts for warning in part.warnings), running, scratch)


def part_of(file: File, duck: Embedded, scratch: Path) -> Part:
    """A file as a part of a bill, whatever it is; what it is called says nothing."""
    with file.path.open("rb") as stream:
        magic = stream.read(4)
    if not magic:
        raise Unreadable(file.name, "the file is empty")
    if magic == MAGIC:
        return parquet_part(file, duck, scratch)
    return delimited_part(file, unpacked(file, scratch), duck, scratch)
