"""The lifecycles of cache clusters and replication groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep, WrongStateError
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, reconciler

_REFERENCE = "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference"

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="A cache cluster takes five minutes to create and four to delete, and can be changed once it is "
        "available.",
        documentation=(f"{_REFERENCE}/API_CreateCacheCluster.html", f"{_REFERENCE}/API_DeleteCacheCluster.html"),
    ),
    Behaviour(
        service="ElastiCache",
        statement="A replication group takes ten minutes to create and five to delete, and can be changed once it is "
        "available.",
        documentation=(
            f"{_REFERENCE}/API_CreateReplicationGroup.html",
            f"{_REFERENCE}/API_DeleteReplicationGroup.html",
        ),
    ),
    Behaviour(
        service="ElastiCache",
        fidelity=NOT_SIMULATED,
        statement="Members of a replication group as cache clusters of their own, its failover and its maintenance.",
        documentation=("https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Replication.html",),
    ),
)


def _lifecycle(
    noun: str,
    words: str,
    label: str,
    store: str,
    *,
    id: str,
    state: tuple[str, str],
    creation: float,
    deletion: float,
    other_changes: Mapping[str, LifecycleStep],
    not_found: str,
    hidden_while_creating: tuple[str, ...] = (),
) -> Lifecycle:
    """The lifecycle of the resources in one of moto's dicts, registered; `creation` and `deletion` are in seconds."""
    modify, delete = f"Modify{noun}", f"Delete{noun}"
    changes = {modify: LifecycleStep("modifying", "available", 120, "a user changed it"), **other_changes}

    def delete_in_moto(backends: Backends, resource: Any) -> None:
        """moto would leave the resource in the state `deleting`."""
        del getattr(backends.backend("elasticache"), store)[getattr(resource, id)]

    lifecycle = Lifecycle(
        service="elasticache",
        label=label,
        resources=lambda backends: getattr(backends.backend("elasticache"), store).values(),
        id=(f"{noun}Id", id),
        state=state,
        create_operations=(f"Create{noun}",),
        creation=LifecycleStep("creating", "available", creation, "a user created it"),
        changes=changes,
        applies_immediately=lambda call: call.operation != modify or bool(call.params.get("ApplyImmediately")),
        deletion=Deletion(delete, LifecycleStep("deleting", "deleted", deletion, "a user deleted it"), delete_in_moto),
        describe_operations=(f"Describe{noun}s",),
        result_members={**dict.fromkeys((f"Create{noun}", delete, *changes), noun), f"Describe{noun}s": f"{noun}s"},
        required_states=dict.fromkeys((delete, *changes), ("available",)),
        wrong_state=WrongStateError(f"Invalid{noun}State", f"{words} {{name}} is not available: it is {{state}}."),
        hidden_while_creating=hidden_while_creating,
    )

    @before("elasticache", delete, *changes)
    def check_exists(call: Call) -> None:
        name = call.params[f"{noun}Id"]
        if lifecycle.find(call.backends, name) is None:
            raise AwsError(not_found, f"{words} {name} not found.", 404)

    lifecycle.register()
    return lifecycle


CLUSTERS = _lifecycle(
    "CacheCluster",
    "Cache cluster",
    "cache",
    "cache_clusters",
    id="cache_cluster_id",
    state=("CacheClusterStatus", "cache_cluster_status"),
    creation=300,
    deletion=240,
    other_changes={
        "RebootCacheCluster": LifecycleStep("rebooting cluster nodes", "available", 120, "a user rebooted it")
    },
    not_found="CacheClusterNotFound",
    hidden_while_creating=("CacheNodes", "ConfigurationEndpoint"),
)
GROUPS = _lifecycle(
    "ReplicationGroup",
    "Replication group",
    "replication group",
    "replication_groups",
    id="replication_group_id",
    state=("Status", "status"),
    creation=600,
    deletion=300,
    other_changes={},
    not_found="ReplicationGroupNotFoundFault",
)


@reconciler("elasticache", order=1)
def finish_cluster_steps(backends: Backends) -> float | None:
    return CLUSTERS.finish_due(backends)


@reconciler("elasticache", order=1)
def finish_group_steps(backends: Backends) -> float | None:
    return GROUPS.finish_due(backends)
