"""Unit prices: what AWS charges for one unit of a usage type, in a region, on a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from esaws.pricelist.data import load_json
from esaws.pricelist.regions import without_prefix
from esaws.pricelist.usage import Usage

Key = tuple[str, str, str]
"""(region, service, usage type without the region's prefix)."""


@dataclass(frozen=True)
class Price:
    """The price of one unit, in USD before tax; `verified` where a published price list or a bill shows it."""

    service: str
    usage_type: str
    """With the region's prefix, as in bills."""
    operation: str | None
    unit: str
    usd: Decimal
    region: str
    description: str
    family: str | None
    verified: bool
    source: str
    as_of: date
    """The last day for which the source shows it."""
    begins: Decimal = Decimal(0)
    """The monthly quantity at which this price begins: data transfer has tiers."""
    since: date | None = None
    until: date | None = None

    def is_valid_on(self, day: date | None) -> bool:
        """Whether the price is valid on a day; for None, today."""
        if day is None:
            return self.until is None
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


@dataclass(frozen=True)
class MonthlyCost:
    """The list price of a month in USD, without the free tier; `usd` is None where a unit price is not known."""

    usd: Decimal | None
    verified: bool

    def __add__(self, other: "MonthlyCost") -> "MonthlyCost":
        is_known = self.usd is not None and other.usd is not None
        return MonthlyCost(self.usd + other.usd if is_known else None, self.verified and other.verified)  # type: ignore[operator]


FREE = MonthlyCost(Decimal(0), verified=True)


@dataclass(frozen=True)
class PriceList:
    """The prices of some regions, with their history; `origin` names their source."""

    prices: Mapping[Key, Sequence[Price]]
    """Lowest tier first."""
    origin: str

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]], origin: str) -> "PriceList":
        """Make a list from rows as in `prices.json`."""
        table: dict[Key, list[Price]] = {}
        for row in rows:
            price = _price(row)
            key = price.region, price.service, without_prefix(price.usage_type, price.region)
            table.setdefault(key, []).append(price)
        return cls({key: sorted(prices, key=lambda price: price.begins) for key, prices in table.items()}, origin)

    def tiers(
        self, service: str, usage_type: str, operation: str | None, region: str, day: date | None = None
    ) -> list[Price]:
        """The prices of a unit, lowest tier first: usually one; empty where the list has none.

        Where a usage type has several operations (Redis and Valkey share one), the operation decides. If only the price
        of another variant is known, such as PostgreSQL's for MySQL, it is returned as not verified.
        """
        candidates = [price for price in self.prices.get((region, service, usage_type), ()) if price.is_valid_on(day)]
        operations = [price.operation for price in candidates]
        if operation in operations:
            return [price for price in candidates if price.operation == operation]
        first = [price for price in candidates if price.operation == operations[0]]
        return [
            replace(price, verified=False) if _are_variants(price.operation, operation) else price for price in first
        ]

    def is_charged(self, service: str, usage_type: str, region: str, day: date) -> bool:
        """Whether AWS charges for a usage type on a day; True for usage types that the list does not have."""
        prices = self.prices.get((region, service, usage_type), ())
        return not prices or any(price.is_valid_on(day) for price in prices)

    def unit_price(self, usage: Usage, region: str, day: date | None = None) -> Price | None:
        """The price of one unit of `usage` in the first tier, or None where the list has none."""
        return next(iter(self.tiers(usage.service, usage.usage_type, usage.operation, region, day)), None)

    def monthly_cost(self, usages: Iterable[Usage], region: str) -> MonthlyCost:
        """The list price of a month of `usages`."""
        total = FREE
        for usage in usages:
            price = self.unit_price(usage, region)
            total += MonthlyCost(price.usd * usage.quantity if price else None, bool(price and price.verified))
        return total


@cache
def bundled() -> PriceList:
    """The price list of `esaws/data/prices.json`."""
    rows = load_json("prices.json")
    return PriceList.from_rows(rows, f"the bundled price list of {max(row['as_of'] for row in rows)}")


def _are_variants(known: str | None, requested: str | None) -> bool:
    """Whether operations may be variants of one, which AWS numbers after a colon: `CreateDBInstance:0014`."""
    return known is not None and requested is not None and ":" in known + requested


def _price(row: Mapping[str, Any]) -> Price:
    return Price(
        service=row["service"],
        usage_type=row["usage_type"],
        operation=row.get("operation"),
        unit=row["unit"],
        usd=Decimal(str(row["usd"])),
        region=row["region"],
        description=row["description"],
        family=row.get("family"),
        verified=row["verified"] is True,
        source=row["source"],
        as_of=date.fromisoformat(row["as_of"]),
        begins=Decimal(row.get("begins", 0)),
        since=_parse_day(row.get("since")),
        until=_parse_day(row.get("until")),
    )


def _parse_day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
