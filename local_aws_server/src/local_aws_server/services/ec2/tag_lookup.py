"""A patch that makes EC2 faster: the tags of a resource are looked up by its id."""

from typing import Any

from local_aws_server.hooks import patch


@patch("moto.ec2.models.core", "TaggedEC2Resource.get_tags")
def get_tags(self: Any) -> list[dict[str, str]]:
    """The tags of the resource. moto searches those of all resources for its id, at each look at one."""
    from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

    if not self.id:
        return []
    kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(self.id), "")
    tags = self.ec2_backend.tags.get(self.id, {})
    return [{"resource_id": self.id, "key": key, "value": value, "resource_type": kind} for key, value in tags.items()]
