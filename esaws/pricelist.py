"""Unit prices and free-tier allowances, as bundled in `esaws/data/`; every price names its source."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

HOURS_A_MONTH = 730

_REGION_PREFIX = re.compile(r"^(EUW3|USE1)-")


@dataclass(frozen=True)
class Usage:
    """A quantity that AWS meters over a month, under the usage type of its bills.

    `usage_type` comes without the region's prefix (`BoxUsage:t2.micro`, not `EUW3-BoxUsage:t2.micro`):
    a resource is declared before it is known where it will stand.
    """

    service: str
    usage_type: str
    quantity: Decimal
    unit: str
    operation: str | None = None

    @classmethod
    def hours(cls, service: str, usage_type: str, operation: str | None = None, *, count: int = 1) -> "Usage":
        """A month of `count` things that are charged by the hour."""
        return cls(service, usage_type, Decimal(count * HOURS_A_MONTH), "Hrs", operation)

    @classmethod
    def gb_month(cls, service: str, usage_type: str, gb: float, operation: str | None = None) -> "Usage":
        """A month of `gb` gigabytes kept."""
        return cls(service, usage_type, Decimal(str(gb)), "GB-Mo", operation)


@dataclass(frozen=True)
class Price:
    """What AWS asks for one unit, in USD before tax; `verified` where a published price list or a bill shows it."""

    service: str
    usage_type: str
    operation: str | None
    unit: str
    usd: Decimal
    region: str
    verified: bool
    source: str


@dataclass(frozen=True)
class MonthlyCost:
    """The list price of a month in USD, free tier not counted; `usd` is None where a unit price is not known."""

    usd: Decimal | None
    verified: bool

    def __add__(self, other: "MonthlyCost") -> "MonthlyCost":
        known = self.usd is not None and other.usd is not None
        return MonthlyCost(self.usd + other.usd if known else None, self.verified and other.verified)  # type: ignore[operator]


FREE = MonthlyCost(Decimal(0), verified=True)


@cache
def prices() -> dict[tuple[str, str, str], list[Price]]:
    """Every bundled price, by (region, service, usage type without the region's prefix), dearest tier first."""
    table: dict[tuple[str, str, str], list[Price]] = {}
    for row in json.loads((files("esaws") / "data" / "prices.json").read_text("utf-8")):
        price = Price(
            service=row["service"],
            usage_type=row["usage_type"],
            operation=row.get("operation"),
            unit=row["unit"],
            usd=Decimal(str(row["usd"])),
            region=row["region"],
            verified=row["verified"] is True,
            source=row["source"],
        )
        key = (price.region, price.service, _REGION_PREFIX.sub("", price.usage_type))
        table.setdefault(key, []).append(price)
    return table


def unit_price(usage: Usage, region: str) -> Price | None:
    """The price of one unit of `usage` in `region`, or None where the list has none.

    Where a usage type has several operations (Redis and Valkey share one), the operation decides.
    """
    candidates = prices().get((region, usage.service, usage.usage_type), [])
    same_operation = [price for price in candidates if price.operation == usage.operation]
    return next(iter(same_operation or candidates), None)


def monthly_cost(usages: Iterable[Usage], region: str) -> MonthlyCost:
    """The list price of a month of `usages` in `region`."""
    total = FREE
    for usage in usages:
        price = unit_price(usage, region)
        total += MonthlyCost(price.usd * usage.quantity if price else None, bool(price and price.verified))
    return total
