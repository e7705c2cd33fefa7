"""The not-found errors for resources that were created a moment ago and are not visible everywhere yet.

https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.not_found import names_at


@dataclass(frozen=True)
class NotVisibleYet:
    """The name of a new resource, and the error for calls that cannot see it yet."""

    name_path: str
    """Dotted path to the name in the result of the create operation."""
    code: str
    message: str
    """`{}` stands for the name."""
    status: int = 400


def _ec2(name_path: str, code: str, message: str) -> NotVisibleYet:
    return NotVisibleYet(name_path, code, message + " does not exist")


CREATE_OPERATIONS: dict[str, dict[str, NotVisibleYet]] = {
    "ec2": {
        "AllocateAddress": _ec2("AllocationId", "InvalidAllocationID.NotFound", "The allocation ID '{}'"),
        "CreateInternetGateway": _ec2(
            "InternetGateway.InternetGatewayId", "InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}'"
        ),
        "CreateLaunchTemplate": _ec2(
            "LaunchTemplate.LaunchTemplateId",
            "InvalidLaunchTemplateId.NotFound",
            "The specified launch template, with template ID {},",
        ),
        "CreateNatGateway": NotVisibleYet(
            "NatGateway.NatGatewayId", "NatGatewayNotFound", "The Nat Gateway {} was not found"
        ),
        "CreateNetworkInterface": _ec2(
            "NetworkInterface.NetworkInterfaceId",
            "InvalidNetworkInterfaceID.NotFound",
            "The networkInterface ID '{}'",
        ),
        "CreateRouteTable": _ec2("RouteTable.RouteTableId", "InvalidRouteTableID.NotFound", "The routeTable ID '{}'"),
        "CreateSecurityGroup": _ec2("GroupId", "InvalidGroup.NotFound", "The security group '{}'"),
        "CreateSubnet": _ec2("Subnet.SubnetId", "InvalidSubnetID.NotFound", "The subnet ID '{}'"),
        "CreateVolume": _ec2("VolumeId", "InvalidVolume.NotFound", "The volume '{}'"),
        "CreateVpc": _ec2("Vpc.VpcId", "InvalidVpcID.NotFound", "The vpc ID '{}'"),
        "RunInstances": _ec2("Instances.InstanceId", "InvalidInstanceID.NotFound", "The instance ID '{}'"),
    },
    "iam": {
        "CreateInstanceProfile": NotVisibleYet(
            "InstanceProfile.InstanceProfileName", "NoSuchEntity", "Instance Profile {} cannot be found.", 404
        ),
        "CreatePolicy": NotVisibleYet(
            "Policy.Arn", "NoSuchEntity", "Policy {} does not exist or is not attachable.", 404
        ),
        "CreateRole": NotVisibleYet("Role.RoleName", "NoSuchEntity", "The role with name {} cannot be found.", 404),
        "CreateUser": NotVisibleYet("User.UserName", "NoSuchEntity", "The user with name {} cannot be found.", 404),
    },
    "elbv2": {
        "CreateListener": NotVisibleYet("Listeners.ListenerArn", "ListenerNotFound", "One or more listeners not found"),
        "CreateLoadBalancer": NotVisibleYet(
            "LoadBalancers.LoadBalancerArn", "LoadBalancerNotFound", "One or more load balancers not found"
        ),
        "CreateTargetGroup": NotVisibleYet(
            "TargetGroups.TargetGroupArn", "TargetGroupNotFound", "One or more target groups not found"
        ),
    },
    "rds": {
        "CreateDBInstance": NotVisibleYet(
            "DBInstance.DBInstanceIdentifier", "DBInstanceNotFound", "DBInstance {} not found.", 404
        ),
        "CreateDBSubnetGroup": NotVisibleYet(
            "DBSubnetGroup.DBSubnetGroupName", "DBSubnetGroupNotFoundFault", "DB subnet group '{}' does not exist.", 404
        ),
    },
    "elasticache": {
        "CreateCacheCluster": NotVisibleYet(
            "CacheCluster.CacheClusterId", "CacheClusterNotFound", "CacheCluster not found: {}", 404
        ),
    },
}
"""Service → create operation → the error for its new resource.

S3 is missing: it has been strongly consistent since 2020.
"""


def created_names(service: str, operation: str, result: Mapping[str, Any]) -> list[str]:
    """The names or ids in the result of a create operation."""
    return list(names_at(result, CREATE_OPERATIONS[service][operation].name_path))


def all_texts(parameters: Any) -> Iterator[str]:
    """Every text in a call's parameters."""
    if isinstance(parameters, str):
        yield parameters
    elif isinstance(parameters, Mapping):
        for value in parameters.values():
            yield from all_texts(value)
    elif isinstance(parameters, list | tuple):
        for value in parameters:
            yield from all_texts(value)
