"""What the kinds of Elastic Load Balancing share: names, tags asked for apart, and what an action forwards to."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import error_code, pages, tag_dict
from esaws.cloud import Cloud

NAME_LIMIT = 32 - len("12345678-")
NAME_PATTERN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")

NO_BALANCER, NO_LISTENER, NO_RULE, NO_GROUP = (
    "LoadBalancerNotFound",
    "ListenerNotFound",
    "RuleNotFound",
    "TargetGroupNotFound",
)
_ARNS_A_CALL = 20


def owned(cloud: Cloud, operation: str, result: str, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Reference name and description of what `operation` lists and the deployment owns; `key` leads to its name.

    The lists come without tags. Names narrow them, the tags prove it.
    """
    first = cloud.aws_name("")
    listed = (raw for raw in pages(cloud, "elbv2", operation, result) if raw[f"{key}Name"].startswith(first))
    for tags, raw in with_tags(cloud, listed, f"{key}Arn"):
        if name := cloud.owned_name(tags):
            yield name, raw


def with_tags(
    cloud: Cloud, listed: Iterator[dict[str, Any]], arn: str
) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Tags and description of each, asked for as many at once as AWS allows; `arn` names the key of the ARN."""
    while batch := {raw[arn]: raw for raw in islice(listed, _ARNS_A_CALL)}:
        for found, tags in _tags(cloud, list(batch)).items():
            yield tags, batch[found]


def _tags(cloud: Cloud, arns: list[str]) -> dict[str, dict[str, str]]:
    """Tags by ARN. One that was just deleted makes AWS refuse the whole call: it is halved until that one is out."""
    try:
        described = cloud.client("elbv2").describe_tags(ResourceArns=arns)["TagDescriptions"]
    except ClientError as error:
        if error_code(error) not in (NO_BALANCER, NO_LISTENER, NO_RULE, NO_GROUP):
            raise
        half = len(arns) // 2
        return _tags(cloud, arns[:half]) | _tags(cloud, arns[half:]) if half else {}
    return {item["ResourceArn"]: tag_dict(item["Tags"]) for item in described}


def forward(target_group: str) -> list[dict[str, Any]]:
    """The actions that forward everything to one target group."""
    return [{"Type": "forward", "TargetGroupArn": target_group}]


def target_groups(actions: list[dict[str, Any]]) -> list[str]:
    """Every target group that some of the actions forward to."""
    found = []
    for action in actions:
        groups = action.get("ForwardConfig", {}).get("TargetGroups") or [action]
        found += [group["TargetGroupArn"] for group in groups if "TargetGroupArn" in group]
    return found


def forwarded_to(actions: list[dict[str, Any]]) -> Any:
    """The one target group that the actions forward to; in words what else they do."""
    groups = target_groups(actions)
    if len(actions) == 1 and len(groups) == 1:
        return groups[0]
    return " then ".join(action["Type"] for action in actions) + (f" to {len(groups)} target groups" if groups else "")
