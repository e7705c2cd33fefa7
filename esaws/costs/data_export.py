"""Create and delete a CUR 2.0 export of the account's bill, hourly and by resource, into a bucket of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud

EXPORT_NAME = "esaws-hourly"

COLUMNS = (
    "bill_billing_period_start_date",
    "bill_payer_account_id",
    "identity_line_item_id",
    "identity_time_interval",
    "line_item_availability_zone",
    "line_item_currency_code",
    "line_item_line_item_description",
    "line_item_line_item_type",
    "line_item_operation",
    "line_item_product_code",
    "line_item_resource_id",
    "line_item_unblended_cost",
    "line_item_unblended_rate",
    "line_item_usage_account_id",
    "line_item_usage_amount",
    "line_item_usage_end_date",
    "line_item_usage_start_date",
    "line_item_usage_type",
    "pricing_public_on_demand_cost",
    "pricing_public_on_demand_rate",
    "pricing_unit",
    "product_region_code",
    "resource_tags",
)
"""The columns of the export; AWS requires a list."""


def export_bill(cloud: Cloud) -> str:
    """Create a Data Export of the account's bill, hourly and by resource; return the name of its bucket.

    `read_bill("s3://BUCKET/", cloud=cloud)` reads it. An existing export is kept as it is. AWS delivers the first files
    within a day, and overwrites those of a month until it is closed. The storage of the bucket is charged as usual.
    https://docs.aws.amazon.com/cur/latest/userguide/what-is-data-exports.html
    """
    bucket = export_bucket(cloud)
    if _export_arn(cloud) is None:
        _create_bucket(cloud, bucket)
        settings = {"TIME_GRANULARITY": "HOURLY", "INCLUDE_RESOURCES": "TRUE"}
        file_format = {
            "OutputType": "CUSTOM",
            "Format": "PARQUET",
            "Compression": "PARQUET",
            "Overwrite": "OVERWRITE_REPORT",
        }
        destination = {
            "S3Bucket": bucket,
            "S3Prefix": "cur",
            "S3Region": cloud.region,
            "S3OutputConfigurations": file_format,
        }
        export = {
            "Name": EXPORT_NAME,
            "DataQuery": {
                "QueryStatement": f"SELECT {', '.join(COLUMNS)} FROM COST_AND_USAGE_REPORT",
                "TableConfigurations": {"COST_AND_USAGE_REPORT": settings},
            },
            "DestinationConfigurations": {"S3Destination": destination},
            "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        }
        cloud.client("bcm-data-exports").create_export(Export=export)
    return bucket


def end_export(cloud: Cloud) -> None:
    """Delete the export, its files and its bucket; nothing happens where they do not exist."""
    if arn := _export_arn(cloud):
        cloud.client("bcm-data-exports").delete_export(ExportArn=arn)
    s3, bucket = cloud.client("s3"), export_bucket(cloud)
    with ignore_codes("NoSuchBucket"):
        for key in list(_keys(cloud, bucket)):
            s3.delete_object(Bucket=bucket, Key=key)
        s3.delete_bucket(Bucket=bucket)


def export_bucket(cloud: Cloud) -> str:
    """The name of the bucket of an account's exports; all deployments share it."""
    return f"esaws-billing-{cloud.account}"


def _export_arn(cloud: Cloud) -> str | None:
    exports = pages(cloud, "bcm-data-exports", "list_exports", "Exports")
    return next((export["ExportArn"] for export in exports if export["ExportName"] == EXPORT_NAME), None)


def _keys(cloud: Cloud, bucket: str) -> Iterator[str]:
    yield from (file["Key"] for file in pages(cloud, "s3", "list_objects_v2", "Contents", Bucket=bucket))


def _create_bucket(cloud: Cloud, bucket: str) -> None:
    """Create the bucket with the policy that Data Exports requires.

    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-s3-bucket.html
    """
    s3 = cloud.client("s3")
    # us-east-1 is the only region that S3 does not accept as a LocationConstraint.
    location = (
        {} if cloud.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}}
    )
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # left by an export that was deleted by hand
        s3.create_bucket(Bucket=bucket, **location)
    services = ["billingreports.amazonaws.com", "bcm-data-exports.amazonaws.com"]
    sources = [f"arn:aws:{name}:us-east-1:{cloud.account}:*" for name in ("cur", "bcm-data-exports")]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": ["s3:PutObject", "s3:GetBucketPolicy"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"StringLike": {"aws:SourceAccount": cloud.account, "aws:SourceArn": sources}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
