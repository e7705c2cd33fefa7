"""Map the lines of a bill to the columns of FOCUS.

The rules are those of https://focus.finops.org/focus-specification/v1-2/ and of AWS's mapping of its own columns,
https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-0-aws.html. `assumptions` lists the values for
columns that FOCUS requires and a bill lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esaws.costs.bill.schema import DEFAULT_CURRENCY
from esaws.costs.focus.bill_lines import BillLines, map_values
from esaws.costs.focus.vocabulary import NOT_PROVIDED, PRICING_CATEGORIES

if TYPE_CHECKING:
    import ibis.expr.types as ir

_AWS = "Amazon Web Services, Inc."
_RESOURCE_TYPE_IN_ARN = r"^arn:[^:]*:[^:]*:[^:]*:[^:]*:([A-Za-z][A-Za-z0-9-]*)[/:]"
_ID_PREFIX = r"^([a-z]+)-[0-9a-f]{8,17}$"
_TYPE_BY_ID_PREFIX = {
    "i": "instance",
    "vol": "volume",
    "snap": "snapshot",
    "ami": "image",
    "nat": "natgateway",
    "eni": "network-interface",
    "eipalloc": "elastic-ip",
    "vpce": "vpc-endpoint",
}
"""The prefix of an EC2 resource id → the resource type, as in ARNs."""

_WITHOUT_SOURCE = (
    "AllocatedMethodDetails",
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
    "CommitmentProgramEligibilityDetails",
    "ContractApplied",
)
"""Columns since 1.3 that no bill has the values of. The cost split by task stays in the rows of the task."""


def focus_table(lines: BillLines) -> dict[str, ir.Value]:
    """Every column of FOCUS 1.0 to 1.4 as an expression over the lines of a bill. Numbers keep the bill's type."""
    columns: dict[str, ir.Value] = {}
    for group in (_periods, _accounts, _services, _charges, _quantities, _costs, _commitments):
        columns |= group(lines)
    return columns


def _periods(lines: BillLines) -> dict[str, ir.Value]:
    import ibis

    table = lines.table
    month = ibis.coalesce(table.period, table.start.truncate("M").date())
    start, end = month.cast("timestamp(6)"), (month + ibis.interval(months=1)).cast("timestamp(6)")
    return {
        "BillingPeriodStart": start,
        "BillingPeriodEnd": end,
        "ChargePeriodStart": ibis.coalesce(table.start, start),
        "ChargePeriodEnd": ibis.coalesce(table.end, end),
    }


def _accounts(lines: BillLines) -> dict[str, ir.Value]:
    import ibis

    provider = ibis.coalesce(lines.text("provider"), lines.text("seller"), lines.text("publisher"))
    provider_name = (provider == "AWS").ifelse(_AWS, provider)
    publisher = lines.text("publisher")
    is_own = publisher.startswith(provider) | ((provider == "AWS") & publisher.startswith("Amazon"))
    account = lines.text("account")
    # A seller of the Marketplace is the service provider. Bills do not tell on whose machines it runs its service.
    service_provider = ibis.coalesce(is_own.ifelse(provider, publisher), provider)
    return {
        "BillingAccountId": ibis.coalesce(lines.text("payer"), account, NOT_PROVIDED),
        "BillingAccountName": lines.text("payer_name"),
        "BillingAccountType": ibis.literal("Payer account"),
        "SubAccountId": account,
        "SubAccountName": lines.text("account_name"),
        "SubAccountType": account.notnull().ifelse("Usage account", None),
        "ProviderName": provider,
        "ServiceProviderName": service_provider,
        "HostProviderName": service_provider,
        "PublisherName": ibis.coalesce(publisher, lines.text("seller"), provider_name),
        "InvoiceIssuerName": ibis.coalesce(lines.text("seller"), provider_name),
        "InvoiceId": lines.text("invoice_id"),
        "InvoiceDetailId": ibis.null("string"),
    }


def _services(lines: BillLines) -> dict[str, ir.Value]:
    import ibis

    vocabulary, region, resource = lines.vocabulary, lines.text("region"), lines.text("resource_id")
    name = ibis.coalesce(lines.text("service_name"), map_values(lines.text("service"), vocabulary.names, NOT_PROVIDED))
    price = lines.text("price_code")
    sku = ibis.coalesce(lines.text("sku"), price.split(".")[0].nullif(""))
    fallback = ibis.coalesce(lines.text("usage_type"), name)
    categories = {key: service.category for key, service in vocabulary.services.items()}
    subcategories = {key: service.subcategory for key, service in vocabulary.services.items()}
    type_of_id = map_values(resource.re_extract(_ID_PREFIX, 1), _TYPE_BY_ID_PREFIX)
    return {
        "ServiceName": name,
        "ServiceCategory": map_values(name, categories, "Other"),
        "ServiceSubcategory": map_values(name, subcategories, "Other (Other)"),
        "RegionId": region.isin(list(vocabulary.regions)).ifelse(region, None),
        "RegionName": map_values(region, vocabulary.regions),
        "AvailabilityZone": lines.text("zone"),
        "ResourceId": resource,
        "ResourceName": ibis.null("string"),
        "ResourceType": ibis.coalesce(resource.re_extract(_RESOURCE_TYPE_IN_ARN, 1).nullif(""), type_of_id),
        "SkuId": lines.is_tax.ifelse(None, ibis.coalesce(sku, lines.is_priced.ifelse(fallback, None))),
        "SkuPriceId": lines.is_tax.ifelse(None, ibis.coalesce(price, lines.is_priced.ifelse(fallback, None))),
        "SkuMeter": lines.text("usage_type"),
        "SkuPriceDetails": ibis.null("string"),
        "Tags": _tags_as_json(lines.table.tags),
    }


