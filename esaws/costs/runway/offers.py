"""The offers of the free tier: how much of each is used this month, and when it is used up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from esaws.costs.bill.covered_days import next_month

TWELVE_MONTHS = "12 Months Free"
"""The type of an offer that ends 12 months after the account was opened."""


@dataclass(frozen=True)
class FreeTierOffer:
    """An offer of the free tier that the account uses this month."""

    service: str
    usage_type: str
    used: float
    """At most `limit`: AWS counts free usage only."""
    limit: float
    unit: str
    expected: float
    """AWS's forecast for the whole month."""
    kind: str
    """`Always Free`, `12 Months Free` or `Free Trial`."""
    used_up_on: date | None
    """The day of this month on which it is used up, if usage goes on as AWS expects; today where it is already, and
    None where it is not used up this month."""

    @property
    def is_used_up(self) -> bool:
        """Whether usage is charged now."""
        return self.used >= self.limit

    def to_dict(self) -> dict[str, Any]:
        """service, usage_type, used, limit, unit, expected, kind, used_up, used_up_on (ISO date or null)."""
        return {
            "service": self.service,
            "usage_type": self.usage_type,
            "used": self.used,
            "limit": self.limit,
            "unit": self.unit,
            "expected": self.expected,
            "kind": self.kind,
            "used_up": self.is_used_up,
            "used_up_on": self.used_up_on.isoformat() if self.used_up_on else None,
        }


def offers_of(usages: Iterable[Mapping[str, Any]], today: date) -> tuple[FreeTierOffer, ...]:
    """The offers of a response of GetFreeTierUsage: those that are used up first, then by share used.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_FreeTierUsage.html
    """
    offers = [_offer(usage, today) for usage in usages if usage.get("limit")]
    return tuple(
        sorted(offers, key=lambda one: (one.used_up_on or date.max, -one.used / one.limit, one.service, one.usage_type))
    )


def _offer(usage: Mapping[str, Any], today: date) -> FreeTierOffer:
    used, limit = float(usage.get("actualUsageAmount", 0)), float(usage["limit"])
    expected = float(usage.get("forecastedUsageAmount", used))
    return FreeTierOffer(
        usage.get("service", ""),
        usage.get("usageType", ""),
        used,
        limit,
        usage.get("unit", ""),
        expected,
        usage.get("freeTierType", ""),
        _used_up_on(used, limit, expected, today),
    )


def _used_up_on(used: float, limit: float, expected: float, today: date) -> date | None:
    if used >= limit:
        return today
    if expected <= limit:
        return None
    days_left = (next_month(today) - today).days
    return today + timedelta(days=int(days_left * (limit - used) / (expected - used)))
