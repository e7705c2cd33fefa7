"""The resource servers and the MFA of a user pool that does not exist are a ResourceNotFoundException.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ListResourceServers.html
"""

from local_aws_server.fidelity import Behaviour
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="The resource servers and the MFA of a user pool that does not exist are a "
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
