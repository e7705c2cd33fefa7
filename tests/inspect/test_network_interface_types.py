"""Interfaces that AWS manages: what takes connections at its addresses, and what an absence of groups means."""

import json
from pathlib import Path
from typing import Any

import pytest

from esaws.inspect.account import Account
from esaws.inspect.network.network import Network
from esaws.inspect.network.reach import reach, reach_interfaces

CASES = Path(__file__).parent / "cases"
Raw = dict[str, Any]


def described(name: str, **more: Any) -> Raw:
    keys = ("clusters", "services", "tasks", "taskDefinitions", "containerInstances", "LoadBalancers", "Listeners")
    keys += ("DBInstances", "CacheClusters", "CacheSubnetGroups", "Brokers", "PrefixLists", "TargetGroups")
    content = json.loads((CASES / f"{name}.json").read_text())
    return {**{key: [] for key in keys}, **content, **more}


def account(name: str = "nat", **more: Any) -> Account:
    return Account("123456789012", "us-east-2", described(name, **more))


QUESTIONS = [
    ("internet", "3.135.127.225", 80, "tcp", "deny"),
    ("8.8.8.8", "3.135.127.225", 80, "tcp", "deny"),
    ("internet", "3.135.127.225", 443, "tcp", "deny"),
    ("internet", "eni-nat", 443, "tcp", "deny"),
    ("8.8.8.8", "3.135.127.225", None, "icmp", "deny"),
    ("i-0a", "10.1.250.210", 80, "tcp", "deny"),
    ("i-0a", "10.1.250.210", None, "icmp", "deny"),
    ("i-0a", "eni-nat", 80, "tcp", "deny"),
    ("i-0a", "8.8.8.8", None, "50", "deny"),
    ("i-0a", "8.8.8.8", None, "gre", "deny"),
    ("i-0a", "8.8.8.8", 443, "tcp", "allow"),
    ("i-0a", "8.8.8.8", 53, "udp", "allow"),
    ("i-0a", "8.8.8.8", None, "icmp", "allow"),
    ("i-0a", "internet", 443, "tcp", "allow"),
]


@pytest.mark.parametrize(("source", "destination", "port", "protocol", "expected"), QUESTIONS)
def test_a_nat_gateway_carries_connections_out_and_takes_none(
    source: str, destination: str, port: int | None, protocol: str, expected: str
) -> None:
    result = reach(account(), source, destination, port, protocol)
    assert result.decision == expected, result.because
    assert expected == "allow" or (result.because and not result.fix)


def test_a_nat_gateway_is_recognised_by_its_description_too() -> None:
    raw = described("nat")
    for interface in raw["NetworkInterfaces"]:
        interface["InterfaceType"] = "interface"
    result = reach(Account("1", "us-east-2", raw), "internet", "3.135.127.225", 80)
    assert result.decision == "deny" and "a NAT gateway accepts no connections" in result.because[0]


def test_a_nat_gateway_may_lead_on_to_another_network() -> None:
    assert reach(account(), "i-0a", "10.9.0.1", 443).decision == "deny", "an internet gateway routes no private address"
    raw = described("nat")
    onward = {"DestinationCidrBlock": "10.0.0.0/8", "TransitGatewayId": "tgw-1", "State": "active"}
    raw["RouteTables"][0]["Routes"].append(onward)
    result = reach(Account("1", "us-east-2", raw), "i-0a", "10.9.0.1", 443)
    assert result.decision == "unknown" and "another network" in result.because[0]


TYPES = {
    # type: (from i-0a to it, from it to i-0a), where nothing else filters
    "network_load_balancer": ("allow", "allow"),
    "nat_gateway": ("deny", "allow"),
    "transit_gateway": ("unknown", "unknown"),
    "gateway_load_balancer": ("unknown", "unknown"),
    "gateway_load_balancer_endpoint": ("unknown", "unknown"),
    "vpc_endpoint": ("unknown", "unknown"),
    "efs": ("unknown", "unknown"),
    "lambda": ("deny", "unknown"),
    "interface": ("unknown", "unknown"),
}


@pytest.mark.parametrize("type_", TYPES)
def test_an_interface_without_groups_is_open_only_where_its_type_has_none(type_: str) -> None:
    raw = described("nat")
    odd = {**raw["NetworkInterfaces"][1], "NetworkInterfaceId": "eni-odd", "PrivateIpAddress": "10.1.1.99"}
    odd |= {"PrivateIpAddresses": [], "Groups": [], "Attachment": {}, "InterfaceType": type_}
    raw["NetworkInterfaces"].append(odd)
    raw["SecurityGroups"][0]["IpPermissions"] = raw["SecurityGroups"][0]["IpPermissionsEgress"]
    network = Network.of(raw)
    decisions = [
        reach_interfaces(network, here, there, "tcp", 80).decision
        for here, there in (("eni-a", "eni-odd"), ("eni-odd", "eni-a"))
    ]
    assert tuple(decisions) == TYPES[type_]


