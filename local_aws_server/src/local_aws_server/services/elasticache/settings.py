"""Settings of cache clusters and replication groups that ElastiCache refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.elasticache import catalogue
from local_aws_server.services.windows import parse_weekly

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="The settings of a cache are checked: engine, version, node type, number of nodes, groups, retention "
        "and maintenance window.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html",
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html",
        ),
    ),
)

_MOST_NODES = 40
_RETENTION_DAYS = range(36)
_SHORTEST_WINDOW = 60


@before("elasticache", "CreateCacheCluster")
def check_cluster(call: Call) -> None:
    params = call.params
    if "ReplicationGroupId" in params:
        _check_common(call, params)
        return
    for name in ("Engine", "CacheNodeType"):
        if not params.get(name):
            raise _wrong_value(f"The parameter {name} must be provided and must not be null.")
    engine, nodes = params["Engine"], params.get("NumCacheNodes", 1)
    if engine not in catalogue.ENGINES:
        raise _wrong_value(f"The parameter Engine is not valid: {engine}.")
    if nodes < 1:
        raise _wrong_value("The number of cache nodes must be at least 1.")
    if engine != "memcached" and nodes > 1:
        raise _wrong_value(f"Cannot create a {engine.title()} cluster with a NumCacheNodes parameter greater than 1.")
    if nodes > _MOST_NODES:
        raise AwsError(
            "NodeQuotaForClusterExceeded",
            f"The request cannot be processed because it would exceed the allowed number of cache nodes in a single "
            f"cluster: {_MOST_NODES}.",
            400,
        )
    if engine == "memcached" and params.get("SnapshotRetentionLimit"):
        raise _wrong_combination("Snapshots are not supported for Memcached.")
    _check_common(call, params)


@before("elasticache", "CreateReplicationGroup")
def check_replication_group(call: Call) -> None:
    params = call.params
    clusters = params.get("NumCacheClusters", 1)
    replicas = clusters > 1 or params.get("ReplicasPerNodeGroup", 0) > 0
    if params.get("AutomaticFailoverEnabled") and not replicas and params.get("NumNodeGroups", 1) == 1:
        raise _wrong_combination("Automatic failover requires at least one replica in each node group.")
    if params.get("MultiAZEnabled") and not params.get("AutomaticFailoverEnabled"):
        raise _wrong_combination("Multi-AZ requires automatic failover to be enabled.")
    if params.get("AuthToken") and not params.get("TransitEncryptionEnabled"):
        raise _wrong_combination("The AUTH token is only supported when encryption-in-transit is enabled.")
    _check_common(call, params)


@before("elasticache", "ModifyCacheCluster")
def check_changes(call: Call) -> None:
    _check_common(call, call.params)


def _check_common(call: Call, params: Mapping[str, Any]) -> None:
    """Check what clusters and groups have in common."""
    node_type, version = params.get("CacheNodeType"), params.get("EngineVersion")
    if node_type is not None and not catalogue.node_type_exists(node_type):
        raise _wrong_value(f"Invalid Cache Node Type: {node_type}.")
    engine = params.get("Engine") or _engine(call)
    if version is not None and engine in catalogue.ENGINES and not catalogue.version_exists(engine, version):
        raise _wrong_combination(f"Cannot find version {version} for {engine}")
    if params.get("SnapshotRetentionLimit", 0) not in _RETENTION_DAYS:
        raise _wrong_value(f"The snapshot retention limit must be between 0 and {_RETENTION_DAYS.stop - 1} days.")
    group = params.get("CacheParameterGroupName")
    if group is not None and not group.startswith("default."):  # others can't be created here
        raise AwsError("CacheParameterGroupNotFound", f"CacheParameterGroup not found: {group}", 404)
    ec2 = call.backends.backend("ec2")
    missing = [each for each in params.get("SecurityGroupIds", []) if ec2.get_security_group_from_id(each) is None]
    if missing:
        raise _wrong_value(f"Some security group Ids specified, {', '.join(missing)}, don't exist.")
    zone = params.get("PreferredAvailabilityZone")
    if zone is not None and zone != "Multiple" and zone not in [z.name for z in ec2.describe_availability_zones()]:
        raise _wrong_value(f"{zone} is not a valid availability zone.")
    _check_window(params.get("PreferredMaintenanceWindow"))


def _check_window(text: str | None) -> None:
    if text is None:
        return
    window = parse_weekly(text)
    if window is None:
        raise _wrong_value(
            f"Invalid maintenance window format: {text}. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi (24H "
            "Clock UTC). Example: sun:23:00-mon:01:30"
        )
    if window[1] < _SHORTEST_WINDOW:
        raise _wrong_value(f"The maintenance window must be at least {_SHORTEST_WINDOW} minutes.")


def _engine(call: Call) -> str:
    cluster = call.backends.cache_cluster(call.params.get("CacheClusterId", ""))
    return "redis" if cluster is None else str(cluster.engine)


def _wrong_value(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message, 400)


def _wrong_combination(message: str) -> AwsError:
    return AwsError("InvalidParameterCombination", message, 400)
