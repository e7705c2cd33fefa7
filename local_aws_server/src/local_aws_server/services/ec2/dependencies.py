"""Deletions that EC2 refuses while other resources depend on the resource (DependencyViolation)."""

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.ec2.interfaces import interfaces

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="No part of a network can be deleted while another resource depends on it (DependencyViolation).",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html",
        ),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="A VPC cannot be deleted while it has an endpoint or a peering connection.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html",
            "https://docs.aws.amazon.com/vpc/latest/peering/delete-vpc-peering-connection.html",
        ),
    ),
)

_ENDED_PEERINGS = ("deleted", "rejected", "expired", "failed")


@before("ec2", "DeleteSecurityGroup")
def check_security_group_unused(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html"""
    groups = _security_groups(call)
    id, name = call.params.get("GroupId"), call.params.get("GroupName")
    group = next((g for g in groups if (g.id == id if id else name in (g.name, g.id))), None)
    if group is None:
        return  # moto raises
    if group.name == "default":
        message = f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
        raise AwsError("CannotDelete", message)
    is_attached = any(group in eni.group_set for eni in interfaces(call.backends))
    # A rule of the group that names the group itself is not a dependency.
    is_referenced = any(group.id in _referenced_groups(other) for other in groups if other is not group)
    if is_attached or is_referenced:
        raise AwsError("DependencyViolation", f"resource {group.id} has a dependent object")


@before("ec2", "DeleteSubnet")
def check_subnet_unused(call: Call) -> None:
    subnet_id = call.params["SubnetId"]
    if any(eni.subnet.id == subnet_id for eni in interfaces(call.backends)):
        raise _dependency_violation("subnet", subnet_id)


@before("ec2", "DetachInternetGateway")
def check_no_public_addresses(call: Call) -> None:
    """An internet gateway cannot be detached while the VPC has public addresses."""
    vpc_id = call.params["VpcId"]
    gateway = call.backends.backend("ec2").internet_gateways.get(call.params["InternetGatewayId"])
    is_attached = gateway is not None and gateway.vpc is not None and gateway.vpc.id == vpc_id
    if is_attached and any(eni.vpc_id == vpc_id and eni.public_ip for eni in interfaces(call.backends)):
        raise AwsError(
            "DependencyViolation",
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )


@before("ec2", "DeleteRouteTable")
def check_not_main_route_table(call: Call) -> None:
    table = call.backends.backend("ec2").route_tables.get(call.params["RouteTableId"])
    if table is not None and table.main_association_id is not None:
        raise _dependency_violation("routeTable", table.id)


@before("ec2", "DeleteVpc")
def check_vpc_empty(call: Call) -> None:
    """A VPC can be deleted when only its default security group, route table and ACL are left."""
    vpc_id = call.params["VpcId"]
    ec2 = call.backends.backend("ec2")
    if vpc_id in ec2.vpcs and (
        any(subnet.vpc_id == vpc_id for zone in ec2.subnets.values() for subnet in zone.values())
        or any(gateway.vpc is not None and gateway.vpc.id == vpc_id for gateway in ec2.internet_gateways.values())
        or any(gateway.vpc_id == vpc_id and gateway.state != "deleted" for gateway in ec2.nat_gateways.values())
        or any(group.vpc_id == vpc_id and group.name != "default" for group in _security_groups(call))
        or any(table.vpc_id == vpc_id and table.main_association_id is None for table in ec2.route_tables.values())
        or any(acl.vpc_id == vpc_id and not acl.default for acl in ec2.network_acls.values())
        or any(eni.vpc_id == vpc_id for eni in interfaces(call.backends))
    ):
        raise _dependency_violation("vpc", vpc_id)


@before("ec2", "DeleteVpc")
def check_no_endpoints_or_peerings(call: Call) -> None:
    vpc_id, ec2 = call.params["VpcId"], call.backends.backend("ec2")
    has_endpoint = any(
        endpoint.vpc_id == vpc_id and endpoint.state != "deleted" for endpoint in ec2.vpc_end_points.values()
    )
    has_peering = any(
        vpc_id in (peering.vpc.id, peering.peer_vpc.id) and peering._status.code not in _ENDED_PEERINGS
        for peering in ec2.vpc_pcxs.values()
    )
    if has_endpoint or has_peering:
        raise _dependency_violation("vpc", vpc_id)


@before("ec2", "ReleaseAddress")
def check_address_not_associated(call: Call) -> None:
    """An associated address cannot be released, except in a default VPC, where AWS disassociates it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
    """
    ec2 = call.backends.backend("ec2")
    for address in ec2.addresses:
        if address.allocation_id != call.params.get("AllocationId"):
            continue
        eni = address.eni or (address.instance and address.instance.nics.get(0))
        if eni in interfaces(call.backends) and not ec2.get_vpc(eni.vpc_id).is_default:
            raise AwsError("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")


def _dependency_violation(kind: str, id: str) -> AwsError:
    return AwsError("DependencyViolation", f"The {kind} '{id}' has dependencies and cannot be deleted.")


def _security_groups(call: Call) -> list[Any]:
    by_vpc = call.backends.backend("ec2").groups
    return [group for groups in by_vpc.values() for group in groups.values()]


def _referenced_groups(group: Any) -> set[str]:
    rules = [*group.ingress_rules, *group.egress_rules]
    return {rule.source_group.get("GroupId", "") for rule in rules}
