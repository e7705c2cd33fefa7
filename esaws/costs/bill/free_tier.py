"""What was free in a bill, by allowance: how much, of how much, and what it would have cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from esaws.pricelist import Allowance, allowances, without_prefix

_PREFIX = re.compile(r"^(?:[A-Z]{3}\d|EU|[a-z]{2}(?:-[a-z]+)+-\d)-")
"""What names a region in a usage type, where it is not known which."""

_TRANSFER = "AWSDataTransfer"


@dataclass(frozen=True)
class Free:
    """What of an allowance a payer used in a month."""

    allowance: str
    """The id of an allowance of `esaws.pricelist`, like `AmazonEC2 Hrs`; else the service and what was used."""
    period: str
    """Like `2026-01`."""
    payer: str
    quantity: Decimal
    cap: Decimal | None
    """How much is free in a month; None where the bundled list does not know it."""
    benefit: Decimal | None
    """List price less what was charged; None where the bill does not tell the list price."""
    currency: str


def by_allowance(rows: Iterable[Mapping[str, Any]], *, valued: bool = True) -> list[Free]:
    """What was free by month, payer and allowance, out of the rows of `reports.free_usage`.

    FOCUS tells free usage at a list price of 0: then it is not `valued`, and no benefit can be told.
    """
    found: dict[tuple[str, str, str, str], Free] = {}
    for row in rows:
        allowance = allowance_of(row)
        name = allowance.id if allowance else _unknown(row)
        period = f"{row['period']:%Y-%m}" if row["period"] else ""
        key = (period, row["payer"], name, row["currency"])
        listed = decimal(row["list_cost"])
        benefit = None if listed is None or not (valued or listed) else listed - (decimal(row["cost"]) or 0)
        before = found.get(key)
        quantity = (decimal(row["quantity"]) or Decimal(0)) + (before.quantity if before else 0)
        if before is not None:
            benefit = None if benefit is None or before.benefit is None else benefit + before.benefit
        cap = allowance.amount if allowance else None
        found[key] = Free(name, period, row["payer"], quantity, cap, benefit, row["currency"])
    return [found[key] for key in sorted(found)]


def allowance_of(row: Mapping[str, Any]) -> Allowance | None:
    """The allowance that covered a row, if the bundled list knows it.

    Data transfer is free over all services together, and bills tell it under each.
    """
    region = row["region"]
    usage_type = without_prefix(row["usage_type"], region) if region else row["usage_type"]
    usage_type = _PREFIX.sub("", usage_type)
    for service in (row["product_code"], _TRANSFER):
        for each in allowances("legacy"):
            if each.covers(service, usage_type, row["operation"] or None, region):
                return each
    return None


def _unknown(row: Mapping[str, Any]) -> str:
    what = _PREFIX.sub("", row["usage_type"]) or row["unit"]
    return f"{row['product_code'] or row['service']} {what}".strip()


def decimal(value: Any) -> Decimal | None:
    """A sum as it is written; of a floating point number its ten first decimals, which is what AWS keeps."""
    if value is None or value != value:
        return None
    return value if isinstance(value, Decimal) else round(Decimal(value), 10)
