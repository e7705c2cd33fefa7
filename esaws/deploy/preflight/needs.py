"""What a plan needs from an account: instances by type and zone, networks, data stores, permissions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from esaws.cloud import Cloud
from esaws.deploy.change import Change
from esaws.deploy.lock import PERMISSIONS
from esaws.pricelist import FREE
from esaws.resource import Live, Resource
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.broker import Broker
from esaws.resources.cache_cluster import CacheCluster
from esaws.resources.db_instance import DBInstance
from esaws.resources.internet_gateway import InternetGateway
from esaws.resources.service import Service
from esaws.resources.subnet import Subnet
from esaws.resources.vpc import VPC

AnyResource = TypeVar("AnyResource", bound=Resource)


@dataclass(frozen=True)
class Fleet:
    """The instances of an Auto Scaling group after the deploy."""

    instance_type: str
    instances: int
    maximum: int


@dataclass(frozen=True)
class Needs:
    """What the changes of a deploy need. All of it is empty if nothing is created or updated."""

    region: str
    fleets: tuple[Fleet, ...] = ()
    """The Auto Scaling groups that will be created or changed, or whose template will be: they launch instances."""
    own_groups: frozenset[str] = frozenset()
    """The names on AWS of those groups: what runs in them already is not counted twice."""
    fargate_vcpus: float = 0.0
    """The vCPUs of the tasks on Fargate of the services that will be created or changed."""
    own_clusters: frozenset[str] = frozenset()
    """The names on AWS of the clusters of those services: what runs in them already is not counted twice."""
    zones: dict[str, frozenset[str]] = field(default_factory=dict)
    """Zone (`eu-west-3a`) → the instance types that run in it; of each subnet that will be created or used."""
    vpcs: int = 0
    gateways: int = 0
    databases: tuple[DBInstance, ...] = ()
    caches: tuple[CacheCluster, ...] = ()
    brokers: tuple[Broker, ...] = ()
    permissions: tuple[str, ...] = ()
    """The IAM actions of the kinds that change and of the lock, sorted; empty if nothing changes."""
    usd_per_month: float | None = 0.0
    """The list price of the whole deployment; None if a price is unknown."""
    is_aws: bool = False

    @property
    def may_cost(self) -> bool:
        """Whether anything changes, and the deployment may cost something."""
        return bool(self.permissions) and self.usd_per_month != 0

    @property
    def usd_per_day(self) -> float | None:
        """The list price of an average day; None if a price is unknown."""
        return None if self.usd_per_month is None else self.usd_per_month * 12 / 365

    @property
    def instance_types(self) -> tuple[str, ...]:
        """The types of the instances that will be launched, sorted."""
        return tuple(sorted({fleet.instance_type for fleet in self.fleets}))


def collect_needs(changes: Iterable[Change], cloud: Cloud) -> Needs:
    """Collect what the changes of a deploy need from the account of `cloud`. Pure."""
    changes = tuple(changes)
    changing = [change for change in changes if change.resource and change.action in ("create", "update")]

    def created(kind: type[AnyResource]) -> tuple[AnyResource, ...]:
        resources = (change.resource for change in changing if change.action == "create")
        return tuple(resource for resource in resources if isinstance(resource, kind))

    keys = {(change.kind, change.name) for change in changing}
    groups = [
        (change.resource, change.live)
        for change in changes
        if isinstance(change.resource, AutoScalingGroup) and {change.resource.key, change.resource.template.key} & keys
    ]
    zones: defaultdict[str, set[str]] = defaultdict(set)
    for subnet in created(Subnet):
        zones[cloud.region + subnet.zone].update()
    for group, _ in groups:
        for subnet in group.subnets:
            zones[cloud.region + subnet.zone].add(group.template.instance_type)
    services = [
        change.resource
        for change in changes
        if isinstance(change.resource, Service) and {change.resource.key, change.resource.task_definition.key} & keys
    ]
    on_fargate = [service for service in services if service.launch_type == "FARGATE"]
    cost = sum((change.cost for change in changes if change.cost), FREE).usd
    return Needs(
        region=cloud.region,
        fleets=tuple(_fleet(group, live) for group, live in groups),
        own_groups=frozenset(cloud.aws_name(group.name) for group, _ in groups),
        fargate_vcpus=sum((each.task_definition.cpu or 0) / 1024 * each.desired_count for each in on_fargate),
        own_clusters=frozenset(cloud.aws_name(service.cluster.name) for service in on_fargate),
        zones={zone: frozenset(types) for zone, types in sorted(zones.items())},
        vpcs=len(created(VPC)),
        gateways=len(created(InternetGateway)),
        databases=created(DBInstance),
        caches=created(CacheCluster),
        brokers=created(Broker),
        permissions=tuple(sorted({action for change in changing for action in (*_permissions(change), *PERMISSIONS)})),
        usd_per_month=None if cost is None else float(cost),
        is_aws=cloud.is_aws,
    )


def _fleet(group: AutoScalingGroup, live: Live | None) -> Fleet:
    """A new group starts with its desired capacity; a scaler owns that of an existing one, within its limits."""
    instances = group.desired_capacity
    if live is not None:
        instances = min(max(group.minimum, live.raw.get("DesiredCapacity", group.minimum)), group.maximum)
    return Fleet(group.template.instance_type, instances, group.maximum)


def _permissions(change: Change) -> tuple[str, ...]:
    return change.resource.permissions if change.resource else ()
