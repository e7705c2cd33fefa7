"""Load balancers and databases have network interfaces in our subnets; those of a load balancer outlive it.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
"""

from __future__ import annotations

from typing import Any

from esaws.local.call import Call
from esaws.local.interfaces import Kept, in_use, interfaces, keep, looked_at, requester
from esaws.local.seam import AwsError, after, before, follows
from esaws.local.world import World


@follows("elbv2", order=5)
def balancers_have_one_a_subnet(world: World) -> None:
    wanted = [
        Kept(
            "elbv2",
            balancer.arn,
            f"ELB {balancer.arn.split(':loadbalancer/')[1]}",
            subnet.id,
            tuple(balancer.security_groups or ()),
            balancer.scheme == "internet-facing",
            "amazon-elb",
        )
        for balancer in world.backend("elbv2").load_balancers.values()
        if balancer.type == "application"
        for subnet in balancer.subnets
    ]
    keep(world, "elbv2", wanted, linger=True)


@follows("rds", order=5)
def databases_have_one(world: World) -> None:
    wanted = [
        Kept(
            "rds",
            database.db_instance_arn,
            "RDSNetworkInterface",
            database.db_subnet_group._subnets[0].id,
            tuple(database.vpc_security_group_ids or ()),
            bool(database.publicly_accessible),
            "amazon-rds",
        )
        for database in world.backend("rds").databases.values()
        if getattr(database, "db_subnet_group", None)
    ]
    keep(world, "rds", wanted, linger=False)


@before("ec2", "DescribeNetworkInterfaces")
def those_that_have_left_are_not_shown(call: Call) -> None:
    interfaces(call.world)


@after("ec2", "DescribeNetworkInterfaces")
def attached_by_the_service(call: Call) -> None:
    enis = {eni.id: eni for eni in interfaces(call.world)}
    for described in call.result.get("NetworkInterfaces", []):
        eni = enis.get(described["NetworkInterfaceId"])
        owner = requester(eni) if eni is not None else None
        if owner is None:
            continue
        looked_at(eni)
        described["Attachment"] = {
            "AttachmentId": _attachment(eni),
            "DeleteOnTermination": False,
            "DeviceIndex": 1,
            "InstanceOwnerId": owner,
            "Status": "attached",
        }
        for shown in [described, *described.get("PrivateIpAddresses", [])]:
            if "Association" in shown:
                shown["Association"]["IpOwnerId"] = owner


@before("ec2", "DetachNetworkInterface")
def only_the_service_detaches_it(call: Call) -> None:
    for eni in interfaces(call.world):
        if requester(eni) and call.params["AttachmentId"] == _attachment(eni):
            raise AwsError("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")


@before("ec2", "DeleteNetworkInterface")
def attached_interfaces_stay(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html"""
    asked = call.params["NetworkInterfaceId"]
    if any(eni.id == asked and in_use(eni) for eni in interfaces(call.world)):
        raise AwsError("InvalidParameterValue", f"Network interface '{asked}' is currently in use.")


def _attachment(eni: Any) -> str:
    return f"ela-attach-{eni.id.removeprefix('eni-')}"
