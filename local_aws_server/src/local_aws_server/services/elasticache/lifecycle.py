"""The lifecycle of cache clusters."""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep, WrongStateError
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, reconciler

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="A cache cluster takes five minutes to create and four to delete, and can be changed once it is "
        "available.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html",
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheCluster.html",
        ),
    ),
)


def _delete(backends: Backends, cluster: Any) -> None:
    """moto would leave the cluster in the state `deleting`."""
    del backends.backend("elasticache").cache_clusters[cluster.cache_cluster_id]


CLUSTERS = Lifecycle(
    service="elasticache",
    label="cache",
    resources=lambda backends: backends.backend("elasticache").cache_clusters.values(),
    id=("CacheClusterId", "cache_cluster_id"),
    state=("CacheClusterStatus", "cache_cluster_status"),
    create_operations=("CreateCacheCluster",),
    creation=LifecycleStep("creating", "available", 300, "a user created it"),
    changes={
        "ModifyCacheCluster": LifecycleStep("modifying", "available", 120, "a user changed it"),
        "RebootCacheCluster": LifecycleStep("rebooting cluster nodes", "available", 120, "a user rebooted it"),
    },
    applies_immediately=lambda call: (
        call.operation == "RebootCacheCluster" or bool(call.params.get("ApplyImmediately"))
    ),
    deletion=Deletion("DeleteCacheCluster", LifecycleStep("deleting", "deleted", 240, "a user deleted it"), _delete),
    describe_operations=("DescribeCacheClusters",),
    result_members={
        "CreateCacheCluster": "CacheCluster",
        "DeleteCacheCluster": "CacheCluster",
        "DescribeCacheClusters": "CacheClusters",
        "ModifyCacheCluster": "CacheCluster",
        "RebootCacheCluster": "CacheCluster",
    },
    required_states=dict.fromkeys(("DeleteCacheCluster", "ModifyCacheCluster", "RebootCacheCluster"), ("available",)),
    wrong_state=WrongStateError("InvalidCacheClusterState", "Cache cluster {name} is not available: it is {state}."),
    hidden_while_creating=("CacheNodes", "ConfigurationEndpoint"),
)


@before("elasticache", "DeleteCacheCluster", "RebootCacheCluster")
def check_exists(call: Call) -> None:
    id = call.params["CacheClusterId"]
    if CLUSTERS.find(call.backends, id) is None:
        raise AwsError("CacheClusterNotFound", f"Cache cluster {id} not found.", 404)


CLUSTERS.register()


@reconciler("elasticache", order=1)
def finish_cluster_steps(backends: Backends) -> float | None:
    return CLUSTERS.finish_due(backends)
