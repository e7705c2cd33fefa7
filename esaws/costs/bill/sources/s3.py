"""Bills in a bucket: downloaded into the bill's temporary folder, with the keys and times that they have in S3."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from esaws.aws import pages
from esaws.costs.bill.bill_file import File
from esaws.errors import UsageError, describe_error

if TYPE_CHECKING:
    from esaws.cloud import Cloud


def download(source: str, cloud: Cloud | None, scratch: Path) -> tuple[list[File], bool]:
    """Download the objects below `s3://bucket/prefix`; also return whether the source is a single object.

    A prefix ends at a slash: `s3://bills/cur` does not include `s3://bills/cur-old/`.

    Raises:
        UsageError: no cloud was given, or the bucket or prefix does not exist or may not be read.
    """
    if cloud is None:
        raise UsageError(f"{source} needs an account. Pass the cloud: read_bill(…, cloud=cloud).")
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    if not bucket:
        raise UsageError(f"{source}: no bucket name. Write s3://bucket/prefix.")
    client, folder = cloud.client("s3"), scratch / "s3" / bucket
    files = []
    try:
        for item in pages(cloud, "s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix):
            key = item["Key"]
            if key.endswith("/") or not (key == prefix or key.startswith(f"{prefix.rstrip('/')}/" if prefix else "")):
                continue
            path = folder / key
            if not path.resolve().is_relative_to(folder.resolve()):
                raise UsageError(f"s3://{bucket}/{key}: the key leads out of the download folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, key, str(path))
            modified = item["LastModified"].timestamp()
            os.utime(path, (modified, modified))
            files.append(File(path, f"s3://{bucket}/{key}", modified))
    except ClientError as error:
        raise UsageError(f"{source} can't be read ({describe_error(error)})") from None
    if not files:
        raise UsageError(f"{source}: no objects there")
    return files, len(files) == 1 and files[0].name == source
