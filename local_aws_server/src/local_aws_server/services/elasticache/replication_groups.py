"""The lifecycle of replication groups, and the places of their nodes."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep, WrongStateError
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="A replication group takes ten minutes to create and five to delete, and can be changed once it is "
        "available.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html",
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteReplicationGroup.html",
        ),
    ),
    Behaviour(
        service="ElastiCache",
        fidelity=NOT_SIMULATED,
        statement="Members of a replication group as cache clusters of their own, its failover and its maintenance.",
        documentation=("https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Replication.html",),
    ),
)

_MOTO_REGION, _MOTO_ABBREVIATION = "us-east-1", "use1"


def _delete(backends: Backends, group: Any) -> None:
    del backends.backend("elasticache").replication_groups[group.replication_group_id]


GROUPS = Lifecycle(
    service="elasticache",
    label="replication group",
    resources=lambda backends: backends.backend("elasticache").replication_groups.values(),
    id=("ReplicationGroupId", "replication_group_id"),
    state=("Status", "status"),
    create_operations=("CreateReplicationGroup",),
    creation=LifecycleStep("creating", "available", 600, "a user created it"),
    changes={"ModifyReplicationGroup": LifecycleStep("modifying", "available", 120, "a user changed it")},
    applies_immediately=lambda call: bool(call.params.get("ApplyImmediately")),
    deletion=Deletion(
        "DeleteReplicationGroup", LifecycleStep("deleting", "deleted", 300, "a user deleted it"), _delete
    ),
    describe_operations=("DescribeReplicationGroups",),
    result_members={
        "CreateReplicationGroup": "ReplicationGroup",
        "DeleteReplicationGroup": "ReplicationGroup",
        "DescribeReplicationGroups": "ReplicationGroups",
        "ModifyReplicationGroup": "ReplicationGroup",
    },
    required_states=dict.fromkeys(("DeleteReplicationGroup", "ModifyReplicationGroup"), ("available",)),
    wrong_state=WrongStateError(
        "InvalidReplicationGroupState", "Replication group {name} is not available: it is {state}."
    ),
)


@before("elasticache", "DeleteReplicationGroup", "ModifyReplicationGroup")
def check_exists(call: Call) -> None:
    id = call.params["ReplicationGroupId"]
    if GROUPS.find(call.backends, id) is None:
        raise AwsError("ReplicationGroupNotFoundFault", f"Replication group {id} not found.", 404)


GROUPS.register()


@reconciler("elasticache", order=1)
def finish_group_steps(backends: Backends) -> float | None:
    return GROUPS.finish_due(backends)


@after("elasticache", *GROUPS.result_members)
def correct_places(call: Call) -> None:
    """Replace the region that moto writes into zones and addresses."""
    area, direction, number = call.region.rsplit("-", 2)
    abbreviation = area.replace("-", "") + direction[0] + number
    groups = call.result[GROUPS.result_members[call.operation]]
    for group in groups if isinstance(groups, list) else [groups]:
        _replace(group, f".{_MOTO_ABBREVIATION}.", f".{abbreviation}.")
        _replace(group, _MOTO_REGION, call.region)
        if group.get("SnapshotWindow") == "05:00-6:00":
            group["SnapshotWindow"] = "05:00-06:00"


def _replace(value: Any, old: str, new: str) -> None:
    """Replace text in all strings of a description but its ARNs."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in list(entries):
        if isinstance(entry, dict | list):
            _replace(entry, old, new)
        elif isinstance(entry, str) and key != "ARN":
            value[key] = entry.replace(old, new)
