"""A cache cluster takes five minutes to be created and four to be deleted, and can be changed once it is available.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheCluster.html
"""

from typing import Any

from esaws.local.call import Call
from esaws.local.clockwork.provisioned import Deletion, Provisioned, Refusal, Step
from esaws.local.seam import AwsError, before, follows
from esaws.local.world import World


def _delete(world: World, cluster: Any) -> None:
    """moto leaves a deleted cluster `deleting` for ever."""
    del world.backend("elasticache").cache_clusters[cluster.cache_cluster_id]


CLUSTERS = Provisioned(
    service="elasticache",
    kind="cache",
    things=lambda world: world.backend("elasticache").cache_clusters.values(),
    id=("CacheClusterId", "cache_cluster_id"),
    state=("CacheClusterStatus", "cache_cluster_status"),
    creates=("CreateCacheCluster",),
    creation=Step("creating", "available", 300, "somebody created it"),
    changes={"ModifyCacheCluster": Step("modifying", "available", 120, "somebody changed it")},
    at_once=lambda call: bool(call.params.get("ApplyImmediately")),
    deletion=Deletion("DeleteCacheCluster", Step("deleting", "deleted", 240, "somebody deleted it"), _delete),
    shows=("DescribeCacheClusters",),
    members={
        "CreateCacheCluster": "CacheCluster",
        "DeleteCacheCluster": "CacheCluster",
        "DescribeCacheClusters": "CacheClusters",
        "ModifyCacheCluster": "CacheCluster",
    },
    needs={"DeleteCacheCluster": ("available",), "ModifyCacheCluster": ("available",)},
    refusal=Refusal("InvalidCacheClusterState", "Cache cluster {name} is not available: it is {state}."),
    unknown_at_first=("CacheNodes", "ConfigurationEndpoint"),
)


@before("elasticache", "DeleteCacheCluster")
def it_must_exist(call: Call) -> None:
    asked = call.params["CacheClusterId"]
    if CLUSTERS.find(call.world, asked) is None:
        raise AwsError("CacheClusterNotFound", f"Cache cluster {asked} not found.", 404)


CLUSTERS.install()


@follows("elasticache", order=1)
def clusters_arrive(world: World) -> float | None:
    return CLUSTERS.arrive(world)
