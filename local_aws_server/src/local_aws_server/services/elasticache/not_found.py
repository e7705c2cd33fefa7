"""A cache cluster that does not exist has no tags, and a cluster needs a subnet group that exists.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_AddTagsToResource.html
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.not_found import NotFoundRule, by_parameter

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="A cache cluster that does not exist has no tags, and a cluster needs a subnet group that exists.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_AddTagsToResource.html",
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html",
        ),
    ),
)


def _tagged(call: Call) -> set[str]:
    """Other things than clusters have tags too; of those moto knows."""
    arn = call.params["ResourceName"]
    clusters = call.backends.backend("elasticache").cache_clusters.values()
    return {cluster.arn for cluster in clusters} if ":cluster:" in arn else {arn}


def _subnet_groups(call: Call) -> set[str]:
    return {"default", *map(str.lower, call.backends.backend("elasticache").cache_subnet_groups)}


NotFoundRule(
    "elasticache",
    "CacheClusterNotFound",
    "{} is either not present or not available.",
    _tagged,
    by_parameter("ResourceName", "AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"),
    status=404,
).register()

NotFoundRule(
    "elasticache",
    "CacheSubnetGroupNotFoundFault",
    "Cache Subnet Group {} does not exist.",
    _subnet_groups,
    by_parameter("CacheSubnetGroupName", "CreateCacheCluster"),
    normalize=str.lower,
    status=400,
).register()
