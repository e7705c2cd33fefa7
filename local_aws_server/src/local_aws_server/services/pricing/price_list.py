"""The Price List API over the bundled prices: services, the values of attributes, and products with their terms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from esaws.pricelist import Price, day_of, prices
from local_aws_server.billing.skus import ON_DEMAND_TERM, Product, price_text

_VERSION = "20261123000000"
_PUBLISHED = "2026-11-23T00:00:00Z"
"""When the bundled list was put together."""
_UNSURE = "?"
"""In usage types of the list that nobody has seen on a bill."""
_CODE = "ServiceCode"


def service_codes() -> list[str]:
    """Every service that has a price."""
    return sorted({product.service for product in _products()})


def attribute_names(service: str) -> list[str]:
    """The attributes by which a service's products can be found."""
    names = {name for product in _of(service) for name in _searched(product)}
    return sorted(names)


def attribute_values(service: str, name: str) -> list[str]:
    """The values that products of a service have for an attribute; empty if none has it."""
    return sorted({value for product in _of(service) if (value := _searched(product).get(name))})


def find_products(service: str, filters: Sequence[Mapping[str, str]], moment: float) -> list[str]:
    """The products of a service that pass all filters, each as JSON, with the prices of a moment."""
    found = []
    for product in _of(service):
        tiers = [price for price in _products()[product] if price.holds(day_of(moment))]
        if tiers and all(_passes(product, each) for each in filters):
            found.append(json.dumps(_described(product, tiers, moment)))
    return found


@cache
def _products() -> dict[Product, list[Price]]:
    """Each product of the bundled list with its prices, lowest tier first."""
    found: dict[Product, list[Price]] = {}
    for (region, service, usage_type), tiers in prices().items():
        for price in tiers:
            if _UNSURE not in usage_type:
                found.setdefault(Product(region, service, usage_type, price.operation or ""), []).append(price)
    return found


def _of(service: str) -> Iterator[Product]:
    return (product for product in _products() if product.service == service)


@cache
def _searched(product: Product) -> dict[str, str]:
    """What a filter can name: the attributes and the family."""
    family = {"productFamily": product.family} if product.family else {}
    return {**product.attributes, **family}


def _passes(product: Product, asked: Mapping[str, str]) -> bool:
    """Whether a product passes a filter; one without the attribute passes none.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_Filter.html
    """
    known = {**_searched(product), _CODE: product.service, "sku": product.sku}
    value, wanted = known.get(asked["Field"]), asked["Value"]
    if value is None:
        return False
    several = [each.strip() for each in wanted.split(",")]
    return {
        "TERM_MATCH": value == wanted,
        "EQUALS": value == wanted,
        "CONTAINS": wanted in value,
        "ANY_OF": value in several,
        "NONE_OF": value not in several,
    }[asked["Type"]]


def _described(product: Product, tiers: Sequence[Price], moment: float) -> dict[str, Any]:
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
                        (code := product.rate_code(price)): _dimension(code, price, end)
                        for price, end in zip(tiers, ends, strict=True)
                    },
                    "sku": product.sku,
                    "effectiveDate": _effective(tiers[0], moment),
                    "offerTermCode": ON_DEMAND_TERM,
                    "termAttributes": {},
                }
            }
        },
        "version": _VERSION,
        "publicationDate": _PUBLISHED,
    }


def _dimension(code: str, price: Price, end: str) -> dict[str, Any]:
    return {
        "unit": price.unit,
        "endRange": end,
        "description": price_text(price),
        "appliesTo": [],
        "rateCode": code,
        "beginRange": f"{price.begins:f}",
        "pricePerUnit": {"USD": f"{price.usd.quantize(Decimal('1.0000000000')):f}"},
    }


def _effective(price: Price, moment: float) -> str:
    """Prices hold from the first of a month, or from the day on which they were introduced."""
    month = datetime.fromtimestamp(moment, UTC).date().replace(day=1)
    return f"{price.since or month}T00:00:00Z"
