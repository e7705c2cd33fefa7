"""Elastic Load Balancing: names, lists with tags, and the target groups of actions."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import error_code, pages, tag_dict, tag_list
from esaws.cloud import Cloud
from esaws.documented import Always, Field, OneOf, Parameter, Text

NAME = Text(
    1, 32, r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", "letters and digits, with hyphens between them"
)
"""What the name of a load balancer takes, and also that of a target group, which may begin with `internal-`."""

NO_BALANCER, NO_LISTENER, NO_RULE, NO_GROUP = (
    "LoadBalancerNotFound",
    "ListenerNotFound",
    "RuleNotFound",
    "TargetGroupNotFound",
)
_ARNS_A_CALL = 20


def list_owned(cloud: Cloud, operation: str, result: str, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reference name and description of every owned resource that `operation` lists; `key` prefixes its fields.

    The lists have no tags. Only the tags of resources with our name are fetched.
    """
    prefix = cloud.aws_name("")
    listed = (raw for raw in pages(cloud, "elbv2", operation, result) if raw[f"{key}Name"].startswith(prefix))
    for tags, raw in with_tags(cloud, listed, f"{key}Arn"):
        if name := cloud.owned_name(tags):
            yield name, {**raw, "Tags": tag_list(tags)}


def with_tags(
    cloud: Cloud, listed: Iterator[dict[str, Any]], arn: str
) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Yield tags and description of each resource; `arn` is the key of its ARN. Tags are fetched in batches."""
    while batch := {raw[arn]: raw for raw in islice(listed, _ARNS_A_CALL)}:
        for resource_arn, tags in _tags(cloud, list(batch)).items():
            yield tags, batch[resource_arn]


def _tags(cloud: Cloud, arns: list[str]) -> dict[str, dict[str, str]]:
    """Return tags by ARN. AWS rejects a call with a deleted resource, so the batch is halved until it is left out."""
    try:
        described = cloud.client("elbv2").describe_tags(ResourceArns=arns)["TagDescriptions"]
    except ClientError as error:
        if error_code(error) not in (NO_BALANCER, NO_LISTENER, NO_RULE, NO_GROUP):
            raise
        half = len(arns) // 2
        return _tags(cloud, arns[:half]) | _tags(cloud, arns[half:]) if half else {}
    return {item["ResourceArn"]: tag_dict(item["Tags"]) for item in described}


def documented_forward(path: str, field: str) -> dict[str, Parameter]:
    """Return what AWS documents about the actions at this path; they forward to the target group in `field`."""
    types = OneOf(
        "forward", "fixed-response", "redirect", "authenticate-cognito", "authenticate-oidc", "jwt-validation"
    )
    return {f"{path}[].Type": Always("forward", types), f"{path}[].TargetGroupArn": Field(field)}


def forward(target_group: str) -> list[dict[str, Any]]:
    """Return the actions that forward all requests to one target group."""
    return [{"Type": "forward", "TargetGroupArn": target_group}]


def target_groups_of(actions: list[dict[str, Any]]) -> list[str]:
    """Return the ARNs of all target groups that the actions forward to."""
    arns = []
    for action in actions:
        groups = action.get("ForwardConfig", {}).get("TargetGroups") or [action]
        arns += [group["TargetGroupArn"] for group in groups if "TargetGroupArn" in group]
    return arns


def describe_forward(actions: list[dict[str, Any]]) -> Any:
    """Return the ARN of the only target group that the actions forward to, or a description of other actions."""
    groups = target_groups_of(actions)
    if len(actions) == 1 and len(groups) == 1:
        return groups[0]
    return " then ".join(action["Type"] for action in actions) + (f" to {len(groups)} target groups" if groups else "")
