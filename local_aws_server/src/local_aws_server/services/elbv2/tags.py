"""Validate the tags of load balancers, listeners, rules and target groups."""

from __future__ import annotations

from collections import Counter
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch, reconciler

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="A resource has at most 50 tags, with different keys that do not begin with `aws:`.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTags.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-tags.html",
        ),
    ),
)

_MAX_TAGS = 50
_CREATES = ("CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup")


@before("elbv2", "AddTags", *_CREATES)
def validate_tags(call: Call) -> None:
    tags = call.params.get("Tags") or []
    keys = [tag["Key"] for tag in tags]
    if duplicates := [key for key, count in Counter(keys).items() if count > 1]:
        raise AwsError("DuplicateTagKeys", f"Tag keys must be unique; '{duplicates[0]}' was specified more than once")
    if reserved := [key for key in keys if key.lower().startswith("aws:")]:
        raise AwsError("ValidationError", f"Tag key '{reserved[0]}' begins with the reserved prefix 'aws:'")
    service = call.backends.backend("elbv2").tagging_service
    for arn in call.params.get("ResourceArns") or [""]:
        if len({*service.get_tag_dict_for_resource(arn), *keys}) > _MAX_TAGS:
            raise AwsError("TooManyTags", f"A resource can have at most '{_MAX_TAGS}' tags")


@patch("moto.elbv2.models", "ELBv2Backend.add_tags")
def add_tags(self: Any, resource_arns: list[str], tags: list[dict[str, str]]) -> None:
    """Add tags; moto refuses the eleventh."""
    for arn in resource_arns:
        self._get_resource_by_arn(arn)
        self.tagging_service.tag_resource(arn, tags)


@reconciler("elbv2", order=96)
def delete_tags_of_deleted_resources(backends: Backends) -> None:
    """Delete the tags of resources that are deleted; moto keeps them."""
    elbv2 = backends.backend("elbv2")
    existing = {*elbv2.load_balancers, *elbv2.target_groups}
    for balancer in elbv2.load_balancers.values():
        for listener in balancer.listeners.values():
            existing |= {listener.arn, *(rule.arn for rule in listener.rules.values())}
    for arn in [arn for arn in elbv2.tagging_service.tags if arn not in existing]:
        elbv2.tagging_service.delete_all_tags_for_resource(arn)
