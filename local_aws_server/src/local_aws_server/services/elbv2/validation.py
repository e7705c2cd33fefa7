"""Validate the names, subnets, addresses and security groups of load balancers, and refuse protected deletions."""

from __future__ import annotations

import re
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.elbv2 import lookup

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Names, schemes, zones, subnets, address types and security groups of load balancers are validated, "
        "and the groups are of the subnets' VPC; protected load balancers cannot be deleted.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetIpAddressType.html",
        ),
    ),
)

_MIN_FREE_ADDRESSES = 8
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""


@before("elbv2", "CreateLoadBalancer")
def validate_load_balancer_name(call: Call) -> None:
    name = call.params["Name"]
    if not name:
        raise _invalid("A load balancer name must be specified")
    if len(name) > 32:
        raise _invalid(f"The load balancer name '{name}' cannot be longer than '32' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]*", name):
        allowed = "can only contain characters that are alphanumeric characters and hyphens(-)"
        raise _invalid(f"The load balancer name '{name}' {allowed}")
    if name.startswith("-") or name.endswith("-"):
        raise _invalid(f"The load balancer name '{name}' cannot begin or end with '-'")
    if name.startswith("internal-"):
        raise _invalid(f"The load balancer name '{name}' cannot begin with 'internal-'")


@before("elbv2", "CreateLoadBalancer")
def validate_gateway_load_balancer(call: Call) -> None:
    if call.params.get("Type") != "gateway":
        return
    for name, noun in (("Scheme", "scheme"), ("SecurityGroups", "security group")):
        if call.params.get(name):
            raise _invalid(f"A {noun} cannot be specified for load balancers with type 'gateway'")


@before("elbv2", "CreateLoadBalancer", "SetSubnets")
def validate_zones(call: Call) -> None:
    """Require subnets of one VPC, one in each zone, and of an Application Load Balancer in at least two zones."""
    type_ = _load_balancer_type(call)
    if type_ is None:
        return
    if call.params.get("Subnets") and call.params.get("SubnetMappings"):
        raise _invalid("You must specify either subnets or subnet mappings, but not both")
    known, requested = _known_subnets(call), _requested_subnets(call)
    for subnet in requested:
        if subnet not in known:
            raise AwsError("SubnetNotFound", f"The subnet ID '{subnet}' does not exist")
    if len({known[subnet].vpc_id for subnet in requested}) > 1:
        raise AwsError("InvalidConfigurationRequest", "All subnets must belong to the same VPC")
    zones = [known[subnet].availability_zone for subnet in dict.fromkeys(requested)]
    if len(zones) > len(set(zones)):
        message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        raise AwsError("InvalidConfigurationRequest", message)
    if type_ == "application" and len(zones) < 2:
        raise _invalid("At least two subnets in two different Availability Zones must be specified")
    if not zones:
        raise _invalid("At least one subnet must be specified")
    _require_free_addresses(call, type_)


def _require_free_addresses(call: Call, type_: str) -> None:
    if type_ != "application" or call.backends.load_balancer(call.params.get("Name", "")) is not None:
        return
    balancer = lookup.find_load_balancer(call.backends, call.params.get("LoadBalancerArn"))
    used = {subnet.id for subnet in balancer.subnets} if balancer is not None else set()
    known = _known_subnets(call)
    for id in _requested_subnets(call):
        if id not in used and known[id].available_ip_address_count < _MIN_FREE_ADDRESSES:
            message = f"Not enough IP space available in {id}. ELB requires at least 8 free IP addresses in each subnet"
            raise AwsError("InvalidSubnet", message)


@before("elbv2", "CreateLoadBalancer")
def require_internet_gateway(call: Call) -> None:
    """Refuse an internet-facing load balancer in a VPC without an internet gateway."""
    if call.params.get("Scheme", "internet-facing") != "internet-facing" or _load_balancer_type(call) == "gateway":
        return
    ec2, known = call.backends.backend("ec2"), _known_subnets(call)
    attached = {gateway.vpc.id for gateway in ec2.internet_gateways.values() if gateway.vpc is not None}
    for vpc in sorted({known[subnet].vpc_id for subnet in _requested_subnets(call) if subnet in known} - attached):
        raise AwsError("InvalidSubnet", f"VPC {vpc} has no internet gateway")


