"""The CSV that Cost Explorer's console downloads: a row for each day or month, a column for each group.

"Service","EC2-Instances($)","Relational Database Service($)","Total costs($)"
"Service total","41.2","30.1","71.3"
"2022-03-01","41.2","30.1","71.3"

https://docs.aws.amazon.com/cost-management/latest/userguide/ce-exploring-data.html
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from esaws.costs.bill.bill_file import File, UnreadableBill
from esaws.costs.bill.formats.cost_explorer_responses import Response, Result
from esaws.costs.bill.formats.format import squash
from esaws.costs.bill.numbers import parse_number

_ASSUMPTION = (
    "costs are taken as unblended, and the last month as whole: the CSV of Cost Explorer's console says neither"
)

_TOTAL = re.compile(r"Total costs ?\((.+)\)", re.IGNORECASE)
_GROUP = re.compile(r"(.*?) ?\(([^()]*)\)")
_ACCOUNT = re.compile(r"(.+?) ?\((\d{12})\)")
_NO_TAG = re.compile(r"No (?:tag key|cost category)\b.*", re.IGNORECASE)
_CURRENCIES: Mapping[str, str] = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "₹": "INR"}
_DIMENSIONS: Mapping[str, str] = {
    "service": "SERVICE",
    "linkedaccount": "LINKED_ACCOUNT",
    "region": "REGION",
    "usagetype": "USAGE_TYPE",
    "apioperation": "OPERATION",
    "availabilityzone": "AZ",
    "chargetype": "RECORD_TYPE",
    "purchaseoption": "PURCHASE_TYPE",
    "resource": "RESOURCE_ID",
    "legalentity": "LEGAL_ENTITY_NAME",
    "billingentity": "BILLING_ENTITY",
}
"""The first column's name, squashed → the dimension. Any other is a tag or a cost category."""
_MAX_ROUNDING = Decimal("0.01")


def is_console_csv(header: Sequence[str]) -> bool:
    """Whether a header is that of Cost Explorer's console."""
    return len(header) > 1 and any(_TOTAL.fullmatch(name.strip()) for name in header[1:])


def parse_console_csv(file: File, path: Path, delimiter: str) -> Response:
    """The amounts of a file, which is in UTF-8 at `path`, by the dimension in its header.

    Raises:
        UnreadableBill: the currency, a date or an amount is not certain, or a row does not add up to its total.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = [(number, row) for number, row in enumerate(csv.reader(lines, delimiter=delimiter), start=1) if row]
    (_, header), *rows = rows
    currency = _currency(file, header)
    dimension = _DIMENSIONS.get(squash(header[0]), header[0].strip())
    dated = [(number, row) for number, row in rows if not row[0].strip().lower().endswith("total")]
    starts = [_parse_start(file, number, row[0]) for number, row in dated]
    periods = list(zip(starts, _ends(file, starts), strict=True))
    results = [
        result
        for (number, row), period in zip(dated, periods, strict=True)
        for result in _results(file, number, header, row, dimension, period, currency)
    ]
    return Response(file, tuple(results), tuple(periods), has_next_page=False, assumption=_ASSUMPTION)


def _results(
    file: File,
    number: int,
    header: Sequence[str],
    row: Sequence[str],
    dimension: str,
    period: tuple[datetime, datetime],
    currency: str,
) -> Iterator[Result]:
    """The amounts of a row, checked against its total. Empty cells are groups without charges."""
    if len(row) != len(header):
        raise UnreadableBill(file.name, f"the row has {len(row)} columns, the header has {len(header)}", row=number)
    total, groups = Decimal(0), Decimal(0)
    for name, cell in zip(header[1:], row[1:], strict=True):
        if not cell.strip():
            continue
        if (amount := parse_number(cell, ".")) is None:
            raise UnreadableBill(file.name, f"{cell!r} is not a number", row=number, column=name)
        if _TOTAL.fullmatch(name.strip()):
            total = amount
            continue
        groups += amount
        match = _GROUP.fullmatch(name.strip())
        key = match[1] if match else name.strip()
        account = _ACCOUNT.fullmatch(key) if dimension == "LINKED_ACCOUNT" else None
        by, keys = (dimension,), (account[2] if account else "" if _NO_TAG.fullmatch(key) else key,)
        result = Result(*period, by, keys, {"UnblendedCost": amount}, currency, None, is_estimated=False)
        yield replace(result, account_name=account[1]) if account else result
    if len(header) > 2 and abs(total - groups) > _MAX_ROUNDING:
        raise UnreadableBill(file.name, f"the row adds up to {groups}, its total is {total}", row=number)
    if len(header) == 2:
        yield Result(*period, (), (), {"UnblendedCost": total}, currency, None, is_estimated=False)


def _currency(file: File, header: Sequence[str]) -> str:
    symbol = next(match[1] for name in header if (match := _TOTAL.fullmatch(name.strip())))
    if symbol in _CURRENCIES or re.fullmatch(r"[A-Z]{3}", symbol):
        return _CURRENCIES.get(symbol, symbol)
    raise UnreadableBill(file.name, f"the currency {symbol!r} is not certain. Fetch the days as ce:2026-01.", row=1)


def _parse_start(file: File, number: int, cell: str) -> datetime:
    try:
        return datetime.fromisoformat(cell.strip()).replace(tzinfo=None)
    except ValueError:
        raise UnreadableBill(file.name, f"{cell!r} is not a date", row=number) from None


def _ends(file: File, starts: Sequence[datetime]) -> list[datetime]:
    """The end of each period: rows are hours, days or months. A single first of a month is the month."""
    gaps = {later - earlier for earlier, later in pairwise(starts)}
    if gaps == {timedelta(hours=1)} or any(start.hour for start in starts):
        return [start + timedelta(hours=1) for start in starts]
    are_months = all(start.day == 1 for start in starts[1:]) and (len(starts) > 1 or starts[0].day == 1)
    if starts and are_months:
        return [(start.replace(day=1) + timedelta(days=32)).replace(day=1) for start in starts]
    if all(gap >= timedelta(days=1) for gap in gaps) and (not gaps or min(gaps) == timedelta(days=1)):
        return [start + timedelta(days=1) for start in starts]
    raise UnreadableBill(file.name, "its rows are neither hours nor days nor months in order")
