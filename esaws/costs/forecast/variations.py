"""Builds side by side: the same system with other machines, fewer clusters, one zone, a NAT gateway, nights off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil, nan
from typing import TYPE_CHECKING, Any

from esaws.costs.forecast.forecast import Forecast, cents, forecast
from esaws.costs.forecast.usage import What
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, Usage
from esaws.resource import Resource
from esaws.resources.auto_scaling_group import AutoScalingGroup

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True)
class Variation:
    """What is otherwise than declared; None leaves it as it is.

    `clusters` keeps the first so many Auto Scaling groups with their machines; `instances` is the number in each;
    `zones` takes away the machines of the zones beyond it; `nat_gateways` are added, as private subnets would need.
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

    def of(self, resources: Iterable[Resource]) -> list[Resource | NatGateways]:
        """The resources as they would be declared then."""
        varied: list[Resource | NatGateways] = []
        groups = 0
        for resource in resources:
            if not isinstance(resource, AutoScalingGroup):
                varied.append(resource)
                continue
            groups += 1
            if self.clusters is None or groups <= self.clusters:
                varied.append(self._group(resource))
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
    resources: Any = variation.of(_declared(what))
    return forecast(resources, hours_a_day=variation.hours_a_day, **assumptions)


def compare(builds: Mapping[str, What | tuple[What, Variation]], **assumptions: Any) -> pandas.DataFrame:
    """Builds side by side: one row each, in the order given, by its name.

    A build is what is declared, or that with a variation. Columns: list_usd, and what is charged in each regime
    (legacy, credits, none) before credits and tax; USD of a month, to the cent, NaN where the list lacks a price.
    Further words are those of `forecast`.
    """
    import pandas

    rows: dict[str, dict[str, float]] = {}
    for name, build in builds.items():
        what, variation = build if isinstance(build, tuple) else (build, Variation())
        found = [varied(what, variation, regime=regime, **assumptions) for regime in REGIMES]
        sums = {"list_usd": found[0].list_usd} | {each.regime: each.total_usd for each in found}
        unknown = bool(found[0].unpriced)
        rows[name] = {column: nan if unknown else float(cents(usd)) for column, usd in sums.items()}
    return pandas.DataFrame.from_dict(rows, orient="index").rename_axis("build")


def _declared(what: What) -> list[Resource]:
    from esaws.plan import Plan

    return [change.resource for change in what if change.resource] if isinstance(what, Plan) else list(what)
