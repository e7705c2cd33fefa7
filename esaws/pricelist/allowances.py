"""Free-tier allowances by regime: those of the first 12 months, and those that are always free."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from esaws.pricelist.data import load_json

Regime = Literal["legacy", "credits", "none"]
REGIMES: tuple[Regime, ...] = ("legacy", "credits", "none")
"""legacy: the allowances of the first 12 months, for accounts opened before 2025-07-15. credits: credits and what is
always free. none: only what is always free."""

Plan = Literal["free", "paid"]
PLANS: tuple[Plan, ...] = ("free", "paid")
"""free: an account with credits is closed when they are spent. paid: it is charged from then on."""


@dataclass(frozen=True)
class Allowance:
    """A free quantity a month, over all regions together."""

    id: str
    service: str
    amount: Decimal
    unit: str
    usage_types: tuple[str, ...]
    regional_usage_types: tuple[tuple[str, frozenset[str]], ...]
    """(usage type, regions): usage types that it covers in some regions only."""
    operations: tuple[str, ...]
    """The operations that it covers; empty for any."""
    legacy: bool
    """Whether it is limited to the first 12 months."""
    verified: bool
    source: str

    def covers(self, service: str, usage_type: str, operation: str | None, region: str) -> bool:
        """Whether it covers a usage type, given without the region's prefix."""
        if service != self.service or (self.operations and operation not in self.operations):
            return False
        return usage_type in self.usage_types or any(
            usage_type == name and region in regions for name, regions in self.regional_usage_types
        )


@cache
def allowances(regime: Regime) -> tuple[Allowance, ...]:
    """The allowances of a regime: for `legacy` those of the first 12 months first; for all, what is always free."""
    free_tier = load_json("free_tier.json")
    always = [_allowance(item, legacy=False) for item in free_tier["always_free"]]
    legacy = [_allowance(item, legacy=True) for item in free_tier["legacy_12_month"]["items"]]
    return tuple([*legacy, *always] if regime == "legacy" else always)


@cache
def credit_plans() -> dict[str, Any]:
    """The credits and plans of accounts opened since 2025-07-15, as in `free_tier.json`."""
    plans: dict[str, Any] = load_json("free_tier.json")["credit_plans_since_2025_07_15"]
    return plans


def _allowance(item: dict[str, Any], *, legacy: bool) -> Allowance:
    return Allowance(
        id=item["id"],
        service=item["service"],
        amount=Decimal(str(item["amount"])),
        unit=item["unit"],
        usage_types=tuple(item["usage_types"]),
        regional_usage_types=tuple(
            (name, frozenset(regions)) for name, regions in item.get("usage_types_by_region", {}).items()
        ),
        operations=tuple(item.get("operations", ())),
        legacy=legacy,
        verified=item["verified"] is True,
        source=item["source"],
    )
