"""Types of network interfaces: whether they take connections at all, and whether something filters them.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html
"""

from collections.abc import Mapping
from typing import Any

from esaws.inspect.answers import NO, YES, Answer, unknown

_DESCRIPTIONS = {
    "Interface for NAT Gateway": "nat_gateway",
    "ELB net/": "network_load_balancer",
    "ELB gwy/": "gateway_load_balancer",
    "Network Interface for Transit Gateway": "transit_gateway",
    "AWS Lambda VPC ENI": "lambda",
}
"""How the descriptions of interfaces begin that AWS manages; some describe calls have the type `interface` for them."""

_UNFILTERED = {"nat_gateway", "network_load_balancer"}
"""Types that AWS makes without security groups."""

_OUTBOUND_ONLY = {
    # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
    "nat_gateway": "a NAT gateway accepts no connections, at its public or its private address",
    # https://docs.aws.amazon.com/whitepapers/latest/security-overview-aws-lambda/lambda-functions-and-layers.html
    "lambda": "the interface of a Lambda function accepts no connections",
}
_ROUTED_THROUGH = {
    "transit_gateway": "a transit gateway attachment",
    "gateway_load_balancer": "a Gateway Load Balancer",
    "gateway_load_balancer_endpoint": "a Gateway Load Balancer endpoint",
}


def interface_type(raw: Mapping[str, Any]) -> str:
    """Return the InterfaceType of an item of NetworkInterfaces, from its description where AWS gives `interface`."""
    named = str(raw.get("InterfaceType", "interface")).replace("natGateway", "nat_gateway")
    if named != "interface":
        return named
    description = str(raw.get("Description", ""))
    return next((type_ for start, type_ in _DESCRIPTIONS.items() if description.startswith(start)), named)


def is_unfiltered(type_: str) -> bool:
    """Return whether an interface of this type without security groups lets everything pass.

    For any other type, missing groups mean that AWS did not describe what filters it.
    """
    return type_ in _UNFILTERED


def accepts_connections(type_: str) -> Answer:
    """Return whether connections to an address of an interface are possible at all; `reason` for no and unknown."""
    if reason := _OUTBOUND_ONLY.get(type_):
        return Answer(NO.value, reason)
    if thing := _ROUTED_THROUGH.get(type_):
        return unknown(
            f"traffic is routed through {thing}, not addressed to it; esaws does not evaluate what it answers"
        )
    return YES
