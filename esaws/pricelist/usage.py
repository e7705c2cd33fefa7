"""Metered usage: a quantity of a usage type in a month, and the hours of months."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

HOURS_PER_MONTH = 730
"""The hours of an average month, as in AWS's calculator."""


_HOURLY_UNITS = ("Hrs", "hours")
"""The units of hourly prices; AWS's list has the second for Fargate."""
FARGATE_OPERATION = "FargateTask"
"""The operation of Fargate's lines in bills of ECS."""


@dataclass(frozen=True)
class Usage:
    """A quantity that AWS meters over a month, under the usage type of its bills.

    `usage_type` has no region prefix (`BoxUsage:t2.micro`, not `EUW3-BoxUsage:t2.micro`), because a resource is
    declared before its region is known.
    """

    service: str
    usage_type: str
    quantity: Decimal
    unit: str
    operation: str | None = None

    @classmethod
    def hours(cls, service: str, usage_type: str, operation: str | None = None, *, count: int = 1) -> "Usage":
        """A month of `count` resources that are charged by the hour."""
        return cls(service, usage_type, Decimal(count * HOURS_PER_MONTH), "Hrs", operation)

    @property
    def is_hourly(self) -> bool:
        """Whether it is metered by the hour, and declared for a month of 730 hours; else by the month."""
        return self.unit in _HOURLY_UNITS

    @classmethod
    def gb_month(cls, service: str, usage_type: str, gb: float, operation: str | None = None) -> "Usage":
        """A month of `gb` gigabytes of storage."""
        return cls(service, usage_type, Decimal(str(gb)), "GB-Mo", operation)


def hours_in_month(day: date) -> int:
    """The hours of the calendar month (UTC) of a day: 672 to 744."""
    first = day.replace(day=1)
    next_month = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return (next_month - date(first.year, first.month, 1)).days * 24


def utc_day(timestamp: float) -> date:
    """The day (UTC) of a time in seconds since 1970."""
    return datetime.fromtimestamp(timestamp, UTC).date()


def fargate_usages(cpu: int, memory: int, count: int = 1) -> list[Usage]:
    """A month of `count` Linux tasks on Fargate, by their size: CPU units, and memory in MiB.

    Their first 20 GB of storage are free. https://aws.amazon.com/fargate/pricing/
    """
    hours = Decimal(count * HOURS_PER_MONTH)
    return [
        Usage("AmazonECS", name, hours * size / 1024, "hours", FARGATE_OPERATION)
        for name, size in (("Fargate-vCPU-Hours:perCPU", cpu), ("Fargate-GB-Hours", memory))
    ]


def fargate_address(count: int = 1) -> Usage:
    """A month of the public addresses of `count` tasks on Fargate.

    AWS does not document the operation of such lines; here it is that of the task's other lines.
    https://aws.amazon.com/vpc/pricing/
    """
    return Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", FARGATE_OPERATION, count=count)
