"""Password policies, pools and clients that Cognito refuses."""

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
    Behaviour(
        service="Cognito",
        statement="A user pool has either aliases or user names of its own, and an app client only HTTPS addresses, "
        "except for localhost.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html",
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


@before("cognito-idp", "CreateUserPool")
def validate_aliases(call: Call) -> None:
    if call.params.get("AliasAttributes") and call.params.get("UsernameAttributes"):
        raise AwsError(
            "InvalidParameterException",
            "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.",
        )


@before("cognito-idp", "CreateUserPoolClient", "UpdateUserPoolClient")
def validate_client(call: Call) -> None:
    flows = call.params.get("ExplicitAuthFlows", [])
    if len({each.startswith("ALLOW_") for each in flows}) > 1:
        raise AwsError(
            "InvalidParameterException",
            "Auth flows with the prefix ALLOW_ cannot be combined with those without it.",
        )
    for url in (*call.params.get("CallbackURLs", []), *call.params.get("LogoutURLs", [])):
        if url.startswith("http://") and not url.startswith(("http://localhost", "http://127.0.0.1")):
            raise AwsError("InvalidParameterException", f"{url} cannot use the HTTP protocol.")
