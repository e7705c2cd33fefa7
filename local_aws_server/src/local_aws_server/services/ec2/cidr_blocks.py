"""CIDR blocks in requests: AWS refuses what is none, and changes the others to their canonical form.

"if you specify 100.68.0.18/18, we modify it to 100.68.0.0/18"
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="CIDR blocks of VPCs, subnets, routes, security group rules and network ACL entries are valid, and "
        "are stored in their canonical form.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html",
        ),
    ),
)

_IPV4 = frozenset({"CidrBlock", "CidrIp", "CidrIpv4", "DestinationCidrBlock"})
_IPV6 = frozenset({"CidrIpv6", "DestinationIpv6CidrBlock", "Ipv6CidrBlock"})
_PARAMETERS = "local_aws_server.ec2_parameters"


@before(
    "ec2",
    "AssociateSubnetCidrBlock",
    "AssociateVpcCidrBlock",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CreateNetworkAclEntry",
    "CreateRoute",
    "CreateSubnet",
    "CreateVpc",
    "ModifySecurityGroupRules",
    "ReplaceNetworkAclEntry",
)
def make_canonical(call: Call) -> None:
    """Change each block of the parameters, for the other hooks and for moto. Raises AWS's error for what is none."""
    for members, name in _blocks(call.params):
        members[name] = canonical(name, members[name])
    pass_to_moto(call)


def pass_to_moto(call: Call) -> None:
    """Let moto see the changes of the call's parameters."""
    call.request.environ[_PARAMETERS] = call.params


def canonical(name: str, block: str) -> str:
    """The canonical form of the CIDR block in a parameter. Raises AwsError if it is none."""
    try:
        address, slash, length = block.partition("/")
        if not (address and slash and length.isdigit()):
            raise ValueError(block)
        return str((IPv6Network if name in _IPV6 else IPv4Network)(block, strict=False))
    except ValueError:
        parameter = name[:1].lower() + name[1:]
        if name in ("CidrIp", "CidrIpv4", "CidrIpv6"):
            raise AwsError("InvalidParameterValue", f"CIDR block {block} is malformed") from None
        message = f"Value ({block}) for parameter {parameter} is invalid. This is not a valid CIDR block."
        raise AwsError("InvalidParameterValue", message) from None


def _blocks(parameters: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """(structure, member) of each CIDR block."""
    if isinstance(parameters, list):
        for entry in parameters:
            yield from _blocks(entry)
    elif isinstance(parameters, dict):
        for name, value in parameters.items():
            if (name in _IPV4 or name in _IPV6) and isinstance(value, str):
                yield parameters, name
            else:
                yield from _blocks(value)


@patch("moto.ec2.responses._base_response", "EC2BaseResponse.parse_parameters", new=True)
def parse_parameters(self: Any, request: Any) -> None:
    """Read the parameters as a hook has changed them, or from the request."""
    from moto.core.responses import BaseResponse

    if _PARAMETERS in request.environ:
        self.params = copy.deepcopy(request.environ[_PARAMETERS])
    else:
        BaseResponse.parse_parameters(self, request)
