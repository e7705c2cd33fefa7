"""What the policies of a role allow, by reading them: allow, deny or unknown.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from esaws.aws import pages
from esaws.cloud import Cloud

Decision = Literal["allow", "deny", "unknown"]


def policies_of(cloud: Cloud, role: str) -> list[Mapping[str, Any]]:
    """Return the policy documents of a role by its name: its inline policies and the managed ones that it has."""
    iam, documents = cloud.client("iam"), []
    for name in pages(cloud, "iam", "list_role_policies", "PolicyNames", RoleName=role):
        documents.append(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for attached in pages(cloud, "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role):
        policy = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
        version = {"PolicyArn": policy["Arn"], "VersionId": policy["DefaultVersionId"]}
        documents.append(iam.get_policy_version(**version)["PolicyVersion"]["Document"])
    return documents


def decide(documents: Iterable[Mapping[str, Any]], action: str, resource: str) -> Decision:
    """Return whether policies allow an action, such as `s3:PutObject`, on the ARN of a resource. Pure.

    A denial wins. The answer is unknown if it depends on a condition.
    """
    matching = [statement for statement in _statements(documents) if _matches(statement, action, resource)]
    certain = {statement["Effect"] for statement in matching if not statement.get("Condition")}
    conditional = {statement["Effect"] for statement in matching if statement.get("Condition")}
    if "Deny" in certain:
        return "deny"
    if "Deny" in conditional and "Allow" in certain | conditional:
        return "unknown"
    if "Allow" in certain:
        return "allow"
    return "unknown" if "Allow" in conditional else "deny"


def _statements(documents: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for document in documents:
        statements = document.get("Statement", ())
        yield from [statements] if isinstance(statements, Mapping) else statements


def _matches(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    return _selects(statement, "Action", action, re.IGNORECASE) and _selects(statement, "Resource", resource, 0)


def _selects(statement: Mapping[str, Any], key: str, value: str, flags: int) -> bool:
    """Whether the member `key` of a statement contains a value, or its `Not` form does not."""
    if f"Not{key}" in statement:
        return not any(_like(pattern, value, flags) for pattern in _list(statement[f"Not{key}"]))
    return any(_like(pattern, value, flags) for pattern in _list(statement.get(key, ())))


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _like(pattern: str, value: str, flags: int) -> bool:
    """Whether a value matches a pattern in which `*` is any text and `?` one character."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, flags | re.DOTALL) is not None
