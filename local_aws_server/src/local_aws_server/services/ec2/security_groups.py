"""Security groups: names, rules, and the fields of rules that name another group."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="The name of a security group has at most 255 plain characters, does not begin with `sg-`, and is "
        "not `default`.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html",),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="Security group rules are added all or none: at most 60 per direction, for IPv4 and IPv6 each, and "
        "none twice.",
        documentation=(
            "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html",
        ),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="A security group rule that names another group keeps its description, shows its owner, and can be "
        "changed.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html",),
    ),
)

_MAX_NAME_LENGTH = 255
_INVALID_CHARACTERS = re.compile(r"[^A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]")
_MAX_RULES = 60
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}
_CIDR_MEMBERS = {"CidrIp": "IPv4", "CidrIpv6": "IPv6"}
_ID_MEMBERS = ("GroupId", "PrefixListId")
_MOTO_MODULE = "moto.ec2.models.security_groups"


# --- names


@before("ec2", "CreateSecurityGroup")
def validate_name(call: Call) -> None:
    name = call.params["GroupName"]
    if name == "default":
        raise AwsError("InvalidParameterValue", "Cannot use reserved security group name: default")
    if name.startswith("sg-"):
        raise _invalid_name(name, "Group names may not be in the format sg-*.")
    if len(name) > _MAX_NAME_LENGTH:
        raise _invalid_name(name, f"Character length must not exceed {_MAX_NAME_LENGTH}.")
    if invalid := _INVALID_CHARACTERS.search(name):
        raise _invalid_name(name, f"The character '{invalid[0]}' is not allowed.")


def _invalid_name(name: str, reason: str) -> AwsError:
    return AwsError("InvalidParameterValue", f"Value ({name}) for parameter GroupName is invalid. {reason}")


# --- adding rules


@dataclass(frozen=True)
class _Rule:
    """The identity of a rule. Rules that differ only in their description are duplicates."""

    protocol: str
    ports: tuple[int | None, int | None]
    peer: str
    ip_version: str | None
    """IPv4 or IPv6; None for a group or a prefix list, which counts for both."""


@before("ec2", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress")
def validate_new_rules(call: Call) -> None:
    """Refuse the whole call if one of its rules is a duplicate or one too many."""
    id_or_name = call.params.get("GroupId") or call.params.get("GroupName")
    group = call.backends.backend("ec2").get_security_group_by_name_or_id(id_or_name)
    if group is None:
        return  # moto raises
    existing = group.ingress_rules if call.operation.endswith("Ingress") else group.egress_rules
    rules, added = {_rule_of(rule) for rule in existing}, list(_requested_rules(call))
    if len(added) > len(set(added)):
        raise AwsError("InvalidParameterValue", "The same permission must not appear multiple times")
    if duplicate := next((rule for rule in added if rule in rules), None):
        message = f'the specified rule "peer: {duplicate.peer}, {duplicate.protocol.upper()}, ALLOW" already exists'
        raise AwsError("InvalidPermission.Duplicate", message)
    for ip_version in _CIDR_MEMBERS.values():
        counted = [rule for rule in (*rules, *added) if rule.ip_version in (ip_version, None)]
        if len(counted) > _MAX_RULES and not set(added).isdisjoint(counted):
            raise AwsError(
                "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."
            )


@patch(_MOTO_MODULE, "SecurityGroupBackend._verify_group_will_respect_rule_count_limit")
def skip_motos_limit(*_: Any, **__: Any) -> None:
    """moto counts both IP versions together, and keeps the rules that it added before the limit."""


def _requested_rules(call: Call) -> Iterator[_Rule]:
    for permission in call.params.get("IpPermissions") or [call.params]:
        peers = [permission] if "CidrIp" in permission else []
        for member in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds"):
            peers += permission.get(member) or []
        ports = permission.get("FromPort"), permission.get("ToPort")
        for peer in peers:
            yield _rule(permission.get("IpProtocol", "-1"), ports, peer)


def _rule_of(rule: Any) -> _Rule:
    peer = {**rule.ip_range, **rule.source_group, "PrefixListId": rule.prefix_list_id}
    return _rule(rule.ip_protocol, (rule.from_port, rule.to_port), peer)


def _rule(protocol: str, ports: tuple[Any, Any], peer: dict[str, Any]) -> _Rule:
    name = _PROTOCOLS.get(protocol.lower(), protocol.lower())
    first, last = (None, None) if name == "-1" else ports
    for member, ip_version in _CIDR_MEMBERS.items():
        if cidr := peer.get(member):
            with suppress(ValueError):  # moto refuses an invalid CIDR
                cidr = str(ip_network(cidr, strict=False))
            return _Rule(name, (first, last), cidr, ip_version)
    id_or_name = next((peer[member] for member in _ID_MEMBERS if peer.get(member)), peer.get("GroupName", ""))
    return _Rule(name, (first, last), id_or_name, None)


# --- fields of rules


@patch(_MOTO_MODULE, "SecurityGroupRule.description", attribute=True)
def description(self: Any) -> str | None:
    text: str | None = self.ip_range.get("Description") or self.source_group.get("Description")
    return text


@patch(_MOTO_MODULE, "SecurityGroupRule.group_owner_id", new=True, attribute=True)
def group_owner_id(self: Any) -> str:
    return str(self.ec2_backend.account_id)


@patch(_MOTO_MODULE, "SecurityGroupRule.security_group_rule_arn", new=True, attribute=True)
def security_group_rule_arn(self: Any) -> str:
    backend = self.ec2_backend
    return f"arn:{backend.partition}:ec2:{backend.region_name}:{backend.account_id}:security-group-rule/{self.id}"


@after("ec2", "ModifySecurityGroupRules")
def modify_referenced_group(call: Call) -> None:
    """Change the referenced group; moto changes ports and IPv4 ranges only."""
    group = call.backends.backend("ec2").get_security_group_from_id(call.params["GroupId"])
    for update in call.params["SecurityGroupRules"]:
        rule, change = group.get_rule(update["SecurityGroupRuleId"]), update["SecurityGroupRule"]
        if referenced := change.get("ReferencedGroupId"):
            rule.source_group = {"GroupId": referenced, "UserId": call.account}
            rule.ip_range = {}
            if "Description" in change:
                rule.source_group["Description"] = change["Description"]
        elif change.get("CidrIpv4"):
            rule.source_group = {}
