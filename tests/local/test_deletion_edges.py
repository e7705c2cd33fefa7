"""What is deleted first, what then, and AWS's answer in the wrong order: proved by a case, or said not to happen here.

A case is one of `cases_*.py`; what does not happen here is a row of the fidelity table.
"""

from typing import NamedTuple

import pytest

from local_aws_server import fidelity
from tests.local.test_local_rules import IDS

NOT_HERE = {row.statement for row in fidelity.EXPLICIT if row.fidelity == fidelity.NOT_SIMULATED}


class Edge(NamedTuple):
    """Two things, the one that goes first before the other, and what says what happens otherwise."""

    first: str
    then: str
    wrong: str
    """The code of AWS's error in the wrong order, or what then happens."""
    said_by: tuple[str, ...]


EDGES = [
    # --- ECS and its scaling
    Edge(
        "a service's scalable target",
        "the service",
        "none: target, policies and alarms are left",
        (
            "a deleted service leaves its scalable target, the policies and their alarms",
            "a scalable target takes its policies along, but not the alarm of a step policy",
        ),
    ),
    Edge("services", "their cluster", "ClusterContainsServicesException", ("a cluster with a service is not deleted",)),
    Edge(
        "the tasks that a service wants",
        "the service",
        "InvalidParameterException",
        ("a service that wants tasks is deleted by force only",),
    ),
    Edge("single tasks", "their cluster", "ClusterContainsTasksException", ("a cluster with a task is not deleted",)),
    Edge(
        "container instances",
        "their cluster",
        "ClusterContainsContainerInstancesException",
        ("a cluster with a container instance is not deleted",),
    ),
    Edge(
        "a capacity provider's place in services and clusters",
        "the capacity provider",
        "DELETE_FAILED with HTTP 200, ResourceInUseException, UpdateInProgressException",
        (
            "deleting a capacity provider of a cluster fails with HTTP 200",
            "a cluster keeps a capacity provider that a service uses",
            "a cluster keeps a capacity provider that a task uses",
            "UpdateInProgressException: changes to the capacity providers of a cluster are immediate.",
            "ClusterContainsCapacityProviderException: capacity providers do not belong to one cluster.",
        ),
    ),
    Edge(
        "a task definition's registration",
        "the task definition",
        "a failure with HTTP 200; what is in use stays in DELETE_IN_PROGRESS",
        (
            "a task definition is deleted once it is deregistered",
            "a deleted task definition stays until nothing uses it",
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
            "instances protected from scale-in hold their group, unless it goes by force",
            "an instance that drains holds its group, unless it goes by force",
        ),
    ),
    Edge(
        "instances",
        "their Auto Scaling group",
        "ResourceInUse, ScalingActivityInProgress",
        (
            "a group with instances is deleted by force only",
            "a group that has shrunk to nothing is deleted",
            "an instance that drains holds its group, unless it goes by force",
        ),
    ),
    Edge(
        "an Auto Scaling group",
        "its launch template",
        "none: it launches nothing any more",
        (
            "a launch template is deleted although a group uses it",
            "a group whose launch template is gone launches nothing, and its activities say so",
        ),
    ),
    Edge(
        "an Auto Scaling group",
        "its instances",
        "none: it replaces them",
        ("a group replaces an instance that is terminated",),
    ),
    Edge(
        "an instance",
        "its security group, subnet, address and volumes",
        "DependencyViolation, VolumeInUse",
        (
            "a subnet with an instance stays until that is terminated",
            "an associated address stays until it is disassociated",
            "an attached volume stays",
        ),
    ),
    Edge(
        "an instance's termination protection",
        "the instance",
        "OperationNotPermitted",
        ("a protected instance is not terminated",),
    ),
    # --- load balancers
    Edge(
        "a load balancer's deletion protection",
        "the load balancer",
        "OperationNotPermitted",
        ("a protected load balancer stays",),
    ),
    Edge(
        "listeners and rules",
        "the target groups that they forward to",
        "ResourceInUse",
        ("a target group that a listener uses stays", "a target group that a rule uses stays until that is gone"),
    ),
    Edge("a listener", "its default rule", "OperationNotPermitted", ("nobody deletes the default rule",)),
    Edge(
        "a load balancer",
        "its interfaces",
        "OperationNotPermitted: they go by themselves, later than it",
        (
            "nobody but the load balancer detaches or deletes its interfaces",
            "a load balancer's interfaces outlive it for a while",
        ),
    ),
    Edge(
        "a load balancer's interfaces",
        "its security group, its subnets and the attachment of the internet gateway",
        "DependencyViolation",
        ("a load balancer holds its subnets, its group and the gateway",),
    ),
    # --- networks
    Edge(
        "the rules of other groups that name it",
        "a security group",
        "DependencyViolation",
        (
            "a group that another group's rule names stays",
            "two groups that name each other both stay until a rule is revoked",
            "a group that only lets itself in goes",
        ),
    ),
    Edge("a VPC", "its default security group", "CannotDelete", ("nobody deletes the default group",)),
    Edge(
        "an interface's attachment",
        "the interface, and then the groups that it carries",
        "InvalidParameterValue, DependencyViolation",
        ("an interface in use stays", "a group that an interface carries stays until it is gone"),
    ),
    Edge(
        "a NAT gateway",
        "its address, its subnet and the attachment of the internet gateway",
        "InvalidIPAddress.InUse, DependencyViolation",
        (
            "a NAT gateway keeps its address and subnet until it is deleted",
            "a NAT gateway holds the internet gateway; deleted, it leaves its address and a black hole",
        ),
    ),
    Edge(
        "an address's association",
        "the address",
        "InvalidIPAddress.InUse",
        ("an associated address stays until it is disassociated",),
    ),
    Edge(
        "public addresses",
        "the attachment of the internet gateway",
        "DependencyViolation",
        ("a gateway stays while public addresses are behind it",),
    ),
    Edge(
        "an internet gateway's attachment",
        "the internet gateway",
        "DependencyViolation; a route through it is a black hole",
        ("an attached gateway stays", "a route through a detached gateway is a black hole"),
    ),
    Edge(
        "a route table's associations",
        "the route table",
        "DependencyViolation",
        (
            "an associated route table stays",
            "nobody deletes a VPC's main route table",
            "a route table can be deleted once the subnet that it was associated with is gone",
        ),
    ),
    Edge(
        "all but its defaults",
        "a VPC",
        "DependencyViolation",
        (
            "a VPC goes once it has nothing but its defaults",
            "a VPC with a group of its own stays",
            "a VPC with a gateway stays",
            "a VPC with an endpoint stays",
            "a VPC that is peered stays",
            "a VPC with a network ACL of its own stays",
        ),
    ),
    Edge("a volume's attachment", "the volume", "VolumeInUse", ("an attached volume stays",)),
    # --- databases, caches, brokers
    Edge(
        "a database's deletion protection",
        "the database",
        "InvalidParameterCombination",
        ("a protected database is not deleted",),
    ),
    Edge(
        "the choice of a last snapshot with a name of its own",
        "a database",
        "InvalidParameterCombination, DBSnapshotAlreadyExists",
        (
            "a database is deleted with a last snapshot, or expressly without",
            "a database has no last snapshot that is also skipped",
            "a last snapshot needs a name of its own",
        ),
    ),
    Edge(
        "a database",
        "its DB subnet group, its DB parameter group and its security group",
        "InvalidDBSubnetGroupStateFault, InvalidDBParameterGroupState, DependencyViolation",
        (
            "a DB subnet group goes after its databases",
            "a DB parameter group in use is not deleted",
            "a database holds its group until it is deleted",
        ),
    ),
    Edge(
        "a cache cluster",
        "its cache subnet group and its security group",
        "CacheSubnetGroupInUse, DependencyViolation; InvalidCacheClusterState while it changes",
        (
            "a cache subnet group goes after its clusters",
            "a cache holds its subnet and its group until it is deleted",
            "a new cache is creating, and then neither changed nor deleted",
        ),
    ),
    Edge(
        "a broker",
        "its security group and its subnets",
        "DependencyViolation; BadRequestException while it is made",
        (
            "a broker holds its subnet and its group until it is deleted",
            "a broker is neither deleted nor rebooted until it runs, nor deleted twice",
        ),
    ),
    # --- stores and identities
    Edge(
        "images",
        "their repository",
        "RepositoryNotEmptyException",
        ("a repository with images goes by force only",),
    ),
    Edge(
        "versions and markers",
        "their bucket",
        "BucketNotEmpty; an open upload holds none",
        ("a bucket goes when no version and no marker is left in it", "an open upload holds no bucket"),
    ),
    Edge("a domain", "its user pool", "InvalidParameterException", ("a user pool goes after its domain",)),
    Edge(
        "a user pool's deletion protection",
        "the user pool",
        "InvalidParameterException",
        ("a protected user pool is not deleted",),
    ),
    Edge("a role's place", "its instance profile", "DeleteConflict", ("an instance profile goes after its role",)),
    Edge(
        "policies and instance profiles",
        "their role",
        "DeleteConflict",
        ("a role goes after its policies and profiles",),
    ),
    Edge(
        "attachments and other versions",
        "a managed policy",
        "DeleteConflict",
        ("a policy that a role has attached is not deleted", "a policy goes after its other versions"),
    ),
    # --- logs, names, alarms, budgets
    Edge(
        "what writes to it",
        "a log group",
        "none: its writer makes it again",
        (
            "the group of a flow log comes back while that lives",
            "the group of a database's log comes back while that lives",
            "the group of a broker's log comes back while that lives",
            "the group of a task that may make it comes back while that runs",
        ),
    ),
    Edge(
        "instances, then services",
        "a Cloud Map namespace",
        "ResourceInUse",
        ("instances go before their Cloud Map service, and it before its namespace",),
    ),
    Edge(
        "a composite alarm",
        "the alarms that it is made of",
        "ValidationError",
        ("Composite alarms, which must be deleted before their alarms.",),
    ),
    Edge(
        "a budget's actions",
        "the budget",
        "none: whom it notifies goes with it",
        ("a budget takes whom it notifies along", "Budget actions."),
    ),
]


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: f"{edge.first} before {edge.then}")
def test_each_order_is_proved_or_said_not_to_matter_here(edge: Edge) -> None:
    assert edge.said_by, "neither a case nor a row of the fidelity table"
    unknown = [name for name in edge.said_by if name not in IDS and name not in NOT_HERE]
    assert not unknown, "no case and no row of the fidelity table has this name"


def test_each_order_stands_here_once() -> None:
    assert len({(edge.first, edge.then) for edge in EDGES}) == len(EDGES)
