"""Password policies that Cognito refuses."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="The numbers of a password policy are within AWS's bounds.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_PasswordPolicyType.html",
        ),
    ),
)

_BOUNDS = {"MinimumLength": (6, 99), "TemporaryPasswordValidityDays": (0, 365)}


@before("cognito-idp", "CreateUserPool", "UpdateUserPool")
def validate_password_policy(call: Call) -> None:
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
