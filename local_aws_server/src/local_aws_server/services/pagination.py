"""Pages of list and describe operations. moto returns most of these lists at once, and fails on some tokens."""

import json
import re
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch, replace

BEHAVIOURS = (
    Behaviour(
        service="anything else",
        statement="Lists have pages of the requested size, or of AWS's default; an invalid token is refused.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeTags.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html",
        ),
    ),
)

_MIN_ENTRY_BYTES = 20
"""The least size of an entry in a response."""


@dataclass(frozen=True)
class PageParameters:
    """A service's names of the page size and the tokens, and its error code for an invalid token."""

    size: str
    token: str
    next_token: str
    error_code: str


_ECS = PageParameters("maxResults", "nextToken", "nextToken", "InvalidParameterException")
_ELB = PageParameters("PageSize", "Marker", "NextMarker", "ValidationError")
_EC2 = PageParameters("MaxResults", "NextToken", "NextToken", "InvalidPaginationToken")
_RECORDS = PageParameters("MaxRecords", "NextToken", "NextToken", "InvalidNextToken")
_SCALING = PageParameters("MaxResults", "NextToken", "NextToken", "InvalidNextTokenException")

_ALL = 0
"""AWS returns the whole list unless the request has a size."""

_LISTS: list[tuple[str, str, PageParameters, int, str, str]] = [
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
"""(service, operation, parameters, AWS's default size, member with the list, identifying member of an entry).

Two lists in one response share their pages; two members together may identify an entry.
"""


@before("iam", "ListAttachedGroupPolicies", "ListAttachedRolePolicies", "ListAttachedUserPolicies", "ListPolicies")
def check_marker(call: Call) -> None:
    """moto's markers of these lists are numbers."""
    if not call.params.get("Marker", "0").isdecimal():
        raise AwsError("ValidationError", "Invalid Marker.", 400)


@before("ssm", "ListDocuments")
def check_documents_token(call: Call) -> None:
    if not call.params.get("NextToken", "0").isdecimal():
        raise AwsError("InvalidNextToken", "The specified token is not valid.", 400)


def _page(call: Call, names: PageParameters, default: int, keys: list[str], id_members: list[str]) -> None:
    """Cut the lists of a result down to the requested page."""
    if not _is_requested(call, names) and not (default and _may_exceed(call, default)):
        return
    size = int(call.params.get(names.size) or default)
    if call.result.get(names.next_token):
        return
    entries = [(key, entry) for key in keys for entry in call.result.get(key) or []]
    ids = [" ".join(str(entry.get(member)) for member in id_members) if id_members else entry for _, entry in entries]
    begin, end, token = _cut(ids, size, call.params.get(names.token), names)
    for key in keys:
        call.result[key] = [entry for member, entry in entries[begin:end] if member == key]
    if token:
        call.result[names.next_token] = token


def _cut(ids: list[str], size: int, token: str | None, names: PageParameters) -> tuple[int, int, str | None]:
    """The (begin, end, next token) of a token's page; size 0 is the whole rest.

    A token has the index and the id of the next page's first entry, because earlier entries may have been deleted.
    """
    match = re.fullmatch(r"(\d+) (.*)", token or "0 ")
    if match is None:
        raise AwsError(names.error_code, f"The token '{token}' is not valid.")
    begin = ids.index(match[2]) if match[2] in ids else int(match[1])
    end = begin + size if size else len(ids)
    return begin, end, f"{end} {ids[end]}" if end < len(ids) else None


def _is_requested(call: Call, names: PageParameters) -> bool:
    """Whether the request has a size or a token. Searching the body is faster than parsing the parameters."""
    body = call.request.get_data()
    return any(name in call.request.values or name.encode() in body for name in (names.size, names.token))


def _may_exceed(call: Call, entries: int) -> bool:
    """Whether the response is long enough for more entries."""
    return call.response is not None and len(call.response.get_data()) > entries * _MIN_ENTRY_BYTES


for _service, _operation, _names, _default, _keys, _id_members in _LISTS:
    after(_service, _operation)(
        partial(_page, names=_names, default=_default, keys=_keys.split(), id_members=_id_members.split())
    )


# --- lists that moto pages itself: these functions return the whole list, and `_page` cuts it


@replace("elbv2", "DescribeLoadBalancers")
def list_load_balancers(call: Call) -> dict[str, Any]:
    params = call.params
    return {
        "LoadBalancers": call.backends.backend("elbv2").describe_load_balancers(
            params.get("LoadBalancerArns") or [], params.get("Names") or []
        )
    }


@replace("elbv2", "DescribeRules")
def list_rules(call: Call) -> dict[str, Any]:
    params = call.params
    return {"Rules": call.backends.backend("elbv2").describe_rules(params.get("ListenerArn"), params.get("RuleArns"))}


@patch("moto.applicationautoscaling.responses", "ApplicationAutoScalingResponse.describe_scalable_targets")
def list_scalable_targets(self: Any) -> str:
    """moto would return the same token for ever."""
    from moto.applicationautoscaling.responses import _build_target

    self._validate_params()
    backend, param = self.applicationautoscaling_backend, self._get_param
    targets = backend.describe_scalable_targets(
        param("ServiceNamespace"), param("ResourceIds"), param("ScalableDimension")
    )
    return json.dumps({"ScalableTargets": [_build_target(target) for target in targets]})


@patch("moto.applicationautoscaling.responses", "ApplicationAutoScalingResponse.describe_scaling_policies")
def list_scaling_policies(self: Any) -> str:
    from moto.applicationautoscaling.responses import _build_policy

    backend, param = self.applicationautoscaling_backend, self._get_param
    _, policies = backend.describe_scaling_policies(
        param("ServiceNamespace"), param("ResourceId"), param("ScalableDimension"), sys.maxsize, ""
    )
    return json.dumps({"ScalingPolicies": [_build_policy(policy) for policy in policies]})


@patch("moto.ec2.responses.amis", "AmisResponse.describe_images")
def describe_images(self: Any) -> Any:
    """Serialize only the page, because there are many images."""
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
def describe_instance_types(self: Any) -> Any:
    """Serialize only the page, of a hundred types by default, because there are many."""
    from moto.core.responses import ActionResult

    types = self.ec2_backend.describe_instance_types(
        self._get_param("InstanceTypes", []), self._filters_from_querystring()
    )
    size, token = self._get_int_param("MaxResults") or 100, self._get_param("NextToken")
    begin, end, token = _cut([description["InstanceType"] for description in types], size, token, _EC2)
    return ActionResult({"InstanceTypes": types[begin:end], "NextToken": token})


@before("autoscaling", "DescribeAutoScalingGroups")
def validate_token(call: Call) -> None:
    """Refuse a token that is not the name of a group, which is moto's token."""
    params = call.params
    if (token := params.get("NextToken")) and call.backends.auto_scaling_group(token) is None:
        raise AwsError("InvalidNextToken", f"The token '{token}' is invalid.")
    if int(params.get("MaxRecords") or 1) > 100:
        message = f"Value '{params['MaxRecords']}' at 'maxRecords' failed to satisfy constraint: at most 100"
        raise AwsError("ValidationError", f"1 validation error detected: {message}")
