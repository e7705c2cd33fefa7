"""The NoSuchUpload and NoSuchKey errors of S3."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="A multipart upload that does not exist returns NoSuchUpload, and tags of a missing object "
        "NoSuchKey.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html",
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html",
        ),
    ),
)


def _uploads(call: Call) -> set[str]:
    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    if bucket is None:
        return {call.params["UploadId"]}  # moto raises
    uploads = set(bucket.multiparts)
    completed = getattr(bucket.keys.get(call.params["Key"]), "multipart", None)
    if call.operation == "CompleteMultipartUpload" and completed is not None:
        uploads.add(completed.id)  # which may be repeated
    return uploads


def _keys(call: Call) -> set[str]:
    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    return set(bucket.keys) if bucket else {call.params["Key"]}


NotFoundRule(
    "s3",
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
    "completed.",
    _uploads,
    by_parameter("UploadId", "CompleteMultipartUpload", "UploadPart", "UploadPartCopy"),
    status=404,
).register()

NotFoundRule(
    "s3",
    "NoSuchKey",
    "The specified key does not exist.",
    _keys,
    by_parameter("Key", "DeleteObjectTagging"),
    status=404,
).register()
