"""Refuse headers and bodies that S3 cannot read.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import json
import re

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.request_validation import lacks_members

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="Bucket policies, grants, copy sources, ranges and XML bodies need S3's form.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",),
    ),
)

_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*"?[^",]+"?\s*')
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")
_COPY_RANGE = re.compile(r"bytes=\d+-\d+")
_MAX_BUCKETS = 10_000
_WITH_DOCUMENT = (
    "CompleteMultipartUpload",
    "DeleteObjects",
    "PutBucketCors",
    "PutBucketInventoryConfiguration",
    "PutBucketLogging",
    "PutBucketNotificationConfiguration",
    "PutBucketOwnershipControls",
    "PutBucketReplication",
    "PutBucketTagging",
    "PutBucketWebsite",
    "PutObjectTagging",
)
_MAX_INTEGER = 2**31 - 1
_INTEGERS = ("max-keys", "max-parts", "max-uploads", "part-number-marker", "partNumber")


@before("s3", "PutBucketPolicy")
def validate_policy(call: Call) -> None:
    text = call.params.get("Policy") or ""
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise AwsError("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'", 400)
    if "Statement" not in policy:
        raise AwsError("MalformedPolicy", "Missing required field Statement", 400)


@before("s3", "CopyObject", "CreateBucket", "CreateMultipartUpload", "PutBucketAcl", "PutObject", "PutObjectAcl")
def validate_grants(call: Call) -> None:
    for name in _GRANTS:
        for grantee in (call.params.get(name) or "").split(",") if name in call.params else ():
            if not _GRANTEE.fullmatch(grantee):
                raise AwsError("InvalidArgument", "Argument format not recognized", 400)


@before("s3", "CopyObject", "UploadPartCopy")
def validate_copy_source(call: Call) -> None:
    bucket, _, key = call.params["CopySource"].lstrip("/").partition("/")
    if not bucket:
        raise AwsError("InvalidArgument", "Invalid copy source bucket name", 400)
    if not key.partition("?")[0]:
        raise AwsError("InvalidArgument", "Invalid copy source object key", 400)
    if not _COPY_RANGE.fullmatch(call.params.get("CopySourceRange", "bytes=0-0")):
        raise AwsError(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            400,
        )


@before("s3", "GetObject", "HeadObject")
def ignore_invalid_range(call: Call) -> None:
    """Return the whole object for a range of another form, as S3 does."""
    if "HTTP_RANGE" in call.request.environ and not _RANGE.fullmatch(call.request.environ["HTTP_RANGE"]):
        del call.request.environ["HTTP_RANGE"]


@before("s3", "CompleteMultipartUpload", "RestoreObject", "SelectObjectContent")
def validate_body(call: Call) -> None:
    if not call.request.get_data():
        raise _malformed()
    if call.operation == "SelectObjectContent" and not call.params.get("InputSerialization"):
        raise AwsError("MissingRequiredParameter", "The SelectRequest entity is missing a required parameter.", 400)


@before("s3", *_WITH_DOCUMENT)
def require_members(call: Call) -> None:
    """Refuse a document that lacks a required element."""
    assert call.input_shape is not None
    member = call.input_shape.serialization["payload"]
    document = call.params.get(member)
    if document is None or (member == "Tagging" and "TagSet" not in document):
        return  # a tagging without a tag set removes the tags
    if lacks_members("s3", call.input_shape.members[member], document):
        raise _malformed()
    grants = (document.get("LoggingEnabled") or {}).get("TargetGrants") or ()
    parts = document.get("Parts") or ()
    if not all(grant and grant.get("Grantee") for grant in grants) or not all(
        part and "ETag" in part for part in parts
    ):
        raise _malformed()


@before("s3", "PutBucketEncryption", "PutBucketOwnershipControls")
def validate_single_rule(call: Call) -> None:
    member = "OwnershipControls" if "Ownership" in call.operation else "ServerSideEncryptionConfiguration"
    if len((call.params.get(member) or {}).get("Rules") or ()) != 1:
        raise _malformed()


@before("s3", "PutBucketLifecycle", "PutBucketLifecycleConfiguration")
def validate_lifecycle(call: Call) -> None:
    rules = (call.params.get("LifecycleConfiguration") or {}).get("Rules") or ()
    if not rules or not all(isinstance(rule, dict) and rule.get("Status") in ("Enabled", "Disabled") for rule in rules):
        raise _malformed()
    transitions = [transition for rule in rules for transition in rule.get("Transitions") or ()]
    if not all(isinstance(each, dict) and each.get("StorageClass") for each in transitions):
        raise _malformed()


@before("s3", "ListBuckets")
def validate_number_of_buckets(call: Call) -> None:
    size = call.request.args.get("max-buckets", "1")
    if not size.isdigit() or not 1 <= int(size) <= _MAX_BUCKETS:
        message = f"Argument max-buckets must be an integer between 1 and {_MAX_BUCKETS}"
        raise AwsError("InvalidArgument", message, 400)


@before("s3", "ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2", "ListParts", "UploadPart")
def validate_integers(call: Call) -> None:
    for name in _INTEGERS:
        value = call.request.args.get(name, "0")
        if value.isdigit():
            continue
        members = {"ArgumentName": name, "ArgumentValue": value}
        if not value.removeprefix("-").isdigit():
            message = f"Provided {name} not an integer or within integer range"
        elif name == "partNumber":
            message = "Part number must be an integer between 1 and 10000, inclusive"
        else:
            message = f"Argument {name} must be an integer between 0 and {_MAX_INTEGER}"
        raise AwsError("InvalidArgument", message, 400, **members)


def _malformed() -> AwsError:
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return AwsError("MalformedXML", message, 400)
