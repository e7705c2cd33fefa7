"""Trust policies that IAM refuses. moto checks the other policies, and trust policies only when they are changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch

BEHAVIOURS = (
    Behaviour(
        service="IAM",
        statement="The trust policy of a role is checked: JSON, syntax, actions of STS only, no resource, and "
        "principals that can exist.",
        documentation=(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
        ),
    ),
)

_PRINCIPAL_TYPES = frozenset({"AWS", "CanonicalUser", "Federated", "Service"})
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_ENTITY = re.compile(r"arn:[a-z-]+:iam::(\d{12}):(role|user)/(?:.*/)?([^/]+)")


@before("iam", "CreateRole", "UpdateAssumeRolePolicy")
def check_trust_policy(call: Call) -> None:
    """Raise MalformedPolicyDocument for a document that can't be a trust policy."""
    from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator

    text = call.params["AssumeRolePolicyDocument" if call.operation == "CreateRole" else "PolicyDocument"]
    try:
        document = json.loads(text)
    except ValueError:
        raise _malformed("This policy contains invalid Json") from None
    IAMTrustPolicyDocumentValidator(text).validate()
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise _malformed("Missing required field Principal")
        for kind, name in _principals(statement.get("Principal", "*")):
            if not _can_exist(call, kind, name):
                shown = "SERVICE" if kind == "Service" else kind
                raise _malformed(f'Invalid principal in policy: "{shown}":"{name}"')


def _principals(principal: Any) -> Iterator[tuple[str, str]]:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or not principal.keys() <= _PRINCIPAL_TYPES:
        raise _malformed("Invalid principal in policy.")
    for kind, names in principal.items():
        for name in names if isinstance(names, list) else [names]:
            yield kind, str(name)


def _can_exist(call: Call, kind: str, name: str) -> bool:
    """Whether a principal may exist; one of another account is believed."""
    if kind == "Service":
        return _SERVICE.fullmatch(name) is not None
    entity = _ENTITY.fullmatch(name)
    if kind != "AWS" or entity is None or entity[1] != call.account:
        return True
    iam = call.backends.backend("iam")
    return any(each.name == entity[3] for each in (iam.roles if entity[2] == "role" else iam.users).values())


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message, 400)


@patch("moto.iam.policy_validation", "IAMTrustPolicyDocumentValidator._validate_version", new=True)
def accept_older_version(self: Any) -> None:
    """moto refuses the version of 2008, which IAM takes in a trust policy, and a policy without one."""


@patch("moto.iam.policy_validation", "IAMTrustPolicyDocumentValidator._validate_trust_policy_action")
def check_action(action: str) -> None:
    """Replaces moto's function, which tells upper from lower case in actions."""
    assert action.lower() in _ACTIONS


_ACTIONS = frozenset(
    f"sts:{name}".lower()
    for name in (
        "AssumeRole",
        "AssumeRoleWithSAML",
        "AssumeRoleWithWebIdentity",
        "SetContext",
        "SetSourceIdentity",
        "TagSession",
    )
)
