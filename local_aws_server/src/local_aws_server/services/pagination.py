"""A list comes in pages of the size that is asked for, or of AWS's own; a token that is none is refused.

moto gives most of these lists at once, and fails on some tokens.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeTags.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html
"""

import json
import re
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before, patch, replace

BEHAVIOURS = (
    Behaviour(
        service="anything else",
        statement="A list comes in pages of the size that is asked for, or of AWS's own; a token that is none is "
        "refused.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeTags.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html",
        ),
    ),
)

_SHORTEST = 20
"""Bytes that an entry of any of the lists takes at least."""


@dataclass(frozen=True)
class Pages:
    """The names that a service gives to the size of a page and to the tokens, and its answer to what is no token."""

    size: str
    asks: str
    gives: str
    refusal: str


_ECS = Pages("maxResults", "nextToken", "nextToken", "InvalidParameterException")
_ELB = Pages("PageSize", "Marker", "NextMarker", "ValidationError")
_EC2 = Pages("MaxResults", "NextToken", "NextToken", "InvalidPaginationToken")
_RECORDS = Pages("MaxRecords", "NextToken", "NextToken", "InvalidNextToken")
_SCALING = Pages("MaxResults", "NextToken", "NextToken", "InvalidNextTokenException")

_ALL = 0
"""Where AWS gives the whole list unless a size is asked for."""

_LISTS: list[tuple[str, str, Pages, int, str, str]] = [
    ("ecs", "ListClusters", _ECS, 100, "clusterArns", ""),
    ("ecs", "ListContainerInstances", _ECS, 100, "containerInstanceArns", ""),
    ("ecs", "ListServices", _ECS, 10, "serviceArns", ""),
    ("ecs", "ListTaskDefinitionFamilies", _ECS, 100, "families", ""),
    ("ecs", "ListTaskDefinitions", _ECS, 100, "taskDefinitionArns", ""),
    ("ecs", "ListTasks", _ECS, 100, "taskArns", ""),
    ("ecr", "DescribeImages", _ECS, 100, "imageDetails", "imageDigest"),
    ("ecr", "DescribeRepositories", _ECS, 100, "repositories", "repositoryArn"),
    ("ecr", "ListImages", _ECS, 100, "imageIds", "imageDigest imageTag"),
    ("elbv2", "DescribeListeners", _ELB, 400, "Listeners", "ListenerArn"),
    ("elbv2", "DescribeLoadBalancers", _ELB, 400, "LoadBalancers", "LoadBalancerArn"),
    ("elbv2", "DescribeRules", _ELB, 400, "Rules", "RuleArn"),
    ("elbv2", "DescribeTargetGroups", _ELB, 400, "TargetGroups", "TargetGroupArn"),
    ("autoscaling", "DescribeAutoScalingInstances", _RECORDS, 50, "AutoScalingInstances", "InstanceId"),
    ("autoscaling", "DescribePolicies", _RECORDS, 50, "ScalingPolicies", "PolicyARN"),
    ("autoscaling", "DescribeScalingActivities", _RECORDS, 100, "Activities", "ActivityId"),
    ("autoscaling", "DescribeTags", _RECORDS, 50, "Tags", "ResourceId Key"),
    ("application-autoscaling", "DescribeScalableTargets", _SCALING, 50, "ScalableTargets", "ScalableTargetARN"),
    ("application-autoscaling", "DescribeScalingPolicies", _SCALING, 10, "ScalingPolicies", "PolicyARN"),
    ("cloudwatch", "DescribeAlarms", _RECORDS, 50, "MetricAlarms CompositeAlarms", "AlarmArn"),
    ("ec2", "DescribeInstanceStatus", _EC2, _ALL, "InstanceStatuses", "InstanceId"),
    ("ec2", "DescribeInternetGateways", _EC2, _ALL, "InternetGateways", "InternetGatewayId"),
    ("ec2", "DescribeLaunchTemplates", _EC2, _ALL, "LaunchTemplates", "LaunchTemplateId"),
    ("ec2", "DescribeNatGateways", _EC2, _ALL, "NatGateways", "NatGatewayId"),
    ("ec2", "DescribeNetworkInterfaces", _EC2, _ALL, "NetworkInterfaces", "NetworkInterfaceId"),
    ("ec2", "DescribeRouteTables", _EC2, _ALL, "RouteTables", "RouteTableId"),
    ("ec2", "DescribeSecurityGroupRules", _EC2, _ALL, "SecurityGroupRules", "SecurityGroupRuleId"),
    ("ec2", "DescribeSecurityGroups", _EC2, _ALL, "SecurityGroups", "GroupId"),
    ("ec2", "DescribeSnapshots", _EC2, _ALL, "Snapshots", "SnapshotId"),
    ("ec2", "DescribeSubnets", _EC2, _ALL, "Subnets", "SubnetId"),
    ("ec2", "DescribeTags", _EC2, _ALL, "Tags", "ResourceId Key"),
    ("ec2", "DescribeVolumes", _EC2, _ALL, "Volumes", "VolumeId"),
    ("ec2", "DescribeVpcs", _EC2, _ALL, "Vpcs", "VpcId"),
]
"""Service, operation, the names around it, AWS's own size, where the list stands, and what an entry is known by.

Two lists in one answer are paged as one; an entry may be known by two members together.
"""


