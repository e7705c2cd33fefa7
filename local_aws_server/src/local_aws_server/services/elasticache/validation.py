"""Identifiers that ElastiCache refuses."""

import re

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="ElastiCache",
        statement="A cache cluster needs a valid identifier.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html",
        ),
    ),
)

_IDENTIFIER = re.compile(r"(?=.{1,50}\Z)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")


@before("elasticache", "CreateCacheCluster")
def validate_identifier(call: Call) -> None:
    if not _IDENTIFIER.fullmatch(call.params["CacheClusterId"]):
        raise AwsError(
            "InvalidParameterValue",
            "The parameter CacheClusterIdentifier is not a valid identifier. Identifiers must begin with a letter; "
            "must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens.",
        )
