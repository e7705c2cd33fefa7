"""Chapter 00: declare, plan, apply, look; drift; delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.architecture import Architecture
from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.course.starts import bring_to
from esaws.deploy.inventory import inventory
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
    subnet = attempt.live("Subnet", "public-3b")
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
    associations = attempt.of_kind("RouteTableAssociation")
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


# --- a change by hand, undone by hand


def _change_by_hand(cloud: Cloud, mine: Values) -> None:
    """Deploy the network, and stop one subnet from giving public addresses."""
    bring_to(network(), cloud)
    subnet = inventory(cloud)["Subnet", mine.subnet]
    cloud.client("ec2").modify_subnet_attribute(SubnetId=subnet.id, MapPublicIpOnLaunch={"Value": False})


def _check_by_hand(attempt: Attempt) -> Iterator[Point]:
    name = attempt.mine.subnet
    subnet = attempt.live("Subnet", name)
    gives = subnet is not None and subnet.fields["public_addresses"]
    yield Point(
        f"Subnet {name} gives each instance a public address",
        gives,
        f"MapPublicIpOnLaunch of {name} is false" if subnet else f"there is no subnet {name}",
        "aws ec2 modify-subnet-attribute help",
        is_needed=True,
    )
    id = attempt.before.get(("Subnet", name), subnet.id if subnet else "")
    yield Point(
        "It is the same subnet as before",
        subnet is not None and subnet.id == id,
        "the subnet was created again" if subnet else f"there is no subnet {name}",
        "a subnet can be changed in place",
    )
    yield Point(
        "The change was made by hand, not by a plan",
        gives and not _a_plan_changed_a_subnet(attempt.cloud),
        "a plan made the last change of a subnet" if gives else "nothing has changed the subnet since",
        "the AWS CLI or boto3, instead of plan_deploy",
    )


def _a_plan_changed_a_subnet(cloud: Cloud) -> bool:
    """Whether the last change of a subnet's attribute was made while a plan held the lock of the deployment."""
    events = pages(cloud, "cloudtrail", "lookup_events", "Events")  # the newest first
    names = [event["EventName"] for event in events]
    if "ModifySubnetAttribute" not in names:
        return False
    earlier = names[names.index("ModifySubnetAttribute") :]
    return next((name == "PutParameter" for name in earlier if name in ("PutParameter", "DeleteParameter")), False)


def _undo_with_boto3(cloud: Cloud, mine: Values) -> None:
    ec2 = cloud.client("ec2")
    names = [{"Name": "tag:esaws:name", "Values": [mine.subnet]}]
    subnet = ec2.describe_subnets(Filters=names)["Subnets"][0]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})


def _undo_with_an_id_of_the_inventory(cloud: Cloud, mine: Values) -> None:
    subnet = inventory(cloud)["Subnet", mine.subnet].id
    cloud.client("ec2").modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})


def _undo_with_a_plan(cloud: Cloud, mine: Values) -> None:
    plan_deploy(network(), cloud).apply()


def _create_the_network_again(cloud: Cloud, mine: Values) -> None:
    plan_teardown(cloud).apply()
    plan_deploy(network(), cloud).apply()


BY_HAND = Exercise(
    "00-by-hand",
    prompt=(
        "A colleague changed the subnet `{mine.subnet}` in the console: it gives no public addresses any more. "
        "Undo that **without a plan**, with the AWS CLI or boto3, as you would without esaws."
    ),
    values=lambda seed: {"subnet": seed.choice(["public-3a", "public-3b"])},
    check=_check_by_hand,
    start=_change_by_hand,
    hints=(
        "Which attribute of a subnet gives instances a public address? `drifts()` of a plan names the field.",
        "The call is `ModifySubnetAttribute`. It needs the id of the subnet: `inventory(cloud)` knows it.",
        '`inventory(cloud)["Subnet", "{mine.subnet}"].id`, and `MapPublicIpOnLaunch={{"Value": True}}`',
    ),
    solutions=(_undo_with_an_id_of_the_inventory, _undo_with_boto3),
    wrong=(Wrong(_undo_with_a_plan, "a plan made the last change"), Wrong(_create_the_network_again, "created again")),
    notices=("Subnet:{mine.subnet}",),
)


# --- one association less


def _deploy_network(cloud: Cloud, mine: Values) -> None:
    bring_to(network(), cloud)


def _check_association(attempt: Attempt) -> Iterator[Point]:
    left = {live.name for live in attempt.of_kind("RouteTableAssociation")}
    other = "public-3b" if attempt.mine.subnet == "public-3a" else "public-3a"
    yield Point(
        f"Subnet {attempt.mine.subnet} has no route table of its own any more",
        bool(attempt.live("Subnet", attempt.mine.subnet)) and attempt.mine.subnet not in left,
        "its association exists" if attempt.mine.subnet in left else f"there is no subnet {attempt.mine.subnet}",
        "RouteTableAssociation in the inventory",
        is_needed=True,
    )
    yield Point(
        f"Subnet {other} keeps its association", other in left, f"the association of {other} is gone", "the inventory"
    )
    here = {(live.kind, live.name): live.id for live in attempt.index}
    kept = [key for key in attempt.before if key[0] != "RouteTableAssociation"]
    changed = [" ".join(key) for key in kept if here.get(key) != attempt.before[key]]
    expected = {("VPC", "vpc"), ("Subnet", "public-3a"), ("Subnet", "public-3b")}
    missing = [" ".join(key) for key in sorted(expected) if key not in here]
    yield Point(
        "Everything else is as it was",
        not changed and not missing,
        f"gone or created again: {', '.join(changed or missing)}",
        "delete one association, not what it connects",
    )


def _disassociate(cloud: Cloud, mine: Values) -> None:
    association = inventory(cloud)["RouteTableAssociation", mine.subnet].id
    cloud.client("ec2").disassociate_route_table(AssociationId=association)


def _prune_the_association(cloud: Cloud, mine: Values) -> None:
    network = seccom("ha").just(RouteTableAssociation)
    smaller = network.without(network.get(RouteTableAssociation, mine.subnet))
    plan_deploy(Architecture("smaller", smaller), cloud, prune=True).apply()


def _delete_everything(cloud: Cloud, mine: Values) -> None:
    plan_teardown(cloud).apply()


def _disassociate_both(cloud: Cloud, mine: Values) -> None:
    for live in inventory(cloud):
        if live.kind == "RouteTableAssociation":
            cloud.client("ec2").disassociate_route_table(AssociationId=live.id)


ASSOCIATION = Exercise(
    "00-association",
    prompt=(
        "Remove only the association between the subnet `{mine.subnet}` and the route table. "
        "Everything else stays, and nothing is created again."
    ),
    values=lambda seed: {"subnet": seed.choice(["public-3a", "public-3b"])},
    check=_check_association,
    start=_deploy_network,
    hints=(
        "What connects a subnet with a route table, and has an id of its own?",
        "`architecture.without(…)` declares less, and `plan_deploy(…, prune=True)` deletes what is not declared.",
        "`ec2.disassociate_route_table(AssociationId=…)`, with the id from the inventory",
    ),
    solutions=(_prune_the_association, _disassociate),
    wrong=(Wrong(_delete_everything, "there is no subnet"), Wrong(_disassociate_both, "is gone")),
    notices=("Subnet", "RouteTableAssociation"),
)


CHAPTER = Chapter(
    "00",
    "Start here",
    minutes=15,
    exercises=(BY_HAND, ASSOCIATION, BLOCK),
    predictions=("00-exists", "00-lines", "00-drift", "00-left"),
)
