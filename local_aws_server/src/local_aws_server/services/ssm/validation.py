"""Parameters that Parameter Store refuses: names, sizes by tier, patterns and keys."""

from __future__ import annotations

import re
from typing import Any

from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="Systems Manager",
        statement="The name of a parameter, its size by tier and its allowed pattern are checked; an advanced "
        "parameter stays one, and intelligent tiering chooses the tier.",
        documentation=(
            "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
        ),
    ),
    Behaviour(
        service="Systems Manager",
        fidelity=NOT_SIMULATED,
        statement="Policies of parameters are kept; nothing happens.",
        documentation=("https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policies.html",),
    ),
)

_NAME = re.compile(r"(/[A-Za-z0-9_.-]+)+|[A-Za-z0-9_.-]+")
_AWS = "/aws/"
_LONGEST_NAME = 1011
_MOST_LEVELS = 15
_SIZES = {"Standard": 4096, "Advanced": 8192}
_MANAGED_KEY = "alias/aws/ssm"


@before("ssm", "GetParameter", "PutParameter")
def check_name(call: Call) -> None:
    """Raise ValidationException or HierarchyLevelLimitExceededException; moto checks reserved prefixes."""
    name = call.params["Name"].split(":parameter", 1)[-1]
    if call.operation == "GetParameter":
        name = name.split(":")[0]  # a version or a label may follow
        if name.startswith(_AWS):
            return
    if not _NAME.fullmatch(name):
        raise _invalid(
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
            "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
            "following 3 symbols .-_"
        )
    if len(name) > _LONGEST_NAME:
        raise _invalid(f"Parameter name: must be at most {_LONGEST_NAME} characters long.")
    if name.count("/") > _MOST_LEVELS:
        raise AwsError(
            "HierarchyLevelLimitExceededException",
            f"The hierarchy has more than {_MOST_LEVELS} levels. Use at most {_MOST_LEVELS} and try again.",
            400,
        )


@before("ssm", "PutParameter")
def check_value(call: Call) -> None:
    params = call.params
    tier, previous = _tier(call), _previous(call)
    if previous is not None and previous.tier == "Advanced" and tier == "Standard" and params.get("Overwrite"):
        raise _invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
            "parameter and recreate it as a standard parameter."
        )
    value, most = params["Value"], _SIZES[tier]
    if len(value.encode()) > most:
        hint = (
            " To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more "
            "information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/"
            "parameter-store-advanced-parameters.html"
        )
        raise _invalid(
            f"{tier} tier parameters support a maximum parameter value of {most} characters."
            + (hint if tier == "Standard" else "")
        )
    if params.get("Policies") and tier == "Standard":
        raise _invalid("Parameter policies are supported by the advanced-parameter tier only.")
    pattern = params.get("AllowedPattern") or getattr(previous, "allowed_pattern", None)
    if pattern and not _fits(pattern, value):
        raise AwsError(
            "ParameterPatternMismatchException",
            f"Parameter value, cannot be validated against allowedPattern: {pattern}",
            400,
        )


@before("ssm", "PutParameter")
def check_key(call: Call) -> None:
    """The key of a SecureString exists."""
    key = call.params.get("KeyId")
    if key is None or key.endswith(_MANAGED_KEY):
        return
    kms, name = call.backends.backend("kms"), key.rsplit("/", 1)[-1]
    if not (name in kms.keys or kms.alias_exists(f"alias/{name}")):
        raise AwsError("InvalidKeyId", f"Invalid keyId {key}", 400)


@after("ssm", "PutParameter")
def set_tier(call: Call) -> None:
    """Store the tier that the parameter has: moto stores the one of the request."""
    parameter = _previous(call)
    if parameter is not None and call.result.get("Version") == parameter.version:
        older = call.backends.backend("ssm")._parameters[parameter.name]
        is_advanced = any(each.tier == "Advanced" for each in older)
        parameter.tier = call.result["Tier"] = "Advanced" if is_advanced else _chosen_tier(call)


@after("ssm", "DescribeParameters")
def complete_descriptions(call: Call) -> None:
    """Add the members that AWS returns for every parameter."""
    for description in call.result["Parameters"]:
        name = description["Name"]
        path = name if name.startswith("/") else f"/{name}"
        description.setdefault("ARN", f"arn:aws:ssm:{call.region}:{call.account}:parameter{path}")
        description.setdefault("Policies", [])


def _tier(call: Call) -> str:
    """The tier that the request means, before the parameter is stored."""
    previous = _previous(call)
    if "Tier" not in call.params and previous is not None and previous.tier:
        return str(previous.tier)
    return _chosen_tier(call)


def _chosen_tier(call: Call) -> str:
    tier: str = call.params.get("Tier") or call.backends.backend("ssm").default_parameter_tier
    if tier == "Intelligent-Tiering":
        needs_more = len(call.params["Value"].encode()) > _SIZES["Standard"] or call.params.get("Policies")
        return "Advanced" if needs_more else "Standard"
    return tier


def _previous(call: Call) -> Any | None:
    """The stored parameter; looked up without moto's defaultdict, which would store an empty one."""
    name = call.params["Name"].split(":parameter", 1)[-1]
    versions = call.backends.backend("ssm")._parameters.get(name)
    return versions[-1] if versions else None


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message, 400)