def test_a_lambda_function_takes_no_connection_though_its_group_is_open() -> None:
    raw = described("nat")
    own = {**raw["NetworkInterfaces"][1], "NetworkInterfaceId": "eni-fn", "PrivateIpAddress": "10.1.1.98"}
    own |= {"PrivateIpAddresses": [], "Attachment": {}, "Description": "AWS Lambda VPC ENI-resize-1"}
    raw["NetworkInterfaces"].append(own)
    raw["SecurityGroups"][0]["IpPermissions"] = raw["SecurityGroups"][0]["IpPermissionsEgress"]
    network = Network.of(raw)
    assert reach_interfaces(network, "eni-a", "eni-fn", "tcp", 80).decision == "deny"
    assert reach_interfaces(network, "eni-fn", "eni-a", "tcp", 80).decision == "allow"


# A part of a range


def bastion(*permissions: Raw) -> Network:
    """The instance with a public address, in the public subnet."""
    raw = described("nat")
    own = raw["NetworkInterfaces"][1]
    own |= {"SubnetId": "s-pub", "PrivateIpAddress": "10.1.250.10", "Association": {"PublicIp": "192.0.2.10"}}
    own["PrivateIpAddresses"] = []
    raw["SecurityGroups"][0]["IpPermissions"] = [*permissions]
    return Network.of(raw)


def ssh(**sources: Any) -> Raw:
    return {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **sources}


OFFICE = ssh(IpRanges=[{"CidrIp": "203.0.113.0/24"}])


def test_a_range_of_which_a_part_is_allowed_names_the_part() -> None:
    result = reach_interfaces(bastion(OFFICE), "203.0.112.0/23", "eni-a", "tcp", 22)
    assert result.decision == "unknown" and result.is_partly_allowed
    assert result.to_dict()["parts"] == [
        {"from": ["203.0.113.0/24"], "to": ["eni-a"], "decision": "allow"},
        {"from": ["203.0.112.0/24"], "to": ["eni-a"], "decision": "deny"},
    ]
    assert str(result).startswith("unknown: a part is allowed\n  from 203.0.113.0/24 to eni-a passes")
    whole = reach_interfaces(bastion(OFFICE), "203.0.113.0/24", "eni-a", "tcp", 22)
    assert whole.decision == "allow" and "parts" not in whole.to_dict()


NARROWER = {
    "a range": OFFICE,
    "a group": ssh(UserIdGroupPairs=[{"GroupId": "sg-other"}]),
    "ports around it": {**OFFICE, "FromPort": 20, "ToPort": 30},
}


@pytest.mark.parametrize("what", NARROWER)
def test_no_fix_opens_a_port_to_the_world_that_is_open_to_fewer(what: str) -> None:
    result = reach_interfaces(bastion(NARROWER[what]), "internet", "eni-a", "tcp", 22)
    assert result.decision != "allow" and result.fix == ()
    assert "no fix is proposed: sg-1 allows tcp 22 from" in result.because[-1]


