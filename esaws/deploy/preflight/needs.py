"""What a plan needs from an account: instances by type and zone, networks, data stores, permissions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from esaws.cloud import Cloud
from esaws.deploy.change import Change
from esaws.pricelist import FREE
from esaws.resource import Resource
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.broker import Broker
from esaws.resources.cache_cluster import CacheCluster
from esaws.resources.db_instance import DBInstance
from esaws.resources.internet_gateway import InternetGateway
from esaws.resources.subnet import Subnet
from esaws.resources.vpc import VPC

AnyResource = TypeVar("AnyResource", bound=Resource)


@dataclass(frozen=True)
class Needs:
    """What the changes of a deploy need. All of it is empty if nothing is created or updated."""

    region: str
    groups: tuple[AutoScalingGroup, ...] = ()
    """The Auto Scaling groups that will be created: they launch instances."""
    own_groups: frozenset[str] = frozenset()
    """The names on AWS of those groups: what runs in them already is not counted twice."""
    zones: dict[str, frozenset[str]] = field(default_factory=dict)
    """Zone (`eu-west-3a`) → the instance types that run in it; of each subnet that will be created or used."""
    vpcs: int = 0
    gateways: int = 0
    databases: tuple[DBInstance, ...] = ()
    caches: tuple[CacheCluster, ...] = ()
    brokers: tuple[Broker, ...] = ()
    permissions: tuple[str, ...] = ()
    """The IAM actions of the kinds that change, sorted; empty if nothing changes."""
    usd_per_day: float | None = 0.0
    """The list price of the whole deployment; None if a price is unknown."""

    @property
    def may_cost(self) -> bool:
        """Whether anything changes, and the deployment may cost something."""
        return bool(self.permissions) and self.usd_per_day != 0

    @property
    def instance_types(self) -> tuple[str, ...]:
        """The types of the instances that will be launched, sorted."""
        return tuple(sorted({group.template.instance_type for group in self.groups}))


def collect_needs(changes: Iterable[Change], cloud: Cloud) -> Needs:
    """Collect what the changes of a deploy need from the account of `cloud`. Pure."""
    changes = tuple(changes)
    changing = [change for change in changes if change.resource and change.action in ("create", "update")]

    def created(kind: type[AnyResource]) -> tuple[AnyResource, ...]:
        resources = (change.resource for change in changing if change.action == "create")
        return tuple(resource for resource in resources if isinstance(resource, kind))

    groups = created(AutoScalingGroup)
    zones: defaultdict[str, set[str]] = defaultdict(set)
    for subnet in created(Subnet):
        zones[cloud.region + subnet.zone].update()
    for group in groups:
        for subnet in group.subnets:
            zones[cloud.region + subnet.zone].add(group.template.instance_type)
    cost = sum((change.cost for change in changes if change.cost), FREE).usd
    return Needs(
        region=cloud.region,
        groups=groups,
        own_groups=frozenset(cloud.aws_name(group.name) for group in groups),
        zones={zone: frozenset(types) for zone, types in sorted(zones.items())},
        vpcs=len(created(VPC)),
        gateways=len(created(InternetGateway)),
        databases=created(DBInstance),
        caches=created(CacheCluster),
        brokers=created(Broker),
        permissions=tuple(sorted({action for change in changing for action in _permissions(change)})),
        usd_per_day=None if cost is None else float(cost) * 12 / 365,
    )


def _permissions(change: Change) -> tuple[str, ...]:
    return change.resource.permissions if change.resource else ()
