"""Which security groups refer to which, across peered VPCs.

https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="References between security groups of peered VPCs are listed, and those that are stale.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupReferences.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeStaleSecurityGroups.html",
        ),
    ),
)


@replace("ec2", "DescribeSecurityGroupReferences")
def list_references(call: Call) -> dict[str, Any]:
    ec2, references = call.backends.backend("ec2"), []
    for id in call.params["GroupId"]:
        group = ec2.get_security_group_from_id(id)
        if group is None:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{id}' does not exist")
        for other in _groups(ec2):
            if other.vpc_id != group.vpc_id and id in {referenced for _, referenced in _references(other)}:
                reference = {"GroupId": id, "ReferencingVpcId": other.vpc_id}
                peerings = _peerings(ec2, group.vpc_id, other.vpc_id)
                references += [{**reference, "VpcPeeringConnectionId": peering.id} for peering in peerings]
    return {"SecurityGroupReferenceSet": references}


@replace("ec2", "DescribeStaleSecurityGroups")
def list_stale_groups(call: Call) -> dict[str, Any]:
    """The groups of a VPC with rules that refer to a group that is gone, or no longer in a peered VPC."""
    ec2, vpc_id = call.backends.backend("ec2"), call.params["VpcId"]
    ec2.get_vpc(vpc_id)
    stale = []
    for group in _groups(ec2):
        gone = [rule for rule, id in _references(group) if _is_stale(ec2, vpc_id, id)] if group.vpc_id == vpc_id else []
        if gone:
            stale.append(
                {
                    "GroupId": group.id,
                    "GroupName": group.name,
                    "Description": group.description,
                    "VpcId": vpc_id,
                    "StaleIpPermissions": [_permission(rule) for rule in gone if rule in group.ingress_rules],
                    "StaleIpPermissionsEgress": [_permission(rule) for rule in gone if rule in group.egress_rules],
                }
            )
    return {"StaleSecurityGroupSet": stale}


@replace("ec2", "GetSecurityGroupsForVpc")
def list_groups_for_vpc(call: Call) -> dict[str, Any]:
    ec2, vpc_id = call.backends.backend("ec2"), call.params["VpcId"]
    ec2.get_vpc(vpc_id)
    if call.params.get("Filters"):
        raise NotImplementedError
    return {
        "SecurityGroupForVpcs": [
            {
                "GroupId": group.id,
                "GroupName": group.name,
                "Description": group.description,
                "OwnerId": group.owner_id,
                "PrimaryVpcId": vpc_id,
            }
            for group in _groups(ec2)
            if group.vpc_id == vpc_id
        ]
    }


def _groups(ec2: Any) -> list[Any]:
    return [group for groups in ec2.groups.values() for group in groups.values()]


def _references(group: Any) -> Iterator[tuple[Any, str]]:
    """(rule, id of the group that it names)."""
    for rule in (*group.ingress_rules, *group.egress_rules):
        if id := rule.source_group.get("GroupId"):
            yield rule, id


def _peerings(ec2: Any, one: str, other: str) -> list[Any]:
    return [
        peering
        for peering in ec2.vpc_pcxs.values()
        if {peering.vpc.id, peering.peer_vpc.id} == {one, other} and peering._status.code == "active"
    ]


def _is_stale(ec2: Any, vpc_id: str, id: str) -> bool:
    group = ec2.get_security_group_from_id(id)
    return group is None or (group.vpc_id != vpc_id and not _peerings(ec2, vpc_id, group.vpc_id))


def _permission(rule: Any) -> dict[str, Any]:
    ports = {"FromPort": rule.from_port, "ToPort": rule.to_port}
    return {
        "IpProtocol": rule.ip_protocol,
        **{name: int(port) for name, port in ports.items() if port is not None},
        "UserIdGroupPairs": [{"GroupId": rule.source_group["GroupId"]}],
    }
