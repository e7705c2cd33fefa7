"""Decisions, reasons and fixes of `reach_interfaces` on a small copy of the reference system."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from esaws.errors import UsageError
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.network import Network
from esaws.inspect.network.reach import reach_interfaces

Raw = dict[str, Any]
Rules = Iterable[tuple[str, int, str]]

EVERYTHING = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
LOCAL = {"DestinationCidrBlock": "172.31.0.0/16", "GatewayId": "local", "State": "active"}
TO_INTERNET = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
TO_NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}


def group(id: str, rules: Rules = (), egress: list[Raw] | None = None) -> Raw:
    ingress = []
    for protocol, port, source in rules:
        references = {"UserIdGroupPairs": [{"GroupId": source}]}
        ranges = {"IpRanges": [{"CidrIp": source}]}
        ports = {"IpProtocol": protocol, "FromPort": port, "ToPort": port}
        ingress.append(ports | (references if source.startswith("sg-") else ranges))
    return {
        "GroupId": id,
        "GroupName": id.removeprefix("sg-"),
        "VpcId": "vpc-1",
        "IpPermissions": ingress,
        "IpPermissionsEgress": EVERYTHING if egress is None else egress,
    }


def interface(id: str, address: str, groups: Iterable[str], public: str = "", v6: str = "") -> Raw:
    return {
        "NetworkInterfaceId": id,
        "TagSet": [{"Key": "Name", "Value": id.removeprefix("eni-")}],
        "VpcId": "vpc-1",
        "SubnetId": "subnet-a" if address.startswith("172.31.1.") else "subnet-b",
        "PrivateIpAddress": address,
        "Groups": [{"GroupId": group} for group in groups],
        "Ipv6Addresses": [{"Ipv6Address": v6}] if v6 else [],
        **({"Association": {"PublicIp": public}} if public else {}),
    }


def acl_entry(
    number: int, action: str, egress: bool, cidr: str = "0.0.0.0/0", ports: tuple[int, int] | None = None
) -> Raw:
    entry = {"RuleNumber": number, "RuleAction": action, "Egress": egress, "CidrBlock": cidr, "Protocol": "-1"}
    return entry if ports is None else entry | {"Protocol": "6", "PortRange": {"From": ports[0], "To": ports[1]}}


OPEN_ACL = [acl_entry(100, "allow", True), acl_entry(100, "allow", False)]


def table(id: str, subnet: str, *routes: Raw) -> Raw:
    return {"RouteTableId": id, "VpcId": "vpc-1", "Associations": [{"SubnetId": subnet}], "Routes": [LOCAL, *routes]}


def acl(id: str, subnet: str, entries: list[Raw]) -> Raw:
    return {"NetworkAclId": id, "Associations": [{"SubnetId": subnet}], "Entries": entries}


SYSTEM: Mapping[str, list[Raw]] = {
    "SecurityGroups": [
        group("sg-ALB", [("tcp", 80, "0.0.0.0/0")]),
        group("sg-Sites", [("tcp", 80, "sg-Cameras"), ("tcp", 8002, "sg-ALB")]),
        group("sg-Cameras", [("tcp", 8003, "0.0.0.0/0"), ("tcp", 22, "203.0.113.0/24")]),
        group("sg-ec2-rds"),
        group("sg-rds-ec2", [("tcp", 5432, "sg-ec2-rds")], egress=[]),
    ],
    "NetworkInterfaces": [
        interface("eni-alb", "172.31.1.5", ["sg-ALB"], "192.0.2.1"),
        interface("eni-sites", "172.31.2.6", ["sg-Sites", "sg-ec2-rds"], "192.0.2.2"),
        interface("eni-cameras", "172.31.1.7", ["sg-Cameras"], "192.0.2.3"),
        interface("eni-database", "172.31.2.9", ["sg-rds-ec2"]),
        interface("eni-broker", "172.31.2.10", [], "192.0.2.4") | {"InterfaceType": "network_load_balancer"},
    ],
    "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "172.31.0.0/16"}],
    "Subnets": [
        {"SubnetId": "subnet-a", "VpcId": "vpc-1", "CidrBlock": "172.31.1.0/24"},
        {"SubnetId": "subnet-b", "VpcId": "vpc-1", "CidrBlock": "172.31.2.0/24"},
    ],
    "NetworkAcls": [acl("acl-a", "subnet-a", OPEN_ACL), acl("acl-b", "subnet-b", OPEN_ACL)],
    "RouteTables": [table("rtb-a", "subnet-a", TO_INTERNET), table("rtb-b", "subnet-b", TO_INTERNET)],
}


def system(**changed: list[Raw]) -> Network:
    return Network.of({**SYSTEM, **changed})


def without(*missing: str) -> Network:
    return Network.of({key: value for key, value in SYSTEM.items() if key not in missing})


@pytest.mark.parametrize(
    ("source", "destination", "port", "decision"),
    [
        ("internet", "eni-alb", 80, "allow"),
        ("internet", "eni-alb", 443, "deny"),
        ("internet", "eni-sites", 8002, "deny"),
        ("internet", "eni-database", 5432, "deny"),
        ("internet", "eni-broker", 5671, "allow"),
        ("0.0.0.0/0", "eni-alb", 80, "allow"),
        ("203.0.113.7", "eni-cameras", 22, "allow"),
        ("203.0.113.0/24", "eni-cameras", 22, "allow"),
        ("internet", "eni-cameras", 22, "unknown"),
        ("198.51.100.0/24", "eni-cameras", 22, "deny"),
        ("eni-alb", "eni-sites", 8002, "allow"),
        ("172.31.1.5", "eni-sites", 8002, "allow"),
        ("eni-cameras", "eni-sites", 8002, "deny"),
        ("eni-cameras", "eni-sites", 80, "allow"),
        ("eni-cameras", "192.0.2.2", 80, "deny"),
        ("eni-sites", "eni-database", 5432, "allow"),
        ("eni-database", "eni-sites", 8002, "deny"),
        ("eni-sites", "eni-sites", 8002, "allow"),
        ("eni-cameras", "internet", 443, "allow"),
        ("eni-database", "internet", 443, "deny"),
        ("eni-database", "169.254.169.254", 80, "allow"),
        ("eni-database", "172.31.0.2", 53, "allow"),
        ("eni-cameras", "10.9.0.1", 80, "deny"),
    ],
)
def test_decisions_in_the_reference_system(source: str, destination: str, port: int, decision: str) -> None:
    result = reach_interfaces(system(), source, destination, "tcp", port)
    assert result.decision == decision, result.because


def test_a_denial_names_the_groups_and_the_smallest_missing_rule() -> None:
    assert reach_interfaces(system(), "eni-cameras", "eni-sites", "tcp", 8002).to_dict() == {
        "decision": "deny",
        "because": ["ingress of sites: no rule of Sites or ec2-rds allows tcp 8002 from cameras"],
        "fix": [
            {
                "call": "authorize_security_group_ingress",
                "parameters": {
                    "GroupId": "sg-Sites",
                    "IpPermissions": [
                        {
                            "IpProtocol": "tcp",
                            "FromPort": 8002,
                            "ToPort": 8002,
                            "UserIdGroupPairs": [{"GroupId": "sg-Cameras"}],
                        }
                    ],
                },
            }
        ],
    }


def test_an_allow_has_every_step_and_the_rules() -> None:
    result = reach_interfaces(system(), "eni-alb", "eni-sites", "tcp", 8002)
    assert result.because == (
        "alb to sites: the VPC's local route",
        "sites to alb: the VPC's local route",
        "acl-a allows tcp 8002 out (entry 100) at alb",
        "acl-b allows tcp 8002 in (entry 100) at sites",
        "egress of alb: ALB (0.0.0.0/0) allows tcp 8002 to sites",
        "ingress of sites: Sites (ALB) allows tcp 8002 from alb",
    )
    assert [(rule.group, rule.direction, rule.index, rule.peer) for rule in result.rules] == [
        ("sg-ALB", "egress", 0, "0.0.0.0/0"),
        ("sg-Sites", "ingress", 1, "sg-ALB"),
    ]


def test_on_the_public_path_the_source_is_a_public_address() -> None:
    result = reach_interfaces(system(), "eni-cameras", "192.0.2.2", "tcp", 80)
    assert result.because[-1].endswith("allows tcp 80 from cameras, seen as 192.0.2.3")
    assert result.fix[0].permission["IpRanges"] == [{"CidrIp": "192.0.2.3/32"}]


def test_a_partly_allowed_range_is_unknown_with_its_parts() -> None:
    result = reach_interfaces(system(), "203.0.112.0/23", "eni-cameras", "tcp", 22)
    assert result.decision == "unknown"
    assert result.because[:2] == (
        "from 203.0.113.0/24 to cameras passes",
        "from 203.0.112.0/24 to cameras does not pass",
    )
    assert result.fix[0].permission["IpRanges"] == [{"CidrIp": "203.0.112.0/23"}]


def test_a_service_is_allowed_only_if_all_its_interfaces_are() -> None:
    both = InterfaceSet("both", ("eni-alb", "eni-cameras"))
    result = reach_interfaces(system(), both, "eni-sites", "tcp", 8002)
    assert result.decision == "unknown"
    assert result.because[:2] == ("from alb to sites passes", "from cameras to sites does not pass")
    assert reach_interfaces(system(), both, "eni-sites", "tcp", 9000).decision == "deny"


def test_the_fix_for_a_service_references_its_own_group() -> None:
    two = [interface(f"eni-{last}", f"172.31.1.{last}", ["sg-Cameras"]) for last in (20, 21)]
    network = system(NetworkInterfaces=[*two, SYSTEM["NetworkInterfaces"][1]])
    cameras = InterfaceSet("cameras", ("eni-20", "eni-21"))
    whole = reach_interfaces(network, cameras, "eni-sites", "tcp", 8002).fix
    one = reach_interfaces(network, "eni-20", "eni-sites", "tcp", 8002).fix
    assert whole[0].permission["UserIdGroupPairs"] == [{"GroupId": "sg-Cameras"}]
    assert one[0].permission["IpRanges"] == [{"CidrIp": "172.31.1.20/32"}]


def test_the_fix_is_for_the_group_with_the_fewest_interfaces() -> None:
    more = interface("eni-more", "172.31.2.20", ["sg-Sites"])
    network = system(NetworkInterfaces=[*SYSTEM["NetworkInterfaces"], more])
    assert [rule.group for rule in reach_interfaces(network, "eni-cameras", "eni-sites", "tcp", 8002).fix] == [
        "sg-ec2-rds"
    ]


def test_rules_missing_on_both_sides_give_two_fixes_egress_first() -> None:
    fix = reach_interfaces(system(), "eni-database", "eni-sites", "tcp", 9000).fix
    assert [(rule.direction, rule.group) for rule in fix] == [("egress", "sg-rds-ec2"), ("ingress", "sg-Sites")]


# Network ACLs


def test_replies_must_pass_the_acls() -> None:
    only_in = acl("acl-b", "subnet-b", [acl_entry(100, "allow", False)])
    result = reach_interfaces(
        system(NetworkAcls=[SYSTEM["NetworkAcls"][0], only_in]), "eni-alb", "eni-sites", "tcp", 8002
    )
    assert result.decision == "deny"
    assert result.because == ("acl-b does not allow the replies out at sites",)
    assert not result.fix


def test_replies_that_pass_on_some_ports_only_are_unknown() -> None:
    some = acl(
        "acl-b", "subnet-b", [acl_entry(100, "allow", False), acl_entry(100, "allow", True, ports=(32768, 60999))]
    )
    result = reach_interfaces(system(NetworkAcls=[SYSTEM["NetworkAcls"][0], some]), "eni-alb", "eni-sites", "tcp", 8002)
    assert result.decision == "unknown"
    assert "32768–60999" in result.because[0]


def test_acls_do_not_filter_inside_a_subnet() -> None:
    closed = [acl("acl-a", "subnet-a", []), acl("acl-b", "subnet-b", [])]
    assert reach_interfaces(system(NetworkAcls=closed), "eni-sites", "eni-database", "tcp", 5432).decision == "allow"


# Routes and gateways


def behind_nat(*, state: str = "available", nat_routes: tuple[Raw, ...] = (TO_INTERNET,)) -> Network:
    nat = {
        "NatGatewayId": "nat-1",
        "SubnetId": "subnet-a",
        "VpcId": "vpc-1",
        "State": state,
        "NatGatewayAddresses": [{"PublicIp": "192.0.2.99"}],
    }
    tables = [table("rtb-a", "subnet-a", *nat_routes), table("rtb-b", "subnet-b", TO_NAT)]
    return system(RouteTables=tables, NatGateways=[nat])


def test_a_nat_gateway_allows_outbound_connections_only() -> None:
    network = behind_nat()
    out = reach_interfaces(network, "eni-sites", "198.51.100.7", "tcp", 443)
    assert out.decision == "allow"
    assert out.because[:2] == ("sites leaves by nat-1 as 192.0.2.99", "nat-1 leaves by the internet gateway")
    into = reach_interfaces(network, "internet", "eni-broker", "tcp", 5671)
    assert into.decision == "deny"
    assert into.because == ("broker to internet: nat-1 does not accept incoming connections",)


def test_a_nat_gateway_needs_a_route_to_the_internet() -> None:
    result = reach_interfaces(behind_nat(nat_routes=()), "eni-sites", "198.51.100.7", "tcp", 443)
    assert (result.decision, result.because) == ("deny", ("nat-1 to 198.51.100.7: no route",))
    assert reach_interfaces(behind_nat(state="deleting"), "eni-sites", "198.51.100.7", "tcp", 443).decision == "deny"


def test_the_address_of_a_nat_gateway_with_several_is_unknown() -> None:
    [nat] = behind_nat().nat_gateways or []
    two = {**nat, "NatGatewayAddresses": [{"PublicIp": "192.0.2.99"}, {"PublicIp": "192.0.2.98"}]}
    tables = [table("rtb-a", "subnet-a", TO_INTERNET), table("rtb-b", "subnet-b", TO_NAT)]
    network = system(RouteTables=tables, NatGateways=[two])
    assert reach_interfaces(network, "eni-sites", "198.51.100.7", "tcp", 443).decision == "allow"
    assert reach_interfaces(network, "eni-sites", "192.0.2.3", "tcp", 8003).decision == "unknown"


def test_traffic_leaves_with_the_public_address_of_the_primary_address() -> None:
    second = {"PrivateIpAddress": "172.31.2.7", "Association": {"PublicIp": "192.0.2.7"}}
    first = interface("eni-sites", "172.31.2.6", ["sg-Sites"]) | {"PrivateIpAddresses": [second]}
    network = system(NetworkInterfaces=[first])
    assert reach_interfaces(network, "eni-sites", "internet", "tcp", 443).decision == "deny"


def test_an_address_without_an_interface_is_noted() -> None:
    result = reach_interfaces(system(), "eni-cameras", "172.31.2.77", "tcp", 80)
    assert result.decision == "allow"
    assert "no known interface has 172.31.2.77; its host is assumed to filter nothing" in result.because


def test_an_address_of_the_own_vpc_is_not_searched_in_another_vpc() -> None:
    twin = interface("eni-twin", "172.31.2.77", ["sg-ALB"]) | {"VpcId": "vpc-2", "SubnetId": "subnet-z"}
    network = system(NetworkInterfaces=[*SYSTEM["NetworkInterfaces"], twin])
    assert reach_interfaces(network, "eni-cameras", "172.31.2.77", "tcp", 80).decision == "allow"


def test_an_internet_gateway_needs_a_public_address() -> None:
    network = system(NetworkInterfaces=[interface("eni-sites", "172.31.2.6", ["sg-Sites"])])
    result = reach_interfaces(network, "eni-sites", "internet", "tcp", 443)
    assert result.because == ("sites has no public address, so the internet gateway forwards nothing",)


def test_a_blackhole_denies_and_a_transit_gateway_is_unknown() -> None:
    hole = TO_INTERNET | {"State": "blackhole"}
    network = system(RouteTables=[table("rtb-a", "subnet-a", hole), table("rtb-b", "subnet-b", hole)])
    assert reach_interfaces(network, "internet", "eni-alb", "tcp", 80).decision == "deny"
    transit = {"DestinationCidrBlock": "10.0.0.0/8", "TransitGatewayId": "tgw-1", "State": "active"}
    network = system(RouteTables=[table("rtb-a", "subnet-a", transit)])
    assert reach_interfaces(network, "10.9.0.1", "eni-cameras", "tcp", 8003).decision == "unknown"
    assert reach_interfaces(network, "10.9.0.1", "eni-cameras", "tcp", 22).decision == "deny"


def test_a_group_reference_does_not_match_behind_an_appliance() -> None:
    through = {"DestinationCidrBlock": "172.31.2.0/24", "NetworkInterfaceId": "eni-firewall", "State": "active"}
    network = system(RouteTables=[table("rtb-a", "subnet-a", through), table("rtb-b", "subnet-b")])
    assert reach_interfaces(network, "eni-alb", "eni-sites", "tcp", 8002).decision == "deny"
    assert reach_interfaces(network, "eni-alb", "eni-broker", "tcp", 5671).decision == "unknown"


def peered(*, back: str = "pcx-1", state: str = "active", status: str | None = "active") -> Network:
    """The reference system and another VPC, whose group the sites API references."""
    pair = {"GroupId": "sg-far", "VpcId": "vpc-2", "VpcPeeringConnectionId": "pcx-1"}
    sentences = pair if status is None else pair | {"PeeringStatus": status}
    sites = group("sg-Sites") | {
        "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 8002, "ToPort": 8002, "UserIdGroupPairs": [sentences]}]
    }
    far = interface("eni-far", "10.8.1.4", ["sg-far"]) | {"VpcId": "vpc-2", "SubnetId": "subnet-far"}
    there = {"DestinationCidrBlock": "10.8.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "active"}
    home = {"DestinationCidrBlock": "172.31.0.0/16", "VpcPeeringConnectionId": back, "State": state}
    far_table = {"RouteTableId": "rtb-far", "VpcId": "vpc-2", "Associations": [{"Main": True}], "Routes": [home]}
    return system(
        SecurityGroups=[sites, group("sg-far") | {"VpcId": "vpc-2"}, *SYSTEM["SecurityGroups"][2:]],
        NetworkInterfaces=[*SYSTEM["NetworkInterfaces"], far],
        RouteTables=[table("rtb-b", "subnet-b", there), far_table],
        NetworkAcls=[*SYSTEM["NetworkAcls"], acl("acl-far", "subnet-far", OPEN_ACL)],
    )


@pytest.mark.parametrize(
    ("changed", "decision"),
    [
        ({}, "allow"),
        ({"state": "blackhole"}, "deny"),
        ({"back": "pcx-2"}, "unknown"),
        ({"status": "deleted"}, "deny"),
        ({"status": None}, "unknown"),
    ],
)
def test_a_peering_needs_both_routes_and_an_active_reference(changed: dict[str, str], decision: str) -> None:
    result = reach_interfaces(peered(**changed), "eni-far", "eni-sites", "tcp", 8002)
    assert result.decision == decision, result.because


def test_a_shared_group_references_its_interfaces_in_the_same_vpc() -> None:
    far = [
        interface(f"eni-{which}", f"10.8.1.{last}", [f"sg-{which}"]) | {"VpcId": "vpc-2", "SubnetId": "subnet-far"}
        for which, last in (("ALB", 4), ("Sites", 5))
    ]
    near = [each for each in SYSTEM["NetworkInterfaces"] if each["NetworkInterfaceId"] == "eni-sites"]
    network = system(NetworkInterfaces=[*far, *near])
    assert reach_interfaces(network, "eni-ALB", "eni-Sites", "tcp", 8002).decision == "allow"
    assert reach_interfaces(network, "eni-ALB", "eni-sites", "tcp", 8002).decision == "deny"


def test_a_gateway_endpoint_needs_no_public_address() -> None:
    s3 = {"PrefixListId": "pl-s3", "Entries": [{"Cidr": "198.51.100.0/24"}]}
    to_s3 = {"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-1", "State": "active"}
    network = system(PrefixLists=[s3], RouteTables=[table("rtb-b", "subnet-b", TO_INTERNET, to_s3)])
    sites = interface("eni-sites", "172.31.2.6", ["sg-Sites"])
    network = replace(network, network_interfaces=[sites])
    assert reach_interfaces(network, "eni-sites", "198.51.100.9", "tcp", 443).decision == "allow"
    assert reach_interfaces(network, "eni-sites", "203.0.113.9", "tcp", 443).decision == "deny"


def test_ipv6_needs_its_own_rules_and_routes() -> None:
    references = [
        interface("eni-alb", "172.31.1.5", ["sg-ALB"], v6="2001:db8::5"),
        interface("eni-database", "172.31.2.9", ["sg-rds-ec2"]),
    ]
    network = system(NetworkInterfaces=references)
    assert (
        reach_interfaces(network, "internet", "eni-alb", "tcp", 80, family=6).because[0] == "alb to internet: no route"
    )
    assert reach_interfaces(network, "eni-alb", "eni-database", "tcp", 80, family=6).because == (
        "database has no address of this family",
    )


# What is not known


@pytest.mark.parametrize(
    ("missing", "word"),
    [("NetworkAcls", "network ACL"), ("RouteTables", "route tables")],
)
def test_missing_descriptions_give_unknown_with_the_reason(missing: str, word: str) -> None:
    result = reach_interfaces(without(missing), "eni-alb", "eni-sites", "tcp", 8002)
    assert result.decision == "unknown"
    assert any(word in reason for reason in result.because)


def test_a_certain_denial_stays_a_denial_with_missing_descriptions() -> None:
    assert (
        reach_interfaces(without("NetworkAcls", "RouteTables"), "eni-cameras", "eni-sites", "tcp", 8002).decision
        == "deny"
    )


def test_a_group_without_a_description_may_allow_anything() -> None:
    result = reach_interfaces(system(SecurityGroups=SYSTEM["SecurityGroups"][1:]), "internet", "eni-alb", "tcp", 80)
    assert (result.decision, result.because) == ("unknown", ("ingress of alb: the rules of sg-ALB are unknown",))


def test_an_unsupported_kind_of_source_is_unknown() -> None:
    newer = group("sg-ALB") | {"IpPermissions": [{"IpProtocol": "-1", "MoonBases": [{"MoonBaseId": "moon-1"}]}]}
    network = system(SecurityGroups=[newer, *SYSTEM["SecurityGroups"][1:]])
    assert reach_interfaces(network, "internet", "eni-alb", "tcp", 80).decision == "unknown"


def test_an_unsupported_protocol_is_unknown() -> None:
    newer = group("sg-ALB") | {"IpPermissions": [{"IpProtocol": "quic", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
    network = system(SecurityGroups=[newer, *SYSTEM["SecurityGroups"][1:]])
    assert reach_interfaces(network, "internet", "eni-alb", "tcp", 80).decision == "unknown"


# Invalid questions


@pytest.mark.parametrize(
    ("source", "destination", "protocol", "port"),
    [
        ("eni-nobody", "eni-alb", "tcp", 80),
        ("internet", "10.0.0.0/8", "tcp", 80),
        ("eni-alb", "not an address", "tcp", 80),
        ("eni-alb", "eni-sites", "tcp", None),
        ("eni-alb", "eni-sites", "tcp", 65536),
        ("eni-alb", "eni-sites", "quic", 80),
    ],
)
def test_an_invalid_question_is_a_usage_error(source: str, destination: str, protocol: str, port: int | None) -> None:
    with pytest.raises(UsageError):
        reach_interfaces(system(), source, destination, protocol, port)


def test_a_service_without_interfaces_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no network interface"):
        InterfaceSet("sleeping", ())
