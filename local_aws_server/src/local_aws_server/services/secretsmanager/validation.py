"""Calls that Secrets Manager refuses: names, deleted secrets and rotations without a function."""

from __future__ import annotations

import re
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="Secrets Manager",
        statement="The name of a secret is checked; a secret that is scheduled for deletion refuses changes, and its "
        "name stays taken.",
        documentation=(
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html",
            "https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html",
        ),
    ),
)

_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
_RECOVERY_DAYS = range(7, 31)
_BY_ID = (
    "CancelRotateSecret",
    "DeleteResourcePolicy",
    "DeleteSecret",
    "DescribeSecret",
    "GetResourcePolicy",
    "GetSecretValue",
    "ListSecretVersionIds",
    "PutResourcePolicy",
    "PutSecretValue",
    "RestoreSecret",
    "RotateSecret",
    "TagResource",
    "UntagResource",
    "UpdateSecret",
    "UpdateSecretVersionStage",
)
_NOT_WHILE_DELETED = (
    "GetSecretValue",
    "PutResourcePolicy",
    "PutSecretValue",
    "RotateSecret",
    "TagResource",
    "UntagResource",
    "UpdateSecret",
    "UpdateSecretVersionStage",
)


@before("secretsmanager", "CreateSecret", *_BY_ID)
def check_name(call: Call) -> None:
    name = call.params["Name" if call.operation == "CreateSecret" else "SecretId"]
    if not name.startswith("arn:") and not _NAME.fullmatch(name):
        raise AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
            400,
        )


@before("secretsmanager", "CreateSecret", "PutSecretValue", "UpdateSecret")
def check_one_value(call: Call) -> None:
    if "SecretString" in call.params and "SecretBinary" in call.params:
        raise AwsError(
            "InvalidParameterException",
            "You can't specify both a binary secret value and a string secret value in the same secret.",
            400,
        )


@before("secretsmanager", "CreateSecret")
def check_name_not_scheduled_for_deletion(call: Call) -> None:
    secret = _secret(call, call.params["Name"])
    if secret is not None and secret.is_deleted():
        raise AwsError(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
            400,
        )


@before("secretsmanager", *_NOT_WHILE_DELETED)
def check_not_deleted(call: Call) -> None:
    secret = _secret(call, call.params["SecretId"])
    if secret is not None and secret.is_deleted():
        raise AwsError(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
            400,
        )


@before("secretsmanager", "DeleteSecret")
def check_recovery_window(call: Call) -> None:
    days, at_once = call.params.get("RecoveryWindowInDays"), call.params.get("ForceDeleteWithoutRecovery")
    if days is not None and days not in _RECOVERY_DAYS:
        message = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
        raise AwsError("InvalidParameterException", message, 400)
    if days is not None and at_once:
        message = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        raise AwsError("InvalidParameterException", message, 400)


@before("secretsmanager", "RotateSecret")
def check_rotation_function(call: Call) -> None:
    """The function that rotates the secret is named, now or earlier, and exists."""
    secret = _secret(call, call.params["SecretId"])
    if secret is None or hasattr(secret, "source"):
        return  # moto refuses a secret that does not exist, and a replica
    arn = call.params.get("RotationLambdaARN") or getattr(secret, "rotation_lambda_arn", "")
    if not arn:
        raise AwsError(
            "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.", 400
        )
    if not any(each.function_arn == arn for each in call.backends.backend("lambda").list_functions()):
        raise AwsError(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
            "access to the principal secretsmanager.amazonaws.com.",
            400,
        )


def _secret(call: Call, name_or_arn: str) -> Any | None:
    return call.backends.backend("secretsmanager").secrets.get(name_or_arn)
