"""The nodes of a replication group, their places, and the members that AWS always returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after, patch
from local_aws_server.preserved_fields import PreservedFields
from local_aws_server.services.elasticache.lifecycle import GROUPS

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="Descriptions of replication groups have the members that AWS always returns.",
        documentation=("https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html",),
    ),
    Behaviour(
        service="ElastiCache",
        statement="A replication group has as many nodes as NumCacheClusters or ReplicasPerNodeGroup say.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html",
        ),
    ),
)


def _find_group(call: Call, parameters: Mapping[str, Any]) -> Any | None:
    return GROUPS.find(call.backends, parameters.get("ReplicationGroupId", ""))


PreservedFields(
    service="elasticache",
    set_by=("CreateReplicationGroup", "ModifyReplicationGroup"),
    shown_by=GROUPS.result_members,
    find=_find_group,
    fields={"AutoMinorVersionUpgrade": True, "PendingModifiedValues": {}},
).register()

_MOTO_REGION, _MOTO_ABBREVIATION = "us-east-1", "use1"


@patch("moto.elasticache.models", "ReplicationGroup._set_node_members_clusters_disabled")
def add_nodes(
    self: Any,
    member_clusters: list[str],
    replication_group_id: str,
    replication_group_domain: str,
    node_group: dict[str, Any],
    preferred_cache_cluster_azs: list[str] | None,
    num_cache_clusters: int,
    replicas_per_node_group: int | None,
) -> None:
    """Add the primary and its replicas; moto has no replica without ReplicasPerNodeGroup."""
    count = replicas_per_node_group + 1 if replicas_per_node_group else num_cache_clusters
    zones = preferred_cache_cluster_azs or [f"{_MOTO_REGION}a", f"{_MOTO_REGION}b"]
    for place in range(count):
        name = f"{replication_group_id}-{place + 1:03}"
        node_group["node_group_members"].append(
            {
                "cache_cluster_id": name,
                "cache_node_id": node_group["node_group_id"],
                "read_endpoint": {"address": f"{name}.{replication_group_domain}", "port": self.port},
                "preferred_availability_zone": zones[place] if place < len(zones) else zones[:2][-1],
                "current_role": "replica" if place else "primary",
            }
        )
        member_clusters.append(name)


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
