"""Attributes and passwords of users that Cognito refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch
from local_aws_server.services.cognito_idp.lookup import app_client

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="Users sign up with all required attributes of the pool, with none that it does not have, and with a "
        "password that its policy allows.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SignUp.html",
            "https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html",
        ),
    ),
)

_SYMBOLS = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- "
_DEFAULT_LENGTH = 8


@before("cognito-idp", "SignUp")
def check_sign_up(call: Call) -> None:
    found = app_client(call)
    if found is None:
        return
    pool, params = found.pool, call.params
    if (pool.extended_config.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
        raise AwsError("NotAuthorizedException", "SignUp is not permitted for this user pool", 400)
    check_password(pool, params.get("Password", ""))
    given = {each["Name"] for each in params.get("UserAttributes", [])}
    if "email" in pool.extended_config.get("UsernameAttributes", []) and "@" in params["Username"]:
        given.add("email")
    if "phone_number" in pool.extended_config.get("UsernameAttributes", []) and params["Username"].startswith("+"):
        given.add("phone_number")
    _check_known(pool, given)
    missing = [
        attribute.name
        for attribute in pool.schema_attributes.values()
        if attribute.required and attribute.name != "sub"
    ]
    refused = [f"{name}: The attribute is required" for name in missing if name not in given]
    if refused:
        raise _wrong("Attributes did not conform to the schema: " + "\n".join(refused) + "\n")


@before("cognito-idp", "AdminCreateUser", "AdminUpdateUserAttributes")
def check_attributes(call: Call) -> None:
    pool = call.backends.backend("cognito-idp").user_pools.get(call.params["UserPoolId"])
    if pool is None:
        return
    _check_known(pool, {each["Name"] for each in call.params.get("UserAttributes", [])})
    if password := call.params.get("TemporaryPassword"):
        check_password(pool, password)


@before("cognito-idp", "ConfirmForgotPassword")
def check_new_password(call: Call) -> None:
    if (found := app_client(call)) is not None:
        check_password(found.pool, call.params.get("Password", ""))


@patch("moto.cognitoidp.models", "CognitoIdpBackend._validate_password")
def validate_password(self: Any, user_pool_id: str, password: str) -> None:
    """Replaces moto's function, which does not say what is wrong."""
    check_password(self.describe_user_pool(user_pool_id), password)


def check_password(pool: Any, password: str) -> None:
    """Raise InvalidPasswordException for a password that the policy of a pool does not allow."""
    policy: Mapping[str, Any] = (pool.extended_config.get("Policies") or {}).get("PasswordPolicy") or {}
    if len(password) < policy.get("MinimumLength", _DEFAULT_LENGTH):
        raise _weak("not long enough")
    kinds = (
        ("RequireUppercase", r"[A-Z]", "must have uppercase characters"),
        ("RequireLowercase", r"[a-z]", "must have lowercase characters"),
        ("RequireNumbers", r"[0-9]", "must have numeric characters"),
        ("RequireSymbols", f"[{re.escape(_SYMBOLS)}]", "must have symbol characters"),
    )
    for setting, pattern, problem in kinds:
        if policy.get(setting, not policy) and not re.search(pattern, password):
            raise _weak(problem)


def _check_known(pool: Any, names: set[str]) -> None:
    known = {*pool.schema_attributes, "email_verified", "phone_number_verified"}
    for name in sorted(names):
        if name not in known and name.removeprefix("custom:") not in known:
            raise _wrong(
                f"Attributes did not conform to the schema: Type for attribute {{{name}}} could not be determined"
            )


def _weak(problem: str) -> AwsError:
    return AwsError("InvalidPasswordException", f"Password did not conform with policy: Password {problem}", 400)


def _wrong(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message, 400)
