"""The Cost and Usage Report, 2.0 and legacy: the same columns, spelled in three ways.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
https://docs.aws.amazon.com/cur/latest/userguide/data-dictionary.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from esaws.costs.bill.formats.format import ColumnMapping, Format, coalesce, column, is_free, month_of, number, text
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
    "split_line_item_split_cost",
    "split_line_item_unused_cost",
)
_TIMESTAMPS = (
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
    "split_line_item_parent_resource_id",
)
_MAPS = ("cost_category", "product", "resource_tags", "tags")

_ONLY_IN_2 = ("bill_payer_account_name", "line_item_usage_account_name", "product", "resource_tags", "tags")
_TAG_COLUMN = re.compile(r"resource[_ ]?tags?[_/ ]+(.+)", re.IGNORECASE)
_COST_CATEGORY_COLUMN = re.compile(r"cost[_ ]?category[_/ ]+(.+)", re.IGNORECASE)


class _CostAndUsageReport(Format):
    family = "CUR"
    fields: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(_NUMBERS, "number"),
        **dict.fromkeys(_TIMESTAMPS, "timestamp"),
        **dict.fromkeys(_TEXTS, "text"),
        **dict.fromkeys(_MAPS, "map"),
    }
    period_columns = ("bill_billing_period_start_date", "line_item_usage_start_date")
    month_start_columns = ("bill_billing_period_start_date", "bill_billing_period_end_date")
    payer_column = "bill_payer_account_id"
    start_column = "line_item_usage_start_date"
    end_column = "line_item_usage_end_date"
    invoice_column = "bill_invoice_id"
    currency_column = "line_item_currency_code"
    cost_column = "line_item_unblended_cost"
    key_columns = ("identity_line_item_id", "identity_time_interval")
    amount_columns = ("line_item_usage_amount", "line_item_unblended_cost")
    natural_key_columns = (
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

    def is_bill(self, columns: Mapping[str, str]) -> bool:
        subjects = {"line_item_product_code", "line_item_usage_type", "line_item_line_item_description"}
        has_subject, has_period = bool(subjects & columns.keys()), bool({*self.period_columns} & columns.keys())
        return self.cost_column in columns and has_subject and has_period

    def version(self, columns: Mapping[str, str], names: Sequence[str]) -> str:
        """Legacy reports have slashes in their header; in Parquet they have a column for each product attribute."""
        if any("/" in name for name in columns.values()):
            return "legacy CUR"
        if any(name in columns for name in _ONLY_IN_2):
            return "CUR 2.0"
        return "legacy CUR" if {"product_product_name", "product_region"} & columns.keys() else "CUR 2.0"

    def tag_columns(self, names: Sequence[str]) -> Mapping[str, str]:
        tags = {name: _TAG_COLUMN.fullmatch(name.strip()) for name in names}
        categories = {name: _COST_CATEGORY_COLUMN.fullmatch(name.strip()) for name in names}
        return {
            **{match[1]: name for name, match in tags.items() if match},
            **{f"costCategory/{match[1]}": name for name, match in categories.items() if match},
        }

    def metrics(self, mapping: ColumnMapping) -> frozenset[str]:
        """AWS leaves out the columns of net costs where there are no discounts: net costs equal the others then."""
        always = {"unblended", "amortized", "net_unblended", "net_amortized"}
        return frozenset(always | ({"blended"} if "line_item_blended_cost" in mapping.columns else set()))

    def canonical_columns(self, table: ir.Table) -> Mapping[str, ir.Value]:
        import ibis

        unblended = number(table, "line_item_unblended_cost")
        net = coalesce(number(table, "line_item_net_unblended_cost"), unblended)
        region = text(table, "product_region_code", "product_region")
        product = column(table, "product")
        product_name = text(table, "product_product_name")
        rate, list_cost = number(table, "line_item_unblended_rate"), number(table, "pricing_public_on_demand_cost")
        line_item_type = text(table, "line_item_line_item_type")
        description = text(table, "line_item_line_item_description")
        columns = {
            "period": month_of(table, self.period_columns),
            "start": column(table, "line_item_usage_start_date"),
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
            "service_name": product_name if product_name is not None else _map_value(product, "product_name"),
            "product_code": text(table, "line_item_product_code"),
            "usage_type": text(table, "line_item_usage_type"),
            "operation": text(table, "line_item_operation"),
            "region": region if region is not None else _map_value(product, "region"),
            "zone": text(table, "line_item_availability_zone"),
            "resource_id": text(table, "line_item_resource_id"),
            "line_item_type": line_item_type,
            "description": description,
            "term": text(table, "pricing_term"),
            "sku": text(table, "product_sku"),
            "price_code": text(table, "pricing_rate_code"),
            "commitment": text(table, "savings_plan_savings_plan_a_r_n", "reservation_reservation_a_r_n"),
            "quantity": number(table, "line_item_usage_amount"),
            "unit": text(table, "pricing_unit"),
            "rate": rate,
            "list_rate": number(table, "pricing_public_on_demand_rate"),
            "list_cost": list_cost,
            "unblended_cost": unblended,
            "blended_cost": number(table, "line_item_blended_cost"),
            "amortized_cost": _amortized_cost(table, unblended),
            "net_unblended_cost": net,
            "net_amortized_cost": _amortized_cost(table, net, net=True),
            "split_cost": number(table, "split_line_item_split_cost"),
            "split_unused_cost": number(table, "split_line_item_unused_cost"),
            "split_parent": text(table, "split_line_item_parent_resource_id"),
            "currency": text(table, self.currency_column),
            "free": is_free(line_item_type, unblended, rate, list_cost, description),
            # `tags` has the tags of the resource, too.
            "tags": coalesce(column(table, "tags"), column(table, "resource_tags")),
            "cost_categories": column(table, "cost_category"),
            "row_key": _row_key(table),
        }
        return {name: value for name, value in columns.items() if value is not None}


def _row_key(table: ir.Table) -> ir.StringValue | None:
    """AWS's key of a row. A line item has the same id in every hour."""
    identity, interval = text(table, "identity_line_item_id"), text(table, "identity_time_interval")
    return None if identity is None or interval is None else identity + " " + interval


