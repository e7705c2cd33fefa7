"""Whether two files tell the same charges: exports of a month have most rows in common, pieces of one export none.

AWS's ids of line items don't say it, as they may change from export to export. What was used, of what, by whom and
when does; how much it cost may have been corrected. One hour of each file is looked for in all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import TYPE_CHECKING

from esaws.costs.bill.part import standard
from esaws.costs.engines.embedded import quoted

if TYPE_CHECKING:
    from esaws.costs.bill.part import Part
    from esaws.costs.bill.spans import Month
    from esaws.costs.engines.embedded import Embedded

SAME = 0.5
"""The least share of an hour's rows that two exports of a month have in common."""
_HEAD, _MOST = 20_000, 20_000
"""Rows that are looked at to find a busy hour, and rows of an hour that are compared."""

Hours = Mapping[datetime | None, frozenset[int]]
"""The rows of some hours, each as a number that stands for what it says."""


def overlapping(parts: Sequence[Part], month: Month, duck: Embedded) -> set[frozenset[int]]:
    """The pairs of parts, by their numbers, that tell the same charges of a month."""
    format_ = parts[0].format
    names = [name for name in format_.natural_key if all(name in part.recognised.columns for part in parts)]
    start = format_.starts if format_.starts in names else None
    tables = [_of_month(part, month, duck) for part in parts]
    busiest = [_busiest(table, start, duck) for table in tables]
    told = [_hours(table, names, start, busiest, duck) for table in tables]
    found = set()
    for one, other in combinations(range(len(parts)), 2):
        share = max(_share(told[one], told[other], busiest[one]), _share(told[other], told[one], busiest[other]))
        if share >= SAME:
            found.add(frozenset((one, other)))
    return found


def _share(of: Hours, others: Hours, hour: datetime | None) -> float:
    """How much of an hour's rows the other has; of many the numbers that are least are compared, in both alike."""
    mine, theirs = of.get(hour, frozenset()), others.get(hour, frozenset())
    if not mine or not theirs:
        return 0.0
    up_to = min((max(each) for each in (mine, theirs) if len(each) >= _MOST), default=None)
    compared = mine if up_to is None else {number for number in mine if number <= up_to}
    return len(compared & theirs) / len(compared) if compared else 0.0


def _of_month(part: Part, month: Month, duck: Embedded) -> str:
    """A part's rows of a month as SQL, by the format's names."""
    table = standard(duck.parquet([part.path]), part.recognised)
    canonical = part.format.canonical(table)
    wanted = table
    if len(part.months) > 1:
        for name, value in (("period", month.first), ("payer", month.payer)):
            if name in canonical:
                wanted = wanted.filter(canonical[name].isnull() if value is None else canonical[name] == value)
    return f"({duck.ibis.compile(wanted)})"


def _busiest(table: str, start: str | None, duck: Embedded) -> datetime | None:
    if start is None:
        return None
    head = f"SELECT {quoted(start)} AS hour FROM {table} LIMIT {_HEAD}"
    sql = f"SELECT hour FROM ({head}) WHERE hour IS NOT NULL GROUP BY hour ORDER BY count(*) DESC, hour LIMIT 1"
    return next((hour for (hour,) in duck.rows(sql)), None)


def _hours(
    table: str, names: Sequence[str], start: str | None, hours: Sequence[datetime | None], duck: Embedded
) -> dict[datetime | None, frozenset[int]]:
    said = f"hash({', '.join(f'coalesce(CAST({quoted(name)} AS VARCHAR), chr(0))' for name in names)})"
    hour = quoted(start) if start else "NULL::TIMESTAMP"
    wanted = list({each for each in hours if each is not None})
    where = f"WHERE {hour} IN ({', '.join('?' for _ in wanted)})" if start and wanted else ""
    distinct = f"SELECT DISTINCT {hour} AS hour, {said} AS said FROM {table} {where}"
    least = (
        f"SELECT hour, said FROM ({distinct}) QUALIFY row_number() OVER (PARTITION BY hour ORDER BY said) <= {_MOST}"
    )
    rows = duck.rows(least, wanted if where else [])
    return {each: frozenset(said for hour, said in rows if hour == each) for each in {hour for hour, _ in rows}}
