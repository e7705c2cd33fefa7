"""A snapshot of an account as its drawing needs it: the VPC to draw, names, and prices."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from decimal import Decimal
from functools import cached_property

from esaws.aws import tag_dict
from esaws.cloud import DEPLOYMENT_TAG
from esaws.drawing.edges import format_ports
from esaws.drawing.scene import Key
from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw
from esaws.inspect.load_balancers import LiveLoadBalancer, list_load_balancers
from esaws.inspect.network.addresses import covers_internet, parse_cidr
from esaws.pricelist import MonthlyCost, PriceList, Usage
from esaws.resources import load_all

_LONGEST_ID = 14


class AccountView:
    """An account, the VPC that is drawn, and the cost of what was drawn so far."""

    def __init__(self, account: Account, overlays: frozenset[str], prices: PriceList) -> None:
        self.account = account
        self.overlays = overlays
        self.prices = prices
        self.subnets = {subnet["SubnetId"]: subnet for subnet in self.items("Subnets")}
        self.instances = {
            instance["InstanceId"]: instance
            for instance in self.items("Instances")
            if instance["State"]["Name"] in ("pending", "running")
        }
        self.total = MonthlyCost(Decimal(0), verified=True)

    def items(self, key: str) -> Collection[Raw]:
        """The descriptions under a key; empty if it was not fetched, which a footnote of the drawing reports."""
        return self.account.get(key) or ()

    def icon(self, kind: str) -> str:
        """The icon of a kind of resource."""
        return load_all()[kind].icon

    # -- names ---------------------------------------------------------------------------------------------------

    @cached_property
    def prefix(self) -> str:
        """The prefix of the deployment's names, if all tagged resources belong to one deployment."""
        tagged = (*self.items("SecurityGroups"), *self.items("Vpcs"), *self.items("Subnets"))
        deployments = {tag_dict(raw.get("Tags")).get(DEPLOYMENT_TAG) for raw in tagged} - {None}
        return f"{deployments.pop()}-" if len(deployments) == 1 else ""

    def short_name(self, name: str) -> str:
        """A name without the prefix of the deployment."""
        return name.removeprefix(self.prefix)

    def name(self, raw: Raw | None, default: str) -> str:
        """The Name tag, else `default`, without the prefix of the deployment."""
        return self.short_name(tag_dict((raw or {}).get("Tags")).get("Name") or default)

    def subnet_name(self, subnet_id: str) -> str:
        """The name of a subnet, or its id, cut to the width of a name."""
        is_short = len(subnet_id) <= _LONGEST_ID
        return self.name(self.subnets.get(subnet_id), subnet_id if is_short else f"{subnet_id[: _LONGEST_ID - 1]}…")

    # -- the VPC and its load balancers --------------------------------------------------------------------------

    @cached_property
    def vpc_id(self) -> str:
        """The VPC with the most network interfaces and subnets; the first by id if several have as many."""
        counts = Counter(interface.get("VpcId", "") for interface in self.items("NetworkInterfaces"))
        counts += Counter(subnet["VpcId"] for subnet in self.items("Subnets") if not subnet.get("DefaultForAz"))
        return min(counts, key=lambda vpc_id: (-counts[vpc_id], vpc_id), default="")

    @cached_property
    def load_balancers(self) -> list[LiveLoadBalancer]:
        """The load balancers of the account; none if they or their listeners were not fetched."""
        if self.account.get("LoadBalancers") is None or self.account.get("Listeners") is None:
            return []
        return list_load_balancers(self.account)

    # -- instances -----------------------------------------------------------------------------------------------

    @cached_property
    def clusters(self) -> dict[str, Raw]:
        """The ECS clusters by short name."""
        return {self.short_name(cluster["clusterName"]): cluster for cluster in self.items("clusters")}

    @cached_property
    def instances_by_fleet(self) -> dict[str, list[str]]:
        """The instances of the VPC by the name of their cluster, their Auto Scaling group, or their own name."""
        instances: defaultdict[str, list[str]] = defaultdict(list)
        for instance_id, raw in self.instances.items():
            if raw.get("VpcId") == self.vpc_id:
                instances[self._fleet_name(instance_id)].append(instance_id)
        return instances

    def fleet_key(self, instance_id: str) -> Key:
        """The key of the fleet that an instance belongs to."""
        name = self._fleet_name(instance_id)
        return ("Cluster" if name in self.clusters else "AutoScalingGroup", name)

    def _fleet_name(self, instance_id: str) -> str:
        raw = self.instances[instance_id]
        if cluster_arn := self._cluster_arns.get(instance_id):
            return self.short_name(cluster_arn.rpartition("/")[2])
        group = tag_dict(raw.get("Tags")).get("aws:autoscaling:groupName")
        return self.short_name(group) if group else self.name(raw, instance_id)

    @cached_property
    def _cluster_arns(self) -> dict[str, str]:
        """The ARN of each instance's cluster."""
        return {
            container_instance.get("ec2InstanceId", ""): container_instance["clusterArn"]
            for container_instance in self.items("containerInstances")
        }

    def public_ports(self, instance_id: str) -> Iterator[str]:
        """The ports that security groups open to the internet, if the instance has a public address."""
        raw = self.instances[instance_id]
        if not raw.get("PublicIpAddress"):
            return
        group_ids = {group["GroupId"] for group in raw.get("SecurityGroups", ())}
        for group in self.items("SecurityGroups"):
            for permission in group.get("IpPermissions", ()) if group["GroupId"] in group_ids else ():
                cidrs = [parse_cidr(ip_range["CidrIp"]) for ip_range in permission.get("IpRanges", ())]
                if covers_internet(cidrs, 4) or "::/0" in str(permission.get("Ipv6Ranges")):
                    yield permission_ports(permission)

    # -- prices --------------------------------------------------------------------------------------------------

    def price(self, usages: list[Usage]) -> str:
        """The monthly list price of some usage, which is added to the total."""
        cost = self.prices.monthly_cost(usages, self.account.region)
        self.total += cost
        return "? USD/mo" if cost.usd is None else f"{cost.usd:.2f} USD/mo{'' if cost.verified else ' ~'}"

    def with_price(self, lines: tuple[str, ...], usages: list[Usage]) -> tuple[str, ...]:
        """The lines of a label, with the price as the last one if costs are shown."""
        return (*lines, self.price(usages)) if "costs" in self.overlays else lines


def permission_ports(permission: Raw) -> str:
    """The ports of a permission of a security group."""
    return format_ports(permission.get("IpProtocol", ""), permission.get("FromPort"), permission.get("ToPort"))
