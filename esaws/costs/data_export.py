"""The bill line by line: a CUR 2.0 export of the account into a bucket of its own, defined and ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud

NAME = "esaws-hourly"

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
"""What is asked for: AWS wants its columns named."""


def export_bill(cloud: Cloud) -> str:
    """Let AWS write the account's bill, hourly and with resources, into a bucket; gives the bucket's name.

    `read_bill("s3://BUCKET/", cloud=cloud)` reads it.

    Asked a second time, nothing changes. AWS delivers the first files within a day, and overwrites those of a month
    until it is closed; the bucket's content costs as any other's.
    https://docs.aws.amazon.com/cur/latest/userguide/what-is-data-exports.html
    """
    bucket = bucket_of(cloud)
    if _arn(cloud) is None:
        _make_bucket(cloud, bucket)
        query = f"SELECT {', '.join(COLUMNS)} FROM COST_AND_USAGE_REPORT"
        settings = {"TIME_GRANULARITY": "HOURLY", "INCLUDE_RESOURCES": "TRUE"}
        files = {
            "OutputType": "CUSTOM",
            "Format": "PARQUET",
            "Compression": "PARQUET",
            "Overwrite": "OVERWRITE_REPORT",
        }
        place = {
            "S3Bucket": bucket,
            "S3Prefix": "cur",
            "S3Region": cloud.region,
            "S3OutputConfigurations": files,
        }
        export = {
            "Name": NAME,
            "DataQuery": {
                "QueryStatement": query,
                "TableConfigurations": {"COST_AND_USAGE_REPORT": settings},
            },
            "DestinationConfigurations": {"S3Destination": place},
            "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        }
        cloud.client("bcm-data-exports").create_export(Export=export)
    return bucket


def end_export(cloud: Cloud) -> None:
    """Let AWS write no more, and delete what it has written, with the bucket."""
    if arn := _arn(cloud):
        cloud.client("bcm-data-exports").delete_export(ExportArn=arn)
    s3, bucket = cloud.client("s3"), bucket_of(cloud)
    with ignore_codes("NoSuchBucket"):
        for key in list(_keys(cloud, bucket)):
            s3.delete_object(Bucket=bucket, Key=key)
        s3.delete_bucket(Bucket=bucket)


def bucket_of(cloud: Cloud) -> str:
    """The bucket of an account's bills: one for all its deployments."""
    return f"esaws-billing-{cloud.account}"


def _arn(cloud: Cloud) -> str | None:
    exports = pages(cloud, "bcm-data-exports", "list_exports", "Exports")
    return next((each["ExportArn"] for each in exports if each["ExportName"] == NAME), None)


def _keys(cloud: Cloud, bucket: str) -> Iterator[str]:
    yield from (each["Key"] for each in pages(cloud, "s3", "list_objects_v2", "Contents", Bucket=bucket))


def _make_bucket(cloud: Cloud, bucket: str) -> None:
    """With the policy that Data Exports asks for.

    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-s3-bucket.html
    """
    s3 = cloud.client("s3")
    # Where S3 began it takes no name of a region.
    where = {} if cloud.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}}
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # of an export that was ended by hand
        s3.create_bucket(Bucket=bucket, **where)
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
