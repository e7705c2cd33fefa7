"""Which months of which payers a part of a bill tells, and how far: from its footer where that says enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.bill_file import canonical
from esaws.costs.bill.parquet_stats import Range, ranges
from esaws.costs.bill.warnings import CURRENCY

if TYPE_CHECKING:
    from esaws.costs.bill.bill_file import Part
    from esaws.costs.engines.duckdb import Embedded


@dataclass(frozen=True)
class Month:
    """A month of a payer: what a later export replaces."""

    payer: str | None
    first: date | None
    """The first day."""

    def __str__(self) -> str:
        month = f"{self.first:%B %Y}" if self.first else "an unknown month"
        return f"{month} of {self.payer}" if self.payer else month


@dataclass(frozen=True)
class Span:
    """What a part tells of a month."""

    month: Month
    rows: int
    until: datetime | None
    """The end of the last usage in it."""
    is_invoiced: bool
    """Whether any row names an invoice: the month is closed then."""


def spans_of(part: Part, duck: Embedded) -> list[Span]:
    """The months in a part."""
    if part.rows == 0:
        return []
    known = constants_of(part)
    if {"period", "payer"} <= known.keys():
        format_, columns = part.format, part.recognised.columns
        facts = ranges(part.path, [columns[name] for name in (format_.ends, format_.invoice) if name in columns])
        ends, invoice = (facts.get(columns.get(name, "")) for name in (format_.ends, format_.invoice))
        until = _moment(ends.greatest) if ends else None
        month = Month(known["payer"], known["period"])
        return [Span(month, part.rows, until, bool(invoice and invoice.greatest))]
    return _asked(part, duck)


def constants_of(part: Part) -> Mapping[str, Any]:
    """The canonical columns that have the same value in all rows, as far as the footer tells."""
    format_, columns = part.format, part.recognised.columns
    wanted, otherwise = {"payer": format_.payer, "currency": format_.currency}, {"payer": None, "currency": CURRENCY}
    names = [columns[name] for name in (*wanted.values(), *format_.period) if name in columns]
    facts = ranges(part.path, names)
    found: dict[str, Any] = {}
    for told, name in wanted.items():
        if name not in columns:
            found[told] = otherwise[told]
        elif (fact := facts.get(columns[name])) and fact.only is not None:
            found[told] = fact.only
    period = next((name for name in format_.period if name in columns), None)
    if period is not None and (month := _only_month(facts.get(columns[period]))):
        found["period"] = month
    return found


def _only_month(fact: Range | None) -> date | None:
    if fact is None or fact.nulls or fact.least is None:
        return None
    least, greatest = fact.least, fact.greatest
    same = (least.year, least.month) == (greatest.year, greatest.month)
    return date(least.year, least.month, 1) if same else None


def _asked(part: Part, duck: Embedded) -> list[Span]:
    """The same from the rows, where the footer does not tell it."""
    table = duck.parquet([part.path])
    lines = canonical(table, [part], part.number)
    grouped = lines.group_by("payer", "period").aggregate(
        rows=lines.count(), until=lines.end.max(), invoiced=(lines.invoice_id.fill_null("") != "").any()
    )
    return [
        Span(Month(row["payer"], row["period"]), row["rows"], row["until"], bool(row["invoiced"]))
        for row in duck.ibis.to_pyarrow(grouped.order_by("payer", "period")).to_pylist()
    ]


def _moment(value: date | datetime | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day)