@before("elbv2", "CreateLoadBalancer", "SetIpAddressType", "SetSubnets")
def validate_address_type(call: Call) -> None:
    """Require subnets with IPv6 blocks for IPv6 addresses, which only an internet-facing load balancer has."""
    type_ = call.params.get("IpAddressType", "ipv4")
    if type_ == "ipv4":
        return
    balancer = lookup.find_load_balancer(call.backends, call.params.get("LoadBalancerArn"))
    kind = _load_balancer_type(call)
    if kind is None:
        return
    if type_ == "dualstack-without-public-ipv4" and kind != "application":
        raise _invalid(f"The IP address type '{type_}' is not supported on load balancers with type '{kind}'")
    scheme = balancer.scheme if balancer is not None else call.params.get("Scheme", "internet-facing")
    if type_ == "dualstack-without-public-ipv4" and scheme == "internal":
        message = f"The IP address type '{type_}' is not supported on load balancers with scheme 'internal'"
        raise AwsError("InvalidConfigurationRequest", message)
    known = _known_subnets(call)
    requested = [known[id] for id in _requested_subnets(call) if id in known]
    for subnet in requested or (balancer.subnets if balancer is not None else []):
        if not subnet.ipv6_cidr_block_associations:
            raise AwsError("InvalidSubnet", f"The subnet '{subnet.id}' has no IPv6 CIDR block")


@before("elbv2", "CreateLoadBalancer", "SetSecurityGroups")
def validate_security_groups(call: Call) -> None:
    """Require security groups that exist, in the load balancer's VPC."""
    ec2, known = call.backends.backend("ec2"), _known_subnets(call)
    balancer = lookup.find_load_balancer(call.backends, call.params.get("LoadBalancerArn"))
    subnets = balancer.subnets if balancer is not None else [known[id] for id in _requested_subnets(call)]
    for id in call.params.get("SecurityGroups") or []:
        group = ec2.get_security_group_from_id(id)
        if group is None:
            raise AwsError("InvalidSecurityGroup", "One or more security groups are invalid")
        if any(subnet.vpc_id != group.vpc_id for subnet in subnets):
            raise AwsError("InvalidConfigurationRequest", "One or more security groups are invalid")


@before("elbv2", "SetSecurityGroups")
def require_security_groups(call: Call) -> None:
    if _load_balancer_type(call) == "gateway" or not call.params["SecurityGroups"]:
        message = "SetSecurityGroups requires security groups, and a load balancer that can have some"
        raise AwsError("InvalidConfigurationRequest", message)


@before("elbv2", "DeleteLoadBalancer")
def refuse_protected_load_balancer(call: Call) -> None:
    balancer = lookup.find_load_balancer(call.backends, call.params["LoadBalancerArn"])
    if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
        message = f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled"
        raise AwsError("OperationNotPermitted", message)


def _load_balancer_type(call: Call) -> str | None:
    """Return the type of the load balancer that a call creates or names; None if the named one does not exist."""
    if arn := call.params.get("LoadBalancerArn"):
        balancer = lookup.find_load_balancer(call.backends, arn)
        return str(balancer.type) if balancer is not None else None
    return str(call.params.get("Type", "application"))


def _known_subnets(call: Call) -> dict[str, Any]:
    return {subnet.id: subnet for zone in call.backends.backend("ec2").subnets.values() for subnet in zone.values()}


def _requested_subnets(call: Call) -> list[str]:
    mapped: list[str] = [mapping["SubnetId"] for mapping in call.params.get("SubnetMappings") or []]
    return call.params.get("Subnets") or mapped


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
