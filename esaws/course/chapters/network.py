"""Chapter 02: a network of our own, what makes a subnet public, and what a way out of a private one costs."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.costs.forecasting.variations import NatGateways
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.nat_gateways import delete_nat_gateways
from esaws.course.network_view import NetworkView
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.route import Route
from esaws.resources.route_table import RouteTable
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.subnet import Subnet
from esaws.resources.vpc import VPC

DRAWN = ("private-intrusion-api-3a", "private-sites-api-3a", "private-cameras-api-3a", "private-hdm-3a")
"""The private subnets of the team's first drawing."""


def team_network() -> Architecture:
    """Return what the team had: a VPC, an internet gateway, and a public subnet in each of two zones."""
    return seccom("ha").just(Route, RouteTableAssociation)


def _free_block(seed: Seed) -> str:
    """Return one of the fourteen /20 blocks of the VPC that no subnet of the team uses."""
    return f"172.31.{16 * seed.between(2, 15)}.0/20"


# --- a subnet in a third zone


def _check_third_zone(attempt: Attempt) -> Iterator[Point]:
    network, cidr = NetworkView(attempt), attempt.mine.cidr
    yield network.block_point(cidr, "c")
    if (subnet := network.subnet_with(cidr)) is None:
        return
    yield Point(
        "Its route table has a route to the internet gateway",
        ok=network.default_target(subnet).startswith("igw-"),
        found="it uses a route table without a way out; without an association that is the VPC's main one",
        look_at="the kind RouteTableAssociation",
    )
    yield Point(
        "It assigns public addresses, as the other two do",
        ok=subnet["MapPublicIpOnLaunch"],
        found="MapPublicIpOnLaunch is false",
        look_at="the field public_addresses of the Subnet",
    )
    yield network.tags_point(subnet, "public-3c")
    yield _kept_point(attempt)


def _kept_point(attempt: Attempt) -> Point:
    """Return whether the team's two subnets are the same as when the exercise was shown."""
    found = (attempt.live("Subnet", name) for name in ("public-3a", "public-3b"))
    others = [live for live in found if live]
    recreated = [live.name for live in others if attempt.before.get(live.key, live.id) != live.id]
    missing = 2 - len(others)
    return Point(
        "public-3a and public-3b are the subnets that they were",
        ok=not recreated and not missing,
        found=f"{' and '.join(recreated)} was created anew" if recreated else f"{missing} of the two does not exist",
        look_at="inventory(cloud)",
    )


