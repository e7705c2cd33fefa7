"""Chapter 00: declare, plan, apply, look; drift; delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercise import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.reference.seccom import seccom
from esaws.resource import Live
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.subnet import Subnet
from esaws.resources.vpc import VPC

_BLOCKS = [f"172.31.{third}.0/20" for third in range(32, 240, 16)]
"""Blocks of the VPC that no subnet of SecCom has."""


def network() -> Architecture:
    """The part of SecCom that the chapter deploys: two subnets with their route table."""
    return seccom("ha").just(RouteTableAssociation)


# --- another block for a subnet


def _block(seed: Seed) -> Mapping[str, Any]:
    return {"cidr": seed.choice(_BLOCKS)}


def _check_block(attempt: Attempt) -> Iterator[Point]:
    subnet = attempt.index.get("Subnet", "public-3b")
    block = subnet.fields["cidr"] if subnet else ""
    yield Point(
        f"Subnet public-3b has the block {attempt.mine.cidr}",
        block == attempt.mine.cidr,
        f"it has {block}" if subnet else "there is no subnet public-3b",
        'architecture.get(Subnet, "public-3b")',
        is_needed=True,
    )
    yield from _zone(subnet)
    yield Point(
        "It is associated with the route table of the other subnet",
        _associated(attempt, subnet),
        "it has no association" if subnet else "there is no subnet public-3b",
        "RouteTableAssociation in the architecture",
    )


def _zone(subnet: Live | None) -> Iterator[Point]:
    zone = subnet.fields["zone"] if subnet else ""
    yield Point("It is in zone b", zone == "b", f"it is in zone {zone}" if subnet else "there is no subnet public-3b")


def _associated(attempt: Attempt, subnet: Live | None) -> bool:
    associations = [live for live in attempt.index if live.kind == "RouteTableAssociation"]
    return subnet is not None and any(live.fields["subnet"] == subnet.id for live in associations)


def _declare_block(cloud: Cloud, mine: Values) -> None:
    network = seccom("ha").just(RouteTableAssociation)
    public_b = network.get(Subnet, "public-3b").replace(cidr=mine.cidr)
    plan_teardown(cloud).apply()
    plan_deploy(network.including(public_b), cloud).apply()


def _create_block(cloud: Cloud, mine: Values) -> None:
    """A subnet with AWS's own calls: its tags make it part of the deployment."""
    plan_teardown(cloud).apply()
    plan_deploy(seccom("ha").just(VPC), cloud).apply()
    ec2 = cloud.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "tag:esaws:name", "Values": ["vpc"]}])["Vpcs"][0]["VpcId"]
    names = {"esaws:deployment": cloud.deployment, "esaws:name": "public-3b"}
    tags = [{"Key": key, "Value": value} for key, value in names.items()]
    subnet = ec2.create_subnet(
        VpcId=vpc,
        CidrBlock=mine.cidr,
        AvailabilityZone=f"{cloud.region}b",
        TagSpecifications=[{"ResourceType": "subnet", "Tags": tags}],
    )["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    network = seccom("ha").just(RouteTableAssociation)
    public_b = network.get(Subnet, "public-3b").replace(cidr=mine.cidr)
    plan_deploy(network.including(public_b), cloud).apply()


def _only_another_block(cloud: Cloud, mine: Values) -> None:
    plan_deploy(network(), cloud).apply()


def _block_in_zone_a(cloud: Cloud, mine: Values) -> None:
    public_b = network().get(Subnet, "public-3b").replace(cidr=mine.cidr, zone="a")
    plan_deploy(network().including(public_b), cloud).apply()


BLOCK = Exercise(
    "00-block",
    prompt=(
        "Give the subnet `public-3b` the block `{mine.cidr}`. AWS can't change the block of a subnet, "
        "so delete the network first. Then declare the subnet with its new block, and deploy again."
    ),
    values=_block,
    check=_check_block,
    hints=(
        "Which field of a subnet holds its block? `network.to_frame(Subnet)` shows the fields.",
        "`replace` returns a copy of a resource with another value; `including` puts it in place of the old one.",
        '`network.including(network.get(Subnet, "public-3b").replace(cidr="{mine.cidr}"))`',
    ),
    solutions=(_declare_block, _create_block),
    wrong=(Wrong(_only_another_block, "it has 172.31."), Wrong(_block_in_zone_a, "zone a")),
    notices=("Subnet:public-3b", "RouteTableAssociation:public-3b"),
)


CHAPTER = Chapter("00", "Start here", minutes=15, exercises=(BLOCK,), predictions=("00-kept",))
