"""The order of deletions on AWS: a case proves each, or the fidelity table says that it is not simulated."""

from typing import NamedTuple

import pytest

from local_aws_server import behaviours, fidelity
from tests.local.test_rules import IDS

NOT_SIMULATED = {row.statement for row in fidelity.EXPLICIT if row.fidelity == behaviours.NOT_SIMULATED}


class Edge(NamedTuple):
    """Two resources in the order of their deletion, and the proofs of what happens in the wrong order."""

    first: str
    then: str
    wrong: str
    """AWS's error code in the wrong order, or what happens then."""
    proofs: tuple[str, ...]
    """Names of cases, or statements of the fidelity table."""


EDGES = [
    # --- ECS and its scaling
    Edge(
        "a service's scalable target",
        "the service",
        "none: target, policies and alarms are left",
        (
            "deleting a service keeps its scalable target, policies and alarms",
            "deregistering a scalable target deletes its policies, but not the alarm of a step policy",
        ),
    ),
    Edge(
        "services", "their cluster", "ClusterContainsServicesException", ("a cluster with a service cannot be deleted",)
    ),
    Edge(
        "the tasks that a service wants",
        "the service",
        "InvalidParameterException",
        ("a service with a desired count can be deleted only with force",),
    ),
    Edge(
        "single tasks", "their cluster", "ClusterContainsTasksException", ("a cluster with a task cannot be deleted",)
    ),
    Edge(
        "container instances",
        "their cluster",
        "ClusterContainsContainerInstancesException",
        ("a cluster with a container instance cannot be deleted",),
    ),
    Edge(
        "a capacity provider's place in services and clusters",
        "the capacity provider",
        "DELETE_FAILED with HTTP 200, ResourceInUseException, UpdateInProgressException",
        (
            "deleting a capacity provider that a cluster uses returns DELETE_FAILED",
            "a capacity provider that a service uses cannot be removed",
            "a capacity provider that a task uses cannot be removed",
            "UpdateInProgressException: changes to the capacity providers of a cluster are immediate.",
            "ClusterContainsCapacityProviderException: capacity providers do not belong to one cluster.",
        ),
    ),
    Edge(
        "a task definition's registration",
        "the task definition",
        "a failure with HTTP 200; what is in use stays in DELETE_IN_PROGRESS",
        (
            "only a deregistered task definition can be deleted",
            "a deleted task definition exists until nothing uses it",
        ),
    ),
    Edge(
        "a service",
        "the targets that it registered",
        "none: it registers them again",
        ("Targets: a service does not register a target again that a user deregisters.",),
    ),
    # --- Auto Scaling groups and instances
    Edge(
        "protection from scale-in and managed draining",
        "an Auto Scaling group",
        "ResourceInUse while instances are protected, ScalingActivityInProgress while they drain",
        (
            "a group with protected instances can only be deleted by force",
            "a group with a draining instance can only be deleted by force",
        ),
    ),
    Edge(
        "instances",
        "their Auto Scaling group",
        "ResourceInUse, ScalingActivityInProgress",
        (
            "a group with instances can be deleted only with force",
            "a group without instances can be deleted",
            "a group with a draining instance can only be deleted by force",
        ),
    ),
    Edge(
        "an Auto Scaling group",
        "its launch template",
        "none: it launches nothing any more",
        (
            "a launch template can be deleted while a group uses it",
            "a group without its launch template launches nothing and records a failed activity",
        ),
    ),
    Edge(
        "an Auto Scaling group",
        "its instances",
        "none: it replaces them",
        ("a group replaces a terminated instance",),
    ),
    Edge(
        "an instance",
        "its security group, subnet, address and volumes",
        "DependencyViolation, VolumeInUse",
        (
            "a subnet cannot be deleted until its instances are terminated",
            "an associated address cannot be released",
            "an attached volume cannot be deleted",
        ),
    ),
    Edge(
        "an instance's termination protection",
        "the instance",
        "OperationNotPermitted",
        ("a protected instance cannot be terminated",),
    ),
    # --- load balancers
    Edge(
        "a load balancer's deletion protection",
        "the load balancer",
        "OperationNotPermitted",
        ("a protected load balancer cannot be deleted",),
    ),
    Edge(
        "listeners and rules",
        "the target groups that they forward to",
        "ResourceInUse",
        ("a target group that a listener uses cannot be deleted", "a target group that a rule uses cannot be deleted"),
    ),
    Edge("a listener", "its default rule", "OperationNotPermitted", ("the default rule cannot be deleted",)),
    Edge(
        "a load balancer",
        "its interfaces",
        "OperationNotPermitted: they go by themselves, later than it",
        (
            "the interfaces of a load balancer cannot be detached or deleted",
            "the interfaces of a load balancer outlive it for a while",
        ),
    ),
    Edge(
        "a load balancer's interfaces",
        "its security group, its subnets and the attachment of the internet gateway",
        "DependencyViolation",
        ("a load balancer blocks its subnets, its security group and the gateway",),
    ),
    # --- networks
    Edge(
        "the rules of other groups that name it",
        "a security group",
        "DependencyViolation",
        (
            "a security group cannot be deleted while a rule references it",
            "two security groups that reference each other cannot be deleted until a rule is revoked",
            "a security group that references only itself can be deleted",
        ),
    ),
    Edge("a VPC", "its default security group", "CannotDelete", ("the default security group cannot be deleted",)),
    Edge(
        "an interface's attachment",
        "the interface, and then the groups that it carries",
        "InvalidParameterValue, DependencyViolation",
        ("an interface in use cannot be deleted", "a security group cannot be deleted while an interface uses it"),
    ),
    Edge(
        "a NAT gateway",
        "its address, its subnet and the attachment of the internet gateway",
        "InvalidIPAddress.InUse, DependencyViolation",
        (
            "a NAT gateway blocks its address and subnet until it is deleted",
            "a NAT gateway blocks the internet gateway; its deletion leaves its address and a blackhole route",
        ),
    ),
    Edge(
        "an address's association",
        "the address",
        "InvalidIPAddress.InUse",
        ("an associated address cannot be released",),
    ),
    Edge(
        "public addresses",
        "the attachment of the internet gateway",
        "DependencyViolation",
        ("an internet gateway cannot be detached while the VPC has public addresses",),
    ),
    Edge(
        "an internet gateway's attachment",
        "the internet gateway",
        "DependencyViolation; a route through it is a black hole",
        ("an attached internet gateway cannot be deleted", "a route to a detached internet gateway is a blackhole"),
    ),
    Edge(
        "a route table's associations",
        "the route table",
        "DependencyViolation",
        (
            "an associated route table cannot be deleted",
            "the main route table of a VPC cannot be deleted",
            "a route table can be deleted after its associated subnet",
        ),
    ),
    Edge(
        "all but its defaults",
        "a VPC",
        "DependencyViolation",
        (
            "a VPC can be deleted when only its defaults are left",
            "a VPC with another security group cannot be deleted",
            "a VPC with an internet gateway cannot be deleted",
            "a VPC with an endpoint cannot be deleted",
            "a VPC with a peering connection cannot be deleted",
            "a VPC with another network ACL cannot be deleted",
        ),
    ),
    Edge("a volume's attachment", "the volume", "VolumeInUse", ("an attached volume cannot be deleted",)),
    # --- databases, caches, brokers
    Edge(
        "a database's deletion protection",
        "the database",
        "InvalidParameterCombination",
        ("a protected database cannot be deleted",),
    ),
    Edge(
        "the choice of a last snapshot with a name of its own",
        "a database",
        "InvalidParameterCombination, DBSnapshotAlreadyExists",
        (
            "deleting a database must take or skip a final snapshot",
            "a final snapshot cannot be both taken and skipped",
            "a final snapshot needs an unused name",
        ),
    ),
    Edge(
        "a database",
        "its DB subnet group, its DB parameter group and its security group",
        "InvalidDBSubnetGroupStateFault, InvalidDBParameterGroupState, DependencyViolation",
        (
            "a DB subnet group cannot be deleted before its databases",
            "a DB parameter group in use cannot be deleted",
            "a database blocks its security group until it is deleted",
        ),
    ),
    Edge(
        "a cache cluster",
        "its cache subnet group and its security group",
        "CacheSubnetGroupInUse, DependencyViolation; InvalidCacheClusterState while it changes",
        (
            "a cache subnet group cannot be deleted before its clusters",
            "a cache blocks its subnet and security group until it is deleted",
            "a cache that is being created cannot be changed or deleted",
        ),
    ),
    Edge(
        "a broker",
        "its security group and its subnets",
        "DependencyViolation; BadRequestException while it is made",
        (
            "a broker blocks its subnet and security group until it is deleted",
            "a broker can be deleted or rebooted only while it runs",
        ),
    ),
    # --- stores and identities
    Edge(
        "images",
        "their repository",
        "RepositoryNotEmptyException",
        ("a repository with images can only be deleted by force",),
    ),
    Edge(
        "versions and markers",
        "their bucket",
        "BucketNotEmpty; an open upload holds none",
        (
            "a bucket can be deleted when no version and no delete marker is left",
            "a bucket with an unfinished upload can be deleted",
        ),
    ),
    Edge(
        "a domain", "its user pool", "InvalidParameterException", ("a user pool cannot be deleted before its domain",)
    ),
    Edge(
        "a user pool's deletion protection",
        "the user pool",
        "InvalidParameterException",
        ("a protected user pool cannot be deleted",),
    ),
    Edge(
        "a role's place",
        "its instance profile",
        "DeleteConflict",
        ("an instance profile cannot be deleted before its role is removed",),
    ),
    Edge(
        "policies and instance profiles",
        "their role",
        "DeleteConflict",
        ("a role cannot be deleted before its policies and instance profiles",),
    ),
    Edge(
        "attachments and other versions",
        "a managed policy",
        "DeleteConflict",
        ("an attached policy cannot be deleted", "a policy cannot be deleted before its other versions"),
    ),
    # --- logs, names, alarms, budgets
    Edge(
        "what writes to it",
        "a log group",
        "none: its writer makes it again",
        (
            "a deleted log group is created again by its flow log",
            "a deleted log group is created again by its database",
            "a deleted log group is created again by its broker",
            "a deleted log group is created again by a task with awslogs-create-group",
        ),
    ),
    Edge(
        "instances, then services",
        "a Cloud Map namespace",
        "ResourceInUse",
        ("a Cloud Map service is deleted after its instances, and a namespace after its services",),
    ),
    Edge(
        "a composite alarm",
        "the alarms that it is made of",
        "ValidationError",
        ("a composite alarm follows the alarms of its rule, which outlive it",),
    ),
    Edge(
        "a budget's actions",
        "the budget",
        "none: whom it notifies goes with it",
        ("deleting a budget deletes its notifications", "Budget actions."),
    ),
]


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: f"{edge.first} before {edge.then}")
def test_each_order_has_a_case_or_is_declared_as_not_simulated(edge: Edge) -> None:
    assert edge.proofs, "add a case or a row of the fidelity table"
    unknown = [name for name in edge.proofs if name not in IDS and name not in NOT_SIMULATED]
    assert not unknown, "neither a case nor a row of the fidelity table has this name"


def test_no_order_is_listed_twice() -> None:
    assert len({(edge.first, edge.then) for edge in EDGES}) == len(EDGES)
