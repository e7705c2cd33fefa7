"""Bills in a bucket: fetched once into the bill's own folder, with the folders and times that they have there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from esaws.aws import pages
from esaws.costs.bill.files import File
from esaws.errors import UsageError, told

if TYPE_CHECKING:
    from esaws.cloud import Cloud


def fetched(source: str, cloud: Cloud | None, scratch: Path) -> tuple[list[File], bool]:
    """The objects below `s3://bucket/prefix`, and whether it names a single one.

    A prefix ends at a slash: `s3://bills/cur` is not also `s3://bills/cur-old/`.

    Raises:
        UsageError: no cloud was given, or there is no such bucket or prefix, or it may not be read.
    """
    if cloud is None:
        raise UsageError(f"{source} is in a bucket: give the cloud that it is in, as in read_bill(…, cloud=cloud)")
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    if not bucket:
        raise UsageError(f"{source} names no bucket; say it like s3://bucket/prefix")
    client, folder = cloud.client("s3"), scratch / "s3" / bucket
    found = []
    try:
        for each in pages(cloud, "s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix):
            key = each["Key"]
            if key.endswith("/") or not (key == prefix or key.startswith(f"{prefix.rstrip('/')}/" if prefix else "")):
                continue
            path = folder / key
            if not path.resolve().is_relative_to(folder.resolve()):
                raise UsageError(f"s3://{bucket}/{key} has a name that leads out of the bucket")
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, key, str(path))
            changed = each["LastModified"].timestamp()
            os.utime(path, (changed, changed))
            found.append(File(path, f"s3://{bucket}/{key}", changed))
    except ClientError as error:
        raise UsageError(f"{source} can't be read: {told(error)}") from None
    if not found:
        raise UsageError(f"there is nothing at {source}")
    return found, len(found) == 1 and found[0].name == source
