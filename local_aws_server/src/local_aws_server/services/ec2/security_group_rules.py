"""Security group rules are added all or none: 60 a direction, for IPv4 and for IPv6 each, and none of them twice.

A rule that names a group or a prefix list counts for both versions.
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before, patch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="Security group rules are added all or none: 60 a direction, for IPv4 and for IPv6 each, and "
        "none of them twice.",
        documentation=(
            "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html",
        ),
    ),
)

_RULES = 60
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}
_BLOCKS = {"CidrIp": "IPv4", "CidrIpv6": "IPv6"}
_NAMED = ("GroupId", "PrefixListId")


@dataclass(frozen=True)
class _Rule:
    """What makes two rules the same: their descriptions don't."""

    protocol: str
    ports: tuple[int | None, int | None]
    peer: str
    version: str | None
    """IPv4 or IPv6; None where it counts for both."""


@before("ec2", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress")
def all_or_none(call: Call) -> None:
    asked = call.params.get("GroupId") or call.params.get("GroupName")
    group = call.backends.backend("ec2").get_security_group_by_name_or_id(asked)
    if group is None:
        return  # moto says so
    kept = group.ingress_rules if call.operation.endswith("Ingress") else group.egress_rules
    rules, added = {_rule_of(each) for each in kept}, list(_asked(call))
    if len(added) > len(set(added)):
        raise AwsError("InvalidParameterValue", "The same permission must not appear multiple times")
    if again := next((rule for rule in added if rule in rules), None):
        message = f'the specified rule "peer: {again.peer}, {again.protocol.upper()}, ALLOW" already exists'
        raise AwsError("InvalidPermission.Duplicate", message)
    for version in _BLOCKS.values():
        counted = [rule for rule in (*rules, *added) if rule.version in (version, None)]
        if len(counted) > _RULES and not set(added).isdisjoint(counted):
            raise AwsError(
                "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."
            )


@patch("moto.ec2.models.security_groups", "SecurityGroupBackend._verify_group_will_respect_rule_count_limit")
def counted_already(*_: Any, **__: Any) -> None:
    """moto counts both versions of IP together, and has added the permissions before the one that is too many."""


def _asked(call: Call) -> Iterator[_Rule]:
    for permission in call.params.get("IpPermissions") or [call.params]:
        peers = [permission] if "CidrIp" in permission else []
        for several in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds"):
            peers += permission.get(several) or []
        ports = permission.get("FromPort"), permission.get("ToPort")
        for peer in peers:
            yield _rule(permission.get("IpProtocol", "-1"), ports, peer)


def _rule_of(kept: Any) -> _Rule:
    peer = {**kept.ip_range, **kept.source_group, "PrefixListId": kept.prefix_list_id}
    return _rule(kept.ip_protocol, (kept.from_port, kept.to_port), peer)


def _rule(protocol: str, ports: tuple[Any, Any], peer: dict[str, Any]) -> _Rule:
    name = _PROTOCOLS.get(protocol.lower(), protocol.lower())
    first, last = (None, None) if name == "-1" else ports
    for member, version in _BLOCKS.items():
        if block := peer.get(member):
            with suppress(ValueError):  # what is no block at all, moto refuses
                block = str(ip_network(block, strict=False))
            return _Rule(name, (first, last), block, version)
    named = next((peer[member] for member in _NAMED if peer.get(member)), peer.get("GroupName", ""))
    return _Rule(name, (first, last), named, None)
