"""Free-tier usage in a bill by allowance: how much was used, the cap, and what it would have cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from esaws.pricelist import Allowance, allowances, without_prefix

_REGION_PREFIX = re.compile(r"^(?:[A-Z]{3}\d|EU|[a-z]{2}(?:-[a-z]+)+-\d)-")
"""The prefix of a usage type whose region is not known."""

_DATA_TRANSFER = "AWSDataTransfer"


@dataclass(frozen=True)
class FreeUsage:
    """A payer's use of an allowance in a month."""

    allowance: str
    """The id of an allowance of `esaws.pricelist`, like `AmazonEC2 Hrs`; otherwise service and usage type."""
    period: str
    """Like `2026-01`."""
    payer: str
    quantity: Decimal
    cap: Decimal | None
    """The free quantity per month; None if the bundled list does not have the allowance."""
    benefit: Decimal | None
    """List price minus charge; None if the bill has no list price."""
    currency: str


def by_allowance(rows: Iterable[Mapping[str, Any]], *, has_list_prices: bool = True) -> list[FreeUsage]:
    """Sum the rows of `queries.free_usage` by month, payer and allowance.

    Without list prices a list cost of 0 means unknown, and so does the benefit.
    """
    usages: dict[tuple[str, str, str, str], FreeUsage] = {}
    for row in rows:
        allowance = allowance_of(row)
        name = allowance.id if allowance else _fallback_name(row)
        period = f"{row['period']:%Y-%m}" if row["period"] else ""
        key = (period, row["payer"], name, row["currency"])
        list_cost = to_decimal(row["list_cost"])
        is_unknown = list_cost is None or not (has_list_prices or list_cost)
        benefit = None if is_unknown or list_cost is None else list_cost - (to_decimal(row["cost"]) or 0)
        quantity = to_decimal(row["quantity"]) or Decimal(0)
        if sum_so_far := usages.get(key):
            quantity += sum_so_far.quantity
            benefit = None if benefit is None or sum_so_far.benefit is None else benefit + sum_so_far.benefit
        cap = allowance.amount if allowance else None
        usages[key] = FreeUsage(name, period, row["payer"], quantity, cap, benefit, row["currency"])
    return [usages[key] for key in sorted(usages)]


def allowance_of(row: Mapping[str, Any]) -> Allowance | None:
    """The allowance that covers a row; None if the bundled list has none.

    One allowance covers the data transfer of all services; bills list data transfer under each service.
    """
    region = row["region"]
    usage_type = without_prefix(row["usage_type"], region) if region else row["usage_type"]
    usage_type = _REGION_PREFIX.sub("", usage_type)
    for service in (row["product_code"], _DATA_TRANSFER):
        for allowance in allowances("legacy"):
            if allowance.covers(service, usage_type, row["operation"] or None, region):
                return allowance
    return None


def _fallback_name(row: Mapping[str, Any]) -> str:
    usage_type = _REGION_PREFIX.sub("", row["usage_type"]) or row["unit"]
    return f"{row['product_code'] or row['service']} {usage_type}".strip()


def to_decimal(value: Any) -> Decimal | None:
    """A sum as a Decimal; floats are rounded to ten decimals, the precision of AWS's bills. None for NULL and NaN."""
    if value is None or value != value:
        return None
    return value if isinstance(value, Decimal) else round(Decimal(value), 10)
