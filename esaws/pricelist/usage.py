"""What AWS meters: a quantity under a usage type, and the months that it is of."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

HOURS_A_MONTH = 730
"""Of the average month, as AWS's calculator takes it."""


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


def hours_in_month(when: date) -> int:
    """The hours of the calendar month (UTC) that a day lies in: 672 to 744."""
    first = when.replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return (following - date(first.year, first.month, 1)).days * 24


def day_of(moment: float) -> date:
    """The day (UTC) of a moment in seconds since 1970."""
    return datetime.fromtimestamp(moment, UTC).date()
