"""Calls that moto answers wrongly, and that return NotSimulated here."""

from typing import Any

from tests.local.cases import case, located, outcome


@case(
    "deleting the metrics of a bucket does not delete the bucket",
    aws=("NoSuchConfiguration", ["metered"]),
    stock=("deleted", []),
)
def case_bucket_metrics(account: Any) -> Any:
    s3, name = account.client("s3"), f"metered-{account.id}"
    s3.create_bucket(Bucket=name, **located(account))
    result = outcome(lambda: s3.delete_bucket_metrics_configuration(Bucket=name, Id="all") and "deleted")
    return result, [bucket["Name"].split("-")[0] for bucket in s3.list_buckets()["Buckets"]]


@case(
    "deleting an annotation of an object does not delete the object",
    aws=("NotSimulated", ["key"]),
    stock=("deleted", []),
)
def case_object_annotation(account: Any) -> Any:
    s3, name = account.client("s3"), f"noted-{account.id}"
    s3.create_bucket(Bucket=name, **located(account))
    s3.put_object(Bucket=name, Key="key", Body=b"content")
    annotation = {"Bucket": name, "Key": "key", "AnnotationName": "note"}
    result = outcome(lambda: s3.delete_object_annotation(**annotation) and "deleted")
    return result, [found["Key"] for found in s3.list_objects_v2(Bucket=name).get("Contents", [])]
