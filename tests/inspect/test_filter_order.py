"""Order and unknown protocols in ACLs, security groups and route tables, one by one and in the matrix.

Each decision is checked with `reach_interfaces` and with `interface_matrix`, which has its own implementation.
"""

from itertools import permutations
from typing import Any

import pytest

from esaws.inspect.network.acls import evaluate_acl
from esaws.inspect.network.addresses import parse_address
from esaws.inspect.network.interface_matrix import interface_matrix
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.network import Network
from esaws.inspect.network.reach import reach_interfaces
from esaws.inspect.network.route_tables import lookup_route
from esaws.inspect.network.traffic import Traffic

Raw = dict[str, Any]

HTTP = Traffic.of("tcp", 80)
ANYWHERE = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
EVERYTHING = {"IpProtocol": "-1", **ANYWHERE}
NEW = "quic"
"""A protocol that esaws does not support."""


def entry(number: int, action: str, protocol: str = "-1", cidr: str = "0.0.0.0/0", egress: bool = False) -> Raw:
    return {"RuleNumber": number, "RuleAction": action, "Protocol": protocol, "CidrBlock": cidr, "Egress": egress}


def both_ways(*entries: Raw) -> list[Raw]:
    return [raw | {"Egress": egress} for egress in (True, False) for raw in entries]


def network(
    entries: list[Raw] | None = None, ingress: list[Raw] | None = None, routes: tuple[Raw, ...] = ()
) -> Network:
    """Two interfaces in two subnets; the ACL, the ingress rules and the routes apply to the second."""
    open_acl = both_ways(entry(100, "allow"))
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    return Network.of(
        {
            "SecurityGroups": [
                {
                    "GroupId": "sg-1",
                    "GroupName": "sg-1",
                    "VpcId": "vpc-1",
                    "IpPermissions": [EVERYTHING] if ingress is None else ingress,
                    "IpPermissionsEgress": [EVERYTHING],
                }
            ],
            "NetworkInterfaces": [
                {
                    "NetworkInterfaceId": f"eni-{number}",
                    "VpcId": "vpc-1",
                    "SubnetId": f"subnet-{number}",
                    "PrivateIpAddress": f"10.0.{number}.4",
                    "Groups": [{"GroupId": "sg-1"}],
                }
                for number in (1, 2)
            ],
            "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
            "Subnets": [
                {"SubnetId": f"subnet-{number}", "VpcId": "vpc-1", "CidrBlock": f"10.0.{number}.0/24"}
                for number in (1, 2)
            ],
            "NetworkAcls": [
                {"NetworkAclId": f"acl-{number}", "Associations": [{"SubnetId": f"subnet-{number}"}], "Entries": own}
                for number, own in ((1, open_acl), (2, open_acl if entries is None else entries))
            ],
            "RouteTables": [
                {
                    "RouteTableId": f"rtb-{number}",
                    "VpcId": "vpc-1",
                    "Associations": [{"SubnetId": f"subnet-{number}"}],
                    "Routes": [local, *own],
                }
                for number, own in ((1, ()), (2, routes))
            ],
            "PrefixLists": [{"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.8.0.0/16"}]}],
        }
    )


def decisions(network: Network) -> set[str]:
    """The decision for HTTP from the first interface to the second, by path and by matrix."""
    sets = [InterfaceSet(id, (id,)) for id in ("eni-1", "eni-2")]
    frame = interface_matrix(network, sets, [("tcp", 80)]).set_index(["source", "destination"]).decision
    return {reach_interfaces(network, "eni-1", "eni-2", "tcp", 80).decision, str(frame["eni-1", "eni-2"])}


# Network ACLs: the lowest rule number decides, not the order of the description


@pytest.mark.parametrize(
    ("numbered", "decision", "number"),
    [
        ([(90, "deny", "10.0.1.0/24"), (100, "allow", "0.0.0.0/0")], "deny", 90),
        ([(110, "deny", "10.0.1.0/24"), (100, "allow", "0.0.0.0/0")], "allow", 100),
        ([(9, "allow", "10.0.1.4/32"), (10, "deny", "10.0.1.0/24"), (100, "allow", "0.0.0.0/0")], "allow", 9),
    ],
)
def test_acl_entries_are_evaluated_by_number_in_any_order(
    numbered: list[tuple[int, str, str]], decision: str, number: int
) -> None:
    entries = [entry(number, action, cidr=cidr) for number, action, cidr in numbered]
    for order in permutations(entries):
        verdict = evaluate_acl({"Entries": [*order]}, False, parse_address("10.0.1.4"), HTTP)
        assert (verdict.action, verdict.rule_number) == (decision, number), order
        assert decisions(network(entries=both_ways(*order))) == {decision}, order


