"""Things that were made a moment ago and can't be seen everywhere yet: what they are called, and how they are missed.

https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.not_found import names_at


@dataclass(frozen=True)
class Missed:
    """What a call is answered that names a thing which it cannot see yet."""

    made: str
    """Where the result of the create names the thing."""
    code: str
    message: str
    """`{}` stands for the name."""
    status: int = 400


def _ec2(made: str, code: str, message: str) -> Missed:
    return Missed(made, code, message + " does not exist")


MISSED: dict[str, dict[str, Missed]] = {
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
        "CreateNatGateway": Missed("NatGateway.NatGatewayId", "NatGatewayNotFound", "The Nat Gateway {} was not found"),
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
        "CreateInstanceProfile": Missed(
            "InstanceProfile.InstanceProfileName", "NoSuchEntity", "Instance Profile {} cannot be found.", 404
        ),
        "CreatePolicy": Missed("Policy.Arn", "NoSuchEntity", "Policy {} does not exist or is not attachable.", 404),
        "CreateRole": Missed("Role.RoleName", "NoSuchEntity", "The role with name {} cannot be found.", 404),
        "CreateUser": Missed("User.UserName", "NoSuchEntity", "The user with name {} cannot be found.", 404),
    },
    "elbv2": {
        "CreateListener": Missed("Listeners.ListenerArn", "ListenerNotFound", "One or more listeners not found"),
        "CreateLoadBalancer": Missed(
            "LoadBalancers.LoadBalancerArn", "LoadBalancerNotFound", "One or more load balancers not found"
        ),
        "CreateTargetGroup": Missed(
            "TargetGroups.TargetGroupArn", "TargetGroupNotFound", "One or more target groups not found"
        ),
    },
    "rds": {
        "CreateDBInstance": Missed(
            "DBInstance.DBInstanceIdentifier", "DBInstanceNotFound", "DBInstance {} not found.", 404
        ),
        "CreateDBSubnetGroup": Missed(
            "DBSubnetGroup.DBSubnetGroupName", "DBSubnetGroupNotFoundFault", "DB subnet group '{}' does not exist.", 404
        ),
    },
    "elasticache": {
        "CreateCacheCluster": Missed(
            "CacheCluster.CacheClusterId", "CacheClusterNotFound", "CacheCluster not found: {}", 404
        ),
    },
}
"""Service → the operation that makes a thing → how it is missed.

S3 is not among them: it has shown what was written at once since 2020.
"""


def made_by(service: str, operation: str, result: Mapping[str, Any]) -> list[str]:
    """The names or ids of what a create has made."""
    return list(names_at(result, MISSED[service][operation].made))


def mentioned(given: Any) -> Iterator[str]:
    """Every text in a call's parameters."""
    if isinstance(given, str):
        yield given
    elif isinstance(given, Mapping):
        for each in given.values():
            yield from mentioned(each)
    elif isinstance(given, list | tuple):
        for each in given:
            yield from mentioned(each)
