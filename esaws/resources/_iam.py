"""IAM: names that are unique in the account, and lists of owned resources by tag."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from esaws.aws import ignore_codes, pages, tag_dict
from esaws.cloud import Cloud
from esaws.documented import Text

IAM_NAME = Text(1, 64, r"[\w+=,.@-]*", "letters, digits and any of _+=,.@-")
"""What the name of a role takes."""

IAM_PROFILE_NAME = replace(IAM_NAME, high=128)
"""What the name of an instance profile takes."""

GONE = "NoSuchEntity"


def iam_name(cloud: Cloud, name: str) -> str:
    """Return the name in IAM. It includes the region, because IAM is global and two regions would clash."""
    return f"{cloud.aws_name(name)}-{cloud.region}"


def list_owned(cloud: Cloud, operation: str, result: str, key: str, tags: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reference name and description of every owned resource of this region that `operation` lists.

    IAM's lists have no tags. The tags of resources with our name are fetched with the operation `tags`.
    """
    prefix, suffix = cloud.aws_name(""), f"-{cloud.region}"
    for raw in pages(cloud, "iam", operation, result):
        if raw[key].startswith(prefix) and raw[key].endswith(suffix):
            name = None
            with ignore_codes(GONE):
                name = cloud.owned_name(tag_dict(pages(cloud, "iam", tags, "Tags", **{key: raw[key]})))
            if name:
                yield name, raw
