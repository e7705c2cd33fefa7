"""The ResourceNotFoundException errors of user pools."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="Resource servers and MFA settings of a user pool that does not exist return "
        "ResourceNotFoundException.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ListResourceServers.html",
        ),
    ),
)

NotFoundRule(
    "cognito-idp",
    "ResourceNotFoundException",
    "User pool {} does not exist.",
    store_keys("cognito-idp", "user_pools"),
    by_parameter("UserPoolId", "AdminInitiateAuth", "ListResourceServers", "SetUserPoolMfaConfig"),
).register()
