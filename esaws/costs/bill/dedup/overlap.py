"""How far two files tell the same charges: a later export has nearly all rows of an earlier one, pieces have none.

AWS's ids of line items don't say it, as they may change from export to export. What was used, of what, by whom and
when does; how much it cost may have been corrected. Some days of each file are looked for in all others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from esaws.costs.bill.bill_file import standard
from esaws.costs.engines.duckdb import quoted

if TYPE_CHECKING:
    from esaws.costs.bill.bill_file import Part
    from esaws.costs.bill.dedup.months import Month
    from esaws.costs.engines.duckdb import Embedded

_DAYS = 8
"""Days of a file that are compared."""
_THINGS = 500
"""What is compared of a day: those of its things whose numbers are least, the same in all files."""
_REPEATED = 1.1
"""Rows for each usage from which on what was used does not tell rows apart, so that the amounts have to."""


@dataclass(frozen=True)
class Row:
    """Rows of a sample that say the same, as numbers that stand for what they say."""

    thing: int
    """What was used, by whom, on which day."""
    usage: int
    """The same with its hours."""
    exact: int
    """The same with quantity and cost."""
    key: int
    """The key that the format has, or 0."""
    hours: int
    """How long."""
    count: int
    """How many rows there are."""


@dataclass(frozen=True)
class Day:
    """The rows of a day."""

    rows: Collection[Row]
    up_to: int | None
    """The thing with the greatest number of which rows are there; None if all are there."""


@dataclass(frozen=True)
class Sample:
    """Some days of an export."""

    days: Mapping[date | None, Day]

    @property
    def is_repetitive(self) -> bool:
        rows = [row for day in self.days.values() for row in day.rows]
        return sum(row.count for row in rows) >= _REPEATED * max(1, len({row.usage for row in rows}))

    def share_in(self, other: Sample) -> float:
        """How much of this another has, from 0 to 1."""
        exactly = self.is_repetitive or other.is_repetitive
        mine, theirs = ({row.exact if exactly else row.usage for row in rows} for rows in self._beside(other))
        return len(mine & theirs) / len(mine) if mine else 0.0

    def has_keys_of(self, other: Sample) -> bool:
        """Whether rows that both have are known by the same keys."""
        mine, theirs = ({row.usage: row.key for row in rows} for rows in self._beside(other))
        both = mine.keys() & theirs.keys()
        return bool(both) and sum(mine[usage] == theirs[usage] != 0 for usage in both) >= 0.9 * len(both)

    def in_another_grain(self, other: Sample) -> bool:
        """Whether both tell the same things of the same days in spans of another length: by hour and by day."""
        mine, theirs = ({row.thing: row.hours for row in rows} for rows in self._beside(other))
        both = mine.keys() & theirs.keys()
        differing = sum(mine[thing] != theirs[thing] for thing in both)
        return bool(both) and len(both) >= len(mine) / 2 and differing >= len(both) / 2

    def _beside(self, other: Sample) -> tuple[list[Row], list[Row]]:
        """The rows of both on the days of this one, up to the thing to which both are complete."""
        mine: list[Row] = []
        theirs: list[Row] = []
        for name, day in self.days.items():
            there = other.days.get(name, Day((), None))
            up_to = _least(day.up_to, there.up_to)
            mine += [row for row in day.rows if up_to is None or row.thing <= up_to]
            theirs += [row for row in there.rows if up_to is None or row.thing <= up_to]
        return mine, theirs


def together(samples: Iterable[Sample]) -> Sample:
    """The sample of an export in pieces."""
    days: dict[date | None, Day] = {}
    for sample in samples:
        for name, day in sample.days.items():
            before = days.get(name, Day((), None))
            up_to = _least(before.up_to, day.up_to)
            days[name] = Day([r for r in (*before.rows, *day.rows) if up_to is None or r.thing <= up_to], up_to)
    return Sample(days)


def samples(parts: Sequence[Part], month: Month, duck: Embedded) -> list[Sample]:
    """Comparable samples of some parts' rows of a month."""
    tables = [_of_month(part, month, duck) for part in parts]
    start = parts[0].format.starts
    has_start = all(start in part.recognised.columns for part in parts)
    days = sorted({day for table in tables for day in _days(table, start, duck)}) if has_start else []
    return [_sample(table, parts, days, duck) for table in tables]


def _of_month(part: Part, month: Month, duck: Embedded) -> str:
    """A part's rows of a month as SQL, by the format's names."""
    table = standard(duck.parquet([part.path]), part.recognised)
    told = part.format.canonical(table)
    if len(part.months) > 1:
        for name, value in (("period", month.first), ("payer", month.payer)):
            if name in told:
                table = table.filter(told[name].isnull() if value is None else told[name] == value)
    return f"({duck.ibis.compile(table)})"


def _days(table: str, start: str, duck: Embedded) -> list[date]:
    """Some days of a table, spread over all that it has."""
    sql = f"SELECT DISTINCT CAST({quoted(start)} AS DATE) AS day FROM {table} WHERE day IS NOT NULL ORDER BY day"
    days = [day for (day,) in duck.rows(sql)]
    return days[:: max(1, -(-len(days) // _DAYS))]


def _sample(table: str, parts: Sequence[Part], days: Sequence[date], duck: Embedded) -> Sample:
    format_ = parts[0].format

    def known(names: Iterable[str]) -> list[str]:
        return [name for name in names if all(name in part.recognised.columns for part in parts)]

    start, end = (known([name]) for name in (format_.starts, format_.ends))
    natural, amounts = known(format_.natural_key), known(format_.amounts)
    day = f"CAST({quoted(start[0])} AS DATE)" if days else "NULL::DATE"
    key = known(format_.key) == [*format_.key] and format_.key
    said = {
        "day": day,
        "thing": _hash([name for name in natural if name not in (*start, *end)]),
        "usage": _hash(natural),
        "exact": _hash([*natural, *amounts]),
        "key": _hash(format_.key) if key else "0",
        "hours": f"coalesce(datediff('hour', {quoted(start[0])}, {quoted(end[0])}), 0)" if start and end else "0",
    }
    columns = ", ".join(f"{sql} AS {name}" for name, sql in said.items())
    where = f"WHERE {day} IN ({', '.join('?' for _ in days)})" if days else ""
    counted = f"SELECT {columns}, count(*) AS n FROM {table} {where} GROUP BY ALL"
    place = "dense_rank() OVER (PARTITION BY day ORDER BY thing)"
    rows: dict[date | None, list[Row]] = {}
    for of_day, *values in duck.rows(f"FROM ({counted}) QUALIFY {place} <= {_THINGS}", days):
        rows.setdefault(of_day, []).append(Row(*values))
    return Sample({of_day: Day(some, _up_to(some)) for of_day, some in rows.items()})


def _hash(names: Sequence[str]) -> str:
    cells = (f"coalesce(CAST({quoted(name)} AS VARCHAR), '')" for name in names)
    return f"hash({', '.join(cells)})" if names else "0"


def _up_to(rows: Iterable[Row]) -> int | None:
    things = {row.thing for row in rows}
    return max(things) if len(things) >= _THINGS else None


def _least(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)
