"""A snapshot of an account as its drawing needs it: the VPC to draw, names, and prices."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from functools import cached_property

from esaws.aws import tag_dict
from esaws.cloud import DEPLOYMENT_TAG
from esaws.drawing.edges import format_ports
from esaws.drawing.scene import Key
from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw
from esaws.inspect.load_balancers import LiveLoadBalancer
from esaws.inspect.monthly_total import MonthlyTotal, monthly_total
from esaws.inspect.network.addresses import covers_internet, parse_cidr
from esaws.pricelist import PriceList, Usage
from esaws.resources import load_all

_LONGEST_ID = 14


class AccountView:
    """An account, and the VPC that is drawn."""

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
        """The name of a subnet, or its id, cut to the width of a name. No two subnets have the same."""
        return self._subnet_names.get(subnet_id) or _cut(subnet_id)

    @cached_property
    def _subnet_names(self) -> dict[str, str]:
        """The names of all subnets: with the zone where several share one, with the id where that is not enough."""
        names = {id: self.name(subnet, _cut(id)) for id, subnet in self.subnets.items()}
        for suffix in (lambda id: self.zone(self.subnets[id]), lambda id: id[-4:], lambda id: id):
            counts = Counter(names.values())
            names = {id: f"{name} {suffix(id)}" if counts[name] > 1 else name for id, name in names.items()}
        return names

    def zone(self, subnet: Raw) -> str:
        """The letter of a subnet's zone."""
        return str(subnet.get("AvailabilityZone", "")).removeprefix(self.account.region)

    def is_drawn(self, subnet_id: str | None) -> bool:
        """Whether a subnet is one of the VPC that is drawn."""
        return subnet_id in self.subnets and self.subnets[str(subnet_id)].get("VpcId") == self.vpc_id

    # -- the VPC and its load balancers --------------------------------------------------------------------------

    @cached_property
    def vpc_id(self) -> str:
        """The VPC with the most network interfaces and subnets; the first by id if several have as many."""
        counts = Counter(interface.get("VpcId", "") for interface in self.items("NetworkInterfaces"))
        counts += Counter(subnet["VpcId"] for subnet in self.items("Subnets") if not subnet.get("DefaultForAz"))
        return min(counts, key=lambda vpc_id: (-counts[vpc_id], vpc_id), default="")

    @cached_property
    def load_balancers(self) -> list[LiveLoadBalancer]:
        """The load balancers of the VPC, of all types, by name."""
        found = [LiveLoadBalancer(self.account, raw) for raw in self.items("LoadBalancers") if self.is_in_vpc(raw)]
        return sorted(found, key=lambda load_balancer: load_balancer.name)

    def is_in_vpc(self, load_balancer: Raw) -> bool:
        """Whether a load balancer is in the VPC that is drawn, by its VPC or its subnets."""
        zones = load_balancer.get("AvailabilityZones", ())
        by_subnets = any(self.is_drawn(zone.get("SubnetId")) for zone in zones)
        return by_subnets or load_balancer.get("VpcId", "") == self.vpc_id

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

    def open_ports(self, group_ids: Collection[str]) -> set[str]:
        """The ports that security groups open to the internet."""
        return {
            permission_ports(permission)
            for group in self.items("SecurityGroups")
            if group["GroupId"] in group_ids
            for permission in group.get("IpPermissions", ())
            if _is_open(permission)
        }

    # -- tasks with addresses of their own ---------------------------------------------------------------------------

    @cached_property
    def tasks_on_fargate(self) -> dict[str, list[Raw]]:
        """The tasks without an instance in the subnets of the VPC, by the ARN of their cluster."""
        found: defaultdict[str, list[Raw]] = defaultdict(list)
        for task in self.items("tasks"):
            is_here = self.is_drawn(task_details(task).get("subnetId"))
            if is_running(task) and not task.get("containerInstanceArn") and is_here:
                found[task["clusterArn"]].append(task)
        return dict(found)

    @cached_property
    def fleets_by_address(self) -> dict[str, Key]:
        """The fleet of each private address, for targets that are addresses."""
        found: dict[str, Key] = {}
        for instance_id, raw in self.instances.items():
            if raw.get("VpcId") == self.vpc_id and raw.get("PrivateIpAddress"):
                found[raw["PrivateIpAddress"]] = self.fleet_key(instance_id)
        for task in self.items("tasks"):
            details = task_details(task)
            if is_running(task) and self.is_drawn(details.get("subnetId")):
                name = self.short_name(task["clusterArn"].rpartition("/")[2])
                found[details.get("privateIPv4Address", "")] = self.task_fleet_key(name, task)
        return found

    @cached_property
    def interfaces(self) -> dict[str, Raw]:
        """The network interfaces by id."""
        return {raw["NetworkInterfaceId"]: raw for raw in self.items("NetworkInterfaces")}

    @cached_property
    def interfaces_by_task_fleet(self) -> dict[Key, list[Raw]]:
        """The network interfaces of the tasks that have their own, by fleet."""
        found: defaultdict[Key, list[Raw]] = defaultdict(list)
        for task in self.items("tasks"):
            interface = self.interfaces.get(task_details(task).get("networkInterfaceId", ""))
            if interface and is_running(task) and self.is_drawn(interface.get("SubnetId")):
                name = self.short_name(task["clusterArn"].rpartition("/")[2])
                found[self.task_fleet_key(name, task)].append(interface)
        return dict(found)

    def task_fleet_key(self, cluster: str, task: Raw) -> Key:
        """The key of a task's fleet. A cluster with instances has a second fleet for its tasks on Fargate."""
        on_fargate = not task.get("containerInstanceArn") and cluster in self.instances_by_fleet
        return ("Cluster", f"{cluster} on Fargate" if on_fargate else cluster)

    # -- prices --------------------------------------------------------------------------------------------------

    @cached_property
    def total(self) -> MonthlyTotal:
        """The fixed monthly cost of the whole account, drawn or not."""
        return monthly_total(self.account, self.prices)

    def price(self, usages: list[Usage]) -> str:
        """The monthly list price of some usage."""
        cost = self.prices.monthly_cost(usages, self.account.region)
        return "? USD/mo" if cost.usd is None else f"{cost.usd:.2f} USD/mo{'' if cost.verified else ' ~'}"

    def with_price(self, lines: tuple[str, ...], usages: list[Usage]) -> tuple[str, ...]:
        """The lines of a label, with the price as the last one if costs are shown."""
        return (*lines, self.price(usages)) if "costs" in self.overlays else lines


def task_details(task: Raw) -> dict[str, str]:
    """The details of a task's network interface, such as subnetId; empty in the network mode bridge."""
    return {
        detail["name"]: detail.get("value", "")
        for attachment in task.get("attachments", ())
        if attachment.get("type") == "ElasticNetworkInterface"
        for detail in attachment.get("details", ())
    }


def is_running(task: Raw) -> bool:
    """Whether a task has not stopped."""
    return bool(task.get("lastStatus") != "STOPPED")


def _is_open(permission: Raw) -> bool:
    """Whether a permission lets in every address of the internet."""
    cidrs = [parse_cidr(ip_range["CidrIp"]) for ip_range in permission.get("IpRanges", ())]
    return covers_internet(cidrs, 4) or "::/0" in str(permission.get("Ipv6Ranges"))


def _cut(id: str) -> str:
    return id if len(id) <= _LONGEST_ID else f"{id[: _LONGEST_ID - 1]}…"


def permission_ports(permission: Raw) -> str:
    """The ports of a permission of a security group."""
    return format_ports(permission.get("IpProtocol", ""), permission.get("FromPort"), permission.get("ToPort"))
