"""The conformance cases on groups, network ACLs, routes and findings, and more cases from the same AWS sources."""

import json
from pathlib import Path
from typing import Any

import pytest

from esaws.inspect.answers import NO, YES, Answer, all_of, any_of, unknown
from esaws.inspect.network.equivalence_classes import level_of
from tests.conformance.sg import KINDS

Json = dict[str, Any]
CASES = json.loads(Path(__file__).parents[1].joinpath("conformance", "sg_cases.json").read_text())["cases"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_every_case_agrees_with_aws(case: Json) -> None:
    actual = KINDS[case["kind"]](case["input"])
    for key, expected in case["expected"].items():
        if key == "findings":
            assert in_order(expected) == in_order(actual[key])
        else:
            assert actual[key] == expected, key


def in_order(found: list[Json]) -> list[tuple[str | None, ...]]:
    keys = ("code", "GroupId", "severity", "cidr")
    return sorted((tuple(item.get(key) for key in keys) for item in found), key=str)


def rule(protocol: str, low: int | None, high: int | None, **sources: list[Json]) -> Json:
    return {"IpProtocol": protocol, "FromPort": low, "ToPort": high, **sources}


def evaluate(ingress: list[Json], query: Json, *, egress: list[Json] | None = None, **more: Any) -> Json:
    """A case from eni-a (sg-a) to eni-b (sg-b), both with public and IPv6 addresses."""
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    groups = [
        {
            "GroupId": "sg-a",
            "OwnerId": "1",
            "VpcId": "vpc-1",
            "IpPermissionsEgress": [everything] if egress is None else egress,
        },
        {"GroupId": "sg-b", "OwnerId": "1", "VpcId": "vpc-1", "IpPermissions": ingress},
    ]
    interfaces = [
        {
            "NetworkInterfaceId": f"eni-{which}",
            "VpcId": "vpc-1",
            "PrivateIpAddress": f"10.0.{last}.{last}",
            "Groups": [{"GroupId": f"sg-{which}"}],
            "Ipv6Addresses": [{"Ipv6Address": f"2001:db8::{last}"}],
            "Association": {"PublicIp": f"192.0.2.{last}"},
        }
        for which, last in (("a", 1), ("b", 2))
    ]
    ends = {"from": {"eni": "eni-a"}, "to": {"eni": "eni-b"}, "protocol": "tcp", "port": 80}
    return KINDS["reach"]({"SecurityGroups": groups, "NetworkInterfaces": interfaces, "query": ends | query, **more})


ANY = [{"CidrIp": "0.0.0.0/0"}]
PUBLIC = {"eni": "eni-b", "address": "public"}


@pytest.mark.parametrize(
    ("ingress", "query", "decision"),
    [
        (rule("-1", 22, 22, IpRanges=ANY), {}, "allow"),
        (rule("50", 22, 22, IpRanges=ANY), {"protocol": "50", "port": None}, "allow"),
        (rule("50", 22, 22, IpRanges=ANY), {}, "deny"),
        (rule("tcp", 80, 80, IpRanges=ANY), {"protocol": "-1", "port": None}, "deny"),
        (rule("udp", 80, 80, IpRanges=ANY), {}, "deny"),
        (rule("17", 80, 80, IpRanges=ANY), {"protocol": "udp"}, "allow"),
        (rule("icmp", 3, 4, IpRanges=ANY), {"protocol": "icmp", "icmp": [3, 4]}, "allow"),
        (rule("icmp", 3, 4, IpRanges=ANY), {"protocol": "icmp", "icmp": [3, 1]}, "deny"),
        (rule("icmpv6", None, None, IpRanges=ANY), {"protocol": "58", "icmp": [128, 0]}, "allow"),
        (rule("tcp", 80, 80, IpRanges=[{"CidrIp": "10.0.1.9/24"}]), {}, "allow"),
        (rule("tcp", 80, 80, PrefixListIds=[{"PrefixListId": "pl-1"}]), {}, "allow"),
        (rule("tcp", 80, 80, PrefixListIds=[{"PrefixListId": "pl-2"}]), {}, "unknown"),
        (
            rule("tcp", 80, 80, UserIdGroupPairs=[{"GroupId": "sg-a"}]),
            {"to": PUBLIC},
            "deny",
        ),
        (rule("tcp", 80, 80, UserIdGroupPairs=[{"GroupId": "sg-a"}]), {"from": {"ip": "10.0.1.1"}}, "allow"),
        (rule("tcp", 80, 80, UserIdGroupPairs=[{"GroupId": "sg-a"}]), {"from": {"ip": "10.0.1.2"}}, "deny"),
        (
            rule("tcp", 80, 80, UserIdGroupPairs=[{"GroupId": "sg-x", "UserId": "2"}]),
            {"from": {"ip": "10.0.1.2"}},
            "unknown",
        ),
        (
            rule("tcp", 80, 80, Ipv6Ranges=[{"CidrIpv6": "2001:db8::/64"}]),
            {"to": {"eni": "eni-b", "address": "ipv6"}},
            "allow",
        ),
        (rule("tcp", 80, 80, IpRanges=ANY), {"to": {"eni": "eni-b", "address": "ipv6"}}, "deny"),
        (
            rule("tcp", 80, 80, UserIdGroupPairs=[{"GroupId": "sg-a", "VpcPeeringConnectionId": "pcx-1"}]),
            {},
            "unknown",
        ),
        (
            rule("tcp", 80, 80, UserIdGroupPairs=[{"GroupId": "sg-x", "UserId": "2", "PeeringStatus": "deleted"}]),
            {"from": {"ip": "10.0.1.2"}},
            "deny",
        ),
        (rule("udp", 53, 53, IpRanges=ANY), {"protocol": "udp", "port": 53}, "allow"),
        (rule("udp", 53, 53, IpRanges=ANY), {"protocol": "tcp", "port": 53}, "deny"),
        (rule("-1", None, None, IpRanges=ANY), {"protocol": "icmp", "icmp": [8, 0]}, "allow"),
        (rule("-1", None, None, IpRanges=ANY), {"protocol": "47", "port": None}, "allow"),
        (rule("47", None, None, IpRanges=ANY), {"protocol": "gre", "port": None}, "allow"),
        (rule("icmp", 8, -1, IpRanges=ANY), {"protocol": "icmp", "icmp": [8, 0]}, "allow"),
        (rule("icmp", 8, -1, IpRanges=ANY), {"protocol": "icmp"}, "unknown"),
        (rule("icmp", 0, -1, IpRanges=ANY), {"protocol": "icmp", "icmp": [8, 0]}, "deny"),
        (rule("icmp", -1, -1, IpRanges=ANY), {"protocol": "icmpv6", "icmp": [128, 0]}, "deny"),
        (rule("1", 8, 0, IpRanges=ANY), {"protocol": "icmp", "icmp": [8, 0]}, "allow"),
        (
            rule("58", 128, -1, Ipv6Ranges=[{"CidrIpv6": "::/0"}]),
            {"to": {"eni": "eni-b", "address": "ipv6"}, "protocol": "icmpv6", "icmp": [128, 0]},
            "allow",
        ),
        (rule("tcp", 80, 80, IpRanges=[{"CidrIp": "10.0.1.1/32"}]), {}, "allow"),
        (rule("tcp", 80, 80, IpRanges=[{"CidrIp": "10.0.1.0/32"}]), {}, "deny"),
        (rule("tcp", 80, 80, IpRanges=[{"CidrIp": "192.0.2.1/32"}]), {"to": PUBLIC}, "allow"),
        (rule("tcp", 80, 80, IpRanges=[{"CidrIp": "10.0.1.1/32"}]), {"to": PUBLIC}, "deny"),
        (rule("tcp", 80, 80, IpRanges=ANY), {"from": {"ip": "2001:db8::9"}}, "deny"),
        (rule("tcp", 80, 80, Ipv6Ranges=[{"CidrIpv6": "::/0"}]), {"from": {"ip": "2001:db8::9"}}, "allow"),
        (rule("tcp", 80, 80, PrefixListIds=[{"PrefixListId": "pl-1"}]), {"from": {"ip": "10.0.2.9"}}, "deny"),
        (rule("tcp", 80, 80, UserIdGroupPairs=[{"GroupId": "sg-a"}]), {"from": {"ip": "198.51.100.7"}}, "deny"),
    ],
)
def test_a_rule_matches_as_aws_documents(ingress: Json, query: Json, decision: str) -> None:
    lists = [{"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.1.0/24"}]}]
    assert evaluate([ingress], query, PrefixLists=lists)["sg_decision"] == decision


