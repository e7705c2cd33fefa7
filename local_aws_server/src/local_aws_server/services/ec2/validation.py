"""Parameters that EC2 refuses: subnet sizes, the security groups of an interface, and a second internet gateway."""

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.ec2.cidr_blocks import pass_to_moto

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A network interface has at most five security groups, and all of them must exist.",
        documentation=(
            "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
        ),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="A subnet has between 16 and 65,536 IPv4 addresses: a block from /16 to /28. Its IPv6 block has a "
        "length from /44 to /64 in steps of 4.",
        documentation=("https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html",),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="A VPC has at most one internet gateway.",
        documentation=("https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",),
    ),
)

_MAX_GROUPS = 5
_IPV6_LENGTHS = range(44, 65, 4)


@before("ec2", "CreateNetworkInterface", "ModifyNetworkInterfaceAttribute", "ModifyInstanceAttribute", "RunInstances")
def validate_interface_groups(call: Call) -> None:
    ec2 = call.backends.backend("ec2")
    for groups in _requested_groups(call):
        for group in groups:
            if ec2.get_security_group_from_id(group) is None:
                raise AwsError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
        if len(set(groups)) > _MAX_GROUPS:
            raise AwsError(
                "SecurityGroupsPerInterfaceLimitExceeded",
                "The maximum number of security groups per interface has been reached.",
            )


def _requested_groups(call: Call) -> Iterator[list[str]]:
    """The groups of each interface in the call."""
    yield call.params.get("Groups") or call.params.get("SecurityGroupIds") or []
    interfaces = call.params.get("NetworkInterfaces") or []
    yield from (interface.get("Groups") or [] for interface in interfaces)


@before("ec2", "CreateSubnet")
def require_a_block(call: Call) -> None:
    blocks = {"CidrBlock", "Ipv6CidrBlock", "Ipv4IpamPoolId", "Ipv6IpamPoolId"}
    if not blocks & call.params.keys() and not call.params.get("Ipv6Native"):  # moto has AWS's words for the latter
        raise AwsError("MissingParameter", "The request must contain the parameter cidrBlock")


@before("ec2", "AllocateHosts")
def require_a_quantity(call: Call) -> None:
    if call.params.get("Quantity") is None and not call.params.get("AssetIds"):
        raise AwsError("MissingParameter", "The request must contain the parameter quantity")


@before("ec2", "CreateSubnet")
def validate_subnet_size(call: Call) -> None:
    cidr = call.params.get("CidrBlock", "")
    with suppress(ValueError):  # moto refuses an invalid CIDR
        if not 16 <= IPv4Network(cidr, strict=False).prefixlen <= 28:
            raise AwsError("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.")


@before("ec2", "AssociateSubnetCidrBlock", "CreateSubnet")
def validate_ipv6_block(call: Call) -> None:
    block = call.params.get("Ipv6CidrBlock")
    if call.params.get("Ipv6Native") and call.params.get("CidrBlock"):
        return  # moto refuses the combination, which AWS looks at first
    if block and IPv6Network(block).prefixlen not in _IPV6_LENGTHS:  # `cidr_blocks` has refused what is no block
        raise AwsError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")


@before("ec2", "CreateSubnet")
def choose_zone(call: Call) -> None:
    """Put a subnet without a zone into the first one: AWS chooses, and here a run can be repeated."""
    if not call.params.get("AvailabilityZone") and not call.params.get("AvailabilityZoneId"):
        zones = sorted(zone.name for zone in call.backends.backend("ec2").describe_availability_zones())
        call.params["AvailabilityZone"] = zones[0]
        pass_to_moto(call)


@before("ec2", "AttachInternetGateway")
def refuse_second_gateway(call: Call) -> None:
    vpc, new = call.params["VpcId"], call.params["InternetGatewayId"]
    for gateway in call.backends.backend("ec2").internet_gateways.values():
        if gateway.id != new and gateway.vpc is not None and gateway.vpc.id == vpc:
            raise AwsError("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached")
