"""IAM: names that are unique in the account, and lists of owned resources by tag."""

import re
from collections.abc import Iterator
from typing import Any

from esaws.aws import ignore_codes, pages, tag_dict
from esaws.cloud import Cloud

NAME_PATTERN = re.compile(r"[A-Za-z0-9_+=,.@-]+")
_AFFIXES = len("12345678-") + len("-ap-northeast-1")
ROLE_NAME_LIMIT = 64 - _AFFIXES
PROFILE_NAME_LIMIT = 128 - _AFFIXES

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
