"""Keep the versions of objects in buckets whose versioning is suspended: moto would drop them with each write.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectsfromVersioningSuspendedBuckets.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="In a bucket whose versioning is suspended, a write or a deletion replaces the null version and "
        "keeps the others.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectsfromVersioningSuspendedBuckets.html",
        ),
    ),
)


@patch("moto.s3.utils", "_VersionedKeyStore.setlist")
def set_versions(self: Any, key: str, versions: Any) -> None:
    """Replace the versions of an object; a new null version replaces the null version alone."""
    existing = self.getlist(key, [])
    kept = list(versions) if isinstance(versions, list | tuple) else [versions]
    if len(kept) == 1 and kept[0].version_id == "null" and not any(version is kept[0] for version in existing):
        kept = [version for version in existing if version.version_id != "null"] + kept
    for version in existing:
        if not any(version is each for each in kept) and hasattr(version, "dispose"):
            version.dispose()
    dict.__setitem__(self, key, kept)


@before("s3", "DeleteObject")
def delete_object(call: Call) -> None:
    if (bucket := _suspended(call)) is None or call.params.get("IfMatch"):
        return
    call.result = _delete(call, bucket, call.params["Key"], call.params.get("VersionId"))


@before("s3", "DeleteObjects")
def delete_objects(call: Call) -> None:
    if (bucket := _suspended(call)) is None:
        return
    deleted, errors = [], []
    for each in call.params["Delete"].get("Objects") or ():
        try:
            result = _delete(call, bucket, each["Key"], each.get("VersionId"))
        except AwsError as error:
            errors.append({"Key": each["Key"], "Code": error.code, "Message": error.message})
            continue
        marker = (
            {"DeleteMarker": True, "DeleteMarkerVersionId": result["VersionId"]} if "DeleteMarker" in result else {}
        )
        version = {"VersionId": each["VersionId"]} if "VersionId" in each else {}
        deleted.append({"Key": each["Key"], **version, **marker})
    quiet = call.params["Delete"].get("Quiet")
    call.result = {**({} if quiet else {"Deleted": deleted}), **({"Errors": errors} if errors else {})}


def put_null_marker(bucket: Any, key: str) -> None:
    """Put a delete marker in place of the null version of an object."""
    from moto.s3.models import FakeDeleteMarker

    versions = bucket.keys.getlist(key)
    marker = FakeDeleteMarker(key=versions[-1])
    marker._version_id = "null"
    bucket.keys.setlist(key, [version for version in versions if version.version_id != "null"] + [marker])


def _delete(call: Call, bucket: Any, key: str, version_id: str | None) -> dict[str, Any]:
    versions = bucket.keys.getlist(key, [])
    if version_id is None:
        if not versions:
            return {}
        put_null_marker(bucket, key)
        return {"DeleteMarker": True, "VersionId": "null"}
    deleted = [version for version in versions if version.version_id == version_id]
    for version in deleted:
        is_locked = getattr(version, "is_locked", lambda **_: False)
        if is_locked(governance_bypass=bool(call.params.get("BypassGovernanceRetention"))):
            raise AwsError("AccessDenied", "Access Denied because object protected by object lock.", 403)
    kept = [version for version in versions if version.version_id != version_id]
    if kept:
        bucket.keys.setlist(key, kept)
    else:
        dict.pop(bucket.keys, key, None)
    is_marker = any(not hasattr(version, "etag") for version in deleted)
    return {"VersionId": version_id, **({"DeleteMarker": True} if is_marker else {})}


def _suspended(call: Call) -> Any | None:
    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    return bucket if bucket is not None and bucket.versioning_status == "Suspended" else None