@pytest.mark.parametrize(
    ("egress", "query", "decision", "blocked_by"),
    [
        ([], {}, "deny", ["egress"]),
        ([rule("tcp", 80, 80, UserIdGroupPairs=[{"GroupId": "sg-b"}])], {}, "allow", []),
        ([rule("tcp", 80, 80, UserIdGroupPairs=[{"GroupId": "sg-b"}])], {"to": PUBLIC}, "deny", ["egress"]),
        ([rule("tcp", 80, 80, IpRanges=[{"CidrIp": "192.0.2.2/32"}])], {"to": PUBLIC}, "allow", []),
        ([rule("tcp", 80, 80, IpRanges=[{"CidrIp": "10.0.2.2/32"}])], {"to": PUBLIC}, "deny", ["egress"]),
        ([rule("tcp", 443, 443, PrefixListIds=[{"PrefixListId": "pl-9"}])], {}, "deny", ["egress"]),
        ([rule("tcp", 80, 80, PrefixListIds=[{"PrefixListId": "pl-9"}])], {}, "unknown", []),
        ([], {"to": {"ip": "198.51.100.7"}}, "deny", ["egress"]),
        ([rule("tcp", 1, 1, IpRanges=ANY)], {"port": 9}, "deny", ["egress", "ingress"]),
    ],
)
def test_the_egress_of_the_source_must_allow(
    egress: list[Json], query: Json, decision: str, blocked_by: list[str]
) -> None:
    result = evaluate([rule("tcp", 80, 80, IpRanges=ANY)], query, egress=egress)
    assert (result["sg_decision"], result["blocked_by"]) == (decision, blocked_by)


