"""Nothing of a network is deleted while something depends on it: what AWS calls a DependencyViolation.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html
"""

from typing import Any

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before
from local_aws_server.services.ec2.interfaces import interfaces

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="Nothing of a network is deleted while something depends on it: what AWS calls a "
        "DependencyViolation.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html",
        ),
    ),
)


@before("ec2", "DeleteSecurityGroup")
def security_groups(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html"""
    groups = _groups(call)
    by_id, by_name = call.params.get("GroupId"), call.params.get("GroupName")
    asked = next((g for g in groups if (g.id == by_id if by_id else by_name in (g.name, g.id))), None)
    if asked is None:
        return  # moto says so
    if asked.name == "default":
        message = f'the specified group: "{asked.id}" name: "default" cannot be deleted by a user'
        raise AwsError("CannotDelete", message)
    carried = any(asked in eni.group_set for eni in interfaces(call.backends))
    # A group may well let itself in: that is no dependency.
    referenced = any(asked.id in _references(group) for group in groups if group is not asked)
    if carried or referenced:
        raise AwsError("DependencyViolation", f"resource {asked.id} has a dependent object")


@before("ec2", "DeleteSubnet")
def subnets(call: Call) -> None:
    asked = call.params["SubnetId"]
    if any(eni.subnet.id == asked for eni in interfaces(call.backends)):
        raise _has_dependencies("subnet", asked)


@before("ec2", "DetachInternetGateway")
def gateways_with_public_addresses_behind_them(call: Call) -> None:
    vpc_id = call.params["VpcId"]
    gateway = call.backends.backend("ec2").internet_gateways.get(call.params["InternetGatewayId"])
    attached = gateway is not None and gateway.vpc is not None and gateway.vpc.id == vpc_id
    if attached and any(eni.vpc_id == vpc_id and eni.public_ip for eni in interfaces(call.backends)):
        raise AwsError(
            "DependencyViolation",
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )


@before("ec2", "DeleteRouteTable")
def main_route_tables(call: Call) -> None:
    table = call.backends.backend("ec2").route_tables.get(call.params["RouteTableId"])
    if table is not None and table.main_association_id is not None:
        raise _has_dependencies("routeTable", table.id)


@before("ec2", "DeleteVpc")
def vpcs_with_more_than_their_defaults(call: Call) -> None:
    asked = call.params["VpcId"]
    ec2 = call.backends.backend("ec2")
    if asked in ec2.vpcs and (
        any(subnet.vpc_id == asked for zone in ec2.subnets.values() for subnet in zone.values())
        or any(gateway.vpc is not None and gateway.vpc.id == asked for gateway in ec2.internet_gateways.values())
        or any(gateway.vpc_id == asked and gateway.state != "deleted" for gateway in ec2.nat_gateways.values())
        or any(group.vpc_id == asked and group.name != "default" for group in _groups(call))
        or any(table.vpc_id == asked and table.main_association_id is None for table in ec2.route_tables.values())
        or any(acl.vpc_id == asked and not acl.default for acl in ec2.network_acls.values())
        or any(eni.vpc_id == asked for eni in interfaces(call.backends))
    ):
        raise _has_dependencies("vpc", asked)


@before("ec2", "ReleaseAddress")
def associated_addresses(call: Call) -> None:
    """Of a VPC of one's own; in a default VPC, AWS disassociates it by itself.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
    """
    ec2 = call.backends.backend("ec2")
    for address in ec2.addresses:
        is_asked = address.allocation_id == call.params.get("AllocationId")
        carrier = address.eni or (address.instance and address.instance.nics.get(0))
        if is_asked and carrier in interfaces(call.backends) and not ec2.get_vpc(carrier.vpc_id).is_default:
            raise AwsError("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")


def _has_dependencies(what: str, id: str) -> AwsError:
    return AwsError("DependencyViolation", f"The {what} '{id}' has dependencies and cannot be deleted.")


def _groups(call: Call) -> list[Any]:
    vpcs = call.backends.backend("ec2").groups
    return [group for groups in vpcs.values() for group in groups.values()]


def _references(group: Any) -> set[str]:
    rules = [*group.ingress_rules, *group.egress_rules]
    return {rule.source_group.get("GroupId", "") for rule in rules}
