"""FOCUS 1.0, 1.1 and 1.2: the FinOps Open Cost and Usage Specification, of any provider.

https://focus.finops.org/focus-specification/v1-2/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from esaws.costs.bill.format import Format, Recognised, column, first_known, month_of, number, squash, text
from esaws.costs.bill.free import is_free
from esaws.costs.bill.schema import Kind

if TYPE_CHECKING:
    import ibis.expr.types as ir

_NUMBERS = (
    "BilledCost",
    "ConsumedQuantity",
    "ContractedCost",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "PricingQuantity",
)
_MOMENTS = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
_TEXTS = (
    "AvailabilityZone",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "CommitmentDiscountId",
    "ConsumedUnit",
    "InvoiceId",
    "InvoiceIssuerName",
    "PricingCategory",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "ResourceId",
    "ServiceName",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "x_Operation",
    "x_ServiceCode",
    "x_UsageType",
)
_MAPS = ("Tags",)

_SINCE_1_1 = (
    "CapacityReservationId",
    "CapacityReservationStatus",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountUnit",
    "ServiceSubcategory",
    "SkuMeter",
    "SkuPriceDetails",
)
_SINCE_1_2 = (
    "BillingAccountType",
    "InvoiceId",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "SubAccountType",
)


class _Focus(Format):
    family = "FOCUS"
    fields: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(_NUMBERS, "number"),
        **dict.fromkeys(_MOMENTS, "moment"),
        **dict.fromkeys(_TEXTS, "text"),
        **dict.fromkeys(_MAPS, "map"),
    }
    period = ("BillingPeriodStart", "ChargePeriodStart")
    firsts = ("BillingPeriodStart", "BillingPeriodEnd")
    payer = "BillingAccountId"
    starts = "ChargePeriodStart"
    ends = "ChargePeriodEnd"
    invoice = "InvoiceId"
    currency = "BillingCurrency"
    cost = "BilledCost"
    key = ()
    amounts = ("ConsumedQuantity", "BilledCost")
    natural_key = (
        "ProviderName",
        "SubAccountId",
        "ServiceName",
        "SkuPriceId",
        "ChargeCategory",
        "ChargeDescription",
        "RegionId",
        "ResourceId",
        "ChargePeriodStart",
        "ChargePeriodEnd",
    )

    def is_enough(self, known: Mapping[str, str]) -> bool:
        what = {"ServiceName", "ChargeDescription", "ChargeCategory"}
        return "BilledCost" in known and bool(what & known.keys()) and bool({*self.period} & known.keys())

    def version(self, known: Mapping[str, str], names: Sequence[str]) -> str:
        """The first that has all of its columns."""
        squashed = {squash(name) for name in names}
        for version, columns in (("1.2", _SINCE_1_2), ("1.1", _SINCE_1_1)):
            if squashed & {squash(name) for name in columns}:
                return f"FOCUS {version}"
        return "FOCUS 1.0"

    def tag_columns(self, names: Sequence[str]) -> Mapping[str, str]:
        return {}

    def metrics(self, known: Recognised) -> frozenset[str]:
        """FOCUS tells costs after discounts alone, and blends none."""
        amortized = {"amortized", "net_amortized"} if "EffectiveCost" in known.columns else set()
        return frozenset({"unblended", "net_unblended"} | amortized)

    def canonical(self, table: ir.Table) -> Mapping[str, ir.Value]:
        billed, listed = number(table, "BilledCost"), number(table, "ListCost")
        effective = number(table, "EffectiveCost")
        category, words = text(table, "ChargeCategory"), text(table, "ChargeDescription")
        rate = number(table, "ListUnitPrice")
        found = {
            "period": month_of(table, self.period),
            "start": column(table, "ChargePeriodStart", "BillingPeriodStart"),
            "end": column(table, "ChargePeriodEnd"),
            "provider": text(table, "ProviderName"),
            "seller": text(table, "InvoiceIssuerName"),
            "publisher": text(table, "PublisherName"),
            "invoice_id": text(table, "InvoiceId"),
            "payer": text(table, "BillingAccountId"),
            "payer_name": text(table, "BillingAccountName"),
            "account": text(table, "SubAccountId"),
            "account_name": text(table, "SubAccountName"),
            "service": text(table, "ServiceName"),
            "service_name": text(table, "ServiceName"),
            "product_code": text(table, "x_ServiceCode"),
            "usage_type": first_known(text(table, "x_UsageType"), text(table, "SkuMeter")),
            "operation": text(table, "x_Operation"),
            "region": text(table, "RegionId"),
            "zone": text(table, "AvailabilityZone"),
            "resource_id": text(table, "ResourceId"),
            "line_item_type": category,
            "charge_class": text(table, "ChargeClass"),
            "description": words,
            "term": text(table, "PricingCategory"),
            "sku": text(table, "SkuId"),
            "price_code": text(table, "SkuPriceId"),
            "commitment": text(table, "CommitmentDiscountId"),
            "quantity": first_known(number(table, "ConsumedQuantity"), number(table, "PricingQuantity")),
            "unit": first_known(text(table, "ConsumedUnit"), text(table, "PricingUnit")),
            "list_rate": rate,
            "list_cost": listed,
            "contracted_cost": number(table, "ContractedCost"),
            "unblended_cost": billed,
            "amortized_cost": effective,
            "net_unblended_cost": billed,
            "net_amortized_cost": effective,
            "currency": text(table, self.currency),
            "free": is_free(category, billed, None, None, words),
            "tags": column(table, "Tags"),
        }
        return {name: value for name, value in found.items() if value is not None}


FOCUS = _Focus()