@pytest.mark.parametrize(
    ("context", "source", "decision"),
    [
        ({"nat_public_ip": "192.0.2.99"}, {"IpRanges": [{"CidrIp": "192.0.2.99/32"}]}, "allow"),
        ({"nat_public_ip": "192.0.2.99"}, {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "deny"),
        ({"nat_public_ip": "192.0.2.99"}, {"UserIdGroupPairs": [{"GroupId": "sg-a"}]}, "deny"),
        ({}, {"IpRanges": [{"CidrIp": "192.0.2.1/32"}]}, "allow"),
    ],
)
def test_on_the_public_path_rules_see_the_public_source_address(context: Json, source: Json, decision: str) -> None:
    assert evaluate([rule("tcp", 80, 80, **source)], {"to": PUBLIC}, context=context)["sg_decision"] == decision


def test_no_reference_matches_behind_a_middlebox() -> None:
    pair = [{"GroupId": "sg-b"}]
    result = evaluate([rule("tcp", 80, 80, IpRanges=ANY)], {}, egress=[rule("-1", None, None, UserIdGroupPairs=pair)])
    hidden = evaluate(
        [rule("tcp", 80, 80, IpRanges=ANY)],
        {},
        egress=[rule("-1", None, None, UserIdGroupPairs=pair)],
        context={"middlebox": True},
    )
    assert (result["sg_decision"], hidden["sg_decision"], hidden["blocked_by"]) == ("allow", "deny", ["egress"])


def test_a_rule_reports_its_canonical_range() -> None:
    result = evaluate([rule("tcp", 80, 80, IpRanges=[{"CidrIp": "10.0.1.9/24"}])], {})
    assert result["ingress_rules"] == [{"GroupId": "sg-b", "IpPermissionsIndex": 0, "source": "10.0.1.0/24"}]


def test_the_source_address_of_an_interface_without_a_public_one_is_unknown() -> None:
    to_public = {"from": {"eni": "eni-a"}, "to": {"eni": "eni-b", "address": "public"}}
    interfaces = [
        {
            "NetworkInterfaceId": "eni-a",
            "PrivateIpAddress": "10.0.1.1",
            "Groups": [],
            "InterfaceType": "network_load_balancer",
        },
        {
            "NetworkInterfaceId": "eni-b",
            "PrivateIpAddress": "10.0.2.2",
            "Groups": [{"GroupId": "sg-b"}],
            "Association": {"PublicIp": "192.0.2.2"},
        },
    ]
    for cidr, decision in {"0.0.0.0/0": "allow", "198.51.100.0/24": "unknown", "10.0.0.0/8": "deny"}.items():
        ingress = [rule("tcp", 80, 80, IpRanges=[{"CidrIp": cidr}])]
        assert evaluate(ingress, to_public, NetworkInterfaces=interfaces)["sg_decision"] == decision


@pytest.mark.parametrize("address", ["169.254.169.254", "169.254.170.2", "169.254.169.123", "fd00:ec2::254"])
def test_security_groups_do_not_filter_aws_services(address: str) -> None:
    assert evaluate([], {"to": {"ip": address}}, egress=[])["sg_decision"] == "not_filtered"


@pytest.mark.parametrize(
    ("subnets", "evaluated"), [(("subnet-a", "subnet-b"), True), (("subnet-a", "subnet-a"), False)]
)
def test_acls_filter_between_subnets_only(subnets: tuple[str, str], evaluated: bool) -> None:
    query = {"from_subnet": subnets[0], "to_subnet": subnets[1]}
    assert KINDS["path"]({"NetworkAcls": [], "query": query}) == {"nacl_evaluated": evaluated}


@pytest.mark.parametrize(
    ("entry", "query", "rule_number"),
    [
        ({"Protocol": "6"}, {}, 100),
        ({"Protocol": "17"}, {}, 32767),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 8, "Code": -1}}, {"protocol": "icmp", "icmp": [8, 0]}, 100),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 8, "Code": -1}}, {"protocol": "icmp", "icmp": [0, 0]}, 32767),
        ({"Protocol": "-1", "Ipv6CidrBlock": "::/0", "CidrBlock": ""}, {"peer_ip": "2001:db8::1"}, 100),
        ({"Protocol": "-1"}, {"peer_ip": "2001:db8::1"}, 32768),
    ],
)
def test_an_acl_entry_matches_as_aws_documents(entry: Json, query: Json, rule_number: int) -> None:
    numbered = {"RuleNumber": 100, "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0", **entry}
    question = {"egress": False, "protocol": "tcp", "port": 22, "peer_ip": "198.51.100.7", **query}
    result = KINDS["nacl"]({"NetworkAcls": [{"NetworkAclId": "acl-1", "Entries": [numbered]}], "query": question})
    assert result["rule_number"] == rule_number


