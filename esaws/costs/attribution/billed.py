"""A bill by decision: its own usage, priced again without what each decision has added."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.cloud import DEFAULT_REGION
from esaws.costs.attribution.attribution import Decided, split
from esaws.costs.attribution.decisions import Decision
from esaws.costs.bill.free_tier import decimal
from esaws.costs.forecasting.lines import rated
from esaws.costs.forecasting.month import Month
from esaws.costs.forecasting.usage import What
from esaws.errors import UsageError
from esaws.pricelist import PriceList, Regime, Usage, bundled, without_prefix

if TYPE_CHECKING:
    from esaws.costs.bill.bill import Bill

OTHER_PRICES = "charged otherwise than the price list says"
_LEAST = Decimal("0.000001")


def decided_in(
    bill: Bill,
    what: What,
    *,
    regime: Regime = "none",
    period: date | None = None,
    region: str = DEFAULT_REGION,
    decisions: Sequence[Decision] | None = None,
    prices: PriceList | None = None,
) -> Decided:
    """What each decision in an architecture has made of a bill of one month; the sum is the bill's, unblended.

    The bill's own usage is priced anew, with the allowances of `regime`, as if a decision had not been taken: of each
    usage type that share is left which the declaration would have left. What the price list does not know, taxes and
    credits stay as they are, and so does what was charged otherwise than by the price list.

    Raises:
        UsageError: the bill is not in USD, has several months and no `period` chooses one, or tells no usage types.
    """
    if period is None and len(bill.months) != 1:
        raise UsageError(f"the bill is of {bill.period}: say which month, like period=date(2026, 1, 1)")
    period, prices = period or bill.months[0], prices or bundled()
    lines = bill.lines.filter(bill.lines.period == period)
    names = ("product_code", "service", "usage_type", "operation", "region", "unit", "line_item_type", "currency")
    table = lines.group_by(names).aggregate(quantity=lines.quantity.sum(), cost=lines.unblended_cost.sum())
    rows = bill.rows_of(table.order_by(*names))
    if others := sorted({row["currency"] for row in rows if row["cost"]} - {"USD"}):
        raise UsageError(f"decisions are priced in USD, and the bill is in {', '.join(others)}")
    if not any(row["product_code"] and row["usage_type"] for row in rows):
        raise UsageError(f"{bill.format} tells no usage types by product: decisions can't be told from it")
    usages: list[Usage] = []
    charged = Decimal(0)
    besides: list[tuple[str, Decimal]] = []
    for row in rows:
        usage = _usage(row)
        cost = decimal(row["cost"]) or Decimal(0)
        if usage and _has_price(usage, row["region"] or region, period, prices):
            usages.append(usage)
            charged += cost
        elif cost:
            besides.append((f"what is left: {row['service']}, {row['line_item_type'].lower() or 'charge'}", cost))
    priced = rated(usages, Month.average(), regime, region, period, prices).lines
    otherwise = charged - sum((line.usd or Decimal(0) for line in priced), Decimal(0))
    if abs(otherwise) > _LEAST:
        besides.append((OTHER_PRICES, otherwise))
    return split(
        usages, what, period, regime, region=region, decisions=decisions, prices=prices, besides=tuple(besides)
    )


def _usage(row: dict[str, Any]) -> Usage | None:
    """A row of usage as the price list knows it; None for taxes, fees, credits and what tells no product."""
    quantity = decimal(row["quantity"])
    if row["line_item_type"] != "Usage" or not row["product_code"] or not row["usage_type"] or quantity is None:
        return None
    usage_type = without_prefix(row["usage_type"], row["region"]) if row["region"] else row["usage_type"]
    return Usage(row["product_code"], usage_type, quantity, row["unit"] or "", row["operation"] or None)


def _has_price(usage: Usage, region: str, when: date, prices: PriceList) -> bool:
    return bool(prices.tiers(usage.service, usage.usage_type, usage.operation, region, when))
