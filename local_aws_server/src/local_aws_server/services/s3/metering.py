"""Buckets are charged for what they hold, old versions and unfinished uploads too, and for requests; deleting is free.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/aws-usage-report-understand.html
https://aws.amazon.com/s3/pricing/

Requests that fail are not counted, nor those for no bucket. A bucket to which bills are exported is not metered, so
that whoever looks at a bill does not change it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.billing.charge import Meter, Tags, sorted_tags
from local_aws_server.billing.meter import USAGE_LOGS, Reading, meter_reader
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Buckets are charged for what they hold, old versions and unfinished uploads too, and for "
        "requests; deleting is free.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/aws-usage-report-understand.html",
            "https://aws.amazon.com/s3/pricing/",
        ),
    ),
)

_GB = Decimal(2**30)

_STORAGE = {
    "STANDARD": ("TimedStorage-ByteHrs", "StandardStorage"),
    "STANDARD_IA": ("TimedStorage-SIA-ByteHrs", "StandardIAStorage"),
    "ONEZONE_IA": ("TimedStorage-ZIA-ByteHrs", "OneZoneIAStorage"),
    "INTELLIGENT_TIERING": ("TimedStorage-INT-FA-ByteHrs", "IntelligentTieringFAStorage"),
    "REDUCED_REDUNDANCY": ("TimedStorage-RRS-ByteHrs", "ReducedRedundancyStorage"),
    "GLACIER_IR": ("TimedStorage-GIR-ByteHrs", "GlacierInstantRetrievalStorage"),
    "GLACIER": ("TimedStorage-GlacierByteHrs", "GlacierStorage"),
    "DEEP_ARCHIVE": ("TimedStorage-GDA-ByteHrs", "DeepArchiveStorage"),
}
"""Storage class → (usage type, operation)."""

_SETTINGS = {
    "BucketAccelerateConfiguration": "Accelerate",
    "BucketAcl": "ACL",
    "BucketCors": "BucketCors",
    "BucketEncryption": "BucketServerSideEncryption",
    "BucketInventoryConfiguration": "BucketInventory",
    "BucketLifecycleConfiguration": "BucketLifecycle",
    "BucketLogging": "LogProps",
    "BucketNotificationConfiguration": "NotificationProps",
    "BucketOwnershipControls": "BucketOwnershipControls",
    "BucketPolicy": "BucketPolicy",
    "BucketReplication": "BucketReplication",
    "BucketTagging": "CostAllocation",
    "BucketVersioning": "VersioningProps",
    "BucketWebsite": "BucketWebsite",
    "ObjectAcl": "ACL",
    "ObjectLegalHold": "ObjectLegalHold",
    "ObjectLockConfiguration": "BucketObjectLockConfig",
    "ObjectTagging": "ObjectTagging",
    "PublicAccessBlock": "BucketPublicAccessBlock",
}
"""What is got and put → how bills name it: GetBucketTagging is ReadCostAllocation there."""

_TIER_1 = {
    "CompleteMultipartUpload": "CompleteMultipartUpload",
    "CopyObject": "CopyObject",
    "CreateBucket": "CreateBucket",
    "CreateMultipartUpload": "InitiateMultipartUpload",
    "ListMultipartUploads": "ListMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListParts",
    "PutObject": "PutObject",
    "PutObjectRetention": "WriteObjectRetention",
    "UploadPart": "UploadPart",
    "UploadPartCopy": "UploadPartCopy",
    **{f"Put{setting}": f"Write{name}" for setting, name in _SETTINGS.items()},
}
_TIER_2 = {
    "GetBucketLocation": "ReadLocation",
    "GetBucketPolicyStatus": "ReadBucketPolicyStatus",
    "GetObject": "GetObject",
    "GetObjectAttributes": "GetObjectAttributes",
    "HeadBucket": "HeadBucket",
    "HeadObject": "HeadObject",
    "ListBucketInventoryConfigurations": "ReadBucketInventory",
    "SelectObjectContent": "SelectObjectContent",
    **{f"Get{setting}": f"Read{name}" for setting, name in _SETTINGS.items()},
}
"""Operation → how bills name it. PUT, COPY, POST and LIST are of tier 1, GET and what is like it of tier 2."""


@meter_reader("s3")
def stored_objects(world: Backends) -> Iterator[Reading]:
    """What each bucket of the region holds, in GB, by storage class."""
    for bucket in world.backend("s3").buckets.values():
        if bucket.region_name != world.region or _takes_bills(bucket):
            continue
        for storage_class, held in _held(bucket).items():
            if storage_class in _STORAGE and held:
                usage_type, operation = _STORAGE[storage_class]
                meter = Meter(world.region, "AmazonS3", usage_type, operation, "GB-Mo", bucket.name)
                yield Reading(meter, held / _GB, _tags(world, bucket))


@after("s3", *_TIER_1)
def a_request_of_tier_1(call: Call) -> None:
    _count(call, "Requests-Tier1", _TIER_1[call.operation])


@after("s3", *_TIER_2)
def a_request_of_tier_2(call: Call) -> None:
    _count(call, "Requests-Tier2", _TIER_2[call.operation])


@after("s3", "CompleteMultipartUpload", "CopyObject", "DeleteObject", "DeleteObjects", "PutObject", "UploadPart")
def a_bucket_of_another_region(call: Call) -> None:
    """S3 takes requests for it anywhere, and the bucket is metered where it is."""
    bucket = _bucket(call)
    if bucket is not None and bucket.region_name != call.region:
        SCHEDULER.reconcile(Backends(call.account, bucket.region_name), "s3")


@after("bcm-data-exports", "CreateExport", "UpdateExport")
def bills_come_here(call: Call) -> None:
    destination = call.params["Export"]["DestinationConfigurations"]["S3Destination"]["S3Bucket"]
    bucket = call.backends.backend("s3").buckets.get(destination)
    if bucket is not None:
        sidecar(bucket)["takes_bills"] = True
        SCHEDULER.reconcile(Backends(call.account, bucket.region_name), "s3")


def _takes_bills(bucket: Any) -> bool:
    return bucket.name == f"esaws-billing-{bucket.account_id}" or "takes_bills" in sidecar(bucket)


def _held(bucket: Any) -> Counter[str]:
    """Storage class → bytes, of all versions and of all parts of uploads; a delete marker has none."""
    held = Counter[str]()
    for versions in dict.values(bucket.keys):  # moto's own gives the newest version alone, and copies the store
        for version in versions:
            if (size := getattr(version, "contentsize", 0)) > 0:
                held[version.storage_class] += size
    for upload in bucket.multiparts.values():
        held[upload.storage or "STANDARD"] += sum(part.contentsize for part in upload.parts.values())
    return held


def _count(call: Call, usage_type: str, operation: str) -> None:
    bucket = _bucket(call)
    if bucket is not None and not _takes_bills(bucket):
        meter = Meter(bucket.region_name, "AmazonS3", usage_type, operation, "Requests", bucket.name)
        USAGE_LOGS[call.account].count(meter, Decimal(1), CLOCK.now(), _tags(call.backends, bucket))


def _bucket(call: Call) -> Any | None:
    """The bucket of a call, if it is the account's own."""
    return call.backends.backend("s3").buckets.get(call.params["Bucket"])


def _tags(world: Backends, bucket: Any) -> Tags:
    return sorted_tags(world.backend("s3").tagger.get_tag_dict_for_resource(bucket.arn))
