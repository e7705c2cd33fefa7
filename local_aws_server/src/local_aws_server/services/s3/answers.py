"""What S3 shows of objects and owners, and moto does not: the type of a checksum; and what S3 shows no longer."""

from __future__ import annotations

import re
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="A checksum has a type; owners have no display name any more. An expected bucket owner is compared.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html",
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_Owner.html",
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html",
        ),
    ),
)

_WHOLE = "FULL_OBJECT"
_ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
_DISPLAY_NAME = re.compile(rb"<DisplayName>[^<]*</DisplayName>|<DisplayName ?/>")


@after("s3", "PutObject", "CopyObject")
def note_type(call: Call) -> None:
    """Note the type of the checksum of an object that was written in one piece, and show it."""
    key = call.backends.backend("s3").get_object(call.params["Bucket"], call.params["Key"])
    if key is None or not getattr(key, "checksum_algorithm", None):
        return
    key.checksum_type = key.checksum_type or _WHOLE
    if call.operation == "PutObject" and call.response is not None:
        call.response.headers["x-amz-checksum-type"] = key.checksum_type
    elif call.operation == "CopyObject":
        copied = call.result.setdefault("CopyObjectResult", {})
        copied[f"Checksum{key.checksum_algorithm}"] = key.checksum_value
        copied["ChecksumType"] = key.checksum_type


@after("s3", "GetObject", "HeadObject")
def show_type_of_one(call: Call) -> None:
    """Show the type where the checksum is shown."""
    if call.response is None:
        return
    headers = call.response.headers
    if any(f"x-amz-checksum-{name}" in headers for name in _ALGORITHMS):
        headers.setdefault("x-amz-checksum-type", _WHOLE)


@after("s3", "ListObjectVersions", "ListObjects", "ListObjectsV2")
def show_type(call: Call) -> None:
    """Show the types of checksums in a list."""
    if call.response is None or b"<ChecksumAlgorithm>" not in call.response.get_data():
        return
    bucket = call.backends.backend("s3").buckets[call.params["Bucket"]]
    for each in (*call.result.get("Contents", ()), *call.result.get("Versions", ())):
        if each.get("ChecksumAlgorithm"):
            each["ChecksumType"] = _type(bucket, each)


def _type(bucket: Any, entry: dict[str, Any]) -> str:
    from urllib.parse import unquote

    keys = bucket.keys.getlist(entry["Key"], []) or bucket.keys.getlist(unquote(entry["Key"]), [])
    version = entry.get("VersionId", "")
    found = [key for key in keys if version in ("", str(key.version_id), "null")]
    return str(getattr(found[-1], "checksum_type", None) or _WHOLE) if found else _WHOLE


@after(
    "s3",
    "GetBucketAcl",
    "GetObjectAcl",
    "ListBuckets",
    "ListMultipartUploads",
    "ListObjectVersions",
    "ListObjects",
    "ListObjectsV2",
    "ListParts",
)
def hide_display_names(call: Call) -> None:
    if call.has_result:
        _remove_names(call.result)
    elif call.response is not None and b"<DisplayName" in (body := call.response.get_data()):
        call.response.set_data(_DISPLAY_NAME.sub(b"", body))


def _remove_names(value: Any) -> None:
    if isinstance(value, dict):
        value.pop("DisplayName", None)
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            _remove_names(each)


@after("s3", "PutBucketPolicy")
def answer_without_content(call: Call) -> None:
    if call.response is not None:
        call.response.status_code = 204
