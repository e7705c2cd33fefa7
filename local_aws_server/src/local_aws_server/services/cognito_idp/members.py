"""Members that every description of a user pool or of an app client has, where moto leaves them out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="Descriptions of user pools and app clients have the members that AWS always returns.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UserPoolType.html",
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UserPoolClientType.html",
        ),
    ),
)

_OF_POOLS = {
    "DeletionProtection": "INACTIVE",
    "LambdaConfig": {},
    "UserPoolTags": {},
    "UserPoolTier": "ESSENTIALS",
}
"""Member → what AWS shows if it was never set."""
_CREATED, _CHANGED = "client_created", "client_changed"


@after("cognito-idp", "CreateUserPool", "DescribeUserPool")
def complete_pool(call: Call) -> None:
    pool = call.result["UserPool"]
    for name, value in _OF_POOLS.items():
        if pool.get(name) is None:
            pool[name] = value


@after("cognito-idp", "CreateUserPoolClient", "UpdateUserPoolClient", "DescribeUserPoolClient")
def show_dates_of_client(call: Call) -> None:
    description = call.result["UserPoolClient"]
    pool = call.backends.backend("cognito-idp").user_pools[description["UserPoolId"]]
    dates: dict[str, Any] = sidecar(pool.clients[description["ClientId"]])
    if _CREATED not in dates:
        dates[_CREATED] = dates[_CHANGED] = CLOCK.now()
    elif call.operation == "UpdateUserPoolClient":
        dates[_CHANGED] = CLOCK.now()
    description["CreationDate"] = datetime.fromtimestamp(dates[_CREATED], UTC)
    description["LastModifiedDate"] = datetime.fromtimestamp(dates[_CHANGED], UTC)
