"""Unit prices and free-tier allowances, as bundled in `esaws/data/`; every one names its source."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal

HOURS_A_MONTH = 730

Regime = Literal["legacy", "credits", "none"]
REGIMES: tuple[Regime, ...] = ("legacy", "credits", "none")
"""Which allowances an account has: those of the first 12 months, as accounts from before 2025-07-15 had; credits
beside what is free for all; or only what is free for all."""

Plan = Literal["free", "paid"]
PLANS: tuple[Plan, ...] = ("free", "paid")
"""Whether an account with credits closes when they are spent, or pays from then on."""

_CODES = {
    "us-east-1": "USE1",
    "us-east-2": "USE2",
    "us-west-1": "USW1",
    "us-west-2": "USW2",
    "ca-central-1": "CAN1",
    "ca-west-1": "CAN2",
    "mx-central-1": "MXC1",
    "sa-east-1": "SAE1",
    "eu-west-1": "EUW1",
    "eu-west-2": "EUW2",
    "eu-west-3": "EUW3",
    "eu-central-1": "EUC1",
    "eu-central-2": "EUC2",
    "eu-north-1": "EUN1",
    "eu-south-1": "EUS1",
    "eu-south-2": "EUS2",
    "ap-northeast-1": "APN1",
    "ap-northeast-2": "APN2",
    "ap-northeast-3": "APN3",
    "ap-southeast-1": "APS1",
    "ap-southeast-2": "APS2",
    "ap-south-1": "APS3",
    "ap-southeast-3": "APS4",
    "ap-south-2": "APS5",
    "ap-southeast-4": "APS6",
    "ap-southeast-5": "APS7",
    "ap-east-1": "APE1",
    "af-south-1": "AFS1",
    "me-south-1": "MES1",
    "me-central-1": "MEC1",
    "il-central-1": "ILC1",
}
_OLD_CODES = {"us-east-1": "", "eu-west-1": "EU"}
"""The two regions that are older than the codes, and have another one in the usage types of older services."""
_NEWER = ("PublicIPv4:", "RabbitMQ-", "ActiveMQ-", "TimedStorage-RabbitMQ-", "DataProcessing-Bytes")


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
    """With the region's prefix, as bills show it."""
    operation: str | None
    unit: str
    usd: Decimal
    region: str
    description: str
    family: str | None
    verified: bool
    source: str
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
class Allowance:
    """What is free each month, over all regions together; `legacy` where only in the first 12 months."""

    id: str
    service: str
    amount: Decimal
    unit: str
    usage_types: tuple[str, ...]
    regions_of: tuple[tuple[str, frozenset[str]], ...]
    """Usage types that it covers in some regions alone."""
    operations: tuple[str, ...]
    """The operations that it covers; none for any."""
    legacy: bool
    verified: bool
    source: str

    def covers(self, service: str, usage_type: str, operation: str | None, region: str) -> bool:
        """Whether it is for a usage type, given without the region's prefix."""
        if service != self.service or (self.operations and operation not in self.operations):
            return False
        return usage_type in self.usage_types or any(
            usage_type == limited and region in regions for limited, regions in self.regions_of
        )


@dataclass(frozen=True)
class MonthlyCost:
    """The list price of a month in USD, free tier not counted; `usd` is None where a unit price is not known."""

    usd: Decimal | None
    verified: bool

    def __add__(self, other: "MonthlyCost") -> "MonthlyCost":
        known = self.usd is not None and other.usd is not None
        return MonthlyCost(self.usd + other.usd if known else None, self.verified and other.verified)  # type: ignore[operator]


FREE = MonthlyCost(Decimal(0), verified=True)


def billed_as(usage_type: str, region: str) -> str:
    """A usage type as the bills of a region show it: `EUW3-BoxUsage:t2.micro`; us-east-1 has mostly no prefix."""
    code = _CODES.get(region, region)
    if not usage_type.startswith(_NEWER):
        code = _OLD_CODES.get(region, code)
    return f"{code}-{usage_type}" if code else usage_type


