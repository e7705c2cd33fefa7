"""Parameters of Systems Manager, for the kinds that are stored as one."""

from collections.abc import Iterator
from typing import Any

from esaws.aws import ignore_codes, ignore_repetition, pages, tag_dict, tag_list
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.documented import (
    BOOLEAN,
    ITSELF,
    LONGEST_DEPLOYMENT,
    LONGEST_REGION,
    TAG,
    Always,
    Call,
    Name,
    OneOf,
    Parameter,
    Text,
    tags,
)

ICON = "aws.management.SystemsManagerParameterStore"
FREE = "standard parameters cost nothing"
PERMISSIONS = (
    "ssm:AddTagsToResource",
    "ssm:DeleteParameter",
    "ssm:DescribeParameters",
    "ssm:GetParameter",
    "ssm:ListTagsForResource",
    "ssm:PutParameter",
)


def documented_put(kind: str, value: Parameter) -> Call:
    """Return what AWS documents about the call that creates a parameter of a type, or changes it."""
    # The limit of 1,011 characters counts the ARN up to the name.
    name = Text(1, 1011, r"arn:[a-z0-9:-]*/[A-Za-z0-9_./-]*", "letters, digits and any of _.-")
    return Call(
        "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
        {
            "Name": Name(
                name, prefix=f"arn:aws-us-gov:ssm{LONGEST_REGION}:123456789012:parameter/{LONGEST_DEPLOYMENT}"
            ),
            "Type": Always(kind, OneOf("String", "StringList", "SecureString")),
            "Value": value,
            "Overwrite": Always(True, BOOLEAN),
            **tags("Tags", TAG),
        },
    )


DOCUMENTED_DELETE = Call(
    "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html", {"Name": ITSELF}
)


def list_owned(cloud: Cloud, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reference name and description of the owned parameters of a type (`String`, `SecureString`)."""
    filters = [{"Key": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "ssm", "describe_parameters", "Parameters", ParameterFilters=filters):
        if raw["Type"] != kind:
            continue
        with ignore_codes("InvalidResourceId"):  # deleted meanwhile
            if name := _owned_name(cloud, raw["Name"]):
                yield name, raw


def put(cloud: Cloud, name: str, kind: str, value: str) -> str:
    """Create a parameter of the deployment and return its name on AWS."""
    parameter = f"/{cloud.deployment}/{name}"
    with ignore_repetition("ParameterAlreadyExists", lambda: _owned_name(cloud, parameter) == name):
        cloud.client("ssm").put_parameter(Name=parameter, Type=kind, Value=value, Tags=tag_list(cloud.tags(name)))
    return parameter


def _owned_name(cloud: Cloud, parameter: str) -> str | None:
    tags = cloud.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=parameter)["TagList"]
    return cloud.owned_name(tag_dict(tags))


def delete(cloud: Cloud, parameter: str) -> None:
    with ignore_codes("ParameterNotFound"):
        cloud.client("ssm").delete_parameter(Name=parameter)
