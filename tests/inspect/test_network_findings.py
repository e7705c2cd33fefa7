"""Findings about security groups by themselves."""

from typing import Any

import pytest

from esaws.inspect.account import Account, MissingData
from esaws.inspect.checks.group_findings import GroupFinding, group_findings, network_group_findings
from esaws.inspect.network.network import Network

Raw = dict[str, Any]
CARRIED = [{"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "10.0.0.4", "Groups": [{"GroupId": "sg-1"}]}]
ELSEWHERE = [{"NetworkInterfaceId": "eni-2", "PrivateIpAddress": "10.0.0.5", "Groups": [{"GroupId": "sg-2"}]}]


def tcp(low: int, high: int, *cidrs: str, protocol: str = "tcp") -> Raw:
    return {
        "IpProtocol": protocol,
        "FromPort": low,
        "ToPort": high,
        "IpRanges": [{"CidrIp": cidr} for cidr in cidrs if ":" not in cidr],
        "Ipv6Ranges": [{"CidrIpv6": cidr} for cidr in cidrs if ":" in cidr],
    }


def found(*permissions: Raw, interfaces: list[Raw] = CARRIED, name: str = "web") -> list[GroupFinding]:
    group = {"GroupId": "sg-1", "GroupName": name, "IpPermissions": [*permissions], "IpPermissionsEgress": []}
    return network_group_findings(Network(security_groups=[group], network_interfaces=interfaces))


@pytest.mark.parametrize(
    ("permission", "codes"),
    [
        (tcp(22, 22, "0.0.0.0/0"), ["OPEN_ADMIN_PORT"]),
        (tcp(22, 22, "::/0"), ["OPEN_ADMIN_PORT"]),
        (tcp(3380, 3400, "0.0.0.0/0"), ["OPEN_ADMIN_PORT"]),
        (tcp(6379, 6379, "0.0.0.0/0"), ["OPEN_DATA_PORT"]),
        (tcp(20, 6000, "0.0.0.0/0"), ["OPEN_ADMIN_PORT", "OPEN_DATA_PORT"]),
        (tcp(22, 22, "0.0.0.0/0", "::/0"), ["OPEN_ADMIN_PORT", "OPEN_ADMIN_PORT"]),
        (tcp(1, 65535, "0.0.0.0/0"), ["OPEN_ALL_PORTS_PROTOCOL"]),
        (tcp(0, 0, "0.0.0.0/0", protocol="47"), ["OPEN_ALL_PORTS_PROTOCOL"]),
        (tcp(0, 0, "0.0.0.0/0", protocol="-1"), ["OPEN_ALL"]),
        (tcp(-1, -1, "0.0.0.0/0", protocol="icmp"), []),
        (tcp(22, 22, "0.0.0.0/0", protocol="udp"), []),
        (tcp(80, 80, "0.0.0.0/0"), []),
        (tcp(22, 22, "10.0.0.0/8", "172.16.0.0/12"), []),
        (tcp(22, 22, "0.0.0.0/1"), []),
        (tcp(22, 22, "0.0.0.0/1", "128.0.0.0/1"), ["OPEN_ADMIN_PORT"]),
    ],
)
def test_the_findings_of_an_open_rule(permission: Raw, codes: list[str]) -> None:
    assert [finding.code for finding in found(permission)] == codes


def test_all_public_ranges_together_are_the_world() -> None:
    around_ten = ["0.0.0.0/5", "8.0.0.0/7", "11.0.0.0/8", "12.0.0.0/6", "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/2"]
    assert [finding.code for finding in found(tcp(22, 22, *around_ten, "128.0.0.0/1"))] == ["OPEN_ADMIN_PORT"]
    assert not found(tcp(22, 22, *around_ten[:-1], "128.0.0.0/1"))


def test_a_finding_has_only_the_rules_that_cover_the_world_together() -> None:
    halves = [tcp(22, 22, "0.0.0.0/1"), tcp(20, 30, "128.0.0.0/1"), tcp(22, 22, "10.0.0.0/8")]
    assert [(finding.code, finding.cidr) for finding in found(*halves)] == [
        ("OPEN_ADMIN_PORT", "0.0.0.0/1+128.0.0.0/1")
    ]


def test_a_finding_has_a_detail_and_a_fix() -> None:
    assert found(tcp(22, 22, "0.0.0.0/0"))[0].to_dict() == {
        "code": "OPEN_ADMIN_PORT",
        "GroupId": "sg-1",
        "severity": "high",
        "cidr": "0.0.0.0/0",
        "detail": "SSH (22) is open to the world",
        "fix": "revoke the ingress rule for 0.0.0.0/0, or replace it by the ranges that need access",
    }


def test_open_ports_of_an_unattached_group_are_low() -> None:
    text = found(tcp(22, 22, "0.0.0.0/0"), tcp(5432, 5432, "0.0.0.0/0"), interfaces=ELSEWHERE)
    assert [(finding.code, finding.severity) for finding in text] == [
        ("OPEN_ADMIN_PORT", "low"),
        ("OPEN_DATA_PORT", "low"),
        ("UNATTACHED_GROUP", "info"),
    ]


@pytest.mark.parametrize("interfaces", [ELSEWHERE, []])
@pytest.mark.parametrize(
    "permissions",
    [
        [tcp(0, 0, "0.0.0.0/0", protocol="-1")],
        [tcp(0, 65535, "0.0.0.0/0")],
        [tcp(22, 22, "0.0.0.0/1"), tcp(22, 22, "128.0.0.0/1")],
    ],
)
def test_whatever_an_unattached_group_opens_is_low(permissions: list[Raw], interfaces: list[Raw]) -> None:
    text = found(*permissions, interfaces=interfaces)
    assert [finding.severity for finding in text] == ["low", "info"]


def test_a_group_that_something_names_is_in_use() -> None:
    """A launch template gives it to the next instance, so its open ports are as severe as on an interface."""
    group = {"GroupId": "sg-1", "GroupName": "web", "IpPermissions": [tcp(22, 22, "0.0.0.0/0")]}
    template = {"LaunchTemplateName": "t", "LaunchTemplateData": {"SecurityGroupIds": ["sg-1"]}}
    account = {"SecurityGroups": [group], "NetworkInterfaces": ELSEWHERE}
    unused = group_findings(Account("1", "eu-west-3", account))
    used = group_findings(Account("1", "eu-west-3", account | {"LaunchTemplateVersions": [template]}))
    assert [*unused.severity] == ["low", "info"] and [*used.severity] == ["high"]


def test_severity_is_not_lowered_where_the_interfaces_are_unknown() -> None:
    group = {"GroupId": "sg-1", "GroupName": "web", "IpPermissions": [tcp(22, 22, "0.0.0.0/0")]}
    account = Account("1", "eu-west-3", {"SecurityGroups": [group]}, {"NetworkInterfaces": "denied"})
    assert [*group_findings(account).severity] == ["high"]


def test_unattached_is_reported_only_with_known_interfaces() -> None:
    assert [finding.code for finding in found(interfaces=ELSEWHERE)] == ["UNATTACHED_GROUP"]
    assert not found(interfaces=[])


def test_an_unattached_default_group_is_not_a_finding() -> None:
    assert not found(interfaces=ELSEWHERE, name="default")


def test_the_frame_has_names_and_the_most_severe_first() -> None:
    groups = [
        {"GroupId": "sg-1", "GroupName": "web", "IpPermissions": [tcp(22, 22, "0.0.0.0/0")]},
        {"GroupId": "sg-2", "GroupName": "any", "IpPermissions": [tcp(0, 0, "0.0.0.0/0", protocol="-1")]},
        {"GroupId": "sg-3", "GroupName": "old"},
    ]
    account = Account("1", "eu-west-3", {"SecurityGroups": groups, "NetworkInterfaces": [*CARRIED, *ELSEWHERE]})
    assert group_findings(account).drop(columns="detail").to_numpy().tolist() == [
        ["critical", "OPEN_ALL", "any"],
        ["high", "OPEN_ADMIN_PORT", "web"],
        ["info", "UNATTACHED_GROUP", "old"],
    ]
    with pytest.raises(MissingData, match="ec2:DescribeSecurityGroups was denied"):
        group_findings(Account("1", "eu-west-3", {}, {"SecurityGroups": "ec2:DescribeSecurityGroups was denied"}))


def test_quotas_are_counted_by_direction_and_family() -> None:
    sixty = [f"10.0.{index}.0/24" for index in range(60)]
    assert not found(tcp(80, 80, *sixty, "2001:db8::/64"))
    text = found(tcp(80, 80, *sixty, "10.1.0.0/24"))
    assert [(finding.code, finding.detail) for finding in text] == [
        ("RULE_QUOTA", "61 ingress rules for IPv4; the default quota is 60")
    ]


def test_a_prefix_list_counts_with_its_maximum_size() -> None:
    group = {"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}]}
    lists = [{"PrefixListId": "pl-1", "MaxEntries": 61, "Entries": [{"Cidr": "10.0.0.0/8"}]}]
    network = Network(security_groups=[group], network_interfaces=CARRIED, prefix_lists=lists)
    assert [finding.code for finding in network_group_findings(network)] == ["RULE_QUOTA"]
