"""Keep settings of buckets and objects that moto lacks, and return their defaults: who pays, metrics, retention.

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
        statement="The retention of an object is read as it was put.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html",),
    ),
    Behaviour(
        service="S3",
        fidelity=REAL,
        statement="Who pays for the requests to a bucket is kept; the bill is always the owner's.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketRequestPayment.html",),
    ),
    Behaviour(
        service="S3",
        fidelity=REAL,
        statement="Configurations of a bucket for metrics, analytics and Intelligent-Tiering are kept; nothing "
        "happens.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketMetricsConfiguration.html",),
    ),
)

_KINDS = ("Analytics", "IntelligentTiering", "Metrics")


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


# --- configurations of metrics, analytics and Intelligent-Tiering, each kind by id


def _configurations(call: Call) -> tuple[str, dict[str, Any]]:
    """Return the kind that a call is about, and its configurations: id → configuration."""
    kind = next(kind for kind in _KINDS if kind in call.operation)
    return kind, sidecar(_bucket(call)).setdefault("configurations", {}).setdefault(kind, {})


@replace("s3", *(f"PutBucket{kind}Configuration" for kind in _KINDS))
def put_configuration(call: Call) -> dict[str, Any]:
    kind, configurations = _configurations(call)
    configurations[call.params["Id"]] = call.params.get(f"{kind}Configuration") or {}
    return {}


@replace("s3", *(f"GetBucket{kind}Configuration" for kind in _KINDS))
def get_configuration(call: Call) -> dict[str, Any]:
    kind, configurations = _configurations(call)
    return {f"{kind}Configuration": _find(configurations, call.params["Id"])}


@replace("s3", *(f"DeleteBucket{kind}Configuration" for kind in _KINDS))
def delete_configuration(call: Call) -> dict[str, Any]:
    _, configurations = _configurations(call)
    _find(configurations, call.params["Id"])
    del configurations[call.params["Id"]]
    return {}


@replace("s3", *(f"ListBucket{kind}Configurations" for kind in _KINDS))
def list_configurations(call: Call) -> dict[str, Any]:
    kind, configurations = _configurations(call)
    listed = [configurations[id] for id in sorted(configurations)]
    return {"IsTruncated": False, **({f"{kind}ConfigurationList": listed} if listed else {})}


def _find(configurations: dict[str, Any], id: str) -> Any:
    if id not in configurations:
        raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
    return configurations[id]


# --- retention of objects


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
