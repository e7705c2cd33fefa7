"""Builds side by side: the same system with other machines, fewer clusters, one zone, a NAT gateway, nights off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, nan
from typing import TYPE_CHECKING, Any

from esaws.costs.forecasting.forecast import forecast
from esaws.costs.forecasting.result import Forecast, cents
from esaws.costs.forecasting.usage import Consumer, What, consumers
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, Usage
from esaws.resource import Resource
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True)
class Variation:
    """What is otherwise than declared; None leaves it as it is.

    `clusters` keeps the first so many Auto Scaling groups, with what runs on their machines; `instances` is the number
    in each; `zones` takes away the machines of the zones beyond it, while a load balancer keeps its two;
    `nat_gateways` are added, as private subnets would need, without what flows through them.
    """

    clusters: int | None = None
    instances: int | None = None
    instance_type: str | None = None
    zones: int | None = None
    nat_gateways: int = 0
    hours_a_day: float = 24

    def __post_init__(self) -> None:
        for name in ("clusters", "instances", "zones", "nat_gateways"):
            value = getattr(self, name)
            if value is not None and value < (1 if name == "zones" else 0):
                raise UsageError(f"{name.replace('_', ' ')} can't be {value}")

    def of(self, what: What) -> list[Consumer]:
        """What would be declared then."""
        declared = list(consumers(what))
        groups = [each for each in declared if isinstance(each, AutoScalingGroup)]
        gone = (
            set() if self.clusters is None else _with_their_clusters(groups[self.clusters :], groups[: self.clusters])
        )
        varied = [
            self._group(each) if isinstance(each, AutoScalingGroup) else each
            for each in declared
            if not _stands_on(each, gone)
        ]
        return [*varied, NatGateways(self.nat_gateways)] if self.nat_gateways else varied

    def _group(self, group: AutoScalingGroup) -> AutoScalingGroup:
        wanted = group.desired_capacity if self.instances is None else self.instances
        subnets = group.subnets
        if self.zones is not None and self.zones < len(subnets):
            wanted, subnets = ceil(wanted * self.zones / len(subnets)), subnets[: self.zones]
        template = group.template
        if self.instance_type:
            template = replace(template, instance_type=self.instance_type)
        return replace(
            group,
            template=template,
            subnets=subnets,
            desired_capacity=wanted,
            minimum=min(group.minimum, wanted),
            maximum=max(group.maximum, wanted),
        )


@dataclass(frozen=True)
class NatGateways:
    """So many NAT gateways with an address each, which no architecture here declares."""

    count: int

    def usage(self) -> list[Usage]:
        hours = Usage.hours("AmazonEC2", "NatGateway-Hours", "NatGateway", count=self.count)
        return [hours, Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "NatGateway", count=self.count)]


def varied(what: What, variation: Variation, **assumptions: Any) -> Forecast:
    """The forecast of a variation; further words are those of `forecast`."""
    return forecast(variation.of(what), hours_a_day=variation.hours_a_day, **assumptions)


def compare(builds: Mapping[str, What | tuple[What, Variation]], **assumptions: Any) -> pandas.DataFrame:
    """Builds side by side: one row each, in the order given, by its name.

    A build is what is declared, or that with a variation. Columns: list_usd, and what is charged in each regime
    (legacy, credits, none) before credits and tax, USD of a month, to the cent, NaN where the list lacks a price;
    verified, whether a published list or a bill shows every price in it. Further words are those of `forecast`.
    """
    import pandas

    rows: dict[str, dict[str, Any]] = {}
    for name, build in builds.items():
        what, variation = build if isinstance(build, tuple) else (build, Variation())
        found = [varied(what, variation, regime=regime, **assumptions) for regime in REGIMES]
        sums = {"list_usd": found[0].list_usd} | {each.regime: each.total_usd for each in found}
        complete = found[0].complete
        rows[name] = {column: float(cents(usd)) if complete else nan for column, usd in sums.items()}
        rows[name]["verified"] = found[0].verified
    columns = ["list_usd", *REGIMES, "verified"]
    return pandas.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("build")


def _with_their_clusters(going: list[AutoScalingGroup], staying: list[AutoScalingGroup]) -> set[tuple[str, str]]:
    """The keys of groups, and of the clusters that no other group has machines in."""
    used = {key for group in staying for key in _clusters(group)}
    return {group.key for group in going} | {key for group in going for key in _clusters(group)} - used


def _clusters(group: AutoScalingGroup) -> list[tuple[str, str]]:
    return [each.key for each in group.template.dependencies if isinstance(each, Cluster)]


def _stands_on(consumer: Consumer, gone: set[tuple[str, str]]) -> bool:
    """Whether it is one of what is gone, or needs it."""
    if not gone or not isinstance(consumer, Resource):
        return False
    return consumer.key in gone or any(_stands_on(each, gone) for each in consumer.dependencies)
