"""What is deleted with a resource: its tags, and the network ACL that a VPC was created with. moto keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after, reconciler

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="The tags of a resource are deleted with it, and the default network ACL with its VPC.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html",
            "https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html",
        ),
    ),
)


def _rules(ec2: Any) -> Iterable[str]:
    groups = [group for groups in ec2.groups.values() for group in groups.values()]
    return (rule.id for group in groups for rule in (*group.ingress_rules, *group.egress_rules))


_EXISTING: dict[str, Callable[[Any], Iterable[str]]] = {
    "acl": lambda ec2: ec2.network_acls,
    "eipalloc": lambda ec2: (address.allocation_id for address in ec2.addresses),
    "eni": lambda ec2: ec2.enis,
    "igw": lambda ec2: ec2.internet_gateways,
    "lt": lambda ec2: ec2.launch_templates,
    "rtb": lambda ec2: ec2.route_tables,
    "sg": lambda ec2: (id for groups in ec2.groups.values() for id in groups),
    "sgr": _rules,
    "subnet": lambda ec2: (id for subnets in ec2.subnets.values() for id in subnets),
    "vol": lambda ec2: ec2.volumes,
    "vpc": lambda ec2: ec2.vpcs,
}
"""Beginning of an id → a function that returns the ids of all existing resources of the kind."""


@reconciler("ec2", "autoscaling", "ecs", "elbv2", order=96)
def delete_tags_of_deleted_resources(backends: Backends) -> None:
    ec2 = backends.backend("ec2")
    tagged = {id: id.partition("-")[0] for id in ec2.tags}
    existing = {id for kind in {*tagged.values()} & _EXISTING.keys() for id in _EXISTING[kind](ec2)}
    for id, kind in tagged.items():
        if kind in _EXISTING and id not in existing:
            del ec2.tags[id]


@after("ec2", "DeleteVpc")
def delete_default_acl(call: Call) -> None:
    ec2 = call.backends.backend("ec2")
    for acl in [each for each in ec2.network_acls.values() if each.vpc_id == call.params["VpcId"]]:
        if acl.default:
            del ec2.network_acls[acl.id]


@after("ec2", "DeleteLaunchTemplate")
def forget_template(call: Call) -> None:
    ec2 = call.backends.backend("ec2")
    ec2.launch_template_insert_order = [id for id in ec2.launch_template_insert_order if id in ec2.launch_templates]
