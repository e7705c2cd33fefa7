"""Rows that stand in a bill twice: dropped and counted, by AWS's key of a row.

A key that stands before different usage is no key, as where a bill was made anonymous; those rows are all kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.parquet_stats import ranges
from esaws.costs.engines.duckdb import literal, quoted

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.costs.bill.bill_file import Part
    from esaws.costs.engines.duckdb import Embedded
    from esaws.costs.engines.engine import Engine

_SAME = ("account", "product_code", "usage_type", "operation", "resource_id", "line_item_type", "start", "end")
"""What rows of one key have in common if they tell the same."""
_LAST = ("invoice_id", "unblended_cost", "quantity")
"""Of rows that tell the same, the one is kept that has the greatest of these."""
_FEW = 500_000
"""Rows whose keys are simply compared."""
_BYTES = 256 * 1024 * 1024
"""What strings of bits may take."""
_AT_ONCE = 5_000_000
"""Keys that are compared in one go where there are too many ids for strings of bits."""


@dataclass(frozen=True)
class Repeats:
    """Rows that stand in a bill more than once."""

    kept: Path
    """Those that are kept of them, one for each, as canonical Parquet."""
    keys: Path
    """Their keys, as `row_key`."""
    dropped: int
    differing: int
    """How many keys had rows with different costs."""


def may_repeat(parts: Sequence[Part], duck: Embedded) -> bool:
    """Whether a key may stand in two rows of a month; False is certain.

    A table of all keys would not fit in memory. Ids of line items come back every hour, so of each id the hours are
    marked in a string of bits: if there are as many bits as rows, no key stands twice.
    """
    by_month: dict[Any, list[Part]] = {}
    for part in parts:
        if part.format.key and {*part.format.key, part.format.starts} <= part.recognised.columns.keys():
            by_month.setdefault(part.months[0] if len(part.months) == 1 else None, []).append(part)
    return any(_in_a_month(some, duck) for some in by_month.values())


def repeats(lines: ir.Table, duck: Embedded, scratch: Path) -> Repeats | None:
    """The rows of a bill that stand in it more than once; None if there are none."""
    keyed = lines.filter(lines.row_key.fill_null("") != "")
    grouped = keyed.group_by(["row_key", *_SAME]).aggregate(rows=keyed.count(), costs=keyed.unblended_cost.nunique())
    twice = duck.kept(grouped.filter(grouped.rows > 1))
    sums = twice.aggregate(keys=twice.count(), dropped=(twice.rows - 1).sum(), differing=(twice.costs > 1).sum())
    (found,) = duck.rows_of(sums)
    if not found["keys"]:
        return None
    keys = duck.kept(twice.select("row_key").distinct())
    paths = scratch / "repeated.parquet", scratch / "repeated-keys.parquet"
    duck.ibis.to_parquet(once(duck.kept(keyed.semi_join(keys, "row_key"))), paths[0])
    duck.ibis.to_parquet(keys, paths[1])
    return Repeats(*paths, int(found["dropped"]), int(found["differing"]))


def once(lines: ir.Table) -> ir.Table:
    """Of rows that have a key and tell the same, one."""
    import ibis

    has_none = lines.row_key.fill_null("") == ""
    last = [ibis.desc(lines[name]) for name in _LAST]
    place = ibis.row_number().over(group_by=[lines[name] for name in ("row_key", *_SAME)], order_by=last)
    return (
        lines.mutate(_place=place, _free=has_none).filter(lambda t: t._free | (t._place == 0)).drop("_place", "_free")
    )


def counted(lines: ir.Table) -> ir.Table:
    """How many rows there are, how many have a key, and how many of those tell something of their own."""
    import ibis

    has_key = lines.row_key.fill_null("") != ""
    told = [lines[name].cast("string").fill_null("") for name in ("row_key", *_SAME)]
    said = ibis.literal(" ").join(told)
    return lines.aggregate(rows=lines.count(), keyed=has_key.sum(), keys=said.nunique(where=has_key))


def dropped(lines: ir.Table, found: Repeats, engine: Engine) -> ir.Table:
    """The rows of a bill with one of each that stands in it more than once."""
    import ibis

    kept, keys = engine.parquet([found.kept]), engine.parquet([found.keys])
    once = lines.anti_join(keys, "row_key")
    return ibis.union(once, kept.select(*(kept[name].cast(type_).name(name) for name, type_ in once.schema().items())))


def _in_a_month(parts: Sequence[Part], duck: Embedded) -> bool:
    source = _keys(parts)
    if sum(part.rows for part in parts) <= _FEW:
        return _twice(source, 1, duck)
    hours = _hours(parts)
    if hours is None:
        return _twice(source, sum(part.rows for part in parts) // _AT_ONCE + 1, duck)
    first, count = hours
    if _ids(parts, source, duck) * (count // 8 + 100) > _BYTES:
        return _twice(source, sum(part.rows for part in parts) // _AT_ONCE + 1, duck)
    hour = f"CAST(datediff('hour', TIMESTAMP '{first}', start) AS INTEGER)"
    bits = f"SELECT count(*) AS n, bit_count(bitstring_agg({hour}, 0, {count})) AS d FROM {source} GROUP BY id"
    ((surplus,),) = duck.rows(f"SELECT sum(n - d) FROM ({bits})")
    return bool(surplus)


def _keys(parts: Sequence[Part]) -> str:
    """The keys of some parts as SQL: id, span and start, of those rows that have all three."""
    by_names: dict[tuple[str, ...], list[str]] = {}
    for part in parts:
        columns = part.recognised.columns
        names = tuple(columns[name] for name in (*part.format.key, part.format.starts))
        by_names.setdefault(names, []).append(literal(str(part.path)))
    known = all(_is_full(part, part.format.key) for part in parts)
    each = [
        f"SELECT {quoted(id_)} AS id, {quoted(span)} AS span, {quoted(start)} AS start "
        f"FROM read_parquet([{', '.join(paths)}], hive_partitioning = false)"
        for (id_, span, start), paths in by_names.items()
    ]
    where = "" if known else " WHERE id <> '' AND span <> ''"
    return f"(SELECT * FROM ({' UNION ALL '.join(each)}){where})"


def _is_full(part: Part, names: Sequence[str]) -> bool:
    """Whether footers tell that some columns of text say something in all rows."""
    given = [part.recognised.columns[name] for name in names]
    known = ranges(part.path, given)
    return all(name in known and known[name].nulls == 0 and known[name].least for name in given)


def _ids(parts: Sequence[Part], source: str, duck: Embedded) -> int:
    """About how many ids there are, or more: what the first rows let expect, if that is few enough."""
    import pyarrow.compute
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(parts[0].path)
    first = file.read_row_group(0, columns=[parts[0].recognised.columns[parts[0].format.key[0]]]).column(0)
    times = sum(part.rows for part in parts) // max(1, len(first)) + 1
    expected = int(pyarrow.compute.count_distinct(first).as_py()) * times
    if expected < _FEW:
        return expected
    ((ids,),) = duck.rows(f"SELECT approx_count_distinct(id) FROM {source}")
    return int(ids)


def _twice(source: str, passes: int, duck: Embedded) -> bool:
    """Whether a key stands twice, one share of the keys after another."""
    key = "hash(id, span)"
    for number in range(passes):
        where = f"WHERE {key} % {passes} = {number}" if passes > 1 else ""
        ((surplus,),) = duck.rows(f"SELECT count(*) - count(DISTINCT {key}) FROM {source} {where}")
        if surplus:
            return True
    return False


def _hours(parts: Sequence[Part]) -> tuple[datetime, int] | None:
    """The first hour that footers tell of, and how many there are; None where they don't tell it."""
    known = []
    for part in parts:
        name = part.recognised.columns[part.format.starts]
        fact = ranges(part.path, [name]).get(name)
        if fact is None or fact.nulls or not isinstance(fact.least, datetime):
            return None
        known.append(fact)
    first = min(fact.least for fact in known).replace(minute=0, second=0, microsecond=0)
    return first, int((max(fact.greatest for fact in known) - first).total_seconds()) // 3600 + 1
