"""A line of a bill in the columns of FOCUS.

The rules are those of https://focus.finops.org/focus-specification/v1-2/ and of AWS's mapping of its own columns,
https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-0-aws.html. What stands where a bill tells
nothing and FOCUS demands something is said by `assumptions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esaws.costs.bill.warnings import CURRENCY
from esaws.costs.focus.bill_lines import Lines, looked_up
from esaws.costs.focus.vocabulary import NOT_TOLD, PRICING

if TYPE_CHECKING:
    import ibis.expr.types as ir

_AWS = "Amazon Web Services, Inc."
_ARN = r"^arn:[^:]*:[^:]*:[^:]*:[^:]*:([A-Za-z][A-Za-z0-9-]*)[/:]"
_ID = r"^([a-z]+)-[0-9a-f]{8,17}$"
_TYPE_OF_ID = {
    "i": "instance",
    "vol": "volume",
    "snap": "snapshot",
    "ami": "image",
    "nat": "natgateway",
    "eni": "network-interface",
    "eipalloc": "elastic-ip",
    "vpce": "vpc-endpoint",
}
"""What stands in front of an id of EC2 → the type, as ARNs name it."""


def focus_table(lines: Lines) -> dict[str, ir.Value]:
    """Every column of FOCUS 1.2 by name, as an expression over the lines of a bill: numbers as the bill has them."""
    found: dict[str, ir.Value] = {}
    for part in (_time, _who, _what, _charge, _quantities, _costs, _commitment):
        found |= part(lines)
    return found


def _time(lines: Lines) -> dict[str, ir.Value]:
    import ibis

    table = lines.table
    month = ibis.coalesce(table.period, table.start.truncate("M").date())
    begins, ends = month.cast("timestamp(6)"), (month + ibis.interval(months=1)).cast("timestamp(6)")
    return {
        "BillingPeriodStart": begins,
        "BillingPeriodEnd": ends,
        "ChargePeriodStart": ibis.coalesce(table.start, begins),
        "ChargePeriodEnd": ibis.coalesce(table.end, ends),
    }


def _who(lines: Lines) -> dict[str, ir.Value]:
    import ibis

    provider = ibis.coalesce(lines.text("provider"), NOT_TOLD)
    itself = (provider == "AWS").ifelse(_AWS, provider)
    account = lines.text("account")
    return {
        "BillingAccountId": ibis.coalesce(lines.text("payer"), account, NOT_TOLD),
        "BillingAccountName": lines.text("payer_name"),
        "BillingAccountType": ibis.literal("Payer account"),
        "SubAccountId": account,
        "SubAccountName": lines.text("account_name"),
        "SubAccountType": account.notnull().ifelse("Usage account", None),
        "ProviderName": provider,
        "PublisherName": ibis.coalesce(lines.text("publisher"), lines.text("seller"), itself),
        "InvoiceIssuerName": ibis.coalesce(lines.text("seller"), itself),
        "InvoiceId": lines.text("invoice_id"),
    }


def _what(lines: Lines) -> dict[str, ir.Value]:
    import ibis

    words, region, resource = lines.words, lines.text("region"), lines.text("resource_id")
    name = ibis.coalesce(lines.text("service_name"), looked_up(lines.text("service"), words.names, NOT_TOLD))
    price = lines.text("price_code")
    sku = ibis.coalesce(lines.text("sku"), price.split(".")[0].nullif(""))
    assumed = ibis.coalesce(lines.text("usage_type"), name)
    type_of_id = looked_up(resource.re_extract(_ID, 1), _TYPE_OF_ID)
    return {
        "ServiceName": name,
        "ServiceCategory": looked_up(name, {key: each.category for key, each in words.services.items()}, "Other"),
        "ServiceSubcategory": looked_up(
            name, {key: each.subcategory for key, each in words.services.items()}, "Other (Other)"
        ),
        "RegionId": region.isin(list(words.regions)).ifelse(region, None),
        "RegionName": looked_up(region, words.regions),
        "AvailabilityZone": lines.text("zone"),
        "ResourceId": resource,
        "ResourceName": ibis.null("string"),
        "ResourceType": ibis.coalesce(resource.re_extract(_ARN, 1).nullif(""), type_of_id),
        "SkuId": lines.is_tax.ifelse(None, ibis.coalesce(sku, lines.is_priced.ifelse(assumed, None))),
        "SkuPriceId": lines.is_tax.ifelse(None, ibis.coalesce(price, lines.is_priced.ifelse(assumed, None))),
        "SkuMeter": lines.text("usage_type"),
        "SkuPriceDetails": ibis.null("string"),
        "Tags": _json(lines.table.tags),
    }


def _charge(lines: Lines) -> dict[str, ir.Value]:
    import ibis

    corrections = [kind for kind, each in lines.words.charges.items() if each.is_correction]
    corrects = lines.kind.fill_null("").isin(corrections) | (lines.text("charge_class") == "Correction")
    by_usage = lines.text("usage_type").contains("SpotUsage").fill_null(False)
    pricing = ibis.cases(
        (~lines.is_priced, ibis.null("string")),
        (lines.is_covered, ibis.literal("Committed")),
        (by_usage & lines.is_usage, ibis.literal("Dynamic")),
        else_=ibis.literal("Standard"),
    )
    term = lines.text("term")
    said, in_focus = looked_up(term, lines.words.pricing), term.isin(PRICING).ifelse(term, None)
    return {
        "ChargeCategory": lines.category,
        "ChargeClass": corrects.fill_null(False).ifelse("Correction", None),
        "ChargeDescription": lines.text("description"),
        "ChargeFrequency": looked_up(
            lines.kind, {kind: each.frequency for kind, each in lines.words.charges.items()}, "One-Time"
        ),
        "PricingCategory": ibis.coalesce(in_focus, lines.is_usage.ifelse(said, None), pricing),
        "BillingCurrency": ibis.coalesce(lines.text("currency"), CURRENCY),
        "PricingCurrency": ibis.coalesce(lines.text("currency"), CURRENCY),
    }


def _quantities(lines: Lines) -> dict[str, ir.Value]:
    import ibis

    told = lines.quantity.notnull()
    unit = looked_up(lines.text("unit"), lines.words.units).nullif("")
    unit = told.ifelse(ibis.coalesce(unit, "Units"), None)
    return {
        "PricingQuantity": lines.quantity,
        "PricingUnit": unit,
        "ConsumedQuantity": lines.is_usage.ifelse(lines.quantity, None),
        "ConsumedUnit": lines.is_usage.ifelse(unit, None),
    }


def _costs(lines: Lines) -> dict[str, ir.Value]:
    import ibis

    billed, listed, list_rate = lines.billed, lines.number("list_cost"), lines.number("list_rate")
    effective = ibis.coalesce(lines.number("amortized_cost"), billed) if lines.is_amortized else billed
    list_cost = ibis.coalesce(listed, billed)
    contracted = ibis.coalesce(lines.number("contracted_cost"), lines.is_covered.ifelse(list_cost, billed))
    list_price = ibis.coalesce(list_rate, lines.per_unit(list_cost))
    rate = lines.is_covered.ifelse(list_price, lines.number("rate"))
    contracted_price = ibis.coalesce(rate, lines.per_unit(contracted), list_price)
    untaxed = {"ListUnitPrice": list_price, "ContractedUnitPrice": contracted_price}
    prices = {name: lines.is_priced.ifelse(price, None) for name, price in untaxed.items()}
    return {
        "BilledCost": billed,
        "EffectiveCost": effective,
        "ListCost": list_cost,
        "ContractedCost": contracted,
        **prices,
        "PricingCurrencyEffectiveCost": effective,
        "PricingCurrencyListUnitPrice": prices["ListUnitPrice"],
        "PricingCurrencyContractedUnitPrice": prices["ContractedUnitPrice"],
    }


def _commitment(lines: Lines) -> dict[str, ir.Value]:
    """Of reservations and Savings Plans; their ARNs tell which."""
    import ibis

    name = lines.text("commitment")
    is_plan = name.contains(":savingsplan")
    number, text = lines.table.quantity.type(), "string"
    return {
        "CommitmentDiscountId": name,
        "CommitmentDiscountName": ibis.null(text),
        "CommitmentDiscountCategory": ibis.cases((name.isnull(), ibis.null(text)), (is_plan, "Spend"), else_="Usage"),
        "CommitmentDiscountType": ibis.cases(
            (name.isnull(), ibis.null(text)), (is_plan, "Savings Plan"), else_="Reserved Instance"
        ),
        "CommitmentDiscountStatus": (name.notnull() & lines.is_usage).ifelse("Used", None),
        "CommitmentDiscountQuantity": ibis.null(number),
        "CommitmentDiscountUnit": ibis.null(text),
        "CapacityReservationId": ibis.null(text),
        "CapacityReservationStatus": ibis.null(text),
    }


def _json(tags: ir.MapValue) -> ir.StringValue:
    """Tags as a JSON object, without those that have no value; NULL where there are none."""
    import ibis

    @ibis.udf.scalar.builtin(name="to_json", signature=(("map<string, string>",), "string"))
    def to_json(tags: Any) -> Any: ...

    keys = tags.keys().filter(lambda key: tags.get(key).nullif("").notnull())
    values = tags.values().filter(lambda value: value.nullif("").notnull())
    return to_json(ibis.map(keys, values)).nullif("{}")
