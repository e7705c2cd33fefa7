"""A user pool with a domain or with deletion protection is not deleted, and its password policy keeps its bounds.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DeleteUserPool.html
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-deletion-protection.html
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_PasswordPolicyType.html
"""

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="A user pool with a domain or with deletion protection is not deleted, and its password policy "
        "keeps its bounds.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DeleteUserPool.html",
            "https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-deletion-protection.html",
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_PasswordPolicyType.html",
        ),
    ),
)

_BOUNDS = {"MinimumLength": (6, 99), "TemporaryPasswordValidityDays": (0, 365)}


@before("cognito-idp", "DeleteUserPool")
def pool_may_go(call: Call) -> None:
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


@before("cognito-idp", "CreateUserPool", "UpdateUserPool")
def password_policy_keeps_its_bounds(call: Call) -> None:
    policy = (call.params.get("Policies") or {}).get("PasswordPolicy") or {}
    for name, (low, high) in _BOUNDS.items():
        value = policy.get(name)
        if value is not None and not low <= value <= high:
            bound = f"less than or equal to {high}" if value > high else f"greater than or equal to {low}"
            raise AwsError(
                "InvalidParameterException",
                f"1 validation error detected: Value '{value}' at "
                f"'policies.passwordPolicy.{name[0].lower()}{name[1:]}' failed to satisfy constraint: "
                f"Member must have value {bound}",
            )
