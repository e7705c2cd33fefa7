"""Decide whether the policies of a role allow an action."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def role_allows(role: Any, action: str, resource: str) -> bool:
    """Return whether a role may do an action: one of its policies allows it, and none denies it."""
    from moto.iam.access_control import IAMPolicy, PermissionResult

    results = [IAMPolicy(document).is_action_permitted(action, resource) for document in _documents(role)]
    return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results


def _documents(role: Any) -> Iterator[str]:
    """Yield the documents of the policies that are attached to a role and written into it."""
    yield from role.policies.values()
    for policy in role.managed_policies.values():
        yield from (version.document for version in policy.versions if version.is_default)
