"""Quotas of IAM that a new account meets: sizes of policies, and how many are attached."""

from __future__ import annotations

import json
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="IAM",
        statement="Policies have their largest sizes, an entity has at most ten managed policies, a user is in at "
        "most ten groups, and names of users, groups and roles differ by more than upper and lower case.",
        documentation=("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",),
    ),
)

_ATTACHED = 10
_GROUPS_OF_USER = 10
_TRUST, _MANAGED = 2048, 6144
_INLINE = {"role": 10_240, "user": 2048, "group": 5120}
"""Entity → the characters of all its inline policies, without white space."""


@before("iam", "CreateRole", "UpdateAssumeRolePolicy")
def check_trust_policy_size(call: Call) -> None:
    text = call.params["AssumeRolePolicyDocument" if call.operation == "CreateRole" else "PolicyDocument"]
    if _size(text) > _TRUST:
        raise _exceeded(f"Cannot exceed quota for ACLSizePerRole: {_TRUST}")


@before("iam", "CreatePolicy", "CreatePolicyVersion")
def check_managed_policy_size(call: Call) -> None:
    if _size(call.params["PolicyDocument"]) > _MANAGED:
        raise _exceeded(f"Cannot exceed quota for PolicySize: {_MANAGED}")


@before("iam", "PutRolePolicy", "PutUserPolicy", "PutGroupPolicy")
def check_inline_policy_size(call: Call) -> None:
    kind, name, entity = _entity(call)
    if entity is None:
        return
    policies = {**entity.policies, call.params["PolicyName"]: call.params["PolicyDocument"]}
    if sum(map(_size, policies.values())) > _INLINE[kind]:
        raise _exceeded(f"Maximum policy size of {_INLINE[kind]} bytes exceeded for {kind} {name}")


@before("iam", "AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy")
def check_attached_policies(call: Call) -> None:
    kind, _, entity = _entity(call)
    arn = call.params["PolicyArn"]
    if not arn.startswith("arn:"):
        raise AwsError("ValidationError", "Invalid ARN:  Could not be parsed!", 400)
    if entity is not None and arn not in entity.managed_policies and len(entity.managed_policies) >= _ATTACHED:
        raise _exceeded(f"Cannot exceed quota for PoliciesPer{kind.title()}: {_ATTACHED}")


@before("iam", "AddUserToGroup")
def check_groups_of_user(call: Call) -> None:
    iam = call.backends.backend("iam")
    user, group = iam.users.get(call.params["UserName"]), iam.groups.get(call.params["GroupName"])
    if user is None or group is None or user in group.users:
        return
    if sum(user in each.users for each in iam.groups.values()) >= _GROUPS_OF_USER:
        raise _exceeded(f"Cannot exceed quota for GroupsPerUser: {_GROUPS_OF_USER}")


@before("iam", "CreateRole", "CreateUser", "CreateGroup")
def check_name_unused(call: Call) -> None:
    kind = call.operation.removeprefix("Create")
    name = call.params[f"{kind}Name"]
    existing = getattr(call.backends.backend("iam"), f"{kind.lower()}s").values()
    if any(each.name.lower() == name.lower() for each in existing):
        raise AwsError("EntityAlreadyExists", f"{kind} with name {name} already exists.", 409)


def _entity(call: Call) -> tuple[str, str, Any | None]:
    """(kind, name, moto's object or None) of the entity of a call."""
    kind = next(each for each in _INLINE if f"{each.title()}Name" in call.params)
    name = call.params[f"{kind.title()}Name"]
    entities = getattr(call.backends.backend("iam"), f"{kind}s").values()
    return kind, name, next((each for each in entities if each.name == name), None)


def _size(document: Any) -> int:
    """The characters that IAM counts."""
    text = document if isinstance(document, str) else json.dumps(document)
    return len("".join(text.split()))


def _exceeded(message: str) -> AwsError:
    return AwsError("LimitExceeded", message, 409)
