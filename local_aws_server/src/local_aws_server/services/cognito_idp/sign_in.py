"""Sign-ins that Cognito refuses: flows that the client does not allow, and tokens that have expired."""

from __future__ import annotations

import base64
import json
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before
from local_aws_server.services.cognito_idp.lookup import app_client

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="Users sign in by the flows that their client allows; access tokens expire after an hour, and "
        "refresh tokens after the days of the client.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html",
            "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html",
        ),
    ),
    Behaviour(
        service="Cognito",
        fidelity=NOT_SIMULATED,
        statement="Another validity of access and ID tokens than one hour is kept; nothing happens.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html",
        ),
    ),
)

_ALLOWED_BY = {
    "ADMIN_NO_SRP_AUTH": {"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"},
    "ADMIN_USER_PASSWORD_AUTH": {"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"},
    "CUSTOM_AUTH": {"ALLOW_CUSTOM_AUTH", "CUSTOM_AUTH_FLOW_ONLY"},
    "USER_PASSWORD_AUTH": {"ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"},
    "USER_SRP_AUTH": {"ALLOW_USER_SRP_AUTH"},
}
"""Flow → the settings of a client that allow it."""
_DEFAULT_FLOWS = ["ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
_WITH_TOKEN = (
    "ChangePassword",
    "DeleteUser",
    "DeleteUserAttributes",
    "GetUser",
    "GlobalSignOut",
    "SetUserMFAPreference",
    "UpdateUserAttributes",
)


@before("cognito-idp", "InitiateAuth", "AdminInitiateAuth")
def check_flow(call: Call) -> None:
    found = app_client(call)
    if found is None:
        return
    flow, is_admin = call.params["AuthFlow"], call.operation == "AdminInitiateAuth"
    allowed = set(found.client.extended_config.get("ExplicitAuthFlows") or _DEFAULT_FLOWS)
    legacy = not any(each.startswith("ALLOW_") for each in allowed)
    allowed |= {"ALLOW_USER_SRP_AUTH"} if legacy and allowed != {"CUSTOM_AUTH_FLOW_ONLY"} else set()
    if flow in _ALLOWED_BY and not _ALLOWED_BY[flow] & allowed:
        message = "Auth flow not enabled for this client" if is_admin else f"{flow} flow not enabled for this client"
        raise AwsError("InvalidParameterException", message, 400)
    if flow == "CUSTOM_AUTH" and not (found.pool.extended_config.get("LambdaConfig") or {}).get("DefineAuthChallenge"):
        message = "Custom auth lambda trigger is not configured for the user pool."
        raise AwsError("InvalidParameterException", message, 400)
    token = (call.params.get("AuthParameters") or {}).get("REFRESH_TOKEN")
    issued = sidecar(found.pool).get("refresh_tokens", {}).get(token)
    if issued is not None and issued + _refresh_seconds(found.client) < CLOCK.now():
        raise AwsError("NotAuthorizedException", "Refresh Token has expired", 400)


@after("cognito-idp", "InitiateAuth", "AdminInitiateAuth", "RespondToAuthChallenge", "AdminRespondToAuthChallenge")
def note_refresh_token(call: Call) -> None:
    token = (call.result.get("AuthenticationResult") or {}).get("RefreshToken")
    found = app_client(call)
    if token and found is not None:
        sidecar(found.pool).setdefault("refresh_tokens", {}).setdefault(token, CLOCK.now())


@before("cognito-idp", *_WITH_TOKEN)
def check_access_token(call: Call) -> None:
    expires = _claims(call.params.get("AccessToken", "")).get("exp")
    if expires is not None and expires <= CLOCK.now():
        raise AwsError("NotAuthorizedException", "Access Token has expired", 400)


def _refresh_seconds(client: Any) -> float:
    unit = (client.extended_config.get("TokenValidityUnits") or {}).get("RefreshToken", "days")
    return float(client.extended_config.get("RefreshTokenValidity") or 30) * _SECONDS[unit]


def _claims(token: str) -> dict[str, Any]:
    """The claims of a token, unverified; none if it is not a token."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
