"""The Cost and Usage Report, 2.0 and legacy: one dictionary of columns, spelled in three ways.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
https://docs.aws.amazon.com/cur/latest/userguide/data-dictionary.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from esaws.costs.bill.cur_amortized import amortized
from esaws.costs.bill.format import Format, Recognised, column, first_known, month_of, number, text
from esaws.costs.bill.free import is_free
from esaws.costs.bill.schema import Kind

if TYPE_CHECKING:
    import ibis.expr.types as ir

_NUMBERS = (
    "line_item_blended_cost",
    "line_item_net_unblended_cost",
    "line_item_unblended_cost",
    "line_item_unblended_rate",
    "line_item_usage_amount",
    "pricing_public_on_demand_cost",
    "pricing_public_on_demand_rate",
    "reservation_effective_cost",
    "reservation_net_effective_cost",
    "reservation_net_unused_amortized_upfront_fee_for_billing_period",
    "reservation_net_unused_recurring_fee",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee",
    "savings_plan_net_savings_plan_effective_cost",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
)
_MOMENTS = (
    "bill_billing_period_end_date",
    "bill_billing_period_start_date",
    "line_item_usage_end_date",
    "line_item_usage_start_date",
)
_TEXTS = (
    "bill_billing_entity",
    "bill_invoice_id",
    "bill_invoicing_entity",
    "bill_payer_account_id",
    "bill_payer_account_name",
    "identity_line_item_id",
    "identity_time_interval",
    "line_item_availability_zone",
    "line_item_currency_code",
    "line_item_legal_entity",
    "line_item_line_item_description",
    "line_item_line_item_type",
    "line_item_operation",
    "line_item_product_code",
    "line_item_resource_id",
    "line_item_usage_account_id",
    "line_item_usage_account_name",
    "line_item_usage_type",
    "pricing_rate_code",
    "pricing_term",
    "pricing_unit",
    "product_product_name",
    "product_region",
    "product_region_code",
    "product_sku",
    "reservation_reservation_a_r_n",
    "savings_plan_savings_plan_a_r_n",
)
_MAPS = ("product", "resource_tags")

_ONLY_IN_2 = ("bill_payer_account_name", "line_item_usage_account_name", "product", "resource_tags")
_TAGS = re.compile(r"resource[_ ]?tags?[_/ ]+(.+)", re.IGNORECASE)


class _CostAndUsageReport(Format):
    family = "CUR"
    fields: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(_NUMBERS, "number"),
        **dict.fromkeys(_MOMENTS, "moment"),
        **dict.fromkeys(_TEXTS, "text"),
        **dict.fromkeys(_MAPS, "map"),
    }
    period = ("bill_billing_period_start_date", "line_item_usage_start_date")
    firsts = ("bill_billing_period_start_date", "bill_billing_period_end_date")
    payer = "bill_payer_account_id"
    starts = "line_item_usage_start_date"
    ends = "line_item_usage_end_date"
    invoice = "bill_invoice_id"
    currency = "line_item_currency_code"
    cost = "line_item_unblended_cost"
    key = ("identity_line_item_id", "identity_time_interval")
    amounts = ("line_item_usage_amount", "line_item_unblended_cost")
    natural_key = (
        "line_item_usage_account_id",
        "line_item_product_code",
        "line_item_usage_type",
        "line_item_operation",
        "line_item_resource_id",
        "line_item_line_item_type",
        "line_item_line_item_description",
        "line_item_usage_start_date",
        "line_item_usage_end_date",
    )

    def is_enough(self, known: Mapping[str, str]) -> bool:
        what = {"line_item_product_code", "line_item_usage_type", "line_item_line_item_description"}
        return "line_item_unblended_cost" in known and bool(what & known.keys()) and bool({*self.period} & known.keys())

    def version(self, known: Mapping[str, str], names: Sequence[str]) -> str:
        """Legacy reports have slashes in their header, or in Parquet a column for each attribute of a product."""
        if any("/" in name for name in known.values()):
            return "legacy CUR"
        if any(name in known for name in _ONLY_IN_2):
            return "CUR 2.0"
        return "legacy CUR" if {"product_product_name", "product_region"} & known.keys() else "CUR 2.0"

    def tag_columns(self, names: Sequence[str]) -> Mapping[str, str]:
        found = {name: match[1] for name in names if (match := _TAGS.fullmatch(name.strip()))}
        return {key: name for name, key in found.items()}

    def metrics(self, known: Recognised) -> frozenset[str]:
        """Without discounts AWS leaves the columns of net costs out: they are the others then."""
        found = {"unblended", "amortized", "net_unblended", "net_amortized"}
        return frozenset(found | ({"blended"} if "line_item_blended_cost" in known.columns else set()))

    def canonical(self, table: ir.Table) -> Mapping[str, ir.Value]:
        import ibis

        unblended = number(table, "line_item_unblended_cost")
        net = first_known(number(table, "line_item_net_unblended_cost"), unblended)
        placed = text(table, "product_region_code", "product_region")
        started = column(table, "line_item_usage_start_date")
        product, named = column(table, "product"), "product_product_name" in table.columns
        rate, listed = number(table, "line_item_unblended_rate"), number(table, "pricing_public_on_demand_cost")
        kind, words = text(table, "line_item_line_item_type"), text(table, "line_item_line_item_description")
        found = {
            "period": month_of(table, self.period),
            "start": started,
            "end": column(table, "line_item_usage_end_date"),
            "provider": ibis.literal("AWS"),
            "seller": text(table, "bill_invoicing_entity"),
            "publisher": text(table, "line_item_legal_entity"),
            "invoice_id": text(table, "bill_invoice_id"),
            "payer": text(table, "bill_payer_account_id"),
            "payer_name": text(table, "bill_payer_account_name"),
            "account": text(table, "line_item_usage_account_id"),
            "account_name": text(table, "line_item_usage_account_name"),
            "service": text(table, "line_item_product_code"),
            "service_name": text(table, "product_product_name") if named else _of_map(product, "product_name"),
            "product_code": text(table, "line_item_product_code"),
            "usage_type": text(table, "line_item_usage_type"),
            "operation": text(table, "line_item_operation"),
            "region": placed if placed is not None else _of_map(product, "region"),
            "zone": text(table, "line_item_availability_zone"),
            "resource_id": text(table, "line_item_resource_id"),
            "line_item_type": kind,
            "description": words,
            "term": text(table, "pricing_term"),
            "sku": text(table, "product_sku"),
            "price_code": text(table, "pricing_rate_code"),
            "commitment": text(table, "savings_plan_savings_plan_a_r_n", "reservation_reservation_a_r_n"),
            "quantity": number(table, "line_item_usage_amount"),
            "unit": text(table, "pricing_unit"),
            "rate": rate,
            "list_rate": number(table, "pricing_public_on_demand_rate"),
            "list_cost": listed,
            "unblended_cost": unblended,
            "blended_cost": number(table, "line_item_blended_cost"),
            "amortized_cost": amortized(table, unblended),
            "net_unblended_cost": net,
            "net_amortized_cost": amortized(table, net, net=True),
            "currency": text(table, self.currency),
            "free": is_free(kind, unblended, rate, listed, words),
            "tags": column(table, "resource_tags"),
            "row_key": _row_key(table),
        }
        return {name: value for name, value in found.items() if value is not None}


def _row_key(table: ir.Table) -> ir.StringValue | None:
    """AWS's key of a row. A line item has the same id in every hour."""
    identity, interval = text(table, "identity_line_item_id"), text(table, "identity_time_interval")
    return None if identity is None or interval is None else identity + " " + interval


def _of_map(found: ir.Value | None, key: str) -> ir.StringValue | None:
    return found.get(key) if found is not None and found.type().is_map() else None


CUR = _CostAndUsageReport()