def _third_zone_by_plan(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    third = Subnet(name="public-3c", vpc=ha.get(VPC, "vpc"), cidr=mine.cidr, zone="c", public_addresses=True)
    association = RouteTableAssociation(table=ha.get(RouteTable, "public"), subnet=third)
    plan_deploy([association], cloud).apply()


def _third_zone_by_boto3(cloud: Cloud, mine: Values) -> None:
    ec2, existing = cloud.client("ec2"), inventory(cloud)
    tags = [{"Key": key, "Value": value} for key, value in cloud.tags("public-3c").items()]
    third = ec2.create_subnet(
        VpcId=existing["VPC", "vpc"].id,
        CidrBlock=mine.cidr,
        AvailabilityZone=f"{cloud.region}c",
        TagSpecifications=[{"ResourceType": "subnet", "Tags": tags}],
    )["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=third, MapPublicIpOnLaunch={"Value": True})
    ec2.associate_route_table(SubnetId=third, RouteTableId=existing["RouteTable", "public"].id)


def _third_in_zone_b(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    third = Subnet(name="public-3c", vpc=ha.get(VPC, "vpc"), cidr=mine.cidr, zone="b", public_addresses=True)
    plan_deploy([RouteTableAssociation(table=ha.get(RouteTable, "public"), subnet=third)], cloud).apply()


def _third_without_association(cloud: Cloud, mine: Values) -> None:
    vpc = seccom("ha").get(VPC, "vpc")
    plan_deploy([Subnet(name="public-3c", vpc=vpc, cidr=mine.cidr, zone="c", public_addresses=True)], cloud).apply()


def _third_too_small(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    small = mine.cidr.replace("/20", "/24")
    third = Subnet(name="public-3c", vpc=ha.get(VPC, "vpc"), cidr=small, zone="c", public_addresses=True)
    plan_deploy([RouteTableAssociation(table=ha.get(RouteTable, "public"), subnet=third)], cloud).apply()


THIRD_ZONE = Exercise(
    "02-third-zone",
    prompt="Create a third public subnet, `public-3c`, in zone c with the block `{mine.cidr}`. "
    "Its instances get public addresses and reach the internet, like those of the other two subnets.",
    values=lambda seed: {"cidr": _free_block(seed)},
    check=_check_third_zone,
    hints=(
        "What do `public-3a` and `public-3b` have besides a block and a zone?",
        "Look at the columns of `inventory(cloud).to_frame(Subnet)`, and at the kind `RouteTableAssociation`.",
        'Declare `Subnet(name="public-3c", …, public_addresses=True)` and a '
        "`RouteTableAssociation(table=…, subnet=…)`, and apply `plan_deploy([association], cloud)`.",
    ),
    solutions=(_third_zone_by_plan, _third_zone_by_boto3),
    wrong=(
        Wrong(_third_in_zone_b, "is in zone b"),
        Wrong(_third_without_association, "without a way out"),
        Wrong(_third_too_small, "/24"),
    ),
    notices=("Subnet:public-3c", "RouteTableAssociation:public-3c", "Route:public 0.0.0.0/0", "Subnet:public-3a"),
)


# --- a private subnet


def _check_private(attempt: Attempt) -> Iterator[Point]:
    network, mine = NetworkView(attempt), attempt.mine
    yield network.block_point(mine.cidr, "a")
    if (subnet := network.subnet_with(mine.cidr)) is None:
        return
    yield Point(
        "Its route table has no route to the internet gateway",
        ok=not network.default_target(subnet).startswith("igw-"),
        found="a route sends 0.0.0.0/0 to the internet gateway",
        look_at="the association of the subnet, and the routes of that table",
    )
    yield Point(
        "It assigns no public addresses",
        ok=not subnet["MapPublicIpOnLaunch"],
        found="MapPublicIpOnLaunch is true",
        look_at="the field public_addresses of the Subnet",
    )
    yield network.tags_point(subnet, mine.name)
    yield network.hidden_point(subnet)
    yield network.still_public_point()


def _private_by_plan(cloud: Cloud, mine: Values) -> None:
    vpc = seccom("ha").get(VPC, "vpc")
    private = Subnet(name=mine.name, vpc=vpc, cidr=mine.cidr, zone="a")
    own_table = RouteTable(name=mine.name, vpc=vpc)
    plan_deploy([RouteTableAssociation(table=own_table, subnet=private)], cloud).apply()


def _private_by_boto3(cloud: Cloud, mine: Values) -> None:
    # Without an association a subnet uses the VPC's main route table, which has only the local route.
    tags = [{"Key": key, "Value": value} for key, value in cloud.tags(mine.name).items()]
    cloud.client("ec2").create_subnet(
        VpcId=inventory(cloud)["VPC", "vpc"].id,
        CidrBlock=mine.cidr,
        AvailabilityZone=f"{cloud.region}a",
        TagSpecifications=[{"ResourceType": "subnet", "Tags": tags}],
    )


def _private_with_the_public_table(cloud: Cloud, mine: Values) -> None:
    ha = seccom("ha")
    private = Subnet(name=mine.name, vpc=ha.get(VPC, "vpc"), cidr=mine.cidr, zone="a")
    plan_deploy([RouteTableAssociation(table=ha.get(RouteTable, "public"), subnet=private)], cloud).apply()


def _private_with_public_addresses(cloud: Cloud, mine: Values) -> None:
    vpc = seccom("ha").get(VPC, "vpc")
    plan_deploy([Subnet(name=mine.name, vpc=vpc, cidr=mine.cidr, zone="a", public_addresses=True)], cloud).apply()


PRIVATE = Exercise(
    "02-private",
    prompt="Build one of the private subnets that the team drew: `{mine.name}`, in zone a, with the block "
    "`{mine.cidr}`. Nothing on the internet can reach an instance in it. The two public subnets stay public.",
    values=lambda seed: {"name": seed.choice(DRAWN), "cidr": _free_block(seed)},
    check=_check_private,
    hints=(
        "Which single thing makes `public-3a` public?",
        "Look at the route table that a subnet uses without an association: the VPC's main one.",
        '`plan_deploy([Subnet(name=…, vpc=…, cidr=…, zone="a")], cloud).apply()` is enough; a route table of its own, '
        "without a route to the gateway, says the same more clearly.",
    ),
    solutions=(_private_by_plan, _private_by_boto3),
    wrong=(
        Wrong(_private_with_the_public_table, "to the internet gateway"),
        Wrong(_private_with_public_addresses, "MapPublicIpOnLaunch is true"),
    ),
    notices=("Route:public 0.0.0.0/0",),
)


# --- a way out of a private subnet


def _check_way_out(attempt: Attempt) -> Iterator[Point]:
    network, mine = NetworkView(attempt), attempt.mine
    yield network.block_point(mine.cidr, "b")
    if (subnet := network.subnet_with(mine.cidr)) is None:
        return
    outwards = network.from_instance(subnet)
    yield Point(
        "An instance in it reaches the internet on port 443",
        ok=outwards.decision == "allow",
        found="; ".join(outwards.because),
        look_at="the route of its table, and the subnet of what the route leads to",
        is_needed=True,
    )
    yield network.hidden_point(subnet)
    gateways = network.nat_gateways(subnet["VpcId"])
    usages = NatGateways(len(gateways)).usage()  # with their addresses
    usd = attempt.cloud.prices.monthly_cost(usages, attempt.cloud.region).usd
    yield Point(
        f"The way out costs at most {mine.usd} USD a month at today's list price",
        ok=bool(gateways) and usd is not None and usd <= mine.usd,
        found=f"{len(gateways)} NAT gateways: " + ("price not known" if usd is None else f"{usd:.2f} USD a month"),
        look_at="aws ec2 describe-nat-gateways --query 'NatGateways[].[State,SubnetId]' --output text",
    )
    yield network.still_public_point()


def _way_out_in_zone_a(cloud: Cloud, mine: Values) -> None:
    vpc = seccom("ha").get(VPC, "vpc")
    subnet = Subnet(name="private-apis-3b", vpc=vpc, cidr=mine.cidr, zone="b")
    table = RouteTable(name="private-apis", vpc=vpc)
    plan_deploy([RouteTableAssociation(table=table, subnet=subnet)], cloud).apply()
    ec2, existing = cloud.client("ec2"), inventory(cloud)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    public = existing["Subnet", "public-3a"].id
    gateway = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    cloud.wait("ec2", "nat_gateway_available", NatGatewayIds=[gateway])
    private = existing["RouteTable", "private-apis"].id
    ec2.create_route(RouteTableId=private, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)


def _way_out_by_the_main_table(cloud: Cloud, mine: Values) -> None:
    vpc = seccom("ha").get(VPC, "vpc")
    plan_deploy([Subnet(name="private-apis-3b", vpc=vpc, cidr=mine.cidr, zone="b")], cloud).apply()
    ec2, existing = cloud.client("ec2"), inventory(cloud)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    public = existing["Subnet", "public-3b"].id
    gateway = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    cloud.wait("ec2", "nat_gateway_available", NatGatewayIds=[gateway])
    # A subnet without an association uses the VPC's main route table.
    is_main = {"Name": "association.main", "Values": ["true"]}
    of_vpc = {"Name": "vpc-id", "Values": [existing["VPC", "vpc"].id]}
    main = ec2.describe_route_tables(Filters=[is_main, of_vpc])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)


def _nat_in(cloud: Cloud, subnet_id: str) -> str:
    """Create a NAT gateway with a new address in a subnet, and return its id when it is available."""
    ec2 = cloud.client("ec2")
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnet_id, AllocationId=address)["NatGateway"]["NatGatewayId"]
    cloud.wait("ec2", "nat_gateway_available", NatGatewayIds=[gateway])
    return str(gateway)


def _way_out_by_the_internet_gateway(cloud: Cloud, mine: Values) -> None:
    vpc = seccom("ha").get(VPC, "vpc")
    subnet = Subnet(name="private-apis-3b", vpc=vpc, cidr=mine.cidr, zone="b")
    table = RouteTable(name="private-apis", vpc=vpc)
    plan_deploy([RouteTableAssociation(table=table, subnet=subnet)], cloud).apply()
    gateway = seccom("ha").of(Route)[0].gateway
    plan_deploy([Route(table=table, gateway=gateway)], cloud).apply()


def _way_out_inside_the_private_subnet(cloud: Cloud, mine: Values) -> None:
    vpc = seccom("ha").get(VPC, "vpc")
    subnet = Subnet(name="private-apis-3b", vpc=vpc, cidr=mine.cidr, zone="b")
    table = RouteTable(name="private-apis", vpc=vpc)
    plan_deploy([RouteTableAssociation(table=table, subnet=subnet)], cloud).apply()
    existing = inventory(cloud)
    gateway = _nat_in(cloud, existing["Subnet", "private-apis-3b"].id)
    cloud.client("ec2").create_route(
        RouteTableId=existing["RouteTable", "private-apis"].id,
        DestinationCidrBlock="0.0.0.0/0",
        NatGatewayId=gateway,
    )


def _way_out_in_both_zones(cloud: Cloud, mine: Values) -> None:
    _way_out_in_zone_a(cloud, mine)
    _nat_in(cloud, inventory(cloud)["Subnet", "public-3b"].id)


WAY_OUT = Exercise(
    "02-way-out",
    prompt="The private subnet `private-apis-3b`, in zone b with the block `{mine.cidr}`, needs a way out: its "
    "instances have to fetch images. Give it one for at most {mine.usd} USD a month, and keep it private.",
    values=lambda seed: {"cidr": _free_block(seed), "usd": seed.between(42, 75)},
    check=_check_way_out,
    hints=(
        "Where does a NAT gateway itself need to be, so that it reaches the internet?",
        "It takes three things: an address, a NAT gateway in a public subnet, and a route of the private table to it.",
        "`aws ec2 allocate-address`, `create-nat-gateway --subnet-id … --allocation-id …`, "
        "`create-route --destination-cidr-block 0.0.0.0/0 --nat-gateway-id …`.",
    ),
    solutions=(_way_out_in_zone_a, _way_out_by_the_main_table),
    wrong=(
        Wrong(_way_out_by_the_internet_gateway, "has no public address"),
        Wrong(_way_out_inside_the_private_subnet, "is not an internet gateway"),
        Wrong(_way_out_in_both_zones, "2 NAT gateways: 80.30 USD"),
    ),
    notices=("RouteTableAssociation:private-apis-3b", "Route:public 0.0.0.0/0", "Subnet:public-3b"),
)


CHAPTER = Chapter(
    "02",
    "Network",
    minutes=20,
    start=team_network,
    clean_up=delete_nat_gateways,
    exercises=(THIRD_ZONE, PRIVATE, WAY_OUT),
    predictions=("02-addresses", "02-without-a-route", "02-nat-usd", "02-black-hole"),
)
