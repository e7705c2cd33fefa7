"""Assumptions about a month that no architecture declares: traffic, stored gigabytes, and hours of use a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from math import inf

from esaws.errors import UsageError
from esaws.pricelist import FARGATE_OPERATION, Usage

_CONNECTIONS_PER_CAPACITY_UNIT = 25
_BYTES_PER_CAPACITY_UNIT = 10**9
_BYTES_PER_BILLED_GB = 2**30
_SECONDS_PER_HOUR = 3600

_STOPPED_WHEN_PARKED = ("BoxUsage:", "EBS:VolumeUsage", "Fargate-", "InstanceUsage:", "Multi-AZUsage:")
"""Prefixes of usage types that stop when groups and services are set to 0 and databases are stopped.

The disks of a group are deleted.
"""
_STORAGE = ("AmazonS3", "TimedStorage-ByteHrs")


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The traffic of a load balancer in a month, spread evenly; none by default."""

    requests: float = 0
    """Requests to the load balancer."""
    gb_out: float = 0
    """Gigabytes of responses to the internet."""
    gb_between_zones: float = 0
    """Gigabytes between Availability Zones; AWS charges for them on both sides."""
    requests_per_connection: float = 10
    """The requests sent over one connection before it is closed."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < inf or (name == "requests_per_connection" and not value):
                raise UsageError(f"{name.replace('_', ' ')} can't be {value:g}")

    def usage(self) -> Iterator[Usage]:
        """The usage of a month: load balancer capacity units times hours, and gigabytes.

        A capacity unit is 25 new connections a second or 1 GB an hour, whichever is more of. AWS's examples take that
        GB as 10^9 bytes, while bills count 2^30. https://aws.amazon.com/elasticloadbalancing/pricing/
        """
        out = Decimal(str(self.gb_out))
        connections = Decimal(str(self.requests)) / Decimal(str(self.requests_per_connection))
        by_connections = connections / (_CONNECTIONS_PER_CAPACITY_UNIT * _SECONDS_PER_HOUR)
        by_bytes = out * _BYTES_PER_BILLED_GB / _BYTES_PER_CAPACITY_UNIT
        if units := max(by_connections, by_bytes):
            yield Usage("AWSELB", "LCUUsage", units, "LCU-Hrs", "LoadBalancing:Application")
        if out:
            yield Usage("AWSDataTransfer", "DataTransfer-Out-Bytes", out, "GB")
        if self.gb_between_zones:
            both_sides = 2 * Decimal(str(self.gb_between_zones))
            yield Usage("AWSDataTransfer", "DataTransfer-Regional-Bytes", both_sides, "GB")


NO_TRAFFIC = Traffic()


def with_gb_stored(usages: Iterable[Usage], gb: float | None) -> list[Usage]:
    """Replace the declared storage of all buckets together by this many gigabytes; None changes nothing.

    Raises:
        UsageError: `gb` is negative, or there is no bucket.
    """
    usages = list(usages)
    if gb is None:
        return usages
    buckets = [usage for usage in usages if (usage.service, usage.usage_type) == _STORAGE]
    if not 0 <= gb < inf:
        raise UsageError(f"GB stored can't be {gb:g}")
    if gb and not buckets:
        raise UsageError(f"there is no bucket for {gb:g} GB")
    others = [usage for usage in usages if usage not in buckets]
    return [*others, *(replace(usage, quantity=Decimal(str(gb))) for usage in buckets[:1] if gb)]


def with_hours_a_day(usages: Iterable[Usage], hours_a_day: float) -> list[Usage]:
    """The usage of a deployment that runs for some hours a day and is parked otherwise.

    Raises:
        UsageError: `hours_a_day` is not from 0 to 24.
    """
    if not 0 <= hours_a_day <= 24:
        raise UsageError(f"a day has 0 to 24 hours, not {hours_a_day:g}")
    share = Decimal(str(hours_a_day)) / 24
    return [replace(usage, quantity=usage.quantity * share) if _stops(usage) else usage for usage in usages]


def _stops(usage: Usage) -> bool:
    is_address = usage.usage_type == "PublicIPv4:InUseAddress" and usage.operation in (
        "RunInstances",
        FARGATE_OPERATION,
    )
    return is_address or usage.usage_type.startswith(_STOPPED_WHEN_PARKED)
