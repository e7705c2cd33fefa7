"""Labs about routes and network ACLs, which no security group shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws import inventory
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.course.exercises import Attempt, Point, Values, Wrong
from esaws.course.labs.families._common import (
    names_of,
    open_everything,
    redeploy_everything,
)
from esaws.course.labs.lab import Evidence, Lab
from esaws.course.seed import Seed
from esaws.reference.seccom import SERVICES

BALANCED = tuple(name for name, service in SERVICES.items() if service.target_group)
SUBNETS = {"public-3a": "eu-west-3a", "public-3b": "eu-west-3b"}
DECLARED_ENTRY = 100
"""The number of the entry that lets everything through in a new network ACL."""


def _vpc(cloud: Cloud) -> str:
    owned = [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    return str(cloud.client("ec2").describe_vpcs(Filters=owned)["Vpcs"][0]["VpcId"])


def _subnet(cloud: Cloud, name: str) -> str:
    named = [{"Name": "tag:Name", "Values": [cloud.aws_name(name)]}]
    return str(cloud.client("ec2").describe_subnets(Filters=named)["Subnets"][0]["SubnetId"])


def _tables(cloud: Cloud) -> list[dict[str, Any]]:
    in_vpc = [{"Name": "vpc-id", "Values": [_vpc(cloud)]}]
    return list(cloud.client("ec2").describe_route_tables(Filters=in_vpc)["RouteTables"])


def _public_table(cloud: Cloud) -> dict[str, Any]:
    return next(
        table for table in _tables(cloud) if {"Key": "Name", "Value": cloud.aws_name("public")} in table["Tags"]
    )


def _acl(cloud: Cloud) -> dict[str, Any]:
    in_vpc = [{"Name": "vpc-id", "Values": [_vpc(cloud)]}]
    return dict(cloud.client("ec2").describe_network_acls(Filters=in_vpc)["NetworkAcls"][0])


# --- green-but-gone: the default route of the public subnets is gone


def _route_values(seed: Seed) -> Mapping[str, Any]:
    return {"narrow": f"10.{seed.between(1, 250)}.0.0/16"}


def _break_route(cloud: Cloud, mine: Values) -> None:
    ec2, table = cloud.client("ec2"), _public_table(cloud)
    gateway = next(route["GatewayId"] for route in table["Routes"] if route["DestinationCidrBlock"] == "0.0.0.0/0")
    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=mine.narrow, GatewayId=gateway)


def _route_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    table = _public_table(cloud)["RouteTableId"]
    resource = (*names_of(cloud, "public", table), "route table")
    yield Evidence(resource, (mine.narrow, "0.0.0.0/0", "default route"))


def _route_mended(attempt: Attempt) -> Iterable[Point]:
    routes = {route["DestinationCidrBlock"]: route for route in _public_table(attempt.cloud)["Routes"]}
    default = routes.get("0.0.0.0/0", {})
    yield Point(
        "The public subnets have a route 0.0.0.0/0 to the internet gateway",
        str(default.get("GatewayId", "")).startswith("igw-"),
        f"the routes are to {', '.join(sorted(routes))}",
        "the routes of the table that the public subnets are associated with",
    )
    yield Point(
        f"The route to {attempt.mine.narrow} alone is gone",
        attempt.mine.narrow not in routes,
        f"there is a route to {attempt.mine.narrow}",
        "the same route table: a route that is left over",
    )


def _repair_route(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    table, gateway = ids["RouteTable", "public"], ids["InternetGateway", "igw"]
    for route in ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]:
        if route["DestinationCidrBlock"] == mine.narrow:
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
            ec2.delete_route(RouteTableId=table, DestinationCidrBlock=mine.narrow)


def _route_half_of_the_internet(cloud: Cloud, mine: Values) -> None:
    table = _public_table(cloud)
    gateway = next(route["GatewayId"] for route in table["Routes"] if route["DestinationCidrBlock"] == mine.narrow)
    cloud.client("ec2").create_route(
        RouteTableId=table["RouteTableId"], DestinationCidrBlock="128.0.0.0/1", GatewayId=gateway
    )


GREEN_BUT_GONE = Lab(
    "green-but-gone",
    family="network",
    title="All targets are healthy, and no user gets through",
    report=(
        "The monitor in the office is green: *every target is healthy, every task runs.* "
        "The monitor outside is red for every page, and so is the address of the cameras: *connection timed out.* "
        "A network engineer tidied up the routes last night, *so that they only name the partner's network*."
    ),
    cause="default-route",
    values=_route_values,
    inject=_break_route,
    evidence=_route_evidence,
    broken=("GET / ", "GET ", *SERVICES),
    mended=_route_mended,
    repair=_repair_route,
    non_repairs=(
        Wrong(_route_half_of_the_internet, "route 0.0.0.0/0"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "route 0.0.0.0/0"),
    ),
    hints=(
        "Health checks come from inside the VPC. What does a packet from outside need that they do not need?",
        "Look at how the subnets reach the internet: a gateway alone is not enough.",
        "`aws ec2 describe-route-tables`; `create-route --destination-cidr-block … --gateway-id …`.",
    ),
)


# --- half-of-the-visitors: one subnet uses the main route table


def _association_values(seed: Seed) -> Mapping[str, Any]:
    name = seed.choice([*SUBNETS])
    return {"subnet": name, "zone": SUBNETS[name]}


def _break_association(cloud: Cloud, mine: Values) -> None:
    subnet = _subnet(cloud, mine.subnet)
    for association in _public_table(cloud)["Associations"]:
        if association.get("SubnetId") == subnet:
            cloud.client("ec2").disassociate_route_table(AssociationId=association["RouteTableAssociationId"])


def _association_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    main = next(
        table["RouteTableId"] for table in _tables(cloud) if any(each.get("Main") for each in table["Associations"])
    )
    values = ("main", main, "no association", "not associated", "no explicit association", "local", "0.0.0.0/0")
    yield Evidence(names_of(cloud, mine.subnet, _subnet(cloud, mine.subnet)), values)


def _association_mended(attempt: Attempt) -> Iterable[Point]:
    associated = {association.get("SubnetId") for association in _public_table(attempt.cloud)["Associations"]}
    yield Point(
        f"The subnet {attempt.mine.subnet} uses the public route table",
        _subnet(attempt.cloud, attempt.mine.subnet) in associated,
        f"{attempt.mine.subnet} uses another route table",
        "the associations of the route tables of the VPC",
    )


def _repair_association(cloud: Cloud, mine: Values) -> None:
    ids = {live.key: live.id for live in inventory(cloud)}
    cloud.client("ec2").associate_route_table(
        RouteTableId=ids["RouteTable", "public"], SubnetId=ids["Subnet", mine.subnet]
    )


def _add_a_route_to_the_main_table(cloud: Cloud, mine: Values) -> None:
    tables = _tables(cloud)
    main = next(table for table in tables if any(each.get("Main") for each in table["Associations"]))
    gateway = next(
        route["GatewayId"] for route in _public_table(cloud)["Routes"] if route["DestinationCidrBlock"] == "0.0.0.0/0"
    )
    cloud.client("ec2").create_route(
        RouteTableId=main["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
    )


HALF_OF_THE_VISITORS = Lab(
    "half-of-the-visitors",
    family="network",
    title="Half of the connections time out",
    report=(
        "The provider of the monitor writes: *Your name has two addresses. One of them answers, the other one times "
        "out. Browsers try both, so your users only say that it is slow.* Both zones show healthy targets."
    ),
    cause="route-table-association",
    values=_association_values,
    inject=_break_association,
    evidence=_association_evidence,
    broken=("manager-web-ui is reached", "cameras-api is reached", "GET ", *SERVICES),
    mended=_association_mended,
    repair=_repair_association,
    non_repairs=(
        Wrong(_add_a_route_to_the_main_table, "uses the public route table"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "uses the public route table"),
    ),
    hints=(
        "Each address of a load balancer is in one subnet. What differs between the two subnets?",
        "A subnet without an association of its own uses the main route table of the VPC.",
        "`aws ec2 describe-route-tables --filters Name=vpc-id,Values=…`; `associate-route-table` sets the association.",
    ),
)


# --- answers-lost: a network ACL denies the answers


def _answers_values(seed: Seed) -> Mapping[str, Any]:
    return {"number": seed.between(11, 89), "first": seed.choice((1024, 2048, 16384, 32768))}


def _break_answers(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").create_network_acl_entry(
        NetworkAclId=_acl(cloud)["NetworkAclId"],
        RuleNumber=mine.number,
        Egress=True,
        Protocol="6",
        RuleAction="deny",
        CidrBlock="172.31.0.0/16",
        PortRange={"From": mine.first, "To": 65535},
    )


def _answers_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    resource = ("network ACL", "ACL", "NACL", _acl(cloud)["NetworkAclId"])
    ports = (f"{mine.first}-65535", f"{mine.first} - 65535", f"{mine.first} to 65535", str(mine.first))
    yield Evidence(resource, (f"entry {mine.number}", f"rule {mine.number}", str(mine.number), *ports))


def _entries_mended(attempt: Attempt) -> Iterable[Point]:
    mine = attempt.mine
    denied = [
        f"{entry['RuleNumber']} denies {entry.get('PortRange', 'all ports')} {'out' if entry['Egress'] else 'in'}"
        for entry in _acl(attempt.cloud)["Entries"]
        if entry["RuleAction"] == "deny" and entry["RuleNumber"] < DECLARED_ENTRY
    ]
    yield Point(
        f"No entry of the network ACL before {DECLARED_ENTRY} denies anything",
        not any(line.startswith(f"{mine.number} ") for line in denied) and not denied,
        "; ".join(denied),
        "the entries of the network ACL of the subnets, in both directions",
    )


def _repair_answers(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    in_vpc = [{"Name": "vpc-id", "Values": [ids["VPC", "vpc"]]}]
    acl = ec2.describe_network_acls(Filters=in_vpc)["NetworkAcls"][0]
    for entry in acl["Entries"]:
        if entry["RuleNumber"] == mine.number:
            ec2.delete_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=mine.number, Egress=True)


def _allow_everything_first(cloud: Cloud, mine: Values) -> None:
    for egress in (True, False):
        cloud.client("ec2").create_network_acl_entry(
            NetworkAclId=_acl(cloud)["NetworkAclId"],
            RuleNumber=1,
            Egress=egress,
            Protocol="-1",
            RuleAction="allow",
            CidrBlock="0.0.0.0/0",
        )


ANSWERS_LOST = Lab(
    "answers-lost",
    family="network",
    title="The groups are right, and everything times out",
    report=(
        "Security hardened the network at noon. Since then on-call writes: *Targets time out, tasks are replaced. "
        "I compared every security group twice, and each rule is right. From its own subnet a service answers.*"
    ),
    cause="network-acl-out",
    values=_answers_values,
    inject=_break_answers,
    evidence=_answers_evidence,
    broken=("client-web-ui answers", "GET ", *SERVICES),
    mended=_entries_mended,
    repair=_repair_answers,
    non_repairs=(
        Wrong(_allow_everything_first, "denies"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "denies"),
    ),
    hints=(
        "Security groups let the answers of a request through by themselves. What does not?",
        "A network ACL works between subnets, in both directions. To which ports does an answer go?",
        "`aws ec2 describe-network-acls --filters Name=vpc-id,Values=…`; `delete-network-acl-entry` removes an entry.",
    ),
)


# --- stopped-at-the-border: a network ACL denies the port of the load balancer on its way in


def _border_values(seed: Seed) -> Mapping[str, Any]:
    return {"number": seed.between(11, 89)}


def _break_border(cloud: Cloud, mine: Values) -> None:
    cloud.client("ec2").create_network_acl_entry(
        NetworkAclId=_acl(cloud)["NetworkAclId"],
        RuleNumber=mine.number,
        Egress=False,
        Protocol="6",
        RuleAction="deny",
        CidrBlock="0.0.0.0/0",
        PortRange={"From": 80, "To": 80},
    )


def _border_evidence(cloud: Cloud, mine: Values) -> Iterator[Evidence]:
    resource = ("network ACL", "ACL", "NACL", _acl(cloud)["NetworkAclId"])
    yield Evidence(resource, (f"entry {mine.number}", f"rule {mine.number}", str(mine.number)))


def _repair_border(cloud: Cloud, mine: Values) -> None:
    ec2, ids = cloud.client("ec2"), {live.key: live.id for live in inventory(cloud)}
    in_vpc = [{"Name": "vpc-id", "Values": [ids["VPC", "vpc"]]}]
    acl = ec2.describe_network_acls(Filters=in_vpc)["NetworkAcls"][0]
    for entry in acl["Entries"]:
        if entry["RuleNumber"] == mine.number:
            ec2.delete_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=mine.number, Egress=False)


STOPPED_AT_THE_BORDER = Lab(
    "stopped-at-the-border",
    family="network",
    title="One port is dead, for all users",
    report=(
        "Users write: *No page opens, the connection times out.* The cameras and the managers, who use other ports, "
        "work. All targets are healthy, the load balancer is active, and `ALB-sg` opens port 80 to the world."
    ),
    cause="network-acl-in",
    values=_border_values,
    inject=_break_border,
    evidence=_border_evidence,
    broken=("GET / ", "GET ", *(f"{name} answers" for name in BALANCED)),
    mended=_entries_mended,
    repair=_repair_border,
    non_repairs=(
        Wrong(_allow_everything_first, "denies"),
        Wrong(open_everything, "open to the world"),
        Wrong(redeploy_everything, "denies"),
    ),
    hints=(
        "A packet from the internet passes four checks before the load balancer. Which ones did you look at?",
        "Gateway, route, network ACL, security group: look at the one that belongs to the subnet.",
        "`esaws reach internet alb/seccom-alb 80`, or `aws ec2 describe-network-acls`; "
        "`delete-network-acl-entry` removes an entry.",
    ),
)

LABS = (GREEN_BUT_GONE, HALF_OF_THE_VISITORS, ANSWERS_LOST, STOPPED_AT_THE_BORDER)
