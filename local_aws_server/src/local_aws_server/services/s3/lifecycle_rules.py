"""Decide what S3's lifecycle rules do with objects and uploads. Pure functions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

DAY = 86400.0

Rule = Mapping[str, Any]
"""A rule in boto3's shape."""


@dataclass(frozen=True)
class ObjectVersion:
    """A version of an object, or a delete marker."""

    key: str
    created_at: float
    size: int
    tags: Mapping[str, str]
    is_marker: bool
    storage_class: str
    noncurrent_since: float | None = None
    """When the next version was created; None for the current version."""
    newer_noncurrent: int = 0
    """The number of newer versions that are noncurrent."""


def is_enabled(rule: Rule) -> bool:
    return bool(rule.get("Status") == "Enabled")


def matches(rule: Rule, version: ObjectVersion) -> bool:
    """Whether the filter of a rule selects an object."""
    selection = rule.get("Filter") or {}
    selection = selection.get("And") or selection
    tags = [*selection.get("Tags", ()), *([selection["Tag"]] if "Tag" in selection else ())]
    prefix = selection.get("Prefix", rule.get("Prefix")) or ""
    return (
        version.key.startswith(prefix)
        and all(version.tags.get(tag["Key"]) == tag["Value"] for tag in tags)
        and version.size > int(selection.get("ObjectSizeGreaterThan", -1))
        and version.size < float(selection.get("ObjectSizeLessThan", "inf"))
    )


def matches_upload(rule: Rule, key: str) -> bool:
    """Whether a rule selects an unfinished upload, which has no tags or size."""
    selection = rule.get("Filter") or {}
    selection = selection.get("And") or selection
    return key.startswith(selection.get("Prefix", rule.get("Prefix")) or "")


def is_due(since: float, days: int, now: float) -> bool:
    """Whether so many days have passed; S3 rounds up to the next midnight."""
    return ceil((since + days * DAY) / DAY) * DAY <= now


def is_reached(action: Mapping[str, Any], since: float, now: float, days: str = "Days") -> bool:
    """Whether the date of an action, or its number of days, is reached."""
    if "Date" in action:
        return timestamp(action["Date"]) <= now
    return days in action and is_due(since, int(action[days]), now)


def expires(rules: Sequence[Rule], version: ObjectVersion, now: float) -> bool:
    """Whether a version expires: a current one as a whole, a noncurrent one for ever."""
    for rule in filter(is_enabled, rules):
        if not matches(rule, version):
            continue
        if version.noncurrent_since is None:
            if not version.is_marker and is_reached(rule.get("Expiration") or {}, version.created_at, now):
                return True
        elif (action := rule.get("NoncurrentVersionExpiration")) and _is_noncurrent_due(action, version, now):
            return True
    return False


def removes_marker(rules: Sequence[Rule], marker: ObjectVersion, now: float) -> bool:
    """Whether a delete marker without other versions is removed."""
    return any(
        matches(rule, marker)
        and (
            (rule.get("Expiration") or {}).get("ExpiredObjectDeleteMarker") is True
            or is_reached(rule.get("Expiration") or {}, marker.created_at, now)
        )
        for rule in filter(is_enabled, rules)
    )


def storage_class(rules: Sequence[Rule], version: ObjectVersion, now: float) -> str:
    """Return the storage class that a version has by now: that of the latest transition."""
    reached: list[tuple[float, str]] = []
    for rule in filter(is_enabled, rules):
        if version.is_marker or not matches(rule, version):
            continue
        if version.noncurrent_since is None:
            for action in rule.get("Transitions") or ():
                if is_reached(action, version.created_at, now):
                    at = timestamp(action["Date"]) if "Date" in action else int(action["Days"]) * DAY
                    reached.append((at, action["StorageClass"]))
        else:
            for action in rule.get("NoncurrentVersionTransitions") or ():
                if _is_noncurrent_due(action, version, now):
                    reached.append((int(action["NoncurrentDays"]) * DAY, action["StorageClass"]))
    return max(reached)[1] if reached else version.storage_class


def aborts(rules: Sequence[Rule], key: str, initiated_at: float, now: float) -> bool:
    """Whether an unfinished upload is aborted."""
    return any(
        matches_upload(rule, key)
        and is_reached(rule.get("AbortIncompleteMultipartUpload") or {}, initiated_at, now, "DaysAfterInitiation")
        for rule in filter(is_enabled, rules)
    )


def _is_noncurrent_due(action: Mapping[str, Any], version: ObjectVersion, now: float) -> bool:
    kept = int(action.get("NewerNoncurrentVersions", 0))
    since = version.noncurrent_since
    return since is not None and version.newer_noncurrent >= kept and is_due(since, int(action["NoncurrentDays"]), now)


def timestamp(date: datetime) -> float:
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
