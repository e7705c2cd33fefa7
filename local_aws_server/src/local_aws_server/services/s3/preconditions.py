"""Check the conditions of writes and of copy sources, as LocalStack's tests recorded them on AWS.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import parse_qs, unquote

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="Writes, completed uploads, deletions and copies with conditions fail with PreconditionFailed, or "
        "with ConditionalRequestConflict if the object changed during the upload.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html",
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html",
        ),
    ),
)

_NOT_IMPLEMENTED = "A header you provided implies functionality that is not implemented"


@before("s3", "CompleteMultipartUpload", "CopyObject", "PutObject")
def check_write(call: Call) -> None:
    match, none_match = call.params.get("IfMatch"), call.params.get("IfNoneMatch")
    if match is None and none_match is None:
        return
    current, upload = _current(call, call.params["Key"]), None
    if call.operation == "CompleteMultipartUpload":
        if getattr(getattr(current, "multipart", None), "id", None) == call.params["UploadId"]:
            return  # a repeated completion
        upload = call.backends.backend("s3").get_bucket(call.params["Bucket"]).multiparts.get(call.params["UploadId"])
    if match is not None and none_match is not None:
        raise AwsError("NotImplemented", _NOT_IMPLEMENTED, 501, Header="If-Match,If-None-Match")
    if none_match is not None:
        if none_match != "*":
            raise AwsError("NotImplemented", _NOT_IMPLEMENTED, 501, Header="If-None-Match")
        if current is not None:
            _fail("If-None-Match")
    if match is not None:
        if match == "*":
            raise AwsError("NotImplemented", _NOT_IMPLEMENTED, 501, Header="If-Match")
        if current is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404, Key=call.params["Key"])
        if _etag(match) != _etag(current.etag):
            _fail("If-Match")
    if upload is not None and sidecar(upload).get("current") != _identity(current):
        condition = "If-Match" if match is not None else "If-None-Match"
        message = "The conditional request cannot succeed due to a conflicting operation against this resource."
        raise AwsError("ConditionalRequestConflict", message, 409, Condition=condition, Key=call.params["Key"])


@after("s3", "CreateMultipartUpload")
def note_current_object(call: Call) -> None:
    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    if bucket is not None and (upload := bucket.multiparts.get(call.result["UploadId"])):
        sidecar(upload)["current"] = _identity(_current(call, call.params["Key"]))


@before("s3", "DeleteObject")
def check_deletion(call: Call) -> None:
    """Refuse conditions that only directory buckets know."""
    for name, header in (
        ("IfMatchLastModifiedTime", "x-amz-if-match-last-modified-time"),
        ("IfMatchSize", "x-amz-if-match-size"),
    ):
        if name in call.params:
            raise AwsError("NotImplemented", _NOT_IMPLEMENTED, 501, Header=header)


@before("s3", "CopyObject", "UploadPartCopy")
def check_copy_source(call: Call) -> None:
    params = {name: value for name, value in call.params.items() if name.startswith("CopySourceIf")}
    source = _source(call) if params else None
    if source is None:
        return
    modified = source.last_modified.replace(microsecond=0, tzinfo=UTC).timestamp()
    if "CopySourceIfMatch" in params:
        if _etag(params["CopySourceIfMatch"]) != _etag(source.etag):
            _fail("x-amz-copy-source-If-Match")
    elif "CopySourceIfUnmodifiedSince" in params and modified > _time(params["CopySourceIfUnmodifiedSince"]):
        _fail("x-amz-copy-source-If-Unmodified-Since")
    if "CopySourceIfNoneMatch" in params:
        if _etag(params["CopySourceIfNoneMatch"]) == _etag(source.etag):
            _fail("x-amz-copy-source-If-None-Match")
    elif (
        "CopySourceIfModifiedSince" in params and modified <= _time(params["CopySourceIfModifiedSince"]) <= CLOCK.now()
    ):
        _fail("x-amz-copy-source-If-Modified-Since")


def _current(call: Call, key: str) -> Any | None:
    """The current version of an object; None if there is none, or a delete marker."""
    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    found = bucket.keys.get(key) if bucket else None
    return found if hasattr(found, "etag") else None


def _source(call: Call) -> Any | None:
    path, _, query = call.params["CopySource"].partition("?")
    bucket_name, _, key = unquote(path).lstrip("/").partition("/")
    backend = call.backends.backend("s3")
    if bucket_name not in backend.buckets:
        return None  # moto refuses it
    version = parse_qs(query).get("versionId", [None])[0]
    return backend.get_object(bucket_name, key, version_id=version)


def _identity(version: Any | None) -> tuple[str, str, float] | None:
    if version is None:
        return None
    return str(version.version_id), version.etag, version.last_modified.timestamp()


def _etag(text: str) -> str:
    return text.strip('"')


def _time(time: datetime) -> float:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _fail(condition: str) -> NoReturn:
    message = "At least one of the pre-conditions you specified did not hold"
    raise AwsError("PreconditionFailed", message, 412, Condition=condition)
