"""The bundled price list as the Price List API shows it: services, attribute values, and products with their terms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from esaws.pricelist import Price, bundled, utc_day
from local_aws_server.billing.calendar import to_datetime
from local_aws_server.billing.charge import TEN_DECIMALS
from local_aws_server.billing.products import ON_DEMAND_TERM, Product, price_description

_VERSION = "20261123000000"
_PUBLICATION_DATE = "2026-11-23T00:00:00Z"
"""The day on which the bundled price list was made."""
_UNCERTAIN = "?"
"""In usage types of the price list that have not been verified on a bill."""


def service_codes() -> list[str]:
    """The codes of the services that have a price."""
    return sorted({product.service for product in _products()})


def attribute_names(service: str) -> list[str]:
    """The attributes by which products of a service can be filtered."""
    return sorted({name for product in _products_of(service) for name in _filter_attributes(product)})


def attribute_values(service: str, name: str) -> list[str]:
    """The values of an attribute among the products of a service; empty if no product has the attribute."""
    values = (_filter_attributes(product).get(name) for product in _products_of(service))
    return sorted({value for value in values if value})


def find_products(service: str, filters: Sequence[Mapping[str, str]], timestamp: float) -> list[str]:
    """The products of a service that pass all filters, as JSON, with their prices at a time."""
    found = []
    for product in _products_of(service):
        tiers = [price for price in _products()[product] if price.is_valid_on(utc_day(timestamp))]
        if tiers and all(_passes(product, attribute_filter) for attribute_filter in filters):
            found.append(json.dumps(_to_dict(product, tiers, timestamp)))
    return found


@cache
def _products() -> dict[Product, list[Price]]:
    """Each product of the bundled price list with its prices, lowest tier first."""
    products: dict[Product, list[Price]] = {}
    for (region, service, usage_type), tiers in bundled().prices.items():
        for price in tiers:
            if _UNCERTAIN not in usage_type:
                products.setdefault(Product(region, service, usage_type, price.operation or ""), []).append(price)
    return products


def _products_of(service: str) -> Iterator[Product]:
    return (product for product in _products() if product.service == service)


@cache
def _filter_attributes(product: Product) -> dict[str, str]:
    """The attributes and the family of a product."""
    family = {"productFamily": product.family} if product.family else {}
    return {**product.attributes, **family}


def _passes(product: Product, attribute_filter: Mapping[str, str]) -> bool:
    """Whether a product passes a filter; a product without the attribute passes none.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_Filter.html
    """
    attributes = {**_filter_attributes(product), "ServiceCode": product.service, "sku": product.sku}
    actual, expected = attributes.get(attribute_filter["Field"]), attribute_filter["Value"]
    if actual is None:
        return False
    alternatives = [value.strip() for value in expected.split(",")]
    return {
        "TERM_MATCH": actual == expected,
        "EQUALS": actual == expected,
        "CONTAINS": expected in actual,
        "ANY_OF": actual in alternatives,
        "NONE_OF": actual not in alternatives,
    }[attribute_filter["Type"]]


def _to_dict(product: Product, tiers: Sequence[Price], timestamp: float) -> dict[str, Any]:
    family = {"productFamily": product.family} if product.family else {}
    term = f"{product.sku}.{ON_DEMAND_TERM}"
    ends = [*(f"{price.begins:f}" for price in tiers[1:]), "Inf"]
    return {
        "product": {**family, "attributes": product.attributes, "sku": product.sku},
        "serviceCode": product.service,
        "terms": {
            "OnDemand": {
                term: {
                    "priceDimensions": {
                        (code := product.rate_code(price)): _price_dimension(code, price, end)
                        for price, end in zip(tiers, ends, strict=True)
                    },
                    "sku": product.sku,
                    "effectiveDate": _effective_date(tiers[0], timestamp),
                    "offerTermCode": ON_DEMAND_TERM,
                    "termAttributes": {},
                }
            }
        },
        "version": _VERSION,
        "publicationDate": _PUBLICATION_DATE,
    }


def _price_dimension(code: str, price: Price, end: str) -> dict[str, Any]:
    return {
        "unit": price.unit,
        "endRange": end,
        "description": price_description(price),
        "appliesTo": [],
        "rateCode": code,
        "beginRange": f"{price.begins:f}",
        "pricePerUnit": {"USD": f"{price.usd.quantize(TEN_DECIMALS):f}"},
    }


def _effective_date(price: Price, timestamp: float) -> str:
    """The first of the month, or the day on which the price was introduced."""
    month = to_datetime(timestamp).date().replace(day=1)
    return f"{price.since or month}T00:00:00Z"
