"""Variations of an architecture: other instances, fewer clusters, one zone, NAT gateways, parked at night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, nan
from typing import TYPE_CHECKING, Any

from esaws.costs.forecasting.forecast import forecast
from esaws.costs.forecasting.result import Forecast, round_to_cent
from esaws.costs.forecasting.usage import Consumer, Workload, consumers
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, Usage
from esaws.resource import Resource
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True)
class Variation:
    """Changes to what an architecture declares; None leaves a value as it is.

    `clusters` keeps the first Auto Scaling groups, with what runs on their instances. `instances` is the number in each
    group. `zones` keeps the instances of the first zones, while a load balancer keeps its two. `nat_gateways` are
    added, as private subnets would need, without their traffic.
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

    def apply(self, workload: Workload) -> list[Consumer]:
        """The resources that would be declared with these changes."""
        declared = list(consumers(workload))
        groups = [resource for resource in declared if isinstance(resource, AutoScalingGroup)]
        removed: set[tuple[str, str]] = set()
        if self.clusters is not None:
            removed = _with_their_clusters(groups[self.clusters :], groups[: self.clusters])
        varied = [
            self._vary_group(resource) if isinstance(resource, AutoScalingGroup) else resource
            for resource in declared
            if not _depends_on(resource, removed)
        ]
        return [*varied, NatGateways(self.nat_gateways)] if self.nat_gateways else varied

    def _vary_group(self, group: AutoScalingGroup) -> AutoScalingGroup:
        capacity = group.desired_capacity if self.instances is None else self.instances
        subnets = group.subnets
        if self.zones is not None and self.zones < len(subnets):
            capacity, subnets = ceil(capacity * self.zones / len(subnets)), subnets[: self.zones]
        template = group.template
        if self.instance_type:
            template = replace(template, instance_type=self.instance_type)
        return replace(
            group,
            template=template,
            subnets=subnets,
            desired_capacity=capacity,
            minimum=min(group.minimum, capacity),
            maximum=max(group.maximum, capacity),
        )


@dataclass(frozen=True)
class NatGateways:
    """NAT gateways with an address each; esaws has no resource kind for them."""

    count: int

    def usage(self) -> list[Usage]:
        hours = Usage.hours("AmazonEC2", "NatGateway-Hours", "NatGateway", count=self.count)
        return [hours, Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "NatGateway", count=self.count)]


def forecast_variation(workload: Workload, variation: Variation, **assumptions: Any) -> Forecast:
    """Forecast a variation of a workload; keyword arguments as for `forecast`."""
    return forecast(variation.apply(workload), hours_a_day=variation.hours_a_day, **assumptions)


def compare_builds(builds: Mapping[str, Workload | tuple[Workload, Variation]], **assumptions: Any) -> pandas.DataFrame:
    """Forecast several builds: one row each, in the given order, indexed by name.

    A build is a workload, or a workload and a variation of it. Columns: list_usd, and the charges in each regime
    (legacy, credits, none) before credits and tax, in USD a month, to the cent, NaN where the list lacks a price;
    verified, whether a published list or a bill shows every price. Keyword arguments as for `forecast`.
    """
    import pandas

    rows: dict[str, dict[str, Any]] = {}
    for name, build in builds.items():
        workload, variation = build if isinstance(build, tuple) else (build, Variation())
        forecasts = [forecast_variation(workload, variation, regime=regime, **assumptions) for regime in REGIMES]
        first = forecasts[0]
        sums = {"list_usd": first.list_usd} | {one.regime: one.total_usd for one in forecasts}
        rows[name] = {column: float(round_to_cent(usd)) if first.complete else nan for column, usd in sums.items()}
        rows[name]["verified"] = first.verified
    columns = ["list_usd", *REGIMES, "verified"]
    return pandas.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("build")


def _with_their_clusters(removed: list[AutoScalingGroup], remaining: list[AutoScalingGroup]) -> set[tuple[str, str]]:
    """The keys of the removed groups, and of the clusters without instances of another group."""
    used = {key for group in remaining for key in _clusters(group)}
    return {group.key for group in removed} | {key for group in removed for key in _clusters(group)} - used


def _clusters(group: AutoScalingGroup) -> list[tuple[str, str]]:
    return [resource.key for resource in group.template.dependencies if isinstance(resource, Cluster)]


def _depends_on(consumer: Consumer, keys: set[tuple[str, str]]) -> bool:
    """Whether a resource is one of those with the given keys, or depends on one."""
    if not keys or not isinstance(consumer, Resource):
        return False
    return consumer.key in keys or any(_depends_on(dependency, keys) for dependency in consumer.dependencies)
