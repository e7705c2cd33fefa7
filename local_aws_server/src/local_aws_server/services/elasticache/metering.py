"""Charges of cache nodes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="A cache node is charged for each started hour, from available until its deletion.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.Delete.html",
            "https://aws.amazon.com/elasticache/pricing/",
        ),
    ),
)

_FREE_STATES = ("creating", "create-failed", "deleting")
_OPERATIONS = {
    "memcached": "CreateCacheCluster:0001",
    "redis": "CreateCacheCluster:0002",
    "valkey": "CreateCacheCluster:Valkey",
}
"""Engine → operation on the bill."""


@meter_reader("elasticache")
def cache_node_hours(backends: Backends) -> Iterator[Reading]:
    """The nodes of each cluster, and one node for each member of a replication group."""
    elasticache = backends.backend("elasticache")
    for cluster in elasticache.cache_clusters.values():
        if cluster.engine in _OPERATIONS and cluster.cache_cluster_status not in _FREE_STATES:
            # moto has no node count for Valkey, which has one node, as Redis.
            yield _reading(backends, cluster, cluster.arn, getattr(cluster, "num_cache_nodes", 1))
    for group in elasticache.replication_groups.values():
        if group.engine in _OPERATIONS and group.status not in _FREE_STATES:
            for member in group.member_clusters:
                arn = f"arn:aws:elasticache:{backends.region}:{backends.account}:cluster:{member}"
                yield _reading(backends, group, arn, 1)


def _reading(backends: Backends, cluster: Any, arn: str, nodes: int) -> Reading:
    usage_type, operation = f"NodeUsage:{cluster.cache_node_type}", _OPERATIONS[cluster.engine]
    meter = Meter(backends.region, "AmazonElastiCache", usage_type, operation, "Hrs", arn)
    return Reading(meter, Decimal(nodes), sorted_tags({tag["Key"]: tag["Value"] for tag in cluster.tags}))
