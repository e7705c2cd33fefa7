"""FOCUS 0.5 to 1.4: the FinOps Open Cost and Usage Specification, of any provider.

https://focus.finops.org/focus-specification/v1-2/
https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec/blob/v1.4/specification/datasets/cost_and_usage/cost_and_usage.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from esaws.costs.bill.formats.format import (
    ColumnMapping,
    Format,
    coalesce,
    column,
    is_free,
    month_of,
    number,
    squash,
    text,
)
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
_TIMESTAMPS = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
_TEXTS = (
    "AvailabilityZone",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeSubcategory",
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

_SINCE: Mapping[str, tuple[str, ...]] = {
    "1.4": ("CommitmentProgramEligibilityDetails", "InvoiceDetailId"),
    "1.3": (
        "AllocatedMethodDetails",
        "AllocatedMethodId",
        "AllocatedResourceId",
        "AllocatedResourceName",
        "AllocatedTags",
        "ContractApplied",
        "HostProviderName",
        "ServiceProviderName",
    ),
    "1.2": (
        "BillingAccountType",
        "InvoiceId",
        "PricingCurrency",
        "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyEffectiveCost",
        "PricingCurrencyListUnitPrice",
        "SubAccountType",
    ),
    "1.1": (
        "CapacityReservationId",
        "CapacityReservationStatus",
        "CommitmentDiscountQuantity",
        "CommitmentDiscountUnit",
        "ServiceSubcategory",
        "SkuMeter",
        "SkuPriceDetails",
    ),
    "1.0": (
        "ChargeClass",
        "CommitmentDiscountStatus",
        "ConsumedQuantity",
        "ConsumedUnit",
        "ContractedCost",
        "ContractedUnitPrice",
        "RegionId",
        "RegionName",
    ),
}
"""Version → the columns that it added, the newest version first."""
_DRAFTS: Mapping[str, Mapping[str, str]] = {
    "0.5": {"AmortizedCost": "EffectiveCost", "ChargeType": "ChargeCategory"},
    "1.0-preview": {
        "ChargeSubcategory": "ChargeClass",
        "UsageQuantity": "ConsumedQuantity",
        "UsageUnit": "ConsumedUnit",
    },
}
"""Version → the columns that only it has → the columns that took their place."""
_DEPRECATED = ("ProviderName", "PublisherName")
"""Mandatory up to 1.3, not in 1.4."""
_OTHERS = (
    "ChargeFrequency",
    "CommitmentDiscountCategory",
    "CommitmentDiscountName",
    "CommitmentDiscountType",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
)
"""Columns of all versions that are not read."""


class _Focus(Format):
    family = "FOCUS"
    fields: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(_NUMBERS, "number"),
        **dict.fromkeys(_TIMESTAMPS, "timestamp"),
        **dict.fromkeys(_TEXTS, "text"),
        **dict.fromkeys(_MAPS, "map"),
    }
    other_names: ClassVar[Mapping[str, str]] = {
        "AmortizedCost": "EffectiveCost",
        "ChargeType": "ChargeCategory",
        "InvoiceIssuer": "InvoiceIssuerName",
        "Provider": "ProviderName",
        "Publisher": "PublisherName",
        "Region": "RegionId",
        "ServiceProviderName": "ProviderName",
        "UsageQuantity": "ConsumedQuantity",
        "UsageUnit": "ConsumedUnit",
    }
    second_spellings = frozenset({"ResourceID"})  # focus-validator looks for it in a file of 1.0
    period_columns = ("BillingPeriodStart", "ChargePeriodStart")
    month_start_columns = ("BillingPeriodStart", "BillingPeriodEnd")
    payer_column = "BillingAccountId"
    start_column = "ChargePeriodStart"
    end_column = "ChargePeriodEnd"
    invoice_column = "InvoiceId"
    currency_column = "BillingCurrency"
    cost_column = "BilledCost"
    key_columns = ()
    amount_columns = ("ConsumedQuantity", "BilledCost")
    natural_key_columns = (
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

    def is_bill(self, columns: Mapping[str, str]) -> bool:
        subjects = {"ServiceName", "ChargeDescription", "ChargeCategory"}
        has_subject, has_period = bool(subjects & columns.keys()), bool({*self.period_columns} & columns.keys())
        return self.cost_column in columns and has_subject and has_period

    def version(self, columns: Mapping[str, str], names: Sequence[str]) -> str:
        """The newest version of which the table has a column that older versions lack."""
        present = {squash(name) for name in names}

        def has_any(of_version: Iterable[str]) -> bool:
            return not present.isdisjoint(map(squash, of_version))

        for version, successors in _DRAFTS.items():
            if any(has_any([draft]) and not has_any([successor]) for draft, successor in successors.items()):
                return f"FOCUS {version}"
        for version, its_columns in _SINCE.items():
            if has_any(its_columns):
                is_open = version == "1.3" and not has_any(_DEPRECATED)
                return f"FOCUS {version}{' or later' if is_open else ''}"
        return "FOCUS 1.0"

    def unknown_columns(self, names: Sequence[str]) -> list[str]:
        """Providers' own columns have a prefix, such as `x_`."""
        versions = [*_SINCE.values(), *_DRAFTS.values()]
        known = {*self.fields, *self.other_names, *_OTHERS, *(name for its_columns in versions for name in its_columns)}
        squashed_names = {squash(name) for name in known}
        return [name for name in names if "_" not in name and squash(name) not in squashed_names]

    def tag_columns(self, names: Sequence[str]) -> Mapping[str, str]:
        return {}

    def metrics(self, mapping: ColumnMapping) -> frozenset[str]:
        """FOCUS has costs after discounts only, and no blended costs."""
        amortized = {"amortized", "net_amortized"} if "EffectiveCost" in mapping.columns else set()
        return frozenset({"unblended", "net_unblended"} | amortized)

    def canonical_columns(self, table: ir.Table) -> Mapping[str, ir.Value]:
        billed, effective = number(table, "BilledCost"), number(table, "EffectiveCost")
        category, description = text(table, "ChargeCategory"), text(table, "ChargeDescription")
        if category is not None and (kind := text(table, "ChargeSubcategory")) is not None:  # 1.0-preview
            category = kind.isin(["Credit", "Refund"]).ifelse(kind, category)
        columns = {
            "period": month_of(table, self.period_columns),
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
            "usage_type": coalesce(text(table, "x_UsageType"), text(table, "SkuMeter")),
            "operation": text(table, "x_Operation"),
            "region": text(table, "RegionId"),
            "zone": text(table, "AvailabilityZone"),
            "resource_id": text(table, "ResourceId"),
            "line_item_type": category,
            "charge_class": text(table, "ChargeClass"),
            "description": description,
            "term": text(table, "PricingCategory"),
            "sku": text(table, "SkuId"),
            "price_code": text(table, "SkuPriceId"),
            "commitment": text(table, "CommitmentDiscountId"),
            "quantity": coalesce(number(table, "ConsumedQuantity"), number(table, "PricingQuantity")),
            "unit": coalesce(text(table, "ConsumedUnit"), text(table, "PricingUnit")),
            "list_rate": number(table, "ListUnitPrice"),
            "list_cost": number(table, "ListCost"),
            "contracted_cost": number(table, "ContractedCost"),
            "unblended_cost": billed,
            "amortized_cost": effective,
            "net_unblended_cost": billed,
            "net_amortized_cost": effective,
            "currency": text(table, self.currency_column),
            "free": is_free(category, billed, None, None, description),
            "tags": column(table, "Tags"),
        }
        return {name: value for name, value in columns.items() if value is not None}


FOCUS = _Focus()
