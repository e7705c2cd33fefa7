"""Confirmation codes: AWS sends them by e-mail or SMS; here, the event log has them."""

from __future__ import annotations

import re
from typing import Any

from moto.moto_api._internal import mock_random

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, replace
from local_aws_server.services.cognito_idp.lookup import AppClient, app_client, user_of

BEHAVIOURS = (
    Behaviour(
        service="Cognito",
        statement="A sign-up and a new password are confirmed by the code that was sent, a day or an hour long; the "
        "event log has it, as nothing is sent.",
        documentation=(
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmSignUp.html",
            "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmForgotPassword.html",
        ),
    ),
)

_SIGN_UP, _PASSWORD = "sign-up", "new password"
_VALID_FOR = {_SIGN_UP: 86_400, _PASSWORD: 3600}
_CONFIRMED_BY = {"ConfirmSignUp": _SIGN_UP, "ConfirmForgotPassword": _PASSWORD}
_MOTO_CODE = re.compile(r"(?:moto-confirmation-code:)?(\d{6})")
_VERIFIED = {"email": ("EMAIL", "email_verified"), "phone_number": ("SMS", "phone_number_verified")}
_LEGACY_ORDER = ("phone_number", "email")
"""https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AccountRecoverySettingType.html"""


@after("cognito-idp", "SignUp")
def send_sign_up_code(call: Call) -> None:
    found = app_client(call)
    user = user_of(found, call) if found else None
    if found is None or user is None or call.result.get("UserConfirmed"):
        return
    details = _send(found, user, _SIGN_UP)
    if details:
        call.result["CodeDeliveryDetails"] = details
    else:
        call.result.pop("CodeDeliveryDetails", None)


@replace("cognito-idp", "ResendConfirmationCode")
def resend_confirmation_code(call: Call) -> dict[str, Any]:
    found, user = _existing(call)
    if user.status != "UNCONFIRMED":
        raise AwsError("InvalidParameterException", "User is already confirmed.", 400)
    details = _send(found, user, _SIGN_UP)
    if details is None:
        raise AwsError("InvalidParameterException", "Auto verification not turned on.", 400)
    return {"CodeDeliveryDetails": details}


@after("cognito-idp", "ForgotPassword")
def send_password_code(call: Call) -> None:
    """Keep the code of moto, which its clients find in a header."""
    found = app_client(call)
    user = user_of(found, call) if found else None
    match = _MOTO_CODE.fullmatch(str(getattr(user, "confirmation_code", "")))
    if found is not None and user is not None and match:
        details = _send(found, user, _PASSWORD, match[1])
        if details:
            call.result["CodeDeliveryDetails"] = details


@before("cognito-idp", "ConfirmSignUp", "ConfirmForgotPassword")
def check_code(call: Call) -> None:
    _, user = _existing(call)
    purpose = _CONFIRMED_BY[call.operation]
    if purpose == _SIGN_UP and user.status != "UNCONFIRMED":
        status = user.status.value
        raise AwsError("NotAuthorizedException", f"User cannot be confirmed. Current status is {status}", 400)
    sent, expires = sidecar(user).get(purpose, (None, 0.0))
    given = _MOTO_CODE.fullmatch(call.params["ConfirmationCode"])
    if sent is None or expires < CLOCK.now():
        raise AwsError("ExpiredCodeException", "Invalid code provided, please request a code again.", 400)
    if given is None or given[1] != sent:
        raise AwsError("CodeMismatchException", "Invalid verification code provided, please try again.", 400)
    call.notes["confirmed"] = user, purpose


@after("cognito-idp", "ConfirmSignUp", "ConfirmForgotPassword")
def use_code(call: Call) -> None:
    """A code is valid once, and verifies the address that it was sent to."""
    user, purpose = call.notes["confirmed"]
    sidecar(user).pop(purpose)
    if attribute := sidecar(user).get("code_sent_to"):
        user.update_attributes([{"Name": _VERIFIED[attribute][1], "Value": "true"}])


def _existing(call: Call) -> tuple[AppClient, Any]:
    found = app_client(call)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"User pool client {call.params['ClientId']} does not exist.", 400)
    user = user_of(found, call)
    if user is None:
        raise AwsError("UserNotFoundException", "Username/client id combination not found.", 400)
    return found, user


def _send(found: AppClient, user: Any, purpose: str, code: str = "") -> dict[str, str] | None:
    """Keep a code and log it; returns where AWS sends it, or None if the pool verifies no address of the user."""
    attribute = next((each for each in _addresses(found, purpose) if each in user.attribute_lookup), None)
    if attribute is None and purpose == _SIGN_UP:
        return None
    code = code or f"{mock_random.randint(0, 999_999):06}"
    sidecar(user)[purpose] = code, CLOCK.now() + _VALID_FOR[purpose]
    address = user.attribute_lookup.get(attribute, user.username) if attribute else user.username
    record_event(found.backends, str(address), f"code {code} for a {purpose}", "AWS would send it")
    if attribute is None:
        return None
    sidecar(user)["code_sent_to"] = attribute
    return {"Destination": _hidden(address), "DeliveryMedium": _VERIFIED[attribute][0], "AttributeName": attribute}


def _addresses(found: AppClient, purpose: str) -> list[str]:
    """The attributes with an address to which a code may go, the first choice first."""
    configuration = found.pool.extended_config
    if purpose == _SIGN_UP:
        return [each for each in _LEGACY_ORDER if each in (configuration.get("AutoVerifiedAttributes") or ())]
    mechanisms = (configuration.get("AccountRecoverySetting") or {}).get("RecoveryMechanisms") or ()
    ordered = sorted(mechanisms, key=lambda mechanism: mechanism["Priority"])
    return [each["Name"].removeprefix("verified_") for each in ordered] or list(_LEGACY_ORDER)


def _hidden(address: str) -> str:
    """An address as AWS shows it: `b***@e***`, `+*******9934`."""
    if "@" in address:
        name, _, domain = address.partition("@")
        return f"{name[:1]}***@{domain[:1]}***"
    return f"+*******{address[-4:]}"
