"""Find rows that are in a bill more than once, by AWS's row key, and keep one of each.

A key that several different usages share is not a key, as in anonymised bills. All such rows are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.bill_file import BillFile, BillingMonth
from esaws.costs.bill.parquet_stats import column_stats
from esaws.costs.engines.duckdb import quote_identifier, quote_literal

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.costs.engines.duckdb import DuckDBEngine
    from esaws.costs.engines.engine import Engine

_USAGE = ("account", "product_code", "usage_type", "operation", "resource_id", "line_item_type", "start", "end")
"""Duplicates agree on these columns, besides the key."""
_PREFERENCE = ("invoice_id", "unblended_cost", "quantity")
"""Of duplicates the one with the greatest of these values is kept."""
# Limits of memory; results don't depend on them.
_ROWS_IN_MEMORY = 500_000
"""Up to this many rows, keys are compared in one query."""
_BITSTRING_BYTES_IN_MEMORY = 256 * 1024 * 1024
"""The memory that bit strings may use."""
_SAMPLED_ROWS = 10_000
"""Rows in which ids are counted to estimate how many there are."""
_KEYS_IN_MEMORY = 5_000_000
"""Keys per query where there are too many ids for bit strings."""


@dataclass(frozen=True)
class DuplicateRows:
    """The rows of a bill that are in it more than once."""

    kept: Path
    """One of each, as canonical Parquet."""
    keys: Path
    """Their keys, as `row_key`."""
    dropped: int
    differing: int
    """The number of keys whose rows have different costs."""

    def __str__(self) -> str:
        text = f"duplicate rows dropped (same key and usage): {self.dropped}"
        if self.differing:
            text += f"; keys with different costs: {self.differing} (the greatest cost is counted)"
        return text


def may_have_duplicates(files: Sequence[BillFile], duck: DuckDBEngine) -> bool:
    """Whether two rows of a month may have the same key. False is certain.

    A table of all keys would not fit in memory. Line item ids repeat every hour, so a bit string for each id marks its
    hours: if there are as many bits as rows, no key is repeated.
    """
    by_month: dict[BillingMonth | None, list[BillFile]] = {}
    for file in files:
        key_columns = file.format.key_columns
        if key_columns and {*key_columns, file.format.start_column} <= file.mapping.columns.keys():
            by_month.setdefault(file.months[0] if len(file.months) == 1 else None, []).append(file)
    return any(_month_may_have_duplicates(files_of_month, duck) for files_of_month in by_month.values())


def find_duplicates(lines: ir.Table, duck: DuckDBEngine, scratch: Path) -> DuplicateRows | None:
    """Find the rows of a bill that are in it more than once; None if there are none."""
    keyed = lines.filter(lines.row_key.fill_null("") != "")
    grouped = keyed.group_by(["row_key", *_USAGE]).aggregate(rows=keyed.count(), costs=keyed.unblended_cost.nunique())
    repeated = duck.materialize(grouped.filter(grouped.rows > 1))
    (counts,) = duck.fetch_rows(
        repeated.aggregate(
            keys=repeated.count(), dropped=(repeated.rows - 1).sum(), differing=(repeated.costs > 1).sum()
        )
    )
    if not counts["keys"]:
        return None
    keys = duck.materialize(repeated.select("row_key").distinct())
    kept_path, keys_path = scratch / "duplicates-kept.parquet", scratch / "duplicate-keys.parquet"
    duck.write_parquet(drop_duplicates(duck.materialize(keyed.semi_join(keys, "row_key"))), kept_path)
    duck.write_parquet(keys, keys_path)
    return DuplicateRows(kept_path, keys_path, int(counts["dropped"]), int(counts["differing"]))


def drop_duplicates(lines: ir.Table) -> ir.Table:
    """Keep one row of those with the same key and usage: the one with an invoice, else with the greatest cost."""
    import ibis

    is_keyless = lines.row_key.fill_null("") == ""
    preference = [ibis.desc(lines[name]) for name in _PREFERENCE]
    rank = ibis.row_number().over(group_by=[lines[name] for name in ("row_key", *_USAGE)], order_by=preference)
    ranked = lines.mutate(_rank=rank, _keyless=is_keyless)
    return ranked.filter(lambda table: table._keyless | (table._rank == 0)).drop("_rank", "_keyless")


def count_rows_and_keys(lines: ir.Table) -> ir.Table:
    """One row: the number of rows, of rows with a key (`keyed`), and of distinct keys with their usage (`keys`)."""
    import ibis

    has_key = lines.row_key.fill_null("") != ""
    identity = ibis.literal(" ").join([lines[name].cast("string").fill_null("") for name in ("row_key", *_USAGE)])
    return lines.aggregate(rows=lines.count(), keyed=has_key.sum(), keys=identity.nunique(where=has_key))


def replace_duplicates(lines: ir.Table, duplicates: DuplicateRows, engine: Engine) -> ir.Table:
    """The rows of a bill, with one of each duplicate."""
    import ibis

    kept, keys = engine.read_parquet([duplicates.kept]), engine.read_parquet([duplicates.keys])
    unique = lines.anti_join(keys, "row_key")
    return ibis.union(
        unique, kept.select(*(kept[name].cast(type_).name(name) for name, type_ in unique.schema().items()))
    )


def _month_may_have_duplicates(files: Sequence[BillFile], duck: DuckDBEngine) -> bool:
    keys, rows = _keys_query(files), sum(file.rows for file in files)
    if rows <= _ROWS_IN_MEMORY:
        return _has_repeated_hash(keys, 1, duck)
    passes = rows // _KEYS_IN_MEMORY + 1
    starts = _start_range(files)
    if starts is None:
        return _has_repeated_hash(keys, passes, duck)
    first, last = starts
    bytes_per_id = (last - first) // timedelta(hours=8) + 100
    if _estimate_ids(files, keys, duck) * bytes_per_id > _BITSTRING_BYTES_IN_MEMORY:
        return _has_repeated_hash(keys, passes, duck)
    hour = "CAST(datediff('hour', TIMESTAMP '{first}', {start}) AS INTEGER)"
    bit, last_bit = (hour.format(first=first, start=start) for start in ("start", f"TIMESTAMP '{last}'"))
    bits = f"SELECT count(*) AS n, bit_count(bitstring_agg({bit}, 0, {last_bit})) AS d FROM {keys} GROUP BY id"
    ((surplus,),) = duck.run_sql(f"SELECT sum(n - d) FROM ({bits})")
    return bool(surplus)


def _keys_query(files: Sequence[BillFile]) -> str:
    """SQL for the keys of some files: id, interval and start of the rows that have a key."""
    paths_by_columns: dict[tuple[str, ...], list[str]] = {}
    for file in files:
        columns = tuple(file.mapping.columns[name] for name in (*file.format.key_columns, file.format.start_column))
        paths_by_columns.setdefault(columns, []).append(quote_literal(str(file.path)))
    queries = [
        f"SELECT {quote_identifier(id_)} AS id, {quote_identifier(interval)} AS span, "
        f"{quote_identifier(start)} AS start FROM read_parquet([{', '.join(paths)}], hive_partitioning = false)"
        for (id_, interval, start), paths in paths_by_columns.items()
    ]
    where = "" if all(_always_has_key(file) for file in files) else " WHERE id <> '' AND span <> ''"
    return f"(SELECT * FROM ({' UNION ALL '.join(queries)}){where})"


def _always_has_key(file: BillFile) -> bool:
    """Whether the footer shows that no row lacks a key."""
    columns = [file.mapping.columns[name] for name in file.format.key_columns]
    stats = column_stats(file.path, columns)
    return all(name in stats and stats[name].null_count == 0 and stats[name].minimum for name in columns)


def _estimate_ids(files: Sequence[BillFile], keys: str, duck: DuckDBEngine) -> int:
    """About how many ids there are, or more: by a sample of rows, and exactly enough where that may be far off."""
    rows = sum(file.rows for file in files)
    ((in_sample, sampled),) = duck.run_sql(
        f"SELECT count(DISTINCT id), count(*) FROM (FROM {keys} LIMIT {_SAMPLED_ROWS})"
    )
    if in_sample == sampled:  # as in bills by day
        return rows
    estimate = int(in_sample) * (rows // max(1, sampled) + 1)
    if estimate < _ROWS_IN_MEMORY:
        return estimate
    ((ids,),) = duck.run_sql(f"SELECT approx_count_distinct(id) FROM {keys}")
    return int(ids)


def _has_repeated_hash(keys: str, passes: int, duck: DuckDBEngine) -> bool:
    """Whether a hash of a key is repeated, comparing one share of the keys in each pass. Sorting is the fastest way."""
    import numpy

    hash_ = "hash(id, span)"
    for number in range(passes):
        where = f" WHERE {hash_} % {passes} = {number}" if passes > 1 else ""
        hashes = numpy.sort(duck.fetch_integers(f"SELECT {hash_} FROM {keys}{where}"))
        if (hashes[1:] == hashes[:-1]).any():
            return True
    return False


def _start_range(files: Sequence[BillFile]) -> tuple[datetime, datetime] | None:
    """The first and the last start of usage in the footers; None if a footer lacks them."""
    ranges: list[Any] = []
    for file in files:
        column = file.mapping.columns[file.format.start_column]
        stats = column_stats(file.path, [column]).get(column)
        if stats is None or stats.null_count or not isinstance(stats.minimum, datetime):
            return None
        ranges.append(stats)
    return min(stats.minimum for stats in ranges), max(stats.maximum for stats in ranges)