def route(routes: list[Json], destination: str = "198.51.100.7", **more: Any) -> Json:
    tables = [{"RouteTableId": "rtb-1", "Associations": [{"Main": True}], "Routes": routes}]
    return KINDS["route"]({"RouteTables": tables, "query": {"subnet": "subnet-a", "destination": destination}, **more})


LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}


@pytest.mark.parametrize(
    ("to", "target", "out", "into"),
    [
        ({"GatewayId": "igw-1"}, "igw-1", True, "unknown"),
        ({"NatGatewayId": "nat-1"}, "nat-1", True, False),
        ({"NatGatewayId": "nat-1", "State": "blackhole"}, "nat-1", False, False),
        ({"GatewayId": "igw-1", "State": "blackhole"}, "igw-1", False, False),
        ({"TransitGatewayId": "tgw-1"}, "tgw-1", "unknown", False),
        ({"NetworkInterfaceId": "eni-1", "InstanceId": "i-1"}, "eni-1", "unknown", False),
    ],
)
def test_the_target_of_a_default_route(to: Json, target: str, out: bool | str, into: bool | str) -> None:
    result = route([LOCAL, {"DestinationCidrBlock": "0.0.0.0/0", "State": "active", **to}])
    assert result["target"] == target
    assert (result["egress_reachable"], result["internet_reachable"]) == (out, into)


