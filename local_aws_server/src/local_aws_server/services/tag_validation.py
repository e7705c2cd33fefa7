"""Tags that RDS, ElastiCache and Secrets Manager refuse: their models do not require a key."""

from __future__ import annotations

from collections.abc import Callable

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="Tags",
        statement="Tags in RDS, ElastiCache and Secrets Manager have a key, without the reserved prefix.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.html",),
    ),
    Behaviour(
        service="Tags",
        statement="A tag without a value has an empty one where the service does not require it.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html",),
    ),
)

_RESERVED = "aws:"
_INVALID = {
    "rds": "InvalidParameterValue",
    "elasticache": "InvalidParameterValue",
    "secretsmanager": "InvalidParameterException",
}
_OPERATIONS = {
    "rds": (
        "AddTagsToResource",
        "CopyDBClusterParameterGroup",
        "CopyDBClusterSnapshot",
        "CopyDBParameterGroup",
        "CopyDBSnapshot",
        "CreateBlueGreenDeployment",
        "CreateDBCluster",
        "CreateDBClusterParameterGroup",
        "CreateDBClusterSnapshot",
        "CreateDBInstance",
        "CreateDBInstanceReadReplica",
        "CreateDBParameterGroup",
        "CreateDBProxy",
        "CreateDBSecurityGroup",
        "CreateDBShardGroup",
        "CreateDBSnapshot",
        "CreateDBSubnetGroup",
        "CreateEventSubscription",
        "CreateGlobalCluster",
        "CreateOptionGroup",
        "RestoreDBClusterFromSnapshot",
        "RestoreDBClusterToPointInTime",
        "RestoreDBInstanceFromDBSnapshot",
        "RestoreDBInstanceToPointInTime",
    ),
    "elasticache": (
        "AddTagsToResource",
        "CreateCacheCluster",
        "CreateCacheSubnetGroup",
        "CreateReplicationGroup",
        "CreateSnapshot",
        "CreateUser",
    ),
    "secretsmanager": ("CreateSecret", "TagResource"),
}


def _check_tags(code: str) -> Callable[[Call], None]:
    def check(call: Call) -> None:
        for tag in call.params.get("Tags", []):
            key = tag.get("Key")
            if not key:
                raise AwsError(code, "Tag keys must not be null or empty.", 400)
            if key.lower().startswith(_RESERVED):
                raise AwsError(code, f"Tag keys must not start with the reserved prefix {_RESERVED}: {key}", 400)

    return check


for service, operations in _OPERATIONS.items():
    before(service, *operations)(_check_tags(_INVALID[service]))
