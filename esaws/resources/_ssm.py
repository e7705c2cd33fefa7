"""What the kinds share that are parameters of Systems Manager."""

import re
from collections.abc import Iterator
from typing import Any

from esaws.aws import ignore_codes, pages, tag_dict, tag_list
from esaws.cloud import DEPLOYMENT_TAG, Cloud

ICON = "aws.management.SystemsManagerParameterStore"
FREE = "standard parameters cost nothing"
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
PERMISSIONS = (
    "ssm:AddTagsToResource",
    "ssm:DeleteParameter",
    "ssm:DescribeParameters",
    "ssm:GetParameter",
    "ssm:ListTagsForResource",
    "ssm:PutParameter",
)


def owned(cloud: Cloud, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parameters of a type (`String`, `SecureString`) that the deployment owns, by the name in their tags."""
    ssm = cloud.client("ssm")
    filters = [{"Key": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "ssm", "describe_parameters", "Parameters", ParameterFilters=filters):
        if raw["Type"] != kind:
            continue
        with ignore_codes("InvalidResourceId"):  # deleted since
            tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=raw["Name"])["TagList"]
            if name := cloud.owned_name(tag_dict(tags)):
                yield name, raw


def put(cloud: Cloud, name: str, kind: str, value: str) -> str:
    """Make a parameter of the deployment, and give AWS's name of it."""
    parameter = f"/{cloud.deployment}/{name}"
    cloud.client("ssm").put_parameter(Name=parameter, Type=kind, Value=value, Tags=tag_list(cloud.tags(name)))
    return parameter


def delete(cloud: Cloud, parameter: str) -> None:
    with ignore_codes("ParameterNotFound"):
        cloud.client("ssm").delete_parameter(Name=parameter)
