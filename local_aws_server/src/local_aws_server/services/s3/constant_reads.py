"""Answer reads of settings that buckets and objects do not have, or have by default, and keep who pays for requests.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketRequestPayment.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import REAL, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="Metrics, analytics and Intelligent-Tiering configurations of a bucket are listed: there are none. "
        "The retention of an object is read as it was put.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBucketMetricsConfigurations.html",
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html",
        ),
    ),
    Behaviour(
        service="S3",
        fidelity=REAL,
        statement="Who pays for the requests to a bucket is kept; the bill is always the owner's.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketRequestPayment.html",),
    ),
)

_CONFIGURATIONS = ("Analytics", "IntelligentTiering", "Metrics")


def _bucket(call: Call) -> Any:
    bucket: Any = call.backends.backend("s3").get_bucket(call.params["Bucket"])  # raises NoSuchBucket
    return bucket


@replace("s3", "GetBucketRequestPayment")
def get_request_payment(call: Call) -> dict[str, Any]:
    return {"Payer": sidecar(_bucket(call)).get("payer", "BucketOwner")}


@replace("s3", "PutBucketRequestPayment")
def put_request_payment(call: Call) -> dict[str, Any]:
    payer = (call.params.get("RequestPaymentConfiguration") or {}).get("Payer")
    if payer not in ("BucketOwner", "Requester"):
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        raise AwsError("MalformedXML", message, 400)
    sidecar(_bucket(call))["payer"] = payer
    return {}


@replace("s3", *(f"ListBucket{name}Configurations" for name in _CONFIGURATIONS))
def list_configurations(call: Call) -> dict[str, Any]:
    _bucket(call)
    return {"IsTruncated": False}


@replace("s3", *(f"{verb}Bucket{name}Configuration" for verb in ("Get", "Delete") for name in _CONFIGURATIONS))
def find_configuration(call: Call) -> dict[str, Any]:
    _bucket(call)
    raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)


@replace("s3", "GetObjectRetention")
def get_object_retention(call: Call) -> dict[str, Any]:
    bucket = _bucket(call)
    key = call.backends.backend("s3").get_object(
        bucket.name, call.params["Key"], version_id=call.params.get("VersionId")
    )
    if key is None:
        raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
    if not bucket.object_lock_enabled:
        raise AwsError("InvalidRequest", "Bucket is missing Object Lock Configuration", 400)
    if not key.lock_mode:
        message = "The specified object does not have a ObjectLock configuration"
        raise AwsError("NoSuchObjectLockConfiguration", message, 404)
    return {"Retention": {"Mode": key.lock_mode, "RetainUntilDate": key.lock_until}}
