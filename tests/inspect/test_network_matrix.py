"""The matrix of interface sets: its frame, missing data and IPv6."""

from typing import Any

import pytest

from esaws.errors import UsageError
from esaws.inspect.network.interface_matrix import interface_matrix
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.network import Network
from esaws.inspect.network.reach import reach_interfaces

Raw = dict[str, Any]


def interface(id: str, subnet: str, last: int, group: str, vpc: str = "vpc-1", v6: str = "") -> Raw:
    return {
        "NetworkInterfaceId": id,
        "VpcId": vpc,
        "SubnetId": subnet,
        "PrivateIpAddress": f"10.0.1.{last}",
        "Ipv6Addresses": [{"Ipv6Address": v6}] if v6 else [],
        "Groups": [{"GroupId": group}],
    }


def group(id: str, *ingress: Raw) -> Raw:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    return {"GroupId": id, "VpcId": "vpc-1", "IpPermissions": [*ingress], "IpPermissionsEgress": [everything]}


WEB = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": "sg-alb"}]}
SERVICES = [InterfaceSet("alb", ("eni-1", "eni-2")), InterfaceSet("api", ("eni-3",))]


def one_subnet() -> Network:
    interfaces = [interface(f"eni-{n}", "subnet-a", n, "sg-alb" if n < 3 else "sg-api") for n in (1, 2, 3)]
    return Network(security_groups=[group("sg-alb"), group("sg-api", WEB)], network_interfaces=interfaces)


def test_the_frame_has_a_row_for_each_pair_and_port() -> None:
    frame = interface_matrix(one_subnet(), SERVICES, [("tcp", 80), ("udp", 53)])
    assert [*frame.columns] == ["source", "destination", "protocol", "port", "decision"]
    assert [*map(tuple, frame.to_numpy())] == [
        ("alb", "alb", "tcp", 80, "deny"),
        ("alb", "alb", "udp", 53, "deny"),
        ("alb", "api", "tcp", 80, "allow"),
        ("alb", "api", "udp", 53, "deny"),
        ("api", "alb", "tcp", 80, "deny"),
        ("api", "alb", "udp", 53, "deny"),
        ("api", "api", "tcp", 80, "allow"),
        ("api", "api", "udp", 53, "allow"),
    ]


def test_missing_routes_and_acls_matter_between_subnets_only() -> None:
    apart = [interface("eni-1", "subnet-a", 1, "sg-alb"), interface("eni-3", "subnet-b", 3, "sg-api")]
    network = Network(security_groups=[group("sg-alb"), group("sg-api", WEB)], network_interfaces=apart)
    services = [InterfaceSet("alb", ("eni-1",)), InterfaceSet("api", ("eni-3",))]
    frame = interface_matrix(network, services, [("tcp", 80)])
    assert [*frame.decision] == ["allow", "unknown", "deny", "allow"]


@pytest.mark.parametrize("source", ["eni-1", "eni-2", "eni-3", "eni-4"])
def test_the_ipv6_matrix_agrees_with_reach(source: str) -> None:
    interfaces = [
        interface("eni-1", "subnet-a", 1, "sg-alb", v6="2001:db8:1::1"),
        interface("eni-2", "subnet-b", 2, "sg-alb"),
        interface("eni-3", "subnet-b", 3, "sg-api", v6="2001:db8:1::3"),
        interface("eni-4", "subnet-c", 4, "sg-api", "vpc-2", v6="2001:db8:2::4"),
    ]
    out = {"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active"}
    tables = [
        {
            "RouteTableId": f"rtb-{vpc}",
            "VpcId": vpc,
            "Associations": [{"Main": True}],
            "Routes": [{"DestinationIpv6CidrBlock": cidr, "GatewayId": "local", "State": "active"}, out],
        }
        for vpc, cidr in (("vpc-1", "2001:db8:1::/56"), ("vpc-2", "2001:db8:2::/56"))
    ]
    entries = [
        {"RuleNumber": 100, "RuleAction": "allow", "Egress": egress, "Ipv6CidrBlock": "::/0", "Protocol": "-1"}
        for egress in (True, False)
    ]
    subnets = [{"SubnetId": f"subnet-{letter}"} for letter in "abc"]
    network = Network(
        security_groups=[group("sg-alb"), group("sg-api", WEB)],
        network_interfaces=interfaces,
        route_tables=tables,
        network_acls=[{"NetworkAclId": "acl-1", "Associations": subnets, "Entries": entries}],
    )
    names = [raw["NetworkInterfaceId"] for raw in interfaces]
    frame = interface_matrix(network, [InterfaceSet(name, (name,)) for name in names], [("tcp", 80)], family=6)
    decisions = {row.destination: row.decision for row in frame.itertuples() if row.source == source}
    assert decisions == {name: reach_interfaces(network, source, name, "tcp", 80, family=6).decision for name in names}


def test_two_services_with_the_same_name_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="the same name"):
        interface_matrix(one_subnet(), [SERVICES[0], SERVICES[0]], [("tcp", 80)])


def test_an_interface_without_a_description_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="eni-9"):
        interface_matrix(one_subnet(), [InterfaceSet("ghost", ("eni-9",))], [("tcp", 80)])
