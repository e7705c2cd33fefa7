"""Fixed monthly usage, derived from describe calls: instances, volumes, load balancers, data stores, …"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw
from esaws.pricelist import MonthlyCost, PriceList, Usage

KEYS = ("Instances", "Volumes", "LoadBalancers", "NatGateways", "DBInstances", "CacheClusters", "Brokers", "Addresses")
"""What a snapshot needs for fixed usage."""

_RUNS = ("pending", "running")
_POSTGRESQL = "CreateDBInstance:0014"
_BROKER_GB = {"mq.t3.micro": 20}


@dataclass(frozen=True)
class CostItem:
    """One resource with a fixed cost. `id` is AWS's, `kind` a word or two such as `NAT gateway`."""

    kind: str
    id: str
    usages: tuple[Usage, ...]

    def monthly(self, prices: PriceList, region: str) -> MonthlyCost:
        """Return its cost for a month at list price, without the free tier."""
        return prices.monthly_cost(self.usages, region)


def cost_items(account: Account) -> list[CostItem]:
    """Return all resources with a fixed cost, of the kinds that were described, in AWS's order."""
    return [
        *_instances(account),
        *_load_balancers(account),
        *_nat_gateways(account),
        *_data_stores(account),
        *_idle_addresses(account),
    ]


def instance_usage(raw: Raw, account: Account) -> list[Usage]:
    """Return a month of an instance; while it is stopped, only of its volumes."""
    usages = []
    if raw["State"]["Name"] in _RUNS:
        usages.append(Usage.hours("AmazonEC2", f"BoxUsage:{raw['InstanceType']}", "RunInstances"))
        if raw.get("PublicIpAddress"):
            usages.append(Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "RunInstances"))
    for volume in account.get("Volumes") or ():
        if any(attachment.get("InstanceId") == raw["InstanceId"] for attachment in volume.get("Attachments", ())):
            usages.append(volume_usage(volume))
    return usages


def volume_usage(raw: Raw) -> Usage:
    kind = raw.get("VolumeType", "gp2")
    return Usage.gb_month("AmazonEC2", f"EBS:VolumeUsage.{kind}", raw["Size"], f"CreateVolume-{kind.title()}")


def load_balancer_usage(raw: Raw) -> list[Usage]:
    """Return a month of an Application Load Balancer; a public one has an address in each zone."""
    usages = [Usage.hours("AWSELB", "LoadBalancerUsage", "LoadBalancing:Application")]
    if raw.get("Scheme") == "internet-facing":
        count = len(raw.get("AvailabilityZones", ()))
        usages.append(Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "CreateLoadBalancer", count=count))
    return usages


def database_usage(raw: Raw) -> list[Usage]:
    """Return a month of a DB instance; while it is stopped, only of its storage."""
    operation = _POSTGRESQL if raw["Engine"] == "postgres" else None
    storage = f"RDS:{raw.get('StorageType', 'gp2').upper()}-Storage"
    usages = [Usage.gb_month("AmazonRDS", storage, raw.get("AllocatedStorage", 0), operation)]
    if raw.get("DBInstanceStatus") not in ("stopped", "stopping"):
        usages.insert(0, Usage.hours("AmazonRDS", f"InstanceUsage:{raw['DBInstanceClass']}", operation))
    return usages


def cache_usage(raw: Raw) -> list[Usage]:
    operation = {"redis": "CreateCacheCluster:0002", "valkey": "CreateCacheCluster:Valkey"}.get(raw.get("Engine", ""))
    count = raw.get("NumCacheNodes", 1)
    return [Usage.hours("AmazonElastiCache", f"NodeUsage:{raw['CacheNodeType']}", operation, count=count)]


def broker_usage(raw: Raw) -> list[Usage]:
    """Return a month of a RabbitMQ broker with the storage that its size includes."""
    size = raw["HostInstanceType"]
    return [
        Usage.hours("AmazonMQ", f"RabbitMQ-InstanceUsage:{size}", "CreateBroker:0001"),
        Usage.gb_month("AmazonMQ", "TimedStorage-RabbitMQ-ByteHrs", _BROKER_GB.get(size, 200)),
    ]


def _instances(account: Account) -> Iterator[CostItem]:
    attached = set()
    for raw in account.get("Instances") or ():
        if raw["State"]["Name"] not in ("terminated", "shutting-down"):
            attached.add(raw["InstanceId"])
            yield CostItem("instance", raw["InstanceId"], tuple(instance_usage(raw, account)))
    for volume in account.get("Volumes") or ():
        if not attached & {attachment.get("InstanceId") for attachment in volume.get("Attachments", ())}:
            yield CostItem("volume", volume["VolumeId"], (volume_usage(volume),))


def _load_balancers(account: Account) -> Iterator[CostItem]:
    for raw in account.get("LoadBalancers") or ():
        if raw.get("Type", "application") == "application":
            yield CostItem("load balancer", raw["LoadBalancerArn"], tuple(load_balancer_usage(raw)))


def _nat_gateways(account: Account) -> Iterator[CostItem]:
    for raw in account.get("NatGateways") or ():
        if raw.get("State") == "available":
            hours = Usage.hours("AmazonEC2", "NatGateway-Hours", "NatGateway")
            address = Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "NatGateway")
            yield CostItem("NAT gateway", raw["NatGatewayId"], (hours, address))


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
