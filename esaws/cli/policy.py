"""`esaws policy`: the IAM policy that a command or a runbook needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

import click

from esaws.call_log import READ_VERBS
from esaws.cli.common import JSON_HELP, print_json, suggest
from esaws.cli.root import cli
from esaws.errors import UsageError

_CREATE_VERBS = ("Create", "Run", "Put", "Register", "Upload", "Complete", "Initiate")
_INSPECT = ("routes", "trace", "reach", "matrix", "health", "findings", "draw", "snapshot")
_COSTS = ("Costs", "BillsAndAccessLogs")
"""The statements of the read-only policy that only the cost commands need."""
_RUNBOOKS = ("Runbooks",)
"""The statements that only looking runbooks need."""

_PROOF = (
    "budgets:ViewBudget",
    "cloudwatch:ListDashboards",
    "cloudwatch:ListTagsForResource",
    "ec2:DescribeSnapshots",
    "elasticache:DescribeSnapshots",
    "rds:DescribeDBInstanceAutomatedBackups",
    "rds:DescribeDBSnapshots",
    "s3:GetBucketTagging",
    "tag:GetResources",
)
"""What a teardown lists beside the kinds, to prove that nothing is left."""
_PREFLIGHT = (
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "freetier:GetAccountPlanState",
    "iam:GetRole",
    "iam:ListAccountAliases",
    "iam:SimulatePrincipalPolicy",
    "mq:DescribeBrokerInstanceOptions",
    "pricing:GetProducts",
    "rds:DescribeOrderableDBInstanceOptions",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetServiceQuota",
)
"""What a plan reads of the account, to find what would stop a deploy."""
_PARK = (
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:RegisterScalableTarget",
    "autoscaling:CreateOrUpdateTags",
    "autoscaling:DeleteTags",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:ResumeProcesses",
    "autoscaling:SuspendProcesses",
    "autoscaling:UpdateAutoScalingGroup",
    "ec2:StartInstances",
    "ec2:StopInstances",
    "ecs:ListTasks",
    "ecs:RunTask",
    "ecs:StopTask",
    "ecs:TagResource",
    "ecs:UntagResource",
    "ecs:UpdateService",
    "elasticloadbalancing:AddTags",
    "elasticloadbalancing:RegisterTargets",
    "elasticloadbalancing:RemoveTags",
    "rds:AddTagsToResource",
    "rds:RemoveTagsFromResource",
    "rds:StartDBInstance",
    "rds:StopDBInstance",
)

_TAG = {
    "AddTags": "RemoveTags",
    "AddTagsToResource": "RemoveTagsFromResource",
    "CreateOrUpdateTags": "DeleteTags",
    "CreateTags": "DeleteTags",
    "TagResource": "UntagResource",
}
"""The verbs that add tags, each with the one that removes them: a lease changes a tag of every resource."""

_LOCK = ("ssm:DeleteParameter", "ssm:GetParameterHistory")

COMMANDS = (
    *("cost", "deploy", "doctor", *_INSPECT, "inventory", "lease", "leftovers", "lock", "park", "plan", "resume"),
    "teardown",
)


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from esaws.runbooks.catalogue import runbook_names

    return [name for name in sorted({*COMMANDS, *runbook_names()}) if name.startswith(incomplete)]


@cli.command("policy")
@click.argument("name", metavar="COMMAND|RUNBOOK", shell_complete=_complete)
@click.option(
    "--profile",
    shell_complete=suggest("ha", "budget", "fargate"),
    help="For plan and deploy: this profile only.  [default: any]",
)
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def policy_command(name: str, profile: str | None, as_json: bool) -> None:
    """Print the IAM policy that a command or a runbook needs.

    COMMAND is one that calls AWS, such as deploy, teardown or findings (without --fix). RUNBOOK is a name that
    `esaws runbooks` lists, or the path of a notebook. No call is made. Attach the policy to the role that runs it; it
    is the same with and without --json.
    """
    print_json(policy_of(name, profile))


def policy_of(name: str, profile: str | None = None) -> dict[str, Any]:
    """Return the IAM policy document of a command or a runbook; of a command where both have the name.

    Raises:
        UsageError: an unknown name, or a profile where none applies.
    """
    if name not in COMMANDS:
        return _policy_of_runbook(name, profile)
    command = name
    if profile and command not in ("plan", "deploy"):
        raise UsageError(f"--profile applies to plan and deploy, not to {command}")
    if command in (*_INSPECT, "cost"):
        return _read_only(cost=command == "cost")
    statement = {"Effect": "Allow", "Action": sorted(_actions(command, profile)), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _policy_of_runbook(name: str, profile: str | None) -> dict[str, Any]:
    from esaws.runbooks.catalogue import runbook_names
    from esaws.runbooks.policies import runbook_policy

    if name not in runbook_names() and not name.endswith(".ipynb"):
        commands, runbooks = ", ".join(COMMANDS), ", ".join(runbook_names())
        raise UsageError(f"{name!r} has no policy. Choose a command ({commands}) or a runbook ({runbooks}).")
    if profile:
        raise UsageError(f"--profile applies to plan and deploy, not to {name}")
    return runbook_policy(name)


def _read_only(*, cost: bool) -> dict[str, Any]:
    """Return the statements of the read-only policy that cost commands need, or those that the others need."""
    document = json.loads(files("esaws").joinpath("data/read_only_policy.json").read_text(encoding="utf-8"))
    statements = [
        statement
        for statement in document["Statement"]
        if (statement["Sid"] in _COSTS) == cost and statement["Sid"] not in _RUNBOOKS
    ]
    return {**document, "Statement": statements}


def _actions(command: str, profile: str | None) -> set[str]:
    from esaws.deploy.lock import PERMISSIONS
    from esaws.resources import load_all

    kinds = {action for kind in load_all().values() for action in kind.permissions}
    inspected = {action for statement in _read_only(cost=False)["Statement"] for action in statement["Action"]}
    reads = {action for action in kinds if _verb_in(action, READ_VERBS)} | inspected | {*_PROOF}
    lease = {action for action in kinds if action.startswith("ssm:")}
    if command in ("inventory", "leftovers"):
        return reads
    if command in ("doctor", "plan"):
        return reads | {*_PREFLIGHT}
    if command == "lock":
        return {*_LOCK}
    if command in ("lease", "park", "resume"):
        return reads | lease | {*_PARK, *PERMISSIONS} | ({*_tag_actions(kinds)} if command == "lease" else set())
    if command == "teardown":
        return reads | {*PERMISSIONS} | {action for action in kinds if not _verb_in(action, _CREATE_VERBS)}
    if profile:
        from esaws.reference.seccom import seccom

        kinds = {action for item in seccom(profile) for action in item.permissions}
    return reads | lease | kinds | {*_tag_actions(kinds)} | {*_PREFLIGHT, *PERMISSIONS}


def _tag_actions(actions: Iterable[str]) -> Iterator[str]:
    """Yield what changing the tags of resources needs: the actions of the tagging API and of each service."""
    yield from ("autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags", "tag:TagResources", "tag:UntagResources")
    for action in actions:
        service, _, verb = action.partition(":")
        if verb in _TAG:
            yield from (action, f"{service}:{_TAG[verb]}")


def _verb_in(action: str, verbs: Iterable[str]) -> bool:
    return action.partition(":")[2].startswith(tuple(verbs))
