"""What the kinds of IAM share: names that are unique in the account, and lists that are proved by tags."""

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
    """The name in IAM, which knows no regions: two deployments in two regions would meet there."""
    return f"{cloud.aws_name(name)}-{cloud.region}"


def owned(cloud: Cloud, operation: str, result: str, key: str, tags: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Reference name and description of what `operation` lists and the deployment owns in its region.

    IAM's lists come without tags. Names narrow them; the tags, asked for with the operation `tags`, prove it.
    """
    first, last = cloud.aws_name(""), f"-{cloud.region}"
    for raw in pages(cloud, "iam", operation, result):
        if raw[key].startswith(first) and raw[key].endswith(last):
            name = None
            with ignore_codes(GONE):
                name = cloud.owned_name(tag_dict(pages(cloud, "iam", tags, "Tags", **{key: raw[key]})))
            if name:
                yield name, raw
