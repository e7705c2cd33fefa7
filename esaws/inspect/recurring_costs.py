"""Fixed monthly usage, derived from describe calls: instances, volumes, load balancers, data stores, …"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw
from esaws.pricelist import MonthlyCost, PriceList, Usage, fargate_address, fargate_usages

KEYS = (
    *("Instances", "Volumes", "LoadBalancers", "NatGateways", "DBInstances", "CacheClusters", "Brokers", "Addresses"),
    *("tasks", "NetworkInterfaces"),
)
"""What a snapshot needs for the fixed usage of what esaws deploys."""

ALL_KEYS = (*KEYS, "VpcEndpoints")
"""What a snapshot needs for the fixed usage of any account."""

UNPRICED = "unpriced-"
"""Begins a usage type whose price depends on more than the price list knows, so that no price is found for it."""

_RUNS = ("pending", "running")
_UNCHARGED_TASKS = ("PROVISIONING", "STOPPED")
"""The states of a task before its image is pulled, and after its end: https://aws.amazon.com/fargate/pricing/"""
_ARCHITECTURE = "ecs.cpu-architecture"
_POSTGRESQL = "CreateDBInstance:0014"
_BROKER_GB = {"mq.t3.micro": 20}


CostKind = Literal[
    "instance",
    "volume",
    "Fargate task",
    "load balancer",
    "NAT gateway",
    "VPC endpoint",
    "database",
    "cache",
    "broker",
    "idle address",
]


@dataclass(frozen=True)
class CostItem:
    """One resource with a fixed cost. `id` is AWS's."""

    kind: CostKind
    id: str
    usages: tuple[Usage, ...]

    def monthly(self, prices: PriceList, region: str) -> MonthlyCost:
        """Return its cost for a month at list price, without the free tier."""
        return prices.monthly_cost(self.usages, region)


def cost_items(account: Account) -> list[CostItem]:
    """Return all resources with a fixed cost, of the kinds that were described, in AWS's order."""
    return [
        *_instances(account),
        *_fargate_tasks(account),
        *_load_balancers(account),
        *_nat_gateways(account),
        *_endpoints(account),
        *_data_stores(account),
        *_idle_addresses(account),
    ]


def instance_usage(raw: Raw, account: Account) -> list[Usage]:
    """Return a month of an instance; while it is stopped, only of its volumes."""
    usages = []
    if raw["State"]["Name"] in _RUNS:
        usages.append(_running_usage(raw))
        if raw.get("PublicIpAddress"):
            usages.append(Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "RunInstances"))
    for volume in account.get("Volumes") or ():
        if any(attachment.get("InstanceId") == raw["InstanceId"] for attachment in volume.get("Attachments", ())):
            usages.append(volume_usage(volume))
    return usages


def _running_usage(raw: Raw) -> Usage:
    """The hours of an instance. Spot prices change and have no list price; Windows and others pay a licence, too."""
    size = raw["InstanceType"]
    if raw.get("InstanceLifecycle") == "spot":
        return Usage.hours("AmazonEC2", f"SpotUsage:{size}", "RunInstances")
    if raw.get("Placement", {}).get("Tenancy", "default") != "default":
        return Usage.hours("AmazonEC2", f"DedicatedUsage:{size}", "RunInstances")
    platform = raw.get("PlatformDetails", "Windows" if raw.get("Platform") else "Linux/UNIX")
    kind = "BoxUsage" if platform == "Linux/UNIX" else f"{UNPRICED}BoxUsage"
    return Usage.hours("AmazonEC2", f"{kind}:{size}", "RunInstances")


def volume_usage(raw: Raw) -> Usage:
    kind = raw.get("VolumeType", "gp2")
    return Usage.gb_month("AmazonEC2", f"EBS:VolumeUsage.{kind}", raw["Size"], f"CreateVolume-{kind.title()}")


def fargate_task_usage(raw: Raw, account: Account) -> list[Usage]:
    """Return a month of a task on Fargate, with its public address. Spot and ARM have other prices."""
    usages = fargate_usages(int(raw.get("cpu", 0)), int(raw.get("memory", 0)))
    architecture = next((each["value"] for each in raw.get("attributes", ()) if each["name"] == _ARCHITECTURE), "")
    if raw.get("capacityProviderName") == "FARGATE_SPOT" or architecture == "arm64" or "cpu" not in raw:
        usages = [replace(usage, usage_type=f"{UNPRICED}{usage.usage_type}") for usage in usages]
    public = {
        interface["NetworkInterfaceId"]
        for interface in account.get("NetworkInterfaces") or ()
        if interface.get("Association", {}).get("PublicIp")
    }
    own = {detail.get("value") for each in raw.get("attachments", ()) for detail in each.get("details", ())}
    return [*usages, fargate_address()] if public & own else usages


