"""Estimate how many rows two files have in common, from samples.

A later export has nearly all rows of an earlier one; pieces of one export have none in common. AWS's line item ids
can't be compared, because they may change from export to export. Account, service, usage type, resource and time do not
change, while costs may be corrected. A sample has some days of each file, and the same charges of those days.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, product
from typing import TYPE_CHECKING

from esaws.costs.bill.bill_file import BillFile, BillingMonth
from esaws.costs.bill.union import read_files, with_standard_names
from esaws.costs.engines.duckdb import quote_identifier, quote_literal

if TYPE_CHECKING:
    from esaws.costs.engines.duckdb import DuckDBEngine

_DAYS = 8
"""Sampled days of a file."""
_CHARGES_PER_DAY = 500
"""Sampled charges of a day: those with the least hashes, which are the same in all files."""
_REPETITIVE = 1.1
"""Rows per usage from which on usage does not identify rows, so that amounts are compared, too."""


@dataclass(frozen=True)
class SampleRow:
    """Identical rows of a sample, as hashes of their columns."""

    charge: int
    """Hash of what was used, by whom, on which day."""
    usage: int
    """Hash of the same with start and end."""
    exact: int
    """Hash of the same with quantity and cost."""
    key: int
    """Hash of the format's row key, or 0."""
    hours: int
    """Length of the usage."""
    count: int
    """Number of identical rows."""


@dataclass(frozen=True)
class SampleDay:
    """The sampled rows of a day."""

    rows: Collection[SampleRow]
    complete_up_to: int | None
    """The greatest charge hash up to which all rows of the day are in the sample; None if all rows are."""


@dataclass(frozen=True)
class Sample:
    """Some days of an export."""

    days: Mapping[date | None, SampleDay]

    @property
    def is_repetitive(self) -> bool:
        rows = [row for day in self.days.values() for row in day.rows]
        return sum(row.count for row in rows) >= _REPETITIVE * max(1, len({row.usage for row in rows}))

    def share_in(self, other: Sample) -> float:
        """The share of this sample's rows that another has, from 0 to 1."""
        exactly = self.is_repetitive or other.is_repetitive
        ours, theirs = ({row.exact if exactly else row.usage for row in rows} for rows in self._comparable_rows(other))
        return len(ours & theirs) / len(ours) if ours else 0.0

    def shares_keys_with(self, other: Sample) -> bool:
        """Whether rows that both have also have the same row keys."""
        ours, theirs = ({row.usage: row.key for row in rows} for rows in self._comparable_rows(other))
        common = ours.keys() & theirs.keys()
        return bool(common) and sum(ours[usage] == theirs[usage] != 0 for usage in common) >= 0.9 * len(common)

    def differs_in_granularity(self, other: Sample) -> bool:
        """Whether both have the same charges per day in periods of different lengths, as by hour and by day."""
        ours, theirs = ({row.charge: row.hours for row in rows} for rows in self._comparable_rows(other))
        common = ours.keys() & theirs.keys()
        differing = sum(ours[charge] != theirs[charge] for charge in common)
        return bool(common) and len(common) >= len(ours) / 2 and differing >= len(common) / 2

    def _comparable_rows(self, other: Sample) -> tuple[list[SampleRow], list[SampleRow]]:
        """The rows of both on this sample's days, up to the charge hash to which both are complete."""
        ours: list[SampleRow] = []
        theirs: list[SampleRow] = []
        for date_, our_day in self.days.items():
            their_day = other.days.get(date_, SampleDay((), None))
            limit = _least(our_day.complete_up_to, their_day.complete_up_to)
            ours += [row for row in our_day.rows if limit is None or row.charge <= limit]
            theirs += [row for row in their_day.rows if limit is None or row.charge <= limit]
        return ours, theirs


