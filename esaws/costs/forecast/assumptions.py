"""What no architecture says and a month depends on: traffic, and how many hours a day it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from decimal import Decimal

from esaws.errors import UsageError
from esaws.pricelist import HOURS_A_MONTH, Usage

_SECONDS_A_MONTH = HOURS_A_MONTH * 3600
_CONNECTIONS_OF_A_UNIT = 25
_GB_OF_A_UNIT = 1

_PARKED = ("BoxUsage:", "EBS:VolumeUsage", "InstanceUsage:", "Multi-AZUsage:")
"""How usage types begin that stop when groups are set to 0 and databases are stopped: a group's disks go with it."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What passes through the load balancer in a month; nothing, unless somebody knows better."""

    requests: float = 0
    """Requests to the load balancer, spread evenly; each is taken for a new connection."""
    gb_out: float = 0
    """Gigabytes of answers to the internet."""
    gb_between_zones: float = 0
    """Gigabytes between Availability Zones: AWS charges for them on both sides."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 0:
                raise UsageError(f"{name.replace('_', ' ')} can't be {value:g}")

    def usage(self) -> Iterator[Usage]:
        """Its usage of a month: load balancer capacity units, and gigabytes.

        A capacity unit is 25 new connections a second or 1 GB an hour, whichever is more of.
        https://aws.amazon.com/elasticloadbalancing/pricing/
        """
        connections = Decimal(str(self.requests)) / _SECONDS_A_MONTH / _CONNECTIONS_OF_A_UNIT
        gigabytes = Decimal(str(self.gb_out)) / HOURS_A_MONTH / _GB_OF_A_UNIT
        if units := max(connections, gigabytes):
            yield Usage("AWSELB", "LCUUsage", units * HOURS_A_MONTH, "LCU-Hrs", "LoadBalancing:Application")
        if self.gb_out:
            yield Usage("AWSDataTransfer", "DataTransfer-Out-Bytes", Decimal(str(self.gb_out)), "GB")
        if self.gb_between_zones:
            both = 2 * Decimal(str(self.gb_between_zones))
            yield Usage("AWSDataTransfer", "DataTransfer-Regional-Bytes", both, "GB")


NO_TRAFFIC = Traffic()


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