def load_balancer_usage(raw: Raw) -> list[Usage]:
    """Return a month of a load balancer; a public one has an address in each zone."""
    kind = raw.get("Type", "application")
    usage_type = "LoadBalancerUsage" if kind != "gateway" else f"{UNPRICED}LoadBalancerUsage"
    usages = [Usage.hours("AWSELB", usage_type, f"LoadBalancing:{kind.title()}")]
    if raw.get("Scheme") == "internet-facing":
        count = len(raw.get("AvailabilityZones", ()))
        usages.append(Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer", count=count))
    return usages


def database_usage(raw: Raw) -> list[Usage]:
    """Return a month of a DB instance; while it is stopped, only of its storage."""
    if raw["Engine"] not in ("postgres", "mysql", "mariadb"):  # Aurora has no storage of its own; others pay a licence
        return [Usage.hours("AmazonRDS", f"{UNPRICED}InstanceUsage:{raw['DBInstanceClass']}")]
    operation = _POSTGRESQL if raw["Engine"] == "postgres" else f"CreateDBInstance:{raw['Engine']}"
    zones = "Multi-AZ" if raw.get("MultiAZ") else ""
    storage = f"RDS:{zones}{'-' * bool(zones)}{raw.get('StorageType', 'gp2').upper()}-Storage"
    usages = [Usage.gb_month("AmazonRDS", storage, raw.get("AllocatedStorage", 0), operation)]
    if raw.get("DBInstanceStatus") not in ("stopped", "stopping"):
        usages.insert(0, Usage.hours("AmazonRDS", f"{zones or 'Instance'}Usage:{raw['DBInstanceClass']}", operation))
    return usages


def cache_usage(raw: Raw) -> list[Usage]:
    operation = {"redis": "CreateCacheCluster:0002", "valkey": "CreateCacheCluster:Valkey"}.get(raw.get("Engine", ""))
    count = raw.get("NumCacheNodes", 1)
    return [Usage.hours("AmazonElastiCache", f"NodeUsage:{raw['CacheNodeType']}", operation, count=count)]


def broker_usage(raw: Raw) -> list[Usage]:
    """Return a month of a broker, with the storage that the size of a RabbitMQ broker includes."""
    size = raw["HostInstanceType"]
    if str(raw.get("EngineType", "RabbitMQ")).lower() != "rabbitmq":
        return [Usage.hours("AmazonMQ", f"{UNPRICED}InstanceUsage:{size}")]
    nodes = 3 if raw.get("DeploymentMode") == "CLUSTER_MULTI_AZ" else 1
    return [
        Usage.hours("AmazonMQ", f"RabbitMQ-InstanceUsage:{size}", "CreateBroker:0001", count=nodes),
        Usage.gb_month("AmazonMQ", "TimedStorage-RabbitMQ-ByteHrs", _BROKER_GB.get(size, 200)),
    ]


def nat_gateway_usage(raw: Raw) -> list[Usage]:
    """Return a month of a NAT gateway; a public one has an address."""
    usages = [Usage.hours("AmazonEC2", "NatGateway-Hours", "NatGateway")]
    if raw.get("ConnectivityType", "public") == "public":
        count = len(raw.get("NatGatewayAddresses", ())) or 1
        usages.append(Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "NatGateway", count=count))
    return usages


def endpoint_usage(raw: Raw) -> list[Usage]:
    """Return a month of a VPC endpoint: an interface endpoint is charged in each subnet, a gateway endpoint is free."""
    if raw.get("VpcEndpointType") in ("Gateway", None):
        return []
    return [Usage.hours("AmazonVPC", "VpcEndpoint-Hours", "VpcEndpoint", count=len(raw.get("SubnetIds", ())) or 1)]


def _instances(account: Account) -> Iterator[CostItem]:
    attached = set()
    for raw in account.get("Instances") or ():
        if raw["State"]["Name"] not in ("terminated", "shutting-down"):
            attached.add(raw["InstanceId"])
            yield CostItem("instance", raw["InstanceId"], tuple(instance_usage(raw, account)))
    for volume in account.get("Volumes") or ():
        if not attached & {attachment.get("InstanceId") for attachment in volume.get("Attachments", ())}:
            yield CostItem("volume", volume["VolumeId"], (volume_usage(volume),))


def _fargate_tasks(account: Account) -> Iterator[CostItem]:
    for raw in account.get("tasks") or ():
        if raw.get("launchType") == "FARGATE" and raw.get("lastStatus") not in _UNCHARGED_TASKS:
            yield CostItem("Fargate task", raw["taskArn"], tuple(fargate_task_usage(raw, account)))


def _load_balancers(account: Account) -> Iterator[CostItem]:
    for raw in account.get("LoadBalancers") or ():
        yield CostItem("load balancer", raw["LoadBalancerArn"], tuple(load_balancer_usage(raw)))


def _nat_gateways(account: Account) -> Iterator[CostItem]:
    for raw in account.get("NatGateways") or ():
        if raw.get("State") == "available":
            yield CostItem("NAT gateway", raw["NatGatewayId"], tuple(nat_gateway_usage(raw)))


def _endpoints(account: Account) -> Iterator[CostItem]:
    for raw in account.get("VpcEndpoints") or ():
        if usages := endpoint_usage(raw):
            yield CostItem("VPC endpoint", raw["VpcEndpointId"], tuple(usages))


def _data_stores(account: Account) -> Iterator[CostItem]:
    for raw in account.get("DBInstances") or ():
        yield CostItem("database", raw["DBInstanceIdentifier"], tuple(database_usage(raw)))
    for raw in account.get("CacheClusters") or ():
        yield CostItem("cache", raw["CacheClusterId"], tuple(cache_usage(raw)))
    for raw in account.get("Brokers") or ():
        yield CostItem("broker", raw["BrokerId"], tuple(broker_usage(raw)))


def _idle_addresses(account: Account) -> Iterator[CostItem]:
    for raw in account.get("Addresses") or ():
        if not raw.get("AssociationId"):
            idle = Usage.hours("AmazonVPC", "PublicIPv4:IdleAddress", "AllocateAddressVPC")
            yield CostItem("idle address", str(raw.get("AllocationId") or raw["PublicIp"]), (idle,))
