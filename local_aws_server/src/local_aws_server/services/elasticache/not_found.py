"""The not-found errors of ElastiCache."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="Tags of a cache cluster that does not exist are refused, and so is a new cluster without an "
        "existing subnet group.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_AddTagsToResource.html",
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html",
        ),
    ),
)


def _taggable_arns(call: Call) -> set[str]:
    """The ARNs of clusters; moto checks resources of other kinds."""
    arn = call.params["ResourceName"]
    clusters = call.backends.backend("elasticache").cache_clusters.values()
    return {cluster.arn for cluster in clusters} if ":cluster:" in arn else {arn}


def _subnet_groups(call: Call) -> set[str]:
    return {"default", *map(str.lower, call.backends.backend("elasticache").cache_subnet_groups)}


NotFoundRule(
    "elasticache",
    "CacheClusterNotFound",
    "{} is either not present or not available.",
    _taggable_arns,
    by_parameter("ResourceName", "AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"),
    status=404,
).register()

NotFoundRule(
    "elasticache",
    "CacheSubnetGroupNotFoundFault",
    "Cache Subnet Group {} does not exist.",
    _subnet_groups,
    by_parameter("CacheSubnetGroupName", "CreateCacheCluster", "CreateReplicationGroup"),
    normalize=str.lower,
    status=400,
).register()
