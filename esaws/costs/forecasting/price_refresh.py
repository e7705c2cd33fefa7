"""Prices as AWS tells them: the Price List API is asked for what the bundled list has, and its answers are kept.

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
from esaws.costs.forecasting.us_east_1 import at_home
from esaws.pricelist import billed_as, bundled, save_prices

if TYPE_CHECKING:
    import pandas

_LONGEST = 900
"""Characters of the values of a filter: AWS takes 1024."""
_UNSURE = "?"
"""In usage types of the list that nobody has seen on a bill."""

Product = Mapping[str, Any]
"""A product with its terms, as GetProducts gives it."""


class Wanted(NamedTuple):
    """What the price of is asked for, as the bills of a region call it."""

    service: str
    usage_type: str
    operation: str | None
    unit: str
    family: str | None


@dataclass(frozen=True)
class Refreshed:
    """What was told of a region's prices on a day, and the file that it is kept in; `missing` are the usage types that
    nothing was told of."""

    region: str
    asked: date
    file: Path | None
    rows: tuple[Mapping[str, Any], ...]
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Refreshed {len(self.rows)} prices of {self.region}, {len(self.missing)} not found>"

    def changes(self) -> pandas.DataFrame:
        """One row for each price that is otherwise than bundled: service, usage_type, operation, bundled_usd, usd.

        `bundled_usd` is NaN where the bundled list has no price for the region.
        """
        import pandas

        columns = ["service", "usage_type", "operation", "bundled_usd", "usd"]
        known = {
            (price.service, price.usage_type, price.operation, price.begins): price.usd
            for (region, _, _), found in bundled().prices.items()
            for price in found
            if region == self.region and price.holds(None)
        }
        rows = [
            (row["service"], row["usage_type"], row["operation"], before, Decimal(row["usd"]))
            for row in self.rows
            if (before := known.get((row["service"], row["usage_type"], row["operation"], Decimal(row["begins"]))))
            != Decimal(row["usd"])
        ]
        frame = pandas.DataFrame(rows, columns=columns).astype({"bundled_usd": float, "usd": float})
        return frame.sort_values(columns[:3], ignore_index=True)


def refresh_prices(cloud: Cloud, today: date | None = None) -> Refreshed:
    """Ask for the prices, in the cloud's region, of all that the bundled list knows in any, and keep what AWS answers.

    Asking is free. `esaws.pricelist.current` uses what is kept for 30 days. Needs pricing:GetProducts. What anybody
    but AWS tells is not kept: the local AWS has the bundled prices.

    Raises:
        botocore.exceptions.ClientError: AWS refused to tell.
    """
    today, region = today or date.today(), cloud.region
    wanted = list(_wanted(region))
    products = list(_products(at_home(cloud), wanted))
    rows, missing = told(products, wanted, region, today)
    file = save_prices(region, rows, today) if cloud.is_aws else None
    return Refreshed(region, today, file, tuple(rows), tuple(missing))


def told(
    products: Iterable[Product], wanted: Iterable[Wanted], region: str, asked: date
) -> tuple[list[dict[str, Any]], list[str]]:
    """(rows as in `prices.json`, what no product has a price for): which product is meant by what is wanted. Pure.

    Products of one usage type differ by operation. Where the list names a variant (`CreateDBInstance:0014`), that
    alone will do; else the one of the same operation, or any if all cost the same.
    """
    by_usage_type: defaultdict[tuple[str, str], list[Product]] = defaultdict(list)
    for product in products:
        attributes = product["product"]["attributes"]
        by_usage_type[product["serviceCode"], attributes["usagetype"]].append(product)
    rows, missing = [], []
    for each in wanted:
        found = _meant(each, by_usage_type[each.service, each.usage_type])
        rows += [_row(each, tier, since, region, asked) for tier, since in found]
        missing += [] if found else [each.usage_type]
    return rows, missing


# --- asking


def _wanted(region: str) -> Iterator[Wanted]:
    """What the bundled list has, by the names of a region: its own lines, and what it has of other regions alone."""
    known = sorted(bundled().prices.items(), key=lambda item: item[0][0] != region)
    seen: dict[tuple[str, str], str] = {}
    for (of, service, usage_type), prices in known:
        if _UNSURE not in usage_type and seen.setdefault((service, usage_type), of) == of:
            found = {price.operation: price for price in reversed(prices) if price.holds(None)}
            for price in reversed(found.values()):
                name = billed_as(usage_type, region)
                yield Wanted(service, name, price.operation, price.unit, price.family)


def _products(home: Cloud, wanted: Iterable[Wanted]) -> Iterator[Product]:
    names: defaultdict[str, list[str]] = defaultdict(list)
    for each in wanted:
        if each.usage_type not in names[each.service]:
            names[each.service].append(each.usage_type)
    pages = home.client("pricing").get_paginator("get_products")
    for service, usage_types in names.items():
        for value in _joined(usage_types):
            asked = [{"Type": "ANY_OF", "Field": "usagetype", "Value": value}]
            with ignore_codes("NotFoundException"):  # this price list has nothing of the service
                for page in pages.paginate(ServiceCode=service, Filters=asked):
                    yield from map(json.loads, page["PriceList"])


def _joined(names: Iterable[str]) -> Iterator[str]:
    """Several names in a value, as long as a filter takes."""
    value = ""
    for name in names:
        if value and len(value) + len(name) + 1 > _LONGEST:
            yield value
            value = ""
        value = f"{value},{name}" if value else name
    if value:
        yield value


# --- reading the answers


class _Tier(NamedTuple):
    begins: Decimal
    usd: Decimal
    unit: str
    description: str


def _meant(wanted: Wanted, products: Sequence[Product]) -> list[tuple[_Tier, str]]:
    """The tiers of a price, each with the day since which it holds; empty where none or several could be meant."""
    known = [(product, _tiers(product)) for product in products]
    priced = [(product, found) for product, found in known if found and found[0].unit.lower() == wanted.unit.lower()]
    same = [each for each in priced if each[0]["product"]["attributes"].get("operation") == wanted.operation]
    if not same and ":" in (wanted.operation or ""):
        return []
    candidates = same or priced
    if len({tuple(tier[:3] for tier in found) for _, found in candidates}) != 1:
        return []
    product, found = candidates[0]
    (offer,) = list(product["terms"]["OnDemand"].values())[:1]
    return [(tier, str(offer["effectiveDate"])[:10]) for tier in found]


def _tiers(product: Product) -> list[_Tier]:
    """On-demand prices in USD, lowest tier first. A first tier that costs nothing is an allowance, and left out."""
    offers = list(product.get("terms", {}).get("OnDemand", {}).values())
    dimensions = list(offers[0]["priceDimensions"].values()) if offers else []
    found = sorted(_tier(each) for each in dimensions if "USD" in each["pricePerUnit"])
    if len(found) > 1 and not found[0].usd:
        return [tier._replace(begins=tier.begins - found[1].begins) for tier in found[1:]]
    return found


def _tier(dimension: Mapping[str, Any]) -> _Tier:
    usd = Decimal(dimension["pricePerUnit"]["USD"])
    return _Tier(Decimal(dimension["beginRange"]), usd, str(dimension["unit"]), str(dimension["description"]))


def _row(wanted: Wanted, tier: _Tier, since: str, region: str, asked: date) -> dict[str, Any]:
    return {
        "service": wanted.service,
        "usage_type": wanted.usage_type,
        "operation": wanted.operation,
        "description": tier.description,
        "family": wanted.family,
        "unit": wanted.unit,
        "usd": f"{tier.usd.normalize():f}",
        "begins": f"{tier.begins.normalize():f}",
        "region": region,
        "source": "AWS Price List API",
        "as_of": f"{asked}",
        "verified": True,
        "since": since,
    }
