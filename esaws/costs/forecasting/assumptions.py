"""What no architecture says and a month depends on: traffic, what is stored, and how many hours a day it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from math import inf

from esaws.errors import UsageError
from esaws.pricelist import Usage

_CONNECTIONS_OF_A_UNIT = 25
_BYTES_OF_A_UNIT = 10**9
_BYTES_OF_A_BILLED_GB = 2**30
_SECONDS_AN_HOUR = 3600

_PARKED = ("BoxUsage:", "EBS:VolumeUsage", "InstanceUsage:", "Multi-AZUsage:")
"""How usage types begin that stop when groups are set to 0 and databases are stopped: a group's disks go with it."""
_STORED = ("AmazonS3", "TimedStorage-ByteHrs")


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What passes through the load balancer in a month, evenly; nothing, unless somebody knows better."""

    requests: float = 0
    """Requests to the load balancer."""
    gb_out: float = 0
    """Gigabytes of answers to the internet."""
    gb_between_zones: float = 0
    """Gigabytes between Availability Zones: AWS charges for them on both sides."""
    requests_per_connection: float = 10
    """How many requests come over one connection before it is closed."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < inf or (name == "requests_per_connection" and not value):
                raise UsageError(f"{name.replace('_', ' ')} can't be {value:g}")

    def usage(self) -> Iterator[Usage]:
        """Its usage of a month: load balancer capacity units times hours, and gigabytes.

        A capacity unit is 25 new connections a second or 1 GB an hour, whichever is more of; AWS's examples take that
        GB as 10^9 bytes, while bills count 2^30. https://aws.amazon.com/elasticloadbalancing/pricing/
        """
        out = Decimal(str(self.gb_out))
        connections = Decimal(str(self.requests)) / Decimal(str(self.requests_per_connection))
        by_connections = connections / (_CONNECTIONS_OF_A_UNIT * _SECONDS_AN_HOUR)
        by_bytes = out * _BYTES_OF_A_BILLED_GB / _BYTES_OF_A_UNIT
        if units := max(by_connections, by_bytes):
            yield Usage("AWSELB", "LCUUsage", units, "LCU-Hrs", "LoadBalancing:Application")
        if out:
            yield Usage("AWSDataTransfer", "DataTransfer-Out-Bytes", out, "GB")
        if self.gb_between_zones:
            both = 2 * Decimal(str(self.gb_between_zones))
            yield Usage("AWSDataTransfer", "DataTransfer-Regional-Bytes", both, "GB")


NO_TRAFFIC = Traffic()


def stored(usages: Iterable[Usage], gb: float | None) -> list[Usage]:
    """The same with so many gigabytes in all buckets together, in place of what is declared of each.

    Raises:
        UsageError: that is less than nothing, or there is no bucket.
    """
    usages = list(usages)
    if gb is None:
        return usages
    buckets = [each for each in usages if (each.service, each.usage_type) == _STORED]
    if not 0 <= gb < inf:
        raise UsageError(f"GB stored can't be {gb:g}")
    if gb and not buckets:
        raise UsageError(f"there is no bucket for {gb:g} GB")
    others = [each for each in usages if each not in buckets]
    return [*others, *(replace(each, quantity=Decimal(str(gb))) for each in buckets[:1] if gb)]


def parked(usages: Iterable[Usage], hours_a_day: float) -> list[Usage]:
    """The same deployment run for some hours a day only, and parked in between.

    Raises:
        UsageError: a day does not have so many hours.
    """
    if not 0 <= hours_a_day <= 24:
        raise UsageError(f"a day has 0 to 24 hours, not {hours_a_day:g}")
    share = Decimal(str(hours_a_day)) / 24
    return [replace(each, quantity=each.quantity * share) if _stops(each) else each for each in usages]


def _stops(usage: Usage) -> bool:
    address = usage.usage_type == "PublicIPv4:InUseAddress" and usage.operation == "RunInstances"
    return address or usage.usage_type.startswith(_PARKED)