class Overlaps:
    """Which of many samples have anything in common, so that not every pair has to be compared."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._usages = [{row.usage for day in sample.days.values() for row in day.rows} for sample in samples]
        self._with_usage: dict[int, list[int]] = {}
        self._by_hours: dict[int, dict[int, set[int]]] = {}
        for number, sample in enumerate(samples):
            for usage in self._usages[number]:
                self._with_usage.setdefault(usage, []).append(number)
            for charge, hours in {(row.charge, row.hours) for day in sample.days.values() for row in day.rows}:
                self._by_hours.setdefault(charge, {}).setdefault(hours, set()).add(number)

    def later(self, number: int) -> Iterator[int]:
        """The later samples with common usage, the last one first."""
        last = max((self._with_usage[usage][-1] for usage in self._usages[number]), default=number)
        if last > number:
            yield last
            others = {other for usage in self._usages[number] for other in self._with_usage[usage]}
            yield from sorted((other for other in others if number < other < last), reverse=True)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """The pairs, each once, with common usage, or with a common charge in periods of different lengths."""
        found: set[tuple[int, int]] = set()
        for one, other in self._repeated_pairs():
            pair = min(one, other), max(one, other)
            if one != other and pair not in found:
                found.add(pair)
                yield pair

    def _repeated_pairs(self) -> Iterator[tuple[int, int]]:
        for numbers in self._with_usage.values():
            yield from combinations(numbers, 2)
        for by_hours in self._by_hours.values():
            for some, others in combinations(by_hours.values(), 2):
                yield from product(some, others)


def merge_samples(samples: Iterable[Sample]) -> Sample:
    """The sample of an export that consists of several files."""
    days: dict[date | None, SampleDay] = {}
    for sample in samples:
        for date_, day in sample.days.items():
            merged = days.get(date_, SampleDay((), None))
            limit = _least(merged.complete_up_to, day.complete_up_to)
            rows = [row for row in (*merged.rows, *day.rows) if limit is None or row.charge <= limit]
            days[date_] = SampleDay(rows, limit)
    return Sample(days)


def sample_files(files: Sequence[BillFile], month: BillingMonth, duck: DuckDBEngine) -> list[Sample]:
    """Comparable samples of the files' rows of a month, one for each file."""
    tables = [_rows_of_month(file, month, duck) for file in files]
    start = files[0].format.start_column
    has_start = all(start in file.mapping.columns for file in files)
    days = sorted({day for table in tables for day in _sample_days(table, start, duck)}) if has_start else []
    return [_sample(table, files, days, duck) for table in tables]


def _rows_of_month(file: BillFile, month: BillingMonth, duck: DuckDBEngine) -> str:
    """SQL for a file's rows of a month, with the format's column names."""
    if len(file.months) == 1:  # compiling an expression for each of many files would take longest
        columns = ", ".join(
            f"{quote_identifier(source)} AS {quote_identifier(name)}" for name, source in file.mapping.columns.items()
        )
        path = quote_literal(str(file.path))
        return f"(SELECT {columns} FROM read_parquet({path}, hive_partitioning = false))"
    table = with_standard_names(read_files([file], duck), file.mapping)
    canonical = file.format.canonical_columns(table)
    if len(file.months) > 1:
        for name, value in (("period", month.first), ("payer", month.payer)):
            if name in canonical:
                table = table.filter(canonical[name].isnull() if value is None else canonical[name] == value)
    return f"({duck.compile(table)})"


def _sample_days(table: str, start: str, duck: DuckDBEngine) -> list[date]:
    """Some days of a table, spread evenly."""
    column = quote_identifier(start)
    sql = f"SELECT DISTINCT CAST({column} AS DATE) AS day FROM {table} WHERE day IS NOT NULL ORDER BY day"
    days = [day for (day,) in duck.run_sql(sql)]
    return days[:: max(1, -(-len(days) // _DAYS))]


def _sample(table: str, files: Sequence[BillFile], days: Sequence[date], duck: DuckDBEngine) -> Sample:
    format_ = files[0].format

    def common(names: Iterable[str]) -> list[str]:
        return [name for name in names if all(name in file.mapping.columns for file in files)]

    start, end = (common([name]) for name in (format_.start_column, format_.end_column))
    natural_key, amounts = common(format_.natural_key_columns), common(format_.amount_columns)
    day = f"CAST({quote_identifier(start[0])} AS DATE)" if days else "NULL::DATE"
    key = format_.key_columns if common(format_.key_columns) == [*format_.key_columns] else ()
    hours = "0"
    if start and end:
        hours = f"coalesce(datediff('hour', {quote_identifier(start[0])}, {quote_identifier(end[0])}), 0)"
    expressions = {
        "day": day,
        "charge": _hash([name for name in natural_key if name not in (*start, *end)]),
        "usage": _hash(natural_key),
        "exact": _hash([*natural_key, *amounts]),
        "key": _hash(key),
        "hours": hours,
    }
    columns = ", ".join(f"{sql} AS {name}" for name, sql in expressions.items())
    where = f"WHERE {day} IN ({', '.join('?' for _ in days)})" if days else ""
    grouped = f"SELECT {columns}, count(*) AS n FROM {table} {where} GROUP BY ALL"
    rank = "dense_rank() OVER (PARTITION BY day ORDER BY charge)"
    rows: dict[date | None, list[SampleRow]] = {}
    for date_, *values in duck.run_sql(f"FROM ({grouped}) QUALIFY {rank} <= {_CHARGES_PER_DAY}", days):
        rows.setdefault(date_, []).append(SampleRow(*values))
    return Sample({date_: SampleDay(of_day, _complete_up_to(of_day)) for date_, of_day in rows.items()})


def _hash(names: Sequence[str]) -> str:
    cells = (f"coalesce(CAST({quote_identifier(name)} AS VARCHAR), '')" for name in names)
    return f"hash({', '.join(cells)})" if names else "0"


def _complete_up_to(rows: Iterable[SampleRow]) -> int | None:
    charges = {row.charge for row in rows}
    return max(charges) if len(charges) >= _CHARGES_PER_DAY else None


def _least(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)
