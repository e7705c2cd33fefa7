"""Meter the contents of buckets, including old versions and unfinished uploads, and requests; deleting is free.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/aws-usage-report-understand.html
https://aws.amazon.com/s3/pricing/

Failed requests and requests without a bucket are not counted. A bucket that receives bill exports is not metered, so
that reading a bill does not change it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.charge import BYTES_PER_GB, Meter, Tags, sorted_tags
from local_aws_server.billing.meter import USAGE_LOGS, Reading, meter_reader
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Buckets are charged for their contents, including old versions and unfinished uploads, and for "
        "requests; deleting is free.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/aws-usage-report-understand.html",
            "https://aws.amazon.com/s3/pricing/",
        ),
    ),
)

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
    "BucketAnalyticsConfiguration": "BucketAnalytics",
    "BucketCors": "BucketCors",
    "BucketEncryption": "BucketServerSideEncryption",
    "BucketIntelligentTieringConfiguration": "BucketIntelligentTiering",
    "BucketInventoryConfiguration": "BucketInventory",
    "BucketLifecycleConfiguration": "BucketLifecycle",
    "BucketLogging": "LogProps",
    "BucketMetricsConfiguration": "BucketMetrics",
    "BucketNotificationConfiguration": "NotificationProps",
    "BucketOwnershipControls": "BucketOwnershipControls",
    "BucketPolicy": "BucketPolicy",
    "BucketReplication": "BucketReplication",
    "BucketRequestPayment": "BucketRequestPayment",
    "BucketTagging": "CostAllocation",
    "BucketVersioning": "VersioningProps",
    "BucketWebsite": "BucketWebsite",
    "ObjectAcl": "ACL",
    "ObjectLegalHold": "ObjectLegalHold",
    "ObjectLockConfiguration": "BucketObjectLockConfig",
    "ObjectRetention": "ObjectRetention",
    "ObjectTagging": "ObjectTagging",
    "PublicAccessBlock": "BucketPublicAccessBlock",
}
"""Name of a setting in Get and Put operations → its name on bills: GetBucketTagging is ReadCostAllocation."""

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
    "ListBucketAnalyticsConfigurations": "ReadBucketAnalytics",
    "ListBucketIntelligentTieringConfigurations": "ReadBucketIntelligentTiering",
    "ListBucketInventoryConfigurations": "ReadBucketInventory",
    "ListBucketMetricsConfigurations": "ReadBucketMetrics",
    "SelectObjectContent": "SelectObjectContent",
    **{f"Get{setting}": f"Read{name}" for setting, name in _SETTINGS.items()},
}
"""Operation → its name on bills. PUT, COPY, POST and LIST are in tier 1; GET, HEAD and SELECT are in tier 2."""


@meter_reader("s3")
def stored_objects(backends: Backends) -> Iterator[Reading]:
    """The GB in each bucket of the region, by storage class."""
    for bucket in backends.backend("s3").buckets.values():
        if bucket.region_name != backends.region or _receives_bills(bucket):
            continue
        for storage_class, size in _stored_bytes(bucket).items():
            if storage_class in _STORAGE and size:
                usage_type, operation = _STORAGE[storage_class]
                meter = Meter(backends.region, "AmazonS3", usage_type, operation, "GB-Mo", bucket.name)
                yield Reading(meter, size / BYTES_PER_GB, _tags(backends, bucket))


@after("s3", *_TIER_1)
def count_tier_1_request(call: Call) -> None:
    _count_request(call, "Requests-Tier1", _TIER_1[call.operation])


@after("s3", *_TIER_2)
def count_tier_2_request(call: Call) -> None:
    _count_request(call, "Requests-Tier2", _TIER_2[call.operation])


@after(
    "s3",
    *("CompleteMultipartUpload", "CopyObject", "DeleteObject", "DeleteObjects", "PutBucketLifecycleConfiguration"),
    *("PutObject", "UploadPart"),
)
def reconcile_in_bucket_region(call: Call) -> None:
    """Meter the bucket, and schedule its lifecycle, in its own region: S3 accepts requests for it in any region."""
    bucket = _bucket(call)
    if bucket is not None and bucket.region_name != call.region:
        SCHEDULER.reconcile(Backends(call.account, bucket.region_name), "s3")


@after("bcm-data-exports", "CreateExport", "UpdateExport")
def stop_metering_export_bucket(call: Call) -> None:
    name = call.params["Export"]["DestinationConfigurations"]["S3Destination"]["S3Bucket"]
    bucket = call.backends.backend("s3").buckets.get(name)
    if bucket is not None:
        sidecar(bucket)["receives_bills"] = True
        SCHEDULER.reconcile(Backends(call.account, bucket.region_name), "s3")


def _receives_bills(bucket: Any) -> bool:
    return bucket.name == f"esaws-billing-{bucket.account_id}" or "receives_bills" in sidecar(bucket)


def _stored_bytes(bucket: Any) -> Counter[str]:
    """Storage class → bytes of all object versions and of all uploaded parts."""
    stored = Counter[str]()
    for versions in dict.values(bucket.keys):  # moto's own `values` has only the newest version, and copies the store
        for version in versions:
            if (size := getattr(version, "contentsize", 0)) > 0:  # a delete marker has none
                stored[version.storage_class] += size
    for upload in bucket.multiparts.values():
        stored[upload.storage or "STANDARD"] += sum(part.contentsize for part in upload.parts.values())
    return stored


def _count_request(call: Call, usage_type: str, operation: str) -> None:
    bucket = _bucket(call)
    if bucket is not None and not _receives_bills(bucket):
        meter = Meter(bucket.region_name, "AmazonS3", usage_type, operation, "Requests", bucket.name)
        USAGE_LOGS[call.account].count(meter, Decimal(1), CLOCK.now(), _tags(call.backends, bucket))


def _bucket(call: Call) -> Any | None:
    """The bucket of a call, if the account owns it."""
    return call.backends.backend("s3").buckets.get(call.params["Bucket"])


def _tags(backends: Backends, bucket: Any) -> Tags:
    return sorted_tags(backends.backend("s3").tagger.get_tag_dict_for_resource(bucket.arn))
