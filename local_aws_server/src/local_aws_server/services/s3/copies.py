"""Refuse a copy of an object onto itself that changes nothing, and show the encryption of buckets and objects.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
"""

from __future__ import annotations

from urllib.parse import parse_qs, unquote

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before
from local_aws_server.services.s3.fields import SSE_S3

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="A copy of an object onto itself must change its metadata, storage class, redirect or encryption; "
        "otherwise it is refused with InvalidRequest.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html",),
    ),
)

_BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"


@before("s3", "CopyObject")
def refuse_copy_without_change(call: Call) -> None:
    params = call.params
    path, _, query = params["CopySource"].partition("?")
    version = parse_qs(query).get("versionId", [None])[0]
    bucket = call.backends.backend("s3").buckets.get(params["Bucket"])
    if bucket is None or unquote(path).lstrip("/") != f"{params['Bucket']}/{params['Key']}":
        return
    source = bucket.keys.get(params["Key"])
    if source is None or not hasattr(source, "encryption"):
        return  # moto refuses a copy of what does not exist
    changes = (
        params.get("MetadataDirective") == "REPLACE",
        params.get("StorageClass"),
        params.get("ServerSideEncryption"),
        params.get("WebsiteRedirectLocation"),
        source.encryption not in (None, "AES256"),
        "encryption_set" in sidecar(bucket),
        version is not None and bucket.versioning_status is not None,
    )
    if not any(changes):
        raise AwsError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
            400,
        )


@after("s3", "PutBucketEncryption")
def note_encryption(call: Call) -> None:
    if bucket := call.backends.backend("s3").buckets.get(call.params["Bucket"]):
        sidecar(bucket)["encryption_set"] = True


@after("s3", "DeleteBucketEncryption")
def reset_encryption(call: Call) -> None:
    """A bucket always has an encryption: without a configuration, SSE-S3."""
    if bucket := call.backends.backend("s3").buckets.get(call.params["Bucket"]):
        sidecar(bucket).pop("encryption_set", None)
        bucket.encryption = SSE_S3


@after("s3", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "GetObject", "HeadObject", "PutObject")
def hide_disabled_bucket_key(call: Call) -> None:
    """S3 has this header only for objects that use a bucket key."""
    if call.response is not None and call.response.headers.get(_BUCKET_KEY) == "false":
        del call.response.headers[_BUCKET_KEY]
