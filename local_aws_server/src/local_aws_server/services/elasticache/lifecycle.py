"""A cache cluster takes five minutes to be created and four to be deleted, and can be changed once it is available.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheCluster.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep, WrongStateError
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before, reconciler

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="A cache cluster takes five minutes to be created and four to be deleted, and can be changed "
        "once it is available.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html",
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheCluster.html",
        ),
    ),
)


def _delete(world: Backends, cluster: Any) -> None:
    """moto leaves a deleted cluster `deleting` for ever."""
    del world.backend("elasticache").cache_clusters[cluster.cache_cluster_id]


CLUSTERS = Lifecycle(
    service="elasticache",
    label="cache",
    resources=lambda world: world.backend("elasticache").cache_clusters.values(),
    id=("CacheClusterId", "cache_cluster_id"),
    state=("CacheClusterStatus", "cache_cluster_status"),
    create_operations=("CreateCacheCluster",),
    creation=LifecycleStep("creating", "available", 300, "somebody created it"),
    changes={"ModifyCacheCluster": LifecycleStep("modifying", "available", 120, "somebody changed it")},
    applies_immediately=lambda call: bool(call.params.get("ApplyImmediately")),
    deletion=Deletion("DeleteCacheCluster", LifecycleStep("deleting", "deleted", 240, "somebody deleted it"), _delete),
    describe_operations=("DescribeCacheClusters",),
    result_members={
        "CreateCacheCluster": "CacheCluster",
        "DeleteCacheCluster": "CacheCluster",
        "DescribeCacheClusters": "CacheClusters",
        "ModifyCacheCluster": "CacheCluster",
    },
    required_states={"DeleteCacheCluster": ("available",), "ModifyCacheCluster": ("available",)},
    wrong_state=WrongStateError("InvalidCacheClusterState", "Cache cluster {name} is not available: it is {state}."),
    hidden_while_creating=("CacheNodes", "ConfigurationEndpoint"),
)


@before("elasticache", "DeleteCacheCluster")
def it_must_exist(call: Call) -> None:
    asked = call.params["CacheClusterId"]
    if CLUSTERS.find(call.backends, asked) is None:
        raise AwsError("CacheClusterNotFound", f"Cache cluster {asked} not found.", 404)


CLUSTERS.register()


@reconciler("elasticache", order=1)
def clusters_arrive(world: Backends) -> float | None:
    return CLUSTERS.finish_due(world)
