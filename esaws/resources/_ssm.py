"""Parameters of Systems Manager, for the kinds that are stored as one."""

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


def list_owned(cloud: Cloud, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reference name and description of the owned parameters of a type (`String`, `SecureString`)."""
    ssm = cloud.client("ssm")
    filters = [{"Key": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "ssm", "describe_parameters", "Parameters", ParameterFilters=filters):
        if raw["Type"] != kind:
            continue
        with ignore_codes("InvalidResourceId"):  # deleted meanwhile
            tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=raw["Name"])["TagList"]
            if name := cloud.owned_name(tag_dict(tags)):
                yield name, raw


def put(cloud: Cloud, name: str, kind: str, value: str) -> str:
    """Create a parameter of the deployment and return its name on AWS."""
    parameter = f"/{cloud.deployment}/{name}"
    cloud.client("ssm").put_parameter(Name=parameter, Type=kind, Value=value, Tags=tag_list(cloud.tags(name)))
    return parameter


def delete(cloud: Cloud, parameter: str) -> None:
    with ignore_codes("ParameterNotFound"):
        cloud.client("ssm").delete_parameter(Name=parameter)