def test_acl_entries_of_the_other_direction_do_not_count() -> None:
    entries = [entry(10, "deny", egress=True), entry(100, "allow", egress=False)]
    assert evaluate_acl({"Entries": entries}, False, parse_address("10.0.1.4"), HTTP).action == "allow"
    assert evaluate_acl({"Entries": entries}, True, parse_address("10.0.1.4"), HTTP).action == "deny"


# Unknown protocols: a rule with one may match or not


@pytest.mark.parametrize(
    ("entries", "decision"),
    [
        ([entry(90, "deny", NEW), entry(100, "allow")], "unknown"),
        ([entry(100, "allow"), entry(90, "deny", NEW)], "unknown"),
        ([entry(90, "allow", NEW), entry(100, "allow")], "allow"),
        ([entry(90, "deny", NEW)], "deny"),
        ([entry(90, "allow", NEW)], "unknown"),
        ([entry(90, "deny"), entry(100, "allow", NEW)], "deny"),
        ([entry(100, "allow"), entry(110, "deny", NEW)], "allow"),
        ([entry(90, "deny", NEW, cidr="192.168.0.0/16"), entry(100, "allow")], "allow"),
        ([entry(80, "allow", NEW), entry(90, "deny", NEW), entry(100, "allow")], "unknown"),
    ],
)
def test_an_acl_entry_with_an_unknown_protocol_may_match(entries: list[Raw], decision: str) -> None:
    verdict = evaluate_acl({"Entries": entries}, False, parse_address("10.0.1.4"), HTTP)
    assert verdict.action == decision
    assert bool(verdict.reason) == (decision == "unknown")
    assert decisions(network(entries=both_ways(*entries))) == {decision}


def test_an_unknown_protocol_in_the_reply_direction_is_unknown() -> None:
    entries = [entry(100, "allow"), entry(90, "deny", NEW, egress=True), entry(100, "allow", egress=True)]
    assert decisions(network(entries=entries)) == {"unknown"}


@pytest.mark.parametrize(
    ("ingress", "decision"),
    [
        ([{"IpProtocol": NEW, **ANYWHERE}], "unknown"),
        ([{"IpProtocol": NEW, "IpRanges": [{"CidrIp": "192.168.0.0/16"}]}], "deny"),
        ([{"IpProtocol": NEW, **ANYWHERE}, EVERYTHING], "allow"),
        ([EVERYTHING, {"IpProtocol": NEW, **ANYWHERE}], "allow"),
        ([{"IpProtocol": NEW, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}], "unknown"),
        ([{"IpProtocol": NEW, "UserIdGroupPairs": [{"GroupId": "sg-2"}]}], "deny"),
        ([{"IpProtocol": "17", "FromPort": 80, "ToPort": 80, **ANYWHERE}], "deny"),
    ],
)
def test_a_group_rule_with_an_unknown_protocol_may_match(ingress: list[Raw], decision: str) -> None:
    assert decisions(network(ingress=ingress)) == {decision}


# Route tables: of equal prefixes a static route wins, then a prefix list, then a propagated route


STATIC = {"DestinationCidrBlock": "10.8.0.0/16", "NatGatewayId": "nat-static", "State": "active"}
BY_LIST = {"DestinationPrefixListId": "pl-1", "NatGatewayId": "nat-list", "State": "active"}
PROPAGATED = {
    "DestinationCidrBlock": "10.8.0.0/16",
    "GatewayId": "vgw-1",
    "State": "active",
    "Origin": "EnableVgwRoutePropagation",
}
LONGER = PROPAGATED | {"DestinationCidrBlock": "10.8.1.0/24", "GatewayId": "vgw-longer"}
DEFAULT = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}


@pytest.mark.parametrize(
    ("routes", "target"),
    [
        ([STATIC, BY_LIST, PROPAGATED, DEFAULT], "nat-static"),
        ([BY_LIST, PROPAGATED, DEFAULT], "nat-list"),
        ([PROPAGATED, DEFAULT], "vgw-1"),
        ([STATIC, LONGER, DEFAULT], "vgw-longer"),
        ([DEFAULT], "igw-1"),
        ([STATIC | {"State": "blackhole"}, PROPAGATED, DEFAULT], "nat-static"),
    ],
)
def test_equal_prefixes_are_ranked_in_any_order(routes: list[Raw], target: str) -> None:
    for order in permutations(routes):
        route = lookup_route(network(routes=order), "subnet-2", "vpc-1", parse_address("10.8.1.4"))
        assert route.target == target, order


def test_a_blackhole_is_not_replaced_by_a_shorter_route() -> None:
    blackhole = {"DestinationCidrBlock": "10.0.1.0/24", "NatGatewayId": "nat-1", "State": "blackhole"}
    for order in permutations([blackhole, DEFAULT]):
        assert decisions(network(routes=order)) == {"deny"}