def _charges(lines: BillLines) -> dict[str, ir.Value]:
    import ibis

    charges = lines.vocabulary.charges
    correction_types = [name for name, charge in charges.items() if charge.is_correction]
    has_correction_type = lines.line_item_type.fill_null("").isin(correction_types)
    is_correction = has_correction_type | (lines.text("charge_class") == "Correction")
    is_spot = lines.text("usage_type").contains("SpotUsage").fill_null(False)
    default_category = ibis.cases(
        (~lines.is_priced, ibis.null("string")),
        (lines.is_covered, ibis.literal("Committed")),
        (is_spot & lines.is_usage, ibis.literal("Dynamic")),
        else_=ibis.literal("Standard"),
    )
    term = lines.text("term")
    focus_term = term.isin(PRICING_CATEGORIES).ifelse(term, None)
    category_of_term = lines.is_usage.ifelse(map_values(term, lines.vocabulary.pricing), None)
    frequencies = {name: charge.frequency for name, charge in charges.items()}
    currency = ibis.coalesce(lines.text("currency"), DEFAULT_CURRENCY)
    return {
        "ChargeCategory": lines.category,
        "ChargeClass": is_correction.fill_null(False).ifelse("Correction", None),
        "ChargeDescription": lines.text("description"),
        "ChargeFrequency": map_values(lines.line_item_type, frequencies, "One-Time"),
        "PricingCategory": ibis.coalesce(focus_term, category_of_term, default_category),
        "BillingCurrency": currency,
        "PricingCurrency": currency,
    }


def _quantities(lines: BillLines) -> dict[str, ir.Value]:
    import ibis

    focus_unit = map_values(lines.text("unit"), lines.vocabulary.units).nullif("")
    unit = lines.quantity.notnull().ifelse(ibis.coalesce(focus_unit, "Units"), None)
    return {
        "PricingQuantity": lines.quantity,
        "PricingUnit": unit,
        "ConsumedQuantity": lines.is_usage.ifelse(lines.quantity, None),
        "ConsumedUnit": lines.is_usage.ifelse(unit, None),
    }


def _costs(lines: BillLines) -> dict[str, ir.Value]:
    import ibis

    billed = lines.billed
    effective = ibis.coalesce(lines.number("amortized_cost"), billed) if lines.is_amortized else billed
    list_cost = ibis.coalesce(lines.number("list_cost"), billed)
    contracted = ibis.coalesce(lines.number("contracted_cost"), lines.is_covered.ifelse(list_cost, billed))
    list_price = ibis.coalesce(lines.number("list_rate"), lines.per_unit(list_cost))
    rate = lines.is_covered.ifelse(list_price, lines.number("rate"))
    contracted_price = ibis.coalesce(rate, lines.per_unit(contracted), list_price)
    list_price, contracted_price = (lines.is_priced.ifelse(price, None) for price in (list_price, contracted_price))
    return {
        "BilledCost": billed,
        "EffectiveCost": effective,
        "ListCost": list_cost,
        "ContractedCost": contracted,
        "ListUnitPrice": list_price,
        "ContractedUnitPrice": contracted_price,
        "PricingCurrencyEffectiveCost": effective,
        "PricingCurrencyListUnitPrice": list_price,
        "PricingCurrencyContractedUnitPrice": contracted_price,
    }


def _commitments(lines: BillLines) -> dict[str, ir.Value]:
    """The columns of reservations and Savings Plans. The ARN shows which of the two it is."""
    import ibis

    arn = lines.text("commitment")
    is_plan = arn.contains(":savingsplan")
    return {
        "CommitmentDiscountId": arn,
        "CommitmentDiscountName": ibis.null("string"),
        "CommitmentDiscountCategory": ibis.cases(
            (arn.isnull(), ibis.null("string")), (is_plan, "Spend"), else_="Usage"
        ),
        "CommitmentDiscountType": ibis.cases(
            (arn.isnull(), ibis.null("string")), (is_plan, "Savings Plan"), else_="Reserved Instance"
        ),
        "CommitmentDiscountStatus": (arn.notnull() & lines.is_usage).ifelse("Used", None),
        "CommitmentDiscountQuantity": ibis.null(lines.table.quantity.type()),
        "CommitmentDiscountUnit": ibis.null("string"),
        "CapacityReservationId": ibis.null("string"),
        "CapacityReservationStatus": ibis.null("string"),
        **dict.fromkeys(_WITHOUT_SOURCE, ibis.null("string")),
    }


def _tags_as_json(tags: ir.MapValue) -> ir.StringValue:
    """Tags as a JSON object without empty values; NULL if there are none."""
    import ibis

    @ibis.udf.scalar.builtin(name="to_json", signature=(("map<string, string>",), "string"))
    def to_json(tags: Any) -> Any: ...

    keys = tags.keys().filter(lambda key: tags.get(key).nullif("").notnull())
    values = tags.values().filter(lambda value: value.nullif("").notnull())
    return to_json(ibis.map(keys, values)).nullif("{}")
