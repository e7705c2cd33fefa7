"""User pools that Cognito refuses to delete."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="A user pool with a domain or with deletion protection cannot be deleted.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DeleteUserPool.html",
            "https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-deletion-protection.html",
        ),
    ),
)


@before("cognito-idp", "DeleteUserPool")
def check_deletion(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools.get(call.params["UserPoolId"])
    if pool is None:
        return
    if pool.extended_config.get("DeletionProtection") == "ACTIVE":
        raise AwsError(
            "InvalidParameterException",
            "The user pool cannot be deleted because deletion protection is activated. "
            "Deletion protection must be inactivated first.",
        )
    if pool.domain:
        raise AwsError(
            "InvalidParameterException",
            "User pool cannot be deleted. It has a domain configured that should be deleted first.",
        )