def hours_in_month(when: date) -> int:
    """The hours of the calendar month (UTC) that a day lies in: 672 to 744."""
    first = when.replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return (following - date(first.year, first.month, 1)).days * 24


@cache
def prices() -> dict[tuple[str, str, str], list[Price]]:
    """Every bundled price, by (region, service, usage type without the region's prefix), lowest tier first."""
    table: dict[tuple[str, str, str], list[Price]] = {}
    for row in _data("prices.json"):
        price = Price(
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
            begins=Decimal(row.get("begins", 0)),
            since=_day(row.get("since")),
            until=_day(row.get("until")),
        )
        key = (price.region, price.service, _without_prefix(price.usage_type, price.region))
        table.setdefault(key, []).append(price)
    for tiers in table.values():
        tiers.sort(key=lambda price: price.begins)
    return table


def tiers(service: str, usage_type: str, operation: str | None, region: str, when: date | None = None) -> list[Price]:
    """What a unit costs, lowest tier first; nearly always one price, and none where the list has none.

    Where a usage type has several operations (Redis and Valkey share one), the operation decides.
    """
    candidates = [price for price in prices().get((region, service, usage_type), []) if price.holds(when)]
    operations = [price.operation for price in candidates]
    wanted = operation if operation in operations else next(iter(operations), None)
    return [price for price in candidates if price.operation == wanted]


def is_charged(service: str, usage_type: str, region: str, when: date) -> bool:
    """Whether AWS asks anything for a usage type on a day; True where the list does not know it."""
    known = prices().get((region, service, usage_type), [])
    return not known or any(price.holds(when) for price in known)


def unit_price(usage: Usage, region: str, when: date | None = None) -> Price | None:
    """The price of one unit of `usage` in `region`, of the first tier, or None where the list has none."""
    return next(iter(tiers(usage.service, usage.usage_type, usage.operation, region, when)), None)


def monthly_cost(usages: Iterable[Usage], region: str) -> MonthlyCost:
    """The list price of a month of `usages` in `region`."""
    total = FREE
    for usage in usages:
        price = unit_price(usage, region)
        total += MonthlyCost(price.usd * usage.quantity if price else None, bool(price and price.verified))
    return total


@cache
def allowances(regime: Regime) -> tuple[Allowance, ...]:
    """What is free in a regime: for `legacy` the allowances of the first 12 months, and for all what is always free."""
    free_tier = _data("free_tier.json")
    always = [_allowance(item, legacy=False) for item in free_tier["always_free"]]
    legacy = [_allowance(item, legacy=True) for item in free_tier["legacy_12_month"]["items"]]
    return tuple([*legacy, *always] if regime == "legacy" else always)


@cache
def credit_plans() -> dict[str, Any]:
    """What AWS gives accounts opened since 2025-07-15, as in `free_tier.json`."""
    plans: dict[str, Any] = _data("free_tier.json")["credit_plans_since_2025_07_15"]
    return plans


def day_of(moment: float) -> date:
    """The day (UTC) of a moment in seconds since 1970."""
    return datetime.fromtimestamp(moment, UTC).date()


def _allowance(item: dict[str, Any], *, legacy: bool) -> Allowance:
    return Allowance(
        id=item["id"],
        service=item["service"],
        amount=Decimal(str(item["amount"])),
        unit=item["unit"],
        usage_types=tuple(item["usage_types"]),
        regions_of=tuple((name, frozenset(some)) for name, some in item.get("usage_types_by_region", {}).items()),
        operations=tuple(item.get("operations", ())),
        legacy=legacy,
        verified=item["verified"] is True,
        source=item["source"],
    )


def _without_prefix(usage_type: str, region: str) -> str:
    for code in (_CODES[region], _OLD_CODES.get(region)):
        if code and usage_type.startswith(f"{code}-"):
            return usage_type.removeprefix(f"{code}-")
    return usage_type


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _data(name: str) -> Any:
    return json.loads((files("esaws") / "data" / name).read_text("utf-8"))
