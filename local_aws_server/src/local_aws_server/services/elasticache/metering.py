"""A cache node is charged for each hour or part of one, from when it is available until it is deleted.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.Delete.html
https://aws.amazon.com/elasticache/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader
from local_aws_server.fidelity import Behaviour

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="A cache node is charged for each hour or part of one, from when it is available until it is "
        "deleted.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.Delete.html",
            "https://aws.amazon.com/elasticache/pricing/",
        ),
    ),
)

_NOT_BILLED = ("creating", "create-failed", "deleting")
_OPERATIONS = {
    "memcached": "CreateCacheCluster:0001",
    "redis": "CreateCacheCluster:0002",
    "valkey": "CreateCacheCluster:Valkey",
}


@meter_reader("elasticache")
def cache_nodes(world: Backends) -> Iterator[Reading]:
    """The nodes of each cluster, and the members of each replication group, which have one node each."""
    elasticache = world.backend("elasticache")
    for cluster in elasticache.cache_clusters.values():
        if cluster.engine in _OPERATIONS and cluster.cache_cluster_status not in _NOT_BILLED:
            # moto counts no nodes of Valkey, which has one, as Redis
            yield _reading(world, cluster, cluster.arn, getattr(cluster, "num_cache_nodes", 1))
    for group in elasticache.replication_groups.values():
        if group.engine in _OPERATIONS and group.status not in _NOT_BILLED:
            for member in group.member_clusters:
                arn = f"arn:aws:elasticache:{world.region}:{world.account}:cluster:{member}"
                yield _reading(world, group, arn, 1)


def _reading(world: Backends, of: Any, arn: str, nodes: int) -> Reading:
    usage_type, operation = f"NodeUsage:{of.cache_node_type}", _OPERATIONS[of.engine]
    meter = Meter(world.region, "AmazonElastiCache", usage_type, operation, "Hrs", arn)
    return Reading(meter, Decimal(nodes), sorted_tags({tag["Key"]: tag["Value"] for tag in of.tags}))
