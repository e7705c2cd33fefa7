"""Applications on platforms for phones, and settings of text messages, that SNS refuses."""

import re

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.sns.topics import invalid

BEHAVIOURS = (
    Behaviour(
        service="SNS",
        statement="Applications on platforms for phones, settings of text messages and phone numbers are checked.",
        documentation=(
            "https://docs.aws.amazon.com/sns/latest/api/API_CreatePlatformApplication.html",
            "https://docs.aws.amazon.com/sns/latest/api/API_SetSMSAttributes.html",
        ),
    ),
)

_PLATFORMS = frozenset({"ADM", "APNS", "APNS_SANDBOX", "BAIDU", "FCM", "GCM", "MACOS", "MACOS_SANDBOX", "MPNS", "WNS"})
_WITHOUT_PRINCIPAL = frozenset({"FCM", "GCM"})
"""Firebase's platforms: the credential alone is enough."""
_PRINCIPAL, _CREDENTIAL = "PlatformPrincipal", "PlatformCredential"
_MAX_NAME = 256
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SMS = frozenset(
    {
        "DefaultSMSType",
        "DefaultSenderID",
        "DeliveryStatusIAMRole",
        "DeliveryStatusSuccessSamplingRate",
        "MonthlySpendLimit",
        "UsageReportS3Bucket",
    }
)
_SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9-]{1,11}")
_PHONE = re.compile(r"\+?[0-9]{1,15}")


@before("sns", "CreatePlatformApplication")
def check_application(call: Call) -> None:
    name, attributes = call.params["Name"], call.params.get("Attributes") or {}
    if call.params["Platform"] not in _PLATFORMS:
        raise invalid(f"Platform Reason: {call.params['Platform']} is not supported")
    if not name:
        raise invalid(f"{name} Reason: cannot be empty")
    if len(name) > _MAX_NAME:
        raise invalid(f"{name} Reason: must be at most {_MAX_NAME} characters long")
    if not _NAME.fullmatch(name):
        raise invalid(f"{name} Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'")
    for one, other in ((_PRINCIPAL, _CREDENTIAL), (_CREDENTIAL, _PRINCIPAL)):
        if other == _PRINCIPAL and call.params["Platform"] in _WITHOUT_PRINCIPAL:
            continue
        if one in attributes and other not in attributes:
            raise invalid(f"Attributes Reason: {one} attribute provided without {other}")


@before("sns", "SetSMSAttributes")
def check_sms_attributes(call: Call) -> None:
    for name, value in call.params["attributes"].items():
        if name not in _SMS:
            raise AwsError("InvalidParameter", f"{name} is not a valid attribute", 400)
        if name == "DefaultSMSType" and value not in ("Promotional", "Transactional"):
            raise AwsError("InvalidParameter", f"{name} is invalid", 400)
        if name == "DefaultSenderID" and not _SENDER.fullmatch(value):
            raise AwsError("InvalidParameter", f"{name} is invalid", 400)


@before("sns", "CheckIfPhoneNumberIsOptedOut", "OptInPhoneNumber")
def check_phone_number(call: Call) -> None:
    if not _PHONE.fullmatch(call.params["phoneNumber"]):
        raise invalid("PhoneNumber Reason: input incorrectly formatted")
