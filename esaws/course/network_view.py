"""The deployment's VPC as a check of chapter 02 looks at it: subnets, their routes, and what they reach."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from esaws.aws import tag_dict
from esaws.course.exercises import Attempt, Point
from esaws.inspect.network.endpoint_catalog import KEYS
from esaws.inspect.network.network import Network
from esaws.inspect.network.reach import ReachResult, reach
from esaws.inspect.network.route_tables import table_of_subnet, target_of
from esaws.inspect.new_instance import with_new_instance

PUBLIC_BLOCKS = ("172.31.0.0/20", "172.31.16.0/20")
"""The blocks of the team's two public subnets."""
_EVERYWHERE = "0.0.0.0/0"
_CHARGED = ("pending", "available")


class NetworkView:
    """The subnets of the deployment's VPC, as AWS describes them."""

    def __init__(self, attempt: Attempt) -> None:
        self.cloud = attempt.cloud
        self.account = attempt.snapshot(*KEYS)
        vpc = attempt.live("VPC", "vpc")
        self.subnets = [raw for raw in self.account["Subnets"] if vpc and raw["VpcId"] == vpc.id]

    def subnet_with(self, cidr: str) -> Mapping[str, Any] | None:
        return next((raw for raw in self.subnets if raw["CidrBlock"] == cidr), None)

    def default_target(self, subnet: Mapping[str, Any]) -> str:
        """Return the target of the route that a subnet uses for addresses outside the VPC; empty without one."""
        network = Network.of(self.account.descriptions)
        table = table_of_subnet(network, subnet["SubnetId"], subnet["VpcId"]) or {}
        routes = (raw for raw in table.get("Routes", ()) if raw.get("DestinationCidrBlock") == _EVERYWHERE)
        return next((target_of(raw) or "" for raw in routes), "")

    def block_point(self, cidr: str, zone: str) -> Point:
        """Return whether a subnet has the learner's block, in a zone."""
        subnet = self.subnet_with(cidr)
        if subnet is None:
            blocks = ", ".join(sorted((raw["CidrBlock"] for raw in self.subnets), key=ip_network)) or "none"
            found = f"the subnets have the blocks {blocks}"
        else:
            found = f"the subnet with {cidr} is in zone {subnet['AvailabilityZone'].removeprefix(self.cloud.region)}"
        return Point(
            f"A subnet in zone {zone} has the block {cidr}",
            ok=subnet is not None and subnet["AvailabilityZone"] == self.cloud.region + zone,
            found=found,
            look_at="inventory(cloud).to_frame(Subnet)",
            is_needed=True,
        )

    def tags_point(self, subnet: Mapping[str, Any], name: str) -> Point:
        """Return whether a teardown finds the subnet."""
        tags = tag_dict(subnet.get("Tags"))
        return Point(
            f"Its tags say that it is {name} of the deployment {self.cloud.deployment}, so a teardown finds it",
            ok=self.cloud.owned_name(tags) == name,
            found=f"its tags are {tags}" if tags else "it has no tags",
            look_at=f'cloud.tags("{name}")',
        )

    def from_instance(self, subnet: Mapping[str, Any]) -> ReachResult:
        """Return whether a new instance in a subnet reaches the internet."""
        account, instance = with_new_instance(self.account, subnet["SubnetId"])
        return reach(account, instance, "internet", 443)

    def hidden_point(self, subnet: Mapping[str, Any]) -> Point:
        """Return whether the internet can't reach a new instance in a subnet."""
        account, instance = with_new_instance(self.account, subnet["SubnetId"])
        result = reach(account, "internet", instance, 22)
        return Point(
            "The internet can't reach an instance in it",
            ok=result.decision == "deny",
            found="; ".join(result.because),
            look_at="inspect.with_new_instance and inspect.reach",
        )

    def still_public_point(self) -> Point:
        """Return whether the two subnets of the team still reach the internet."""
        public = [raw for raw in self.subnets if raw["CidrBlock"] in PUBLIC_BLOCKS]
        is_public = [self.default_target(raw).startswith("igw-") for raw in public]
        return Point(
            "public-3a and public-3b still have their way to the internet",
            ok=len(public) == len(PUBLIC_BLOCKS) and all(is_public),
            found=f"{sum(is_public)} of the two has a route to the internet gateway",
            look_at="the routes of the route table `public`, and its associations",
        )

    def nat_gateways(self, vpc: str) -> list[Mapping[str, Any]]:
        """Return the NAT gateways of a VPC that are charged: pending or available."""
        return [raw for raw in self.account["NatGateways"] if raw["VpcId"] == vpc and raw["State"] in _CHARGED]
