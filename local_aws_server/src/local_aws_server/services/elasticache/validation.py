"""Identifiers and subnets that ElastiCache refuses."""

import re

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.subnet_groups import zones_of

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="A cache cluster needs a valid identifier, and a cache subnet group subnets that exist, in one VPC.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html",
        ),
    ),
)

_IDENTIFIER = re.compile(r"(?=.{1,50}\Z)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")


@before("elasticache", "CreateCacheSubnetGroup", "ModifyCacheSubnetGroup")
def validate_subnets(call: Call) -> None:
    """moto stores a group with subnets that do not exist, and fails in every later list."""
    zones_of(call, call.params.get("SubnetIds", []))


@before("elasticache", "CreateCacheCluster")
def validate_identifier(call: Call) -> None:
    if not _IDENTIFIER.fullmatch(call.params["CacheClusterId"]):
        raise AwsError(
            "InvalidParameterValue",
            "The parameter CacheClusterIdentifier is not a valid identifier. Identifiers must begin with a letter; "
            "must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens.",
        )
