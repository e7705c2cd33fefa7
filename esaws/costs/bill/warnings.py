"""What a bill does not say and is assumed, and what in it looks as if it had been lost: a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from esaws.costs.bill.parquet_stats import ranges

if TYPE_CHECKING:
    from esaws.costs.bill.bill_file import Part

CURRENCY = "USD"
"""What AWS bills in, unless it was told otherwise."""


def assumptions(parts: Sequence[Part]) -> Iterator[str]:
    """What was assumed of some parts."""
    silent = [part for part in parts if part.format.currency not in part.recognised.columns]
    if silent:
        yield f"{_names(silent)} names no currency: taken for {CURRENCY}"
    for part in parts:
        cost = part.format.cost
        if cost in part.recognised.columns:
            given = part.recognised.columns[cost]
            fact = ranges(part.path, [given]).get(given)
            if fact is not None and fact.nulls:
                yield f"{part.file.name}: {fact.nulls} rows have no {cost}: they count as nothing"


def _names(parts: Sequence[Part]) -> str:
    first = parts[0].file.name
    return first if len(parts) == 1 else f"{first} (and {len(parts) - 1} more)"