def _page(call: Call, pages: Pages, default: int, keys: list[str], known_by: list[str]) -> None:
    if not _asked(call, pages) and not (default and _longer(call, default)):
        return
    size = int(call.params.get(pages.size) or default)
    if call.result.get(pages.gives):
        return
    everything = [(key, entry) for key in keys for entry in call.result.get(key) or []]
    names = [" ".join(str(entry.get(member)) for member in known_by) if known_by else entry for _, entry in everything]
    begin, end, token = _cut(names, size, call.params.get(pages.asks), pages)
    for key in keys:
        call.result[key] = [entry for of, entry in everything[begin:end] if of == key]
    if token:
        call.result[pages.gives] = token


def _cut(names: list[str], size: int, token: str | None, pages: Pages) -> tuple[int, int, str | None]:
    """(begin, end, token of the next page) of the page that a token asks for; size 0 is all that is left.

    A token is where the next page begins: the place, and the name of what stood there, as entries before it may go.
    """
    asked = re.fullmatch(r"(\d+) (.*)", token or "0 ")
    if asked is None:
        raise AwsError(pages.refusal, f"The token '{token}' is not valid.")
    begin = names.index(asked[2]) if asked[2] in names else int(asked[1])
    end = begin + size if size else len(names)
    return begin, end, f"{end} {names[end]}" if end < len(names) else None


def _asked(call: Call, pages: Pages) -> bool:
    """Whether the request has a size or a token; without a look at its parameters, which takes longer."""
    body = call.request.get_data()
    return any(name in call.request.values or name.encode() in body for name in (pages.size, pages.asks))


def _longer(call: Call, entries: int) -> bool:
    """Whether the answer is so long that it may hold more entries."""
    return call.response is not None and len(call.response.get_data()) > entries * _SHORTEST


for _service, _operation, _pages, _default, _keys, _known_by in _LISTS:
    after(_service, _operation)(
        partial(_page, pages=_pages, default=_default, keys=_keys.split(), known_by=_known_by.split())
    )


# --- lists that moto pages in its own way: the whole list comes from here, the pages from above


@replace("elbv2", "DescribeLoadBalancers")
def load_balancers(call: Call) -> dict[str, Any]:
    asked = call.params
    return {
        "LoadBalancers": call.backends.backend("elbv2").describe_load_balancers(
            asked.get("LoadBalancerArns") or [], asked.get("Names") or []
        )
    }


@replace("elbv2", "DescribeRules")
def rules(call: Call) -> dict[str, Any]:
    asked = call.params
    return {"Rules": call.backends.backend("elbv2").describe_rules(asked.get("ListenerArn"), asked.get("RuleArns"))}


@patch("moto.applicationautoscaling.responses", "ApplicationAutoScalingResponse.describe_scalable_targets")
def all_scalable_targets(self: Any) -> str:
    """moto gives the same token again and again."""
    from moto.applicationautoscaling.responses import _build_target

    self._validate_params()
    backend, asked = self.applicationautoscaling_backend, self._get_param
    found = backend.describe_scalable_targets(
        asked("ServiceNamespace"), asked("ResourceIds"), asked("ScalableDimension")
    )
    return json.dumps({"ScalableTargets": [_build_target(target) for target in found]})


@patch("moto.applicationautoscaling.responses", "ApplicationAutoScalingResponse.describe_scaling_policies")
def all_scaling_policies(self: Any) -> str:
    from moto.applicationautoscaling.responses import _build_policy

    backend, asked = self.applicationautoscaling_backend, self._get_param
    _, found = backend.describe_scaling_policies(
        asked("ServiceNamespace"), asked("ResourceId"), asked("ScalableDimension"), sys.maxsize, ""
    )
    return json.dumps({"ScalingPolicies": [_build_policy(policy) for policy in found]})


@patch("moto.ec2.responses.amis", "AmisResponse.describe_images")
def images_of_a_page(self: Any) -> Any:
    """There are so many that only the page is written."""
    from moto.core.responses import ActionResult

    self.error_on_dryrun()
    images = self.ec2_backend.describe_images(
        ami_ids=self._get_param("ImageIds", []),
        filters=self._filters_from_querystring(),
        exec_users=self._get_param("ExecutableUsers", []),
        owners=self._get_param("Owners", []),
    )
    size, token = self._get_int_param("MaxResults") or _ALL, self._get_param("NextToken")
    begin, end, token = _cut([image.id for image in images], size, token, _EC2)
    return ActionResult({"Images": images[begin:end], "NextToken": token})


@patch("moto.ec2.responses.instances", "InstanceResponse.describe_instance_types")
def instance_types_of_a_page(self: Any) -> Any:
    """There are so many that only the page is written, a hundred unless asked."""
    from moto.core.responses import ActionResult

    types = self.ec2_backend.describe_instance_types(
        self._get_param("InstanceTypes", []), self._filters_from_querystring()
    )
    size, token = self._get_int_param("MaxResults") or 100, self._get_param("NextToken")
    begin, end, token = _cut([each["InstanceType"] for each in types], size, token, _EC2)
    return ActionResult({"InstanceTypes": types[begin:end], "NextToken": token})


@before("autoscaling", "DescribeAutoScalingGroups")
def token_is_a_group(call: Call) -> None:
    """moto's own tokens are the names of groups."""
    asked = call.params
    if (token := asked.get("NextToken")) and call.backends.auto_scaling_group(token) is None:
        raise AwsError("InvalidNextToken", f"The token '{token}' is invalid.")
    if int(asked.get("MaxRecords") or 1) > 100:
        message = f"Value '{asked['MaxRecords']}' at 'maxRecords' failed to satisfy constraint: at most 100"
        raise AwsError("ValidationError", f"1 validation error detected: {message}")
