"""What a lifecycle policy of ECR deletes, computed as AWS documents it.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class StoredImage:
    """An image of a repository: its tags, and when it was pushed."""

    tags: tuple[str, ...]
    pushed: datetime


def expired(policy: str, images: Iterable[StoredImage], now: datetime) -> set[StoredImage]:
    """Return the images that a policy deletes.

    Rules apply in the order of their priorities. An image that one rule selects is not counted by a later one.

    Raises:
        ValueError: the policy is not JSON.
        KeyError: a rule has a field missing.
    """
    left = sorted(images, key=lambda image: image.pushed, reverse=True)
    deleted: set[StoredImage] = set()
    for rule in sorted(json.loads(policy)["rules"], key=lambda rule: rule["rulePriority"]):
        selection = rule["selection"]
        matching = [image for image in left if _is_selected(selection, image)]
        deleted |= set(_beyond_the_limit(selection, matching, now))
        left = [image for image in left if image not in matching]
    return deleted


def _is_selected(selection: dict[str, Any], image: StoredImage) -> bool:
    status = selection["tagStatus"]
    if status == "untagged":
        return not image.tags
    if status == "any":
        return True
    # An image has to match all prefixes or patterns, each with any of its tags.
    prefixes = [f"{prefix}*" for prefix in selection.get("tagPrefixList", ())]
    patterns = [*prefixes, *selection.get("tagPatternList", ())]
    return bool(image.tags) and all(any(fnmatchcase(tag, pattern) for tag in image.tags) for pattern in patterns)


def _beyond_the_limit(
    selection: dict[str, Any], newest_first: Sequence[StoredImage], now: datetime
) -> Sequence[StoredImage]:
    number = int(selection["countNumber"])
    if selection["countType"] == "imageCountMoreThan":
        return newest_first[number:]
    oldest = now - timedelta(days=number)
    return [image for image in newest_first if image.pushed < oldest]
