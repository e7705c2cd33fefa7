"""Unit prices: what AWS asks for one of a usage type, in a region, on a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from esaws.pricelist.data import data
from esaws.pricelist.regions import without_prefix
from esaws.pricelist.usage import Usage

Key = tuple[str, str, str]
"""(region, service, usage type without the region's prefix)."""


@dataclass(frozen=True)
class Price:
    """What AWS asks for one unit, in USD before tax; `verified` where a published price list or a bill shows it."""

    service: str
    usage_type: str
    """With the region's prefix, as bills show it."""
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
    """The first unit of a month that has this price: data transfer has tiers."""
    since: date | None = None
    until: date | None = None

    def holds(self, when: date | None) -> bool:
        """Whether it is asked on a day; without one, today."""
        if when is None:
            return self.until is None
        return (self.since is None or self.since <= when) and (self.until is None or when < self.until)


@dataclass(frozen=True)
class MonthlyCost:
    """The list price of a month in USD, free tier not counted; `usd` is None where a unit price is not known."""

    usd: Decimal | None
    verified: bool

    def __add__(self, other: "MonthlyCost") -> "MonthlyCost":
        known = self.usd is not None and other.usd is not None
        return MonthlyCost(self.usd + other.usd if known else None, self.verified and other.verified)  # type: ignore[operator]


FREE = MonthlyCost(Decimal(0), verified=True)


@dataclass(frozen=True)
class PriceList:
    """The prices of some regions, with their history; `origin` says in words where they come from."""

    prices: Mapping[Key, Sequence[Price]]
    """Lowest tier first."""
    origin: str

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], origin: str) -> "PriceList":
        """The list out of rows as in `prices.json`: to add a price is to add a row."""
        table: dict[Key, list[Price]] = {}
        for row in rows:
            price = _price(row)
            key = price.region, price.service, without_prefix(price.usage_type, price.region)
            table.setdefault(key, []).append(price)
        return cls({key: sorted(found, key=lambda each: each.begins) for key, found in table.items()}, origin)

    def tiers(
        self, service: str, usage_type: str, operation: str | None, region: str, when: date | None = None
    ) -> list[Price]:
        """What a unit costs, lowest tier first; nearly always one price, and none where the list has none.

        Where a usage type has several operations (Redis and Valkey share one), the operation decides. The price of
        another variant, such as PostgreSQL's for MySQL, is better than none, and not verified.
        """
        candidates = [price for price in self.prices.get((region, service, usage_type), ()) if price.holds(when)]
        operations = [price.operation for price in candidates]
        if operation in operations:
            return [price for price in candidates if price.operation == operation]
        found = [price for price in candidates if price.operation == next(iter(operations))]
        return [replace(price, verified=False) if _another(price.operation, operation) else price for price in found]

    def is_charged(self, service: str, usage_type: str, region: str, when: date) -> bool:
        """Whether AWS asks anything for a usage type on a day; True where the list does not know it."""
        known = self.prices.get((region, service, usage_type), ())
        return not known or any(price.holds(when) for price in known)

    def unit_price(self, usage: Usage, region: str, when: date | None = None) -> Price | None:
        """The price of one unit of `usage` in `region`, of the first tier, or None where the list has none."""
        return next(iter(self.tiers(usage.service, usage.usage_type, usage.operation, region, when)), None)

    def monthly_cost(self, usages: Iterable[Usage], region: str) -> MonthlyCost:
        """The list price of a month of `usages` in `region`."""
        total = FREE
        for usage in usages:
            price = self.unit_price(usage, region)
            total += MonthlyCost(price.usd * usage.quantity if price else None, bool(price and price.verified))
        return total


@cache
def bundled() -> PriceList:
    """The list that comes with esaws, in `esaws/data/prices.json`: nothing is asked of anybody."""
    rows = data("prices.json")
    return PriceList.of(rows, f"the bundled price list of {max(row['as_of'] for row in rows)}")


def prices() -> Mapping[Key, Sequence[Price]]:
    """Every bundled price, by (region, service, usage type without the region's prefix), lowest tier first."""
    return bundled().prices


def tiers(service: str, usage_type: str, operation: str | None, region: str, when: date | None = None) -> list[Price]:
    """`PriceList.tiers` of the bundled list."""
    return bundled().tiers(service, usage_type, operation, region, when)


def is_charged(service: str, usage_type: str, region: str, when: date) -> bool:
    """`PriceList.is_charged` of the bundled list."""
    return bundled().is_charged(service, usage_type, region, when)


def unit_price(usage: Usage, region: str, when: date | None = None) -> Price | None:
    """`PriceList.unit_price` of the bundled list."""
    return bundled().unit_price(usage, region, when)


def monthly_cost(usages: Iterable[Usage], region: str) -> MonthlyCost:
    """`PriceList.monthly_cost` of the bundled list."""
    return bundled().monthly_cost(usages, region)


def _another(known: str | None, asked: str | None) -> bool:
    """Whether two operations are variants of one, which AWS numbers behind a colon: `CreateDBInstance:0014`."""
    return known is not None and asked is not None and ":" in known + asked


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
        since=_day(row.get("since")),
        until=_day(row.get("until")),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
