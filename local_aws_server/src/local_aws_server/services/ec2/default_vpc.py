"""The default VPC with its internet gateway and default route, and which subnets are default subnets."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, patch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="The default VPC has an internet gateway and a route to it; only its subnets are default subnets.",
        documentation=(
            "https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDefaultSubnet.html",
        ),
    ),
)

_CIDR_BLOCK = "172.31.0.0/16"
_SUBNET_PREFIX = 20


@patch("moto.ec2.models.vpcs", "VPCBackend.create_default_vpc")
def create_default_vpc(self: Any) -> Any:
    from moto.ec2.exceptions import DefaultVpcAlreadyExists

    if self.get_default_vpc() is not None:
        raise DefaultVpcAlreadyExists
    vpc = self.create_vpc(cidr_block=_CIDR_BLOCK, is_default=True)
    gateway = self.create_internet_gateway()
    self.attach_internet_gateway(gateway.id, vpc.id)
    main = next(table for table in self.route_tables.values() if table.vpc_id == vpc.id)
    self.create_route(main.id, "0.0.0.0/0", gateway_id=gateway.id)
    for zone in self.describe_availability_zones():
        self.create_default_subnet(zone.name)
    return vpc


@patch("moto.ec2.models.subnets", "SubnetBackend.create_default_subnet")
def create_default_subnet(self: Any, availability_zone: str) -> Any:
    """Create a default subnet in the first free block of the default VPC; moto counts the existing ones."""
    from moto.ec2.exceptions import DefaultSubnetAlreadyExistsInAvailabilityZoneError, DefaultVpcDoesNotExistError

    existing, vpc = self.get_default_subnets(), self.get_default_vpc()
    if availability_zone in existing:
        raise DefaultSubnetAlreadyExistsInAvailabilityZoneError(existing[availability_zone].id, availability_zone)
    if vpc is None:
        raise DefaultVpcDoesNotExistError
    used = [subnet.cidr for zone in self.subnets.values() for subnet in zone.values() if subnet.vpc_id == vpc.id]
    blocks = IPv4Network(vpc.cidr_block).subnets(new_prefix=_SUBNET_PREFIX)
    free = next((block for block in blocks if not any(block.overlaps(cidr) for cidr in used)), None)
    if free is None:
        raise AwsError("InsufficientFreeAddressesInVpc", f"VPC {vpc.id} has no free block for a default subnet.")
    subnet = self.create_subnet(vpc_id=vpc.id, cidr_block=str(free), availability_zone=availability_zone)
    subnet.default_for_az = subnet.map_public_ip_on_launch = True
    return subnet


@after("ec2", "CreateSubnet")
def mark_as_no_default_subnet(call: Call) -> None:
    """moto takes the first subnet of a zone, in any VPC, for its default subnet."""
    description = call.result["Subnet"]
    subnet = call.backends.backend("ec2").get_subnet(description["SubnetId"])
    subnet.default_for_az = subnet.map_public_ip_on_launch = False
    description |= {"DefaultForAz": False, "MapPublicIpOnLaunch": False}
