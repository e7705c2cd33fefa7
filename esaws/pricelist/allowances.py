"""What is free each month, and in which regime: the allowances of the first 12 months, credits, what is always free."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from esaws.pricelist.data import data

Regime = Literal["legacy", "credits", "none"]
REGIMES: tuple[Regime, ...] = ("legacy", "credits", "none")
"""Which allowances an account has: those of the first 12 months, as accounts from before 2025-07-15 had; credits
beside what is free for all; or only what is free for all."""

Plan = Literal["free", "paid"]
PLANS: tuple[Plan, ...] = ("free", "paid")
"""Whether an account with credits closes when they are spent, or pays from then on."""


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


@cache
def allowances(regime: Regime) -> tuple[Allowance, ...]:
    """What is free in a regime: for `legacy` the allowances of the first 12 months, and for all what is always free."""
    free_tier = data("free_tier.json")
    always = [_allowance(item, legacy=False) for item in free_tier["always_free"]]
    legacy = [_allowance(item, legacy=True) for item in free_tier["legacy_12_month"]["items"]]
    return tuple([*legacy, *always] if regime == "legacy" else always)


@cache
def credit_plans() -> dict[str, Any]:
    """What AWS gives accounts opened since 2025-07-15, as in `free_tier.json`."""
    plans: dict[str, Any] = data("free_tier.json")["credit_plans_since_2025_07_15"]
    return plans


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
