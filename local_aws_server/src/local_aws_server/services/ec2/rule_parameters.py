"""Protocols, ports and numbers of security group rules and network ACL entries.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A rule of a security group or a network ACL has an existing protocol, and ports in order.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html",
        ),
    ),
)

_NAMES = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "all": -1}
_WITH_PORTS = (6, 17)
_ICMP = (1, 58)
_LAST_PORT = 65_535
_LAST_RULE = 32_766


@before("ec2", "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress")
def check_permissions(call: Call) -> None:
    for permission in call.params.get("IpPermissions") or [call.params]:
        if "IpProtocol" in permission:
            _check_permission(permission)
        elif "IpPermissions" in call.params:
            raise AwsError("MissingParameter", "The request must contain the parameter ipProtocol")


@before("ec2", "ModifySecurityGroupRules")
def check_changed_rules(call: Call) -> None:
    for update in call.params["SecurityGroupRules"]:
        rule = update.get("SecurityGroupRule")
        if not rule:
            raise AwsError("MissingParameter", "The request must contain the parameter securityGroupRule")
        if {"IpProtocol", "FromPort", "ToPort"} <= rule.keys():  # moto has AWS's words for an absent port
            _check_permission(rule)


@before("ec2", "CreateNetworkAclEntry", "ReplaceNetworkAclEntry")
def check_entry(call: Call) -> None:
    params = call.params
    if not 1 <= params["RuleNumber"] <= _LAST_RULE:
        message = f"Value ({params['RuleNumber']}) for parameter ruleNumber is invalid. It is 1 to {_LAST_RULE}."
        raise AwsError("InvalidParameterValue", message)
    if not params.get("CidrBlock") and not params.get("Ipv6CidrBlock"):
        raise AwsError("MissingParameter", "The request must contain the parameter cidrBlock or ipv6CidrBlock")
    number = _protocol_number(params["Protocol"])
    if number in _WITH_PORTS:
        ports = params.get("PortRange")
        if not ports:
            raise AwsError("MissingParameter", "The request must contain the parameter portRange")
        _check_ports(ports.get("From"), ports.get("To"))
    if number in _ICMP and not params.get("IcmpTypeCode"):
        raise AwsError("MissingParameter", "The request must contain the parameter icmpTypeCode")


def _check_permission(permission: Mapping[str, Any]) -> None:
    number = _protocol_number(str(permission["IpProtocol"]))
    if number in _WITH_PORTS:
        _check_ports(permission.get("FromPort"), permission.get("ToPort"))


def _protocol_number(protocol: str) -> int:
    """The number of a protocol; -1 for all."""
    name = protocol.lower()
    if name in _NAMES:
        return _NAMES[name]
    if name.lstrip("-").isdigit() and -1 <= int(name) <= 255:
        return int(name)
    raise AwsError("InvalidParameterValue", f"Invalid value '{protocol}' for IP protocol. Unknown protocol.")


def _check_ports(first: int | None, last: int | None) -> None:
    if first is None or last is None:
        message = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."
        raise AwsError("InvalidParameterValue", message)
    for port in (first, last):
        if not 0 <= port <= _LAST_PORT:
            raise AwsError("InvalidParameterValue", f"TCP/UDP port ({port}) out of range")
    if first > last:
        raise AwsError("InvalidParameterValue", f"Invalid TCP/UDP port range ({first}:{last})")
