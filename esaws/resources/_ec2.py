"""EC2: tags in the create call, and lists of owned resources by tag."""

from collections.abc import Iterator
from typing import Any

from esaws.aws import pages, tag_dict, tag_list
from esaws.cloud import DEPLOYMENT_TAG, Cloud


def tag_specifications(cloud: Cloud, resource_type: str, name: str) -> list[dict[str, Any]]:
    """Return the `TagSpecifications` of a create call; `resource_type` is EC2's word, such as `vpc`."""
    return [{"ResourceType": resource_type, "Tags": tag_list(cloud.tags(name))}]


def list_owned(cloud: Cloud, operation: str, result: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reference name and description of every owned resource that `operation` lists."""
    filters = [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "ec2", operation, result, Filters=filters):
        if name := cloud.owned_name(tag_dict(raw.get("Tags"))):
            yield name, raw
