"""Fetch current prices from the AWS Price List API and cache them.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.costs.forecasting.us_east_1 import billing_cloud
from esaws.pricelist import bundled, save_prices, with_prefix

if TYPE_CHECKING:
    import pandas

_MAX_FILTER_LENGTH = 900
"""Characters of the values of a filter; AWS accepts 1024."""
_UNSURE = "?"
"""Marks usage types of the bundled list that no bill has confirmed."""

Product = Mapping[str, Any]
"""A product with its terms, as GetProducts returns it."""


class PriceRequest(NamedTuple):
    """A price to fetch, with the names that the bills of the region use."""

    service: str
    usage_type: str
    operation: str | None
    unit: str
    family: str | None


@dataclass(frozen=True)
class PriceRefresh:
    """The prices of a region as AWS returned them on a day."""

    region: str
    retrieved_on: date
    file: Path | None
    """The cache file; None where the prices were not cached."""
    rows: tuple[Mapping[str, Any], ...]
    missing: tuple[str, ...]
    """The usage types that AWS returned no price for."""

    def __repr__(self) -> str:
        return f"<PriceRefresh {len(self.rows)} prices of {self.region}, {len(self.missing)} not found>"

    def changes(self) -> pandas.DataFrame:
        """One row for each price that differs from the bundled one: service, usage_type, operation, bundled_usd, usd.

        `bundled_usd` is NaN where the bundled list has no price for the region.
        """
        import pandas

        columns = ["service", "usage_type", "operation", "bundled_usd", "usd"]
        known = {
            (price.service, price.usage_type, price.operation, price.begins): price.usd
            for (region, _, _), prices in bundled().prices.items()
            for price in prices
            if region == self.region and price.is_valid_on(None)
        }
        rows = [
            (row["service"], row["usage_type"], row["operation"], before, Decimal(row["usd"]))
            for row in self.rows
            if (before := known.get((row["service"], row["usage_type"], row["operation"], Decimal(row["begins"]))))
            != Decimal(row["usd"])
        ]
        frame = pandas.DataFrame(rows, columns=columns).astype({"bundled_usd": float, "usd": float})
        return frame.sort_values(columns[:3], ignore_index=True)


def refresh_prices(cloud: Cloud, today: date | None = None) -> PriceRefresh:
    """Fetch the prices of every usage type in the bundled list for the cloud's region, and cache AWS's answers.

    The requests are free and need pricing:GetProducts. `cloud.prices` uses cached prices for 30 days. Prices of
    targets other than AWS are not cached: the local AWS has the bundled ones.

    Raises:
        botocore.exceptions.ClientError: AWS refused a request.
    """
    today, region = today or date.today(), cloud.region
    requests = list(_price_requests(region))
    products = list(_fetch_products(billing_cloud(cloud), requests))
    rows, missing = match_prices(products, requests, region, today)
    file = save_prices(region, rows, today) if cloud.is_aws else None
    return PriceRefresh(region, today, file, tuple(rows), tuple(missing))


def match_prices(
    products: Iterable[Product], requests: Iterable[PriceRequest], region: str, retrieved_on: date
) -> tuple[list[dict[str, Any]], list[str]]:
    """Match products to requests; return rows as in `prices.json`, and the usage types without a price.

    Products of one usage type differ by operation. A request for a variant (`CreateDBInstance:0014`) takes that variant
    only; any other takes the same operation, or any operation if all cost the same.
    """
    by_usage_type: defaultdict[tuple[str, str], list[Product]] = defaultdict(list)
    for product in products:
        attributes = product["product"]["attributes"]
        by_usage_type[product["serviceCode"], attributes["usagetype"]].append(product)
    rows, missing = [], []
    for request in requests:
        tiers = _match_tiers(request, by_usage_type[request.service, request.usage_type])
        rows += [_row(request, tier, since, region, retrieved_on) for tier, since in tiers]
        missing += [] if tiers else [request.usage_type]
    return rows, missing


# --- requests


def _price_requests(region: str) -> Iterator[PriceRequest]:
    """The usage types of the bundled list under the region's names: the region's own, then those of other regions."""
    known = sorted(bundled().prices.items(), key=lambda item: item[0][0] != region)
    first_region: dict[tuple[str, str], str] = {}
    for (price_region, service, usage_type), prices in known:
        if _UNSURE in usage_type or first_region.setdefault((service, usage_type), price_region) != price_region:
            continue
        by_operation = {price.operation: price for price in reversed(prices) if price.is_valid_on(None)}
        for price in reversed(by_operation.values()):
            yield PriceRequest(service, with_prefix(usage_type, region), price.operation, price.unit, price.family)


def _fetch_products(cloud: Cloud, requests: Iterable[PriceRequest]) -> Iterator[Product]:
    usage_types: defaultdict[str, list[str]] = defaultdict(list)
    for request in requests:
        if request.usage_type not in usage_types[request.service]:
            usage_types[request.service].append(request.usage_type)
    pages = cloud.client("pricing").get_paginator("get_products")
    for service, names in usage_types.items():
        for value in _join_filter_values(names):
            filters = [{"Type": "ANY_OF", "Field": "usagetype", "Value": value}]
            with ignore_codes("NotFoundException"):  # this price list has nothing of the service
                for page in pages.paginate(ServiceCode=service, Filters=filters):
                    yield from map(json.loads, page["PriceList"])


def _join_filter_values(names: Iterable[str]) -> Iterator[str]:
    """Join names by commas, into as few texts as the length limit of a filter allows."""
    value = ""
    for name in names:
        if value and len(value) + len(name) + 1 > _MAX_FILTER_LENGTH:
            yield value
            value = ""
        value = f"{value},{name}" if value else name
    if value:
        yield value


# --- responses


class _Tier(NamedTuple):
    begins: Decimal
    usd: Decimal
    unit: str
    description: str


def _match_tiers(request: PriceRequest, products: Sequence[Product]) -> list[tuple[_Tier, str]]:
    """(tier, the day since which it is valid) of a price; empty where no product matches, or several differ."""
    tiers_of = [(product, _tiers(product)) for product in products]
    priced = [
        (product, tiers) for product, tiers in tiers_of if tiers and tiers[0].unit.lower() == request.unit.lower()
    ]
    same = [pair for pair in priced if pair[0]["product"]["attributes"].get("operation") == request.operation]
    if not same and ":" in (request.operation or ""):
        return []
    candidates = same or priced
    if len({tuple(tier[:3] for tier in tiers) for _, tiers in candidates}) != 1:
        return []
    product, tiers = candidates[0]
    (offer,) = list(product["terms"]["OnDemand"].values())[:1]
    return [(tier, str(offer["effectiveDate"])[:10]) for tier in tiers]


def _tiers(product: Product) -> list[_Tier]:
    """On-demand prices in USD, lowest tier first. A free first tier is an allowance, and left out."""
    offers = list(product.get("terms", {}).get("OnDemand", {}).values())
    dimensions = list(offers[0]["priceDimensions"].values()) if offers else []
    tiers = sorted(_tier(dimension) for dimension in dimensions if "USD" in dimension["pricePerUnit"])
    if len(tiers) > 1 and not tiers[0].usd:
        return [tier._replace(begins=tier.begins - tiers[1].begins) for tier in tiers[1:]]
    return tiers


def _tier(dimension: Mapping[str, Any]) -> _Tier:
    usd = Decimal(dimension["pricePerUnit"]["USD"])
    return _Tier(Decimal(dimension["beginRange"]), usd, str(dimension["unit"]), str(dimension["description"]))


def _row(request: PriceRequest, tier: _Tier, since: str, region: str, retrieved_on: date) -> dict[str, Any]:
    return {
        "service": request.service,
        "usage_type": request.usage_type,
        "operation": request.operation,
        "description": tier.description,
        "family": request.family,
        "unit": request.unit,
        "usd": f"{tier.usd.normalize():f}",
        "begins": f"{tier.begins.normalize():f}",
        "region": region,
        "source": "AWS Price List API",
        "as_of": f"{retrieved_on}",
        "verified": True,
        "since": since,
    }