def _map_value(column: ir.Value | None, key: str) -> ir.StringValue | None:
    return column.get(key) if column is not None and column.type().is_map() else None


def _amortized_cost(table: ir.Table, cost: ir.NumericValue, *, net: bool = False) -> ir.NumericValue:
    """The cost of each row with fees paid up front spread over what they cover.

    `cost` is the cost without amortization; `net` takes the columns after discounts.

    - Usage that a Savings Plan or a reservation covers costs its share of the fees.
    - A recurring fee costs its unused share.
    - Fees paid up front, and the rows that negate covered usage, cost nothing.

    https://docs.aws.amazon.com/cur/latest/userguide/amortized-reservation.html
    https://docs.aws.amazon.com/cur/latest/userguide/cur-sp.html
    """
    import ibis

    line_item_type = column(table, "line_item_line_item_type")
    if line_item_type is None:
        return cost

    def amount(group: str, name: str) -> ir.NumericValue | None:
        plain = number(table, f"{group}_{name}")
        return coalesce(number(table, f"{group}_net_{name}"), plain) if net else plain

    plan_cost = amount("savings_plan", "savings_plan_effective_cost")
    reservation_cost = amount("reservation", "effective_cost")
    unused_upfront = amount("reservation", "unused_amortized_upfront_fee_for_billing_period")
    unused_recurring = amount("reservation", "unused_recurring_fee")
    committed = number(table, "savings_plan_total_commitment_to_date")
    used = number(table, "savings_plan_used_commitment")
    cases = [(line_item_type.isin(["SavingsPlanNegation", "SavingsPlanUpfrontFee"]), cost * 0)]
    if plan_cost is not None:
        cases.append((line_item_type == "SavingsPlanCoveredUsage", plan_cost))
    if committed is not None and used is not None:
        cases.append((line_item_type == "SavingsPlanRecurringFee", committed - used))
    if reservation_cost is not None:
        cases.append((line_item_type == "DiscountedUsage", reservation_cost))
    if unused_upfront is not None and unused_recurring is not None:
        cases.append((line_item_type == "RIFee", unused_upfront + unused_recurring))
    if (reservation := column(table, "reservation_reservation_a_r_n")) is not None:
        cases.append(((line_item_type == "Fee") & (reservation.fill_null("") != ""), cost * 0))
    return ibis.cases(*cases, else_=cost).fill_null(cost)


CUR = _CostAndUsageReport()
