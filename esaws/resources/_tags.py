"""Ownership where a list call shows no tags: narrowed by the AWS name's beginning, proven by the tags of each."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import error_code, pages, tag_dict
from esaws.cloud import Cloud


def owned_by_arn(
    cloud: Cloud, service: str, operation: str, result: str, *, name: str, arn: str, gone: str, **parameters: Any
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Reference name and description of everything that `operation` lists and the deployment owns.

    For RDS and ElastiCache: `name` and `arn` are their words for both, and `gone` the code that they answer for what
    was deleted between the two calls.
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
        if owned := cloud.owned_name(tag_dict(tags)):
            yield owned, raw


def minor(version: str) -> str:
    """`7.1` of `7.1.0`: what is asked for; the patch that runs is AWS's choice."""
    return ".".join(version.split(".")[:2])