def test_an_egress_only_gateway_is_for_ipv6_only() -> None:
    out = {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"}
    result = route([LOCAL, out], "2606:4700::1")
    assert (result["target"], result["egress_reachable"], result["internet_reachable"]) == ("eigw-1", True, False)
    assert route([LOCAL, out])["target"] is None


def test_the_route_of_a_subnet_without_a_main_table_is_unknown() -> None:
    tables = [{"RouteTableId": "rtb-1", "Associations": [{"SubnetId": "subnet-z"}], "Routes": [TO_GATEWAY]}]
    result = KINDS["route"]({"RouteTables": tables, "query": {"subnet": "subnet-a", "destination": "198.51.100.7"}})
    assert (result["egress_reachable"], result["internet_reachable"]) == ("unknown", "unknown")


def test_the_main_table_of_the_subnets_vpc_is_used() -> None:
    tables = [
        {"RouteTableId": f"rtb-{vpc}", "VpcId": vpc, "Associations": [{"Main": True}], "Routes": [LOCAL, *more]}
        for vpc, more in (("vpc-1", [TO_GATEWAY]), ("vpc-2", []))
    ]
    for vpc, target in (("vpc-1", "igw-1"), ("vpc-2", None)):
        subnets = [{"SubnetId": "subnet-a", "VpcId": vpc, "CidrBlock": "10.0.0.0/24"}]
        query = {"subnet": "subnet-a", "destination": "198.51.100.7"}
        assert KINDS["route"]({"RouteTables": tables, "Subnets": subnets, "query": query})["target"] == target


TO_GATEWAY = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}


@pytest.mark.parametrize("public", [True, False])
def test_the_internet_needs_a_public_address_and_an_internet_gateway(public: bool) -> None:
    association = {"Association": {"PublicIp": "192.0.2.1"}} if public else {}
    interface = {"NetworkInterfaceId": "eni-a", "PrivateIpAddress": "10.0.0.4", **association}
    assert route([TO_GATEWAY], NetworkInterfaces=[interface])["internet_reachable"] is public


def test_a_nat_gateway_is_for_egress_only() -> None:
    result = route([{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}])
    assert (result["egress_reachable"], result["internet_reachable"]) == (True, False)


def test_no_route_means_no_egress() -> None:
    assert route([]) == {"target": None, "state": None, "egress_reachable": False, "internet_reachable": False}


def test_a_propagated_route_does_not_beat_the_local_one() -> None:
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    learnt = {"DestinationCidrBlock": "10.0.1.0/24", "GatewayId": "vgw-1", "Origin": "EnableVgwRoutePropagation"}
    assert route([local, learnt], "10.0.1.4")["target"] == "local"


def test_a_prefix_list_without_entries_makes_the_route_unknown() -> None:
    to_list = {"DestinationPrefixListId": "pl-1", "State": "active"}
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    assert route([TO_GATEWAY, to_list | {"TransitGatewayId": "tgw-1"}])["egress_reachable"] == "unknown"
    assert route([local, to_list | {"GatewayId": "vpce-1"}], "10.0.0.4")["target"] == "local"


def test_a_static_host_route_beats_a_prefix_list() -> None:
    to_list = {"DestinationPrefixListId": "pl-1", "TransitGatewayId": "tgw-1", "State": "active"}
    to_host = {"DestinationCidrBlock": "198.51.100.7/32", "NatGatewayId": "nat-1", "State": "active"}
    assert route([to_list, to_host])["target"] == "nat-1"
    assert route([to_list, to_host], "198.51.100.8")["target"] is None


def test_prefix_list_entries_compete_by_length() -> None:
    lists = [{"PrefixListId": "pl-s3", "Entries": [{"Cidr": "198.51.100.0/24"}]}]
    to_s3 = {"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-1", "State": "active"}
    result = route([TO_GATEWAY, to_s3], PrefixLists=lists)
    assert (result["target"], result["egress_reachable"], result["internet_reachable"]) == ("vpce-1", True, False)
    assert route([TO_GATEWAY, to_s3], "203.0.113.7", PrefixLists=lists)["target"] == "igw-1"


def test_any_of_and_all_of_keep_unknown() -> None:
    uncertain = unknown("not described")
    assert any_of([NO, uncertain, YES]).is_yes
    assert any_of([NO, uncertain]) == uncertain
    assert all_of([YES, uncertain, NO]).is_no
    assert all_of([YES, uncertain]) == uncertain
    assert [level_of(answer) for answer in (NO, uncertain, YES)] == [0, 1, 2]
    with pytest.raises(TypeError):
        bool(Answer("yes"))
