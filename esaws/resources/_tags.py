"""RDS and ElastiCache: lists of owned resources, whose tags need another call; and versions."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import error_code, pages, tag_dict
from esaws.cloud import Cloud


def list_owned_by_arn(
    cloud: Cloud, service: str, operation: str, result: str, *, name: str, arn: str, gone: str, **parameters: Any
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reference name and description of every owned resource that `operation` lists.

    `name` and `arn` are the keys of both in a description. `gone` is the error code for a resource that was deleted
    between the two calls.
    """
    for raw in pages(cloud, service, operation, result, **parameters):
        if not raw[name].startswith(cloud.aws_name("")):
            continue
        try:
            tags = cloud.client(service).list_tags_for_resource(ResourceName=raw[arn])["TagList"]
        except ClientError as error:
            if error_code(error) != gone:
                raise
            continue
        if owned_name := cloud.owned_name(tag_dict(tags)):
            yield owned_name, raw


def minor_version(version: str) -> str:
    """Return `7.1` of `7.1.0`. AWS chooses the patch version."""
    return ".".join(version.split(".")[:2])
