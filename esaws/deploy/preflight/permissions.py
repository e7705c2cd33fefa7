"""Permissions: what IAM's policy simulator says about the actions that a deploy takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from esaws.deploy.preflight.answers import Answers, Unanswered
from esaws.deploy.preflight.needs import Needs
from esaws.deploy.preflight.report import Check

NAME = "permissions"
_SHOWN = 5


def check_permissions(needs: Needs, answers: Answers) -> Iterator[Check]:
    """Check that the caller may take every action that the plan needs.

    Actions are simulated on all resources. One that is not allowed there may still be allowed on some resources, or
    under a condition: that is unknown. An explicit deny, and one by an organization, is a no.
    """
    if not needs.permissions:
        return
    principal, results = answers["principal"], answers["simulation"]
    if isinstance(principal, Unanswered):
        detail = f"it is not known who calls: {principal.reason}"
        yield Check(NAME, None, detail, "allow sts:GetCallerIdentity and iam:GetRole")
    elif principal.endswith(":root"):
        detail = "the root user calls, whose permissions IAM does not simulate"
        yield Check(NAME, None, detail, "use a role or a user of IAM Identity Center instead of the root user")
    elif isinstance(results, Unanswered):
        fix = "allow iam:SimulatePrincipalPolicy, or compare the policies with the actions of each kind"
        yield Check(NAME, None, f"it is not known what {_short(principal)} may do: {results.reason}", fix)
    else:
        yield _judge(_short(principal), needs.permissions, results)


def _judge(who: str, actions: Sequence[str], results: Sequence[Mapping[str, Any]]) -> Check:
    by_action = {row["EvalActionName"]: row for row in results}
    denied = [action for action in actions if action in by_action and _is_denied(by_action[action])]
    if denied:
        detail = f"{who} may not: {_some(denied)}"
        return Check(
            NAME, False, detail, f"attach a policy to {who} that allows them, or remove the one that denies them"
        )
    open_questions = [action for action in actions if by_action.get(action, {}).get("EvalDecision") != "allowed"]
    if open_questions:
        detail = f"{who} is not allowed on every resource: {_some(open_questions)}; a policy for some may be enough"
        return Check(NAME, None, detail, f"look at the policies of {who} in the IAM console")
    return Check(NAME, True, f"{who} may take the {len(actions)} actions")


def _is_denied(result: Mapping[str, Any]) -> bool:
    by_organization = result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations")
    explicit = result["EvalDecision"] == "explicitDeny" and not result.get("MissingContextValues")
    return explicit or by_organization is False


def _some(actions: Sequence[str]) -> str:
    rest = len(actions) - _SHOWN
    return ", ".join(actions[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _short(principal: str) -> str:
    """`role/deployer` of an ARN, without the path of a role."""
    kind, *_, name = principal.rpartition(":")[2].split("/")
    return f"{kind} {name}"
