"""GetResources, GetTagKeys and GetTagValues over all services.

As on AWS, Auto Scaling groups and IAM users and roles are missing, and global resources are in us-east-1.
"""

import base64
import binascii
import sys
from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace
from local_aws_server.tag_index import tagged_resources

BEHAVIOURS = (
    Behaviour(
        service="Tags",
        statement="The tagging API lists every existing tagged resource of every service, and no deleted one.",
        documentation=(
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html",
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetTagKeys.html",
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html",
        ),
    ),
)


@replace("resourcegroupstaggingapi", "GetResources")
def get_resources(call: Call) -> dict[str, Any]:
    params = call.params
    resources = sorted(_matching(call.backends, params).items())
    if arns := params.get("ResourceARNList"):
        for other in ("ResourceTypeFilters", "TagFilters", "ResourcesPerPage", "TagsPerPage", "PaginationToken"):
            if params.get(other) not in (None, [], ""):
                raise _invalid(f"ResourceARNList and {other} can't be specified in the same request")
        return {
            "PaginationToken": "",
            "ResourceTagMappingList": _mappings(pair for pair in resources if pair[0] in arns),
        }
    after = _decode_token(params.get("PaginationToken") or "")
    page, has_more = _page([pair for pair in resources if pair[0] > after], _limits(params))
    token = base64.urlsafe_b64encode(page[-1][0].encode()).decode() if has_more else ""
    return {"PaginationToken": token, "ResourceTagMappingList": _mappings(page)}


@replace("resourcegroupstaggingapi", "GetTagKeys")
def get_tag_keys(call: Call) -> dict[str, Any]:
    keys = {key for _, tags in tagged_resources(call.backends) for key in tags}
    return {"PaginationToken": "", "TagKeys": sorted(keys)}


@replace("resourcegroupstaggingapi", "GetTagValues")
def get_tag_values(call: Call) -> dict[str, Any]:
    values = {tags[call.params["Key"]] for _, tags in tagged_resources(call.backends) if call.params["Key"] in tags}
    return {"PaginationToken": "", "TagValues": sorted(values)}


def _matching(backends: Backends, params: dict[str, Any]) -> dict[str, dict[str, str]]:
    filters = [(item["Key"], item.get("Values") or []) for item in params.get("TagFilters") or [] if item.get("Key")]
    types = params.get("ResourceTypeFilters") or []
    return {
        arn: tags
        for arn, tags in tagged_resources(backends)
        if tags
        and all(key in tags and (not values or tags[key] in values) for key, values in filters)
        and (not types or any(_has_type(arn, name) for name in types))
    }


_TYPES_OUTSIDE_ARNS = {"s3": "bucket", "sns": "topic", "sqs": "queue"}
"""Service whose ARNs do not contain the type → the type.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_supported-resources-enforcement.html
"""


def _has_type(arn: str, name: str) -> bool:
    """Whether an ARN is of `service` or `service:type`, as they are in the ARN."""
    service, _, resource_type = name.partition(":")
    _, _, arn_service, _, _, resource = arn.split(":", 5)
    if arn_service != service:
        return False
    resource = f"{_TYPES_OUTSIDE_ARNS.get(service, '')}/{resource}/".replace(":", "/").lstrip("/")
    return not resource_type or resource.startswith(f"{resource_type}/")


def _limits(params: dict[str, Any]) -> tuple[int, int]:
    """The (resources, tags) of one page at most."""
    resources, tags = params.get("ResourcesPerPage"), params.get("TagsPerPage")
    if resources is not None and not 1 <= resources <= 100:
        raise _invalid("ResourcesPerPage must be between 1 and 100")
    if tags is not None and not 100 <= tags <= 500:
        raise _invalid("TagsPerPage must be between 100 and 500")
    return resources or (100 if tags else 50), tags or sys.maxsize


def _page(
    rest: list[tuple[str, dict[str, str]]], limits: tuple[int, int]
) -> tuple[list[tuple[str, dict[str, str]]], bool]:
    page, counted = [], 0
    for arn, tags in rest[: limits[0]]:
        counted += len(tags)
        if counted > limits[1]:
            break
        page.append((arn, tags))
    return page, len(page) < len(rest)


def _decode_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _invalid("The PaginationToken is not valid") from None


def _mappings(page: Iterable[tuple[str, dict[str, str]]]) -> list[dict[str, Any]]:
    return [
        {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for arn, tags in page
    ]


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
