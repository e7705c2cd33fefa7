"""ElastiCache refuses identifiers that are no identifiers, and to delete a subnet group in use.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheSubnetGroup.html
"""

import re

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="ElastiCache refuses identifiers that are no identifiers, and to delete a subnet group in use.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html",
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheSubnetGroup.html",
        ),
    ),
)

_IDENTIFIER = re.compile(r"(?=.{1,50}\Z)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")


@before("elasticache", "CreateCacheCluster")
def identifier_is_one(call: Call) -> None:
    if not _IDENTIFIER.fullmatch(call.params["CacheClusterId"]):
        raise AwsError(
            "InvalidParameterValue",
            "The parameter CacheClusterIdentifier is not a valid identifier. Identifiers must begin with a letter; "
            "must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens.",
        )


@before("elasticache", "DeleteCacheSubnetGroup")
def subnet_group_is_unused(call: Call) -> None:
    name = call.params["CacheSubnetGroupName"]
    for cluster in call.backends.backend("elasticache").cache_clusters.values():
        if cluster.cache_subnet_group_name == name:
            raise AwsError(
                "CacheSubnetGroupInUse", f"Cache subnet group {name} is currently in use by a cache cluster."
            )
