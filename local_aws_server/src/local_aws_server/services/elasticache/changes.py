"""Changes and reboots of cache clusters; some changes wait for the maintenance window."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.state_machine import LifecycleStep
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, reconciler, replace
from local_aws_server.services.elasticache.catalogue import DEFAULT_WINDOW
from local_aws_server.services.elasticache.lifecycle import CLUSTERS
from local_aws_server.services.maintenance import PendingChanges
from local_aws_server.services.windows import next_weekly

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="A change of node type, engine version or number of nodes waits for the maintenance window, unless "
        "it is applied immediately; other changes take effect at once.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheCluster.html",
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/maintenance-window.html",
        ),
    ),
    Behaviour(
        service="ElastiCache",
        statement="A reboot of a cluster's nodes takes two minutes.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_RebootCacheCluster.html",
        ),
    ),
)

_WAITING = {
    "CacheNodeType": "cache_node_type",
    "EngineVersion": "engine_version",
    "NumCacheNodes": "num_cache_nodes",
}
_AT_ONCE = {
    "SecurityGroupIds": "security_group_ids",
    "SnapshotRetentionLimit": "snapshot_retention_limit",
    "SnapshotWindow": "snapshot_window",
    "AutoMinorVersionUpgrade": "auto_minor_version_upgrade",
    "PreferredMaintenanceWindow": "preferred_maintenance_window",
    "CacheParameterGroupName": "cache_parameter_group_name",
}
"""Parameter → moto's attribute."""

CHANGES = PendingChanges(
    lifecycle=CLUSTERS,
    attributes=_WAITING,
    next_window=lambda cluster: next_weekly(cluster.preferred_maintenance_window or DEFAULT_WINDOW, CLOCK.now()),
    step=LifecycleStep("modifying", "available", 120, "its maintenance window began"),
)


@replace("elasticache", "ModifyCacheCluster")
def modify_cluster(call: Call) -> dict[str, Any]:
    cluster, params = _cluster(call), call.params
    for parameter, attribute in _AT_ONCE.items():
        if parameter in params:
            setattr(cluster, attribute, params[parameter])
    for parameter, attribute in _WAITING.items():
        if parameter in params:
            CHANGES.of(cluster).pop(parameter, None)
            if getattr(cluster, attribute, None) != params[parameter]:
                CHANGES.defer(cluster, parameter, params[parameter])
    if params.get("ApplyImmediately"):
        CHANGES.apply(cluster)
    return {"CacheCluster": _description(cluster)}


@replace("elasticache", "RebootCacheCluster")
def reboot_cluster(call: Call) -> dict[str, Any]:
    cluster = _cluster(call)
    known = {f"{number:04}" for number in range(1, getattr(cluster, "num_cache_nodes", 1) + 1)}
    for node in call.params["CacheNodeIdsToReboot"]:
        if node not in known:
            raise AwsError("InvalidParameterValue", f"Cache node {node} does not exist.", 400)
    return {"CacheCluster": _description(cluster)}


@after("elasticache", "DescribeCacheClusters", "ModifyCacheCluster", "RebootCacheCluster")
def show_pending_changes(call: Call) -> None:
    descriptions = call.result.get("CacheClusters")
    for description in [call.result["CacheCluster"]] if descriptions is None else descriptions:
        cluster = call.backends.cache_cluster(description["CacheClusterId"])
        if cluster is not None and CHANGES.of(cluster):
            description["PendingModifiedValues"] = dict(CHANGES.of(cluster))


@reconciler("elasticache", order=2)
def apply_in_maintenance_window(backends: Backends) -> float | None:
    return CHANGES.apply_due(backends)


def _cluster(call: Call) -> Any:
    name = call.params["CacheClusterId"]
    cluster = call.backends.cache_cluster(name)
    if cluster is None:
        raise AwsError("CacheClusterNotFound", f"CacheCluster not found: {name}", 404)
    return cluster


def _description(cluster: Any) -> dict[str, Any]:
    attributes = {
        "CacheClusterId": "cache_cluster_id",
        "CacheClusterStatus": "cache_cluster_status",
        "CacheClusterCreateTime": "cache_cluster_create_time",
        "ARN": "arn",
        "Engine": "engine",
        **_WAITING,
        **_AT_ONCE,
    }
    description = {member: getattr(cluster, attribute, None) for member, attribute in attributes.items()}
    del description["SecurityGroupIds"], description["CacheParameterGroupName"]  # no members of a description
    return {member: value for member, value in description.items() if value is not None}