def test_a_port_that_no_rule_is_for_gets_the_fix_that_was_asked_for() -> None:
    everything_from_itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}
    result = reach_interfaces(bastion(OFFICE, everything_from_itself), "internet", "eni-a", "tcp", 80)
    (rule,) = result.fix
    assert rule.permission["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    single = reach_interfaces(bastion(OFFICE), "198.51.100.7", "eni-a", "tcp", 22)
    assert single.fix[0].permission["IpRanges"] == [{"CidrIp": "198.51.100.7/32"}]


# Groups of a peered VPC


def peered(**pair: Any) -> Network:
    """Two VPCs with a peering and routes both ways; the group of the second references the group of the first."""
    raw = described("nat")
    reference = {
        "IpProtocol": "tcp",
        "FromPort": 5432,
        "ToPort": 5432,
        "UserIdGroupPairs": [{"GroupId": "sg-1", **pair}],
    }
    data = {**raw["NetworkInterfaces"][1], "NetworkInterfaceId": "eni-db", "PrivateIpAddress": "10.30.1.5"}
    data |= {"VpcId": "vpc-2", "SubnetId": "s-data", "PrivateIpAddresses": [], "Attachment": {}}
    raw["NetworkInterfaces"].append(data | {"Groups": [{"GroupId": "sg-db"}]})
    raw["SecurityGroups"].append(
        {"GroupId": "sg-db", "VpcId": "vpc-2", "OwnerId": "1", "IpPermissions": [reference], "IpPermissionsEgress": []}
    )
    raw["Vpcs"].append({"VpcId": "vpc-2", "CidrBlock": "10.30.0.0/16"})
    raw["Subnets"].append({"SubnetId": "s-data", "VpcId": "vpc-2", "CidrBlock": "10.30.1.0/24"})
    raw["NetworkAcls"].append({**raw["NetworkAcls"][0], "VpcId": "vpc-2", "Associations": [{"SubnetId": "s-data"}]})
    peering = {"VpcPeeringConnectionId": "pcx-1", "State": "active"}
    raw["RouteTables"][1]["Routes"].append({"DestinationCidrBlock": "10.30.0.0/16", **peering})
    local = {"DestinationCidrBlock": "10.30.0.0/16", "GatewayId": "local", "State": "active"}
    back = {"DestinationCidrBlock": "10.1.0.0/16", **peering}
    table = {"RouteTableId": "r3", "VpcId": "vpc-2", "Associations": [{"Main": True}], "Routes": [local, back]}
    raw["RouteTables"].append(table)
    return Network.of(raw)


PAIRS = [
    ({"VpcId": "vpc-1", "VpcPeeringConnectionId": "pcx-1", "PeeringStatus": "active"}, "allow"),
    ({"VpcId": "vpc-1", "VpcPeeringConnectionId": "pcx-1", "PeeringStatus": "deleted"}, "deny"),
    ({"VpcId": "vpc-1", "VpcPeeringConnectionId": "pcx-1"}, "unknown"),
    ({"VpcId": "vpc-1"}, "unknown"),
]


@pytest.mark.parametrize(("pair", "expected"), PAIRS)
def test_a_group_of_a_peered_vpc_counts_while_the_peering_is_active(pair: Raw, expected: str) -> None:
    assert reach_interfaces(peered(**pair), "eni-a", "eni-db", "tcp", 5432).decision == expected


def test_a_private_nat_gateway_does_not_lead_to_the_internet() -> None:
    raw = described("nat")
    raw["NatGateways"][0]["ConnectivityType"] = "private"
    result = reach(Account("1", "us-east-2", raw), "i-0a", "8.8.8.8", 443)
    assert result.decision == "deny" and "is a private NAT gateway" in result.because[0]


def with_ipv6(**sources: Any) -> Raw:
    """The case with i-0a in the public subnet, which has a public IPv4 and an IPv6 address and both routes."""
    raw = described("nat")
    raw["Vpcs"][0]["Ipv6CidrBlockAssociationSet"] = [{"Ipv6CidrBlock": "2600:1f16:1::/56"}]
    raw["RouteTables"][0]["Routes"].append(
        {"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active"}
    )
    raw["NetworkAcls"][0]["Entries"] += [
        {"RuleNumber": 101, "Protocol": "-1", "RuleAction": "allow", "Egress": egress, "Ipv6CidrBlock": "::/0"}
        for egress in (True, False)
    ]
    interface = raw["NetworkInterfaces"][1]
    interface.update(
        SubnetId="s-pub", Association={"PublicIp": "3.1.1.1"}, Ipv6Addresses=[{"Ipv6Address": "2600:1f16:1:1::20"}]
    )
    rule = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, **sources}
    raw["SecurityGroups"][0]["IpPermissions"] = [rule]
    return raw


V4, V6 = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}


@pytest.mark.parametrize(
    ("sources", "decision", "sentence"),
    [
        (V6, "unknown", "from ::/0 to i-0a passes"),
        (V4, "allow", "over IPv6 it does not pass"),
        ({**V4, **V6}, "allow", "allows tcp 3306 from internet"),
        ({}, "deny", "no rule of sg-1 allows tcp 3306 from internet"),
    ],
)
def test_what_only_ipv6_reaches_is_not_denied_to_the_internet(sources: Raw, decision: str, sentence: str) -> None:
    result = reach(Account("1", "us-east-2", with_ipv6(**sources)), "internet", "i-0a", 3306)
    assert result.decision == decision
    assert any(sentence in because for because in result.because), result.because
    assert result.is_partly_allowed == (decision == "unknown")


def test_an_interface_with_ipv6_alone_is_reached_over_ipv6() -> None:
    raw = with_ipv6(**V6)
    interface = raw["NetworkInterfaces"][1]
    for key in ("PrivateIpAddress", "PrivateIpAddresses", "Association"):
        interface.pop(key)
    assert reach(Account("1", "us-east-2", raw), "internet", "i-0a", 3306).decision == "allow"
