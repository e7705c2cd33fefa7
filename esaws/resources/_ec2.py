"""What the kinds of EC2 share: tags in the first call, lists by tag, and words for "there is no such thing"."""

from collections.abc import Iterator
from typing import Any

from esaws.aws import pages, tag_dict, tag_list
from esaws.cloud import DEPLOYMENT_TAG, Cloud


def tag_specifications(cloud: Cloud, resource_type: str, name: str) -> list[dict[str, Any]]:
    """The `TagSpecifications` of a create call; `resource_type` is EC2's word, such as `vpc`."""
    return [{"ResourceType": resource_type, "Tags": tag_list(cloud.tags(name))}]


def owned(cloud: Cloud, operation: str, result: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Reference name and description of everything that `operation` lists and the deployment owns."""
    filters = [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "ec2", operation, result, Filters=filters):
        if name := cloud.owned_name(tag_dict(raw.get("Tags"))):
            yield name, raw
