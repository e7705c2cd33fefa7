"""Apply the lifecycle rules of buckets at each midnight (UTC): expirations, transitions and aborted uploads.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.hooks import after, reconciler
from local_aws_server.services.s3 import lifecycle_rules
from local_aws_server.services.s3.lifecycle_rules import DAY, ObjectVersion, Rule, timestamp
from local_aws_server.services.s3.versions import put_null_marker

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="Lifecycle rules are applied at midnight (UTC): objects and noncurrent versions expire or change "
        "their storage class, lone delete markers are removed, unfinished uploads are aborted, and the bill follows.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html",
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html",
        ),
    ),
)


@after("s3", "PutBucketLifecycleConfiguration", "PutBucketLifecycle")
def keep_rules(call: Call) -> None:
    """Keep the rules as they are sent: moto drops sizes and numbers of versions."""
    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    if bucket is None:
        return
    rules = copy.deepcopy(call.params.get("LifecycleConfiguration", {}).get("Rules") or [])
    for rule, stored in zip(rules, bucket.rules, strict=False):
        rule.setdefault("ID", stored.id)
    sidecar(bucket).update(lifecycle=rules, applied=_last_midnight())


@after("s3", "GetBucketLifecycleConfiguration")
def show_rules(call: Call) -> None:
    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    if bucket is not None and (rules := sidecar(bucket).get("lifecycle")):
        call.result["Rules"] = copy.deepcopy(rules)


@after("s3", "DeleteBucketLifecycle")
def forget_rules(call: Call) -> None:
    if bucket := call.backends.backend("s3").buckets.get(call.params["Bucket"]):
        sidecar(bucket).pop("lifecycle", None)


@after("s3", "CreateMultipartUpload")
def note_initiation(call: Call) -> None:
    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    if bucket is not None and (upload := bucket.multiparts.get(call.result["UploadId"])):
        sidecar(upload)["initiated_at"] = CLOCK.now()


@reconciler("s3", order=80)
def apply_lifecycles(backends: Backends) -> float | None:
    """Apply the rules of the region's buckets; returns the next midnight if there are any."""
    buckets = [
        bucket
        for bucket in backends.backend("s3").buckets.values()
        if bucket.region_name == backends.region and sidecar(bucket).get("lifecycle")
    ]
    return each(backends, "bucket", buckets, lambda bucket: bucket.name, lambda bucket: _apply(backends, bucket))


def _apply(backends: Backends, bucket: Any) -> float:
    notes, midnight = sidecar(bucket), _last_midnight()
    if notes.get("applied") != midnight:
        notes["applied"] = midnight
        changes = _apply_to_objects(backends, bucket, notes["lifecycle"]) + _abort_uploads(bucket, notes["lifecycle"])
        if changes:
            record_event(backends, bucket.name, f"lifecycle rules applied, changes: {changes}", "midnight (UTC)")
            SCHEDULER.mark_changed(backends, "s3")  # for the meter
    return midnight + DAY


def _last_midnight() -> float:
    return CLOCK.now() // DAY * DAY


def _apply_to_objects(backends: Backends, bucket: Any, rules: Sequence[Rule]) -> int:
    now, changes = CLOCK.now(), 0
    for key in list(bucket.keys):
        versions = list(dict.__getitem__(bucket.keys, key))  # the oldest first
        kept = []
        for position, version in enumerate(versions):
            described = _describe(backends, versions, position)
            if described.noncurrent_since is not None and lifecycle_rules.expires(rules, described, now):
                changes += 1
                continue
            kept.append(version)
            moved_to = lifecycle_rules.storage_class(rules, described, now)
            if moved_to != described.storage_class:
                version.set_storage_class(moved_to)
                changes += 1
        if len(kept) < len(versions):
            bucket.keys.setlist(key, kept)
        current = _describe(backends, kept, len(kept) - 1)
        if current.is_marker and len(kept) == 1:
            if lifecycle_rules.removes_marker(rules, current, now):
                dict.pop(bucket.keys, key)  # the store would dispose of a marker like of an object
                changes += 1
        elif lifecycle_rules.expires(rules, current, now):
            _expire_current(backends, bucket, key)
            changes += 1
    return changes


def _expire_current(backends: Backends, bucket: Any, key: str) -> None:
    """Delete an object, or add a delete marker where there are versions."""
    if bucket.versioning_status == "Suspended":
        put_null_marker(bucket, key)
    else:
        backends.backend("s3").delete_object(bucket.name, key)


def _describe(backends: Backends, versions: Sequence[Any], position: int) -> ObjectVersion:
    version = versions[position]
    is_marker = not hasattr(version, "contentsize")
    newer = versions[position + 1 :]
    return ObjectVersion(
        version.name,
        _created_at(version),
        0 if is_marker else version.contentsize,
        {} if is_marker else backends.backend("s3").tagger.get_tag_dict_for_resource(version.arn),
        is_marker,
        "STANDARD" if is_marker else str(version.storage_class),
        _created_at(newer[0]) if newer else None,
        max(0, len(newer) - 1),
    )


def _created_at(version: Any) -> float:
    return float(timestamp(version.last_modified))


def _abort_uploads(bucket: Any, rules: Sequence[Rule]) -> int:
    aborted = [
        id
        for id, upload in bucket.multiparts.items()
        if (initiated := sidecar(upload).get("initiated_at")) is not None
        and lifecycle_rules.aborts(rules, upload.key_name, initiated, CLOCK.now())
    ]
    for id in aborted:
        del bucket.multiparts[id]
    return len(aborted)
