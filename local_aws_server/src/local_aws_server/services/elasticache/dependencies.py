"""Subnet groups that ElastiCache refuses to delete."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="A cache subnet group cannot be deleted while a cluster uses it.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheSubnetGroup.html",
        ),
    ),
)


@before("elasticache", "DeleteCacheSubnetGroup")
def check_subnet_group_unused(call: Call) -> None:
    name = call.params["CacheSubnetGroupName"]
    for cluster in call.backends.backend("elasticache").cache_clusters.values():
        if cluster.cache_subnet_group_name == name:
            raise AwsError(
                "CacheSubnetGroupInUse", f"Cache subnet group {name} is currently in use by a cache cluster."
            )
