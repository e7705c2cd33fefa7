"""Attribute a bill to decisions: its usage is priced again as if each decision had not been taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.cloud import DEFAULT_REGION
from esaws.costs.attribution.attribution import CostAttribution, attribute_usage
from esaws.costs.attribution.decisions import Decision
from esaws.costs.bill.free_tier import to_decimal
from esaws.costs.focus.services import service_of
from esaws.costs.forecasting.lines import rate_usage
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.usage import Workload
from esaws.errors import UsageError
from esaws.pricelist import PriceList, Regime, Usage, bundled, region_of, without_prefix

if TYPE_CHECKING:
    from esaws.costs.bill.bill import Bill

PRICED_DIFFERENTLY = "charged otherwise than the price list says"
"""The name of the difference between the bill and the price list."""
_TOLERANCE = Decimal("0.000001")


def decisions(
    bill: Bill,
    workload: Workload,
    *,
    regime: Regime = "none",
    period: date | None = None,
    region: str = DEFAULT_REGION,
    decisions: Sequence[Decision] | None = None,
    prices: PriceList | None = None,
) -> CostAttribution:
    """Attribute a billed month to the decisions in an architecture; the total is that of the bill, unblended.

    The usage of the bill is priced again, with the allowances of `regime`, as if a decision had not been taken: each
    usage type shrinks by the factor by which its declared usage would. Usage without a list price, taxes and credits
    stay as they are. So does the difference between charges and list prices.

    Raises:
        UsageError: the bill is not in USD, covers several months and `period` is not given, or has no usage types.
    """
    if period is None and len(bill.months) != 1:
        raise UsageError(f"the bill covers {bill.period}; choose a month, like period=date(2026, 1, 1)")
    period, prices = period or bill.months[0], prices or bundled()
    lines = bill.lines.filter(bill.lines.period == period)
    names = ("product_code", "service", "usage_type", "operation", "region", "unit", "line_item_type", "currency")
    table = lines.group_by(names).aggregate(quantity=lines.quantity.sum(), cost=lines.unblended_cost.sum())
    rows = bill.fetch_rows(table.order_by(*names))
    if others := sorted({row["currency"] for row in rows if row["cost"]} - {"USD"}):
        raise UsageError(f"decisions are priced in USD, but the bill is in {', '.join(others)}")
    rows = [_with_product_and_region(row) for row in rows]
    if not any(row["product_code"] and row["usage_type"] for row in rows):
        raise UsageError(f"this {bill.format} bill has no usage types by product, which attribution needs")
    usages: list[Usage] = []
    charged = Decimal(0)
    fixed_costs: list[tuple[str, Decimal]] = []
    for row in rows:
        usage = _usage(row)
        cost = to_decimal(row["cost"]) or Decimal(0)
        if usage and prices.tiers(usage.service, usage.usage_type, usage.operation, row["region"] or region, period):
            usages.append(usage)
            charged += cost
        elif cost:
            fixed_costs.append((f"what is left: {row['service']}, {row['line_item_type'].lower() or 'charge'}", cost))
    priced = rate_usage(usages, Month.average(), regime, region, period, prices).lines
    difference = charged - sum((line.usd or Decimal(0) for line in priced), Decimal(0))
    if abs(difference) > _TOLERANCE:
        fixed_costs.append((PRICED_DIFFERENTLY, difference))
    return attribute_usage(
        usages, workload, period, regime, region=region, decisions=decisions, prices=prices, fixed_costs=fixed_costs
    )


def _with_product_and_region(row: dict[str, Any]) -> dict[str, Any]:
    """Cost Explorer has the names of services instead of product codes, and the region in the usage type alone."""
    product = row["product_code"] or service_of("", row["service"] or "").code
    return row | {"product_code": product, "region": row["region"] or region_of(row["usage_type"] or "")}


def _usage(row: dict[str, Any]) -> Usage | None:
    """The usage of a row; None for taxes, fees, credits and rows without a product."""
    quantity = to_decimal(row["quantity"])
    if row["line_item_type"] != "Usage" or not row["product_code"] or not row["usage_type"] or quantity is None:
        return None
    usage_type = without_prefix(row["usage_type"], row["region"]) if row["region"] else row["usage_type"]
    return Usage(row["product_code"], usage_type, quantity, row["unit"] or "", row["operation"] or None)
