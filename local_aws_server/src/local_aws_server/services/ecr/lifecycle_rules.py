"""Decide which images a lifecycle policy expires. Pure functions.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_DAY = 86400.0
_MAX_WILDCARDS = 4
_SINCE = ("sinceImagePushed", "sinceImagePulled")


@dataclass(frozen=True)
class StoredImage:
    """An image of a repository."""

    digest: str
    tags: tuple[str, ...]
    pushed_at: float
    pulled_at: float | None = None
    parts: frozenset[str] = frozenset()
    """The digests that a manifest list refers to."""


@dataclass(frozen=True)
class Rule:
    """A rule of a policy."""

    priority: int
    tag_status: str
    patterns: tuple[str, ...]
    """With `*` as wildcard; an image needs a tag for each."""
    count_type: str
    count: int

    def matches_tags(self, image: StoredImage) -> bool:
        if self.tag_status == "any":
            return True
        if self.tag_status == "untagged":
            return not image.tags
        return bool(image.tags) and all(
            any(_wildcard(pattern).fullmatch(tag) for tag in image.tags) for pattern in self.patterns
        )

    def expires_at(self, image: StoredImage) -> float | None:
        """Return when an image is old enough; None if the rule counts images."""
        if self.count_type not in _SINCE:
            return None
        since = image.pulled_at if self.count_type == "sinceImagePulled" and image.pulled_at else image.pushed_at
        return since + self.count * _DAY


def parse_rules(policy: str) -> list[Rule]:
    """Return the rules of a valid policy, the first to apply first."""
    rules = [_parse_rule(rule) for rule in json.loads(policy)["rules"]]
    return sorted(rules, key=lambda rule: rule.priority)


def _parse_rule(rule: Mapping[str, Any]) -> Rule:
    selection = rule["selection"]
    prefixes = [f"{prefix}*" for prefix in selection.get("tagPrefixList") or ()]
    return Rule(
        int(rule["rulePriority"]),
        selection["tagStatus"],
        tuple(prefixes + list(selection.get("tagPatternList") or ())),
        selection["countType"],
        int(selection["countNumber"]),
    )


def expiring(rules: Sequence[Rule], images: Iterable[StoredImage], now: float) -> dict[str, int]:
    """Return digest → priority of the rule, of each image that expires.

    An image whose tags match a rule cannot be expired by a later rule. A manifest list keeps the images that it refers
    to.
    """
    newest_first = sorted(images, key=lambda image: image.pushed_at, reverse=True)
    marked: dict[str, int] = {}
    claimed: set[str] = set()
    for rule in rules:
        matching = [image for image in newest_first if rule.matches_tags(image)]
        if rule.count_type in _SINCE:
            chosen = [image for image in matching if (rule.expires_at(image) or 0.0) <= now]
        else:
            chosen = matching[rule.count :]
        marked |= {image.digest: rule.priority for image in chosen if image.digest not in claimed}
        claimed |= {image.digest for image in matching}
    kept = {part for image in newest_first if image.digest not in marked for part in image.parts}
    return {digest: priority for digest, priority in marked.items() if digest not in kept}


def next_expiry(rules: Sequence[Rule], images: Iterable[StoredImage], now: float) -> float | None:
    """Return when the next image gets old enough for a rule that matches it."""
    times = [rule.expires_at(image) for image in images for rule in rules if rule.matches_tags(image)]
    return min((time for time in times if time is not None and time > now), default=None)


def _wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))


def policy_problem(policy: str) -> str | None:
    """Return what is wrong with a policy beyond the shape of its rules; None if nothing is."""
    try:
        rules = json.loads(policy)["rules"]
        selections = [rule["selection"] for rule in rules]
        priorities = [rule["rulePriority"] for rule in rules]
        statuses = [selection["tagStatus"] for selection in selections]
    except (ValueError, KeyError, TypeError):
        return None  # moto's validator refuses it
    if len(set(priorities)) < len(priorities):
        return "rules must have a unique rulePriority"
    if not all(isinstance(priority, int) and priority > 0 for priority in priorities):
        return "rulePriority must be a positive integer"
    if statuses.count("untagged") > 1:
        return "only one rule is allowed to select untagged images"
    if any(
        status == "any" and priority < max(priorities) for status, priority in zip(statuses, priorities, strict=True)
    ):
        return "a rule with tagStatus any must have the highest rulePriority"
    for selection in selections:
        if problem := _selection_problem(selection):
            return problem
    return None


def _selection_problem(selection: Mapping[str, Any]) -> str | None:
    lists = [name for name in ("tagPrefixList", "tagPatternList") if selection.get(name)]
    if selection["tagStatus"] == "tagged" and len(lists) != 1:
        return "tagStatus tagged needs either tagPrefixList or tagPatternList"
    if selection["tagStatus"] != "tagged" and lists:
        return f"{lists[0]} is only allowed with tagStatus tagged"
    if any(pattern.count("*") > _MAX_WILDCARDS for pattern in selection.get("tagPatternList") or ()):
        return f"a tag pattern has at most {_MAX_WILDCARDS} wildcards"
    if not isinstance(selection.get("countNumber"), int):
        return "countNumber must be an integer"
    if selection.get("countType") in _SINCE and selection.get("countUnit") != "days":
        return f"countType {selection['countType']} needs the countUnit days"
    if selection.get("countType") == "imageCountMoreThan" and "countUnit" in selection:
        return "countUnit is only allowed with a countType of an age"
    return None
