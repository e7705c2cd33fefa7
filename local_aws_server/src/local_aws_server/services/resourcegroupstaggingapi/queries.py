"""The tagging API shows every tagged thing that exists, of every service, and none of the dead.

Auto Scaling groups and IAM's users and roles are not shown, by AWS neither; what has no region is shown in us-east-1.
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetTagKeys.html
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
"""

import base64
import binascii
import sys
from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import replace
from local_aws_server.tag_index import tagged_resources

BEHAVIOURS = (
    Behaviour(
        service="Tags",
        statement="The tagging API shows every tagged thing that exists, of every service, and none of the dead.",
        documentation=(
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html",
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetTagKeys.html",
            "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html",
        ),
    ),
)


@replace("resourcegroupstaggingapi", "GetResources")
def get_resources(call: Call) -> dict[str, Any]:
    asked = call.params
    found = sorted(_matching(call.backends, asked).items())
    if arns := asked.get("ResourceARNList"):
        for other in ("ResourceTypeFilters", "TagFilters", "ResourcesPerPage", "TagsPerPage", "PaginationToken"):
            if asked.get(other):
                raise _invalid(f"ResourceARNList and {other} can't be specified in the same request")
        return {"PaginationToken": "", "ResourceTagMappingList": _shown(each for each in found if each[0] in arns)}
    after = _arn_in(asked.get("PaginationToken") or "")
    page, more = _page([each for each in found if each[0] > after], _limits(asked))
    token = base64.urlsafe_b64encode(page[-1][0].encode()).decode() if more else ""
    return {"PaginationToken": token, "ResourceTagMappingList": _shown(page)}


@replace("resourcegroupstaggingapi", "GetTagKeys")
def get_tag_keys(call: Call) -> dict[str, Any]:
    keys = {key for _, tags in tagged_resources(call.backends) for key in tags}
    return {"PaginationToken": "", "TagKeys": sorted(keys)}


@replace("resourcegroupstaggingapi", "GetTagValues")
def get_tag_values(call: Call) -> dict[str, Any]:
    values = {tags[call.params["Key"]] for _, tags in tagged_resources(call.backends) if call.params["Key"] in tags}
    return {"PaginationToken": "", "TagValues": sorted(values)}


def _matching(world: Backends, asked: dict[str, Any]) -> dict[str, dict[str, str]]:
    filters = [(each["Key"], each.get("Values") or []) for each in asked.get("TagFilters") or []]
    types = asked.get("ResourceTypeFilters") or []
    return {
        arn: tags
        for arn, tags in tagged_resources(world)
        if tags
        and all(key in tags and (not values or tags[key] in values) for key, values in filters)
        and (not types or any(_is_of(arn, kind) for kind in types))
    }


def _is_of(arn: str, kind: str) -> bool:
    """Whether `service` or `service:type` are the words in the ARN; a bucket's ARN has none for its type."""
    service, _, wanted = kind.partition(":")
    _, _, own, _, _, resource = arn.split(":", 5)
    if own != service:
        return False
    resource = f"{'bucket/' if own == 's3' else ''}{resource}/".replace(":", "/")
    return not wanted or resource.startswith(f"{wanted}/")


def _limits(asked: dict[str, Any]) -> tuple[int, int]:
    """(resources, tags) that one page holds."""
    resources, tags = asked.get("ResourcesPerPage"), asked.get("TagsPerPage")
    if resources is not None and not 1 <= resources <= 100:
        raise _invalid("ResourcesPerPage must be between 1 and 100")
    if tags is not None and not 100 <= tags <= 500:
        raise _invalid("TagsPerPage must be between 100 and 500")
    return resources or (100 if tags else 50), tags or sys.maxsize


def _page(
    left: list[tuple[str, dict[str, str]]], limits: tuple[int, int]
) -> tuple[list[tuple[str, dict[str, str]]], bool]:
    page, counted = [], 0
    for arn, tags in left[: limits[0]]:
        counted += len(tags)
        if counted > limits[1]:
            break
        page.append((arn, tags))
    return page, len(page) < len(left)


def _arn_in(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _invalid("The PaginationToken is not valid") from None


def _shown(page: Iterable[tuple[str, dict[str, str]]]) -> list[dict[str, Any]]:
    return [
        {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for arn, tags in page
    ]


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
