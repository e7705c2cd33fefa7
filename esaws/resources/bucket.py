"""An S3 bucket."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages, tag_dict, tag_list
from esaws.cloud import Cloud
from esaws.documented import (
    ANY_TAG,
    BOOLEAN,
    DESCRIBED,
    ITSELF,
    LONGEST_REGION,
    Always,
    Call,
    Field,
    Flag,
    Made,
    Name,
    Text,
    Unchecked,
    tags,
)
from esaws.errors import EsawsError
from esaws.pricelist import Usage
from esaws.resource import Live, Lives, Resource, Usages

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True, kw_only=True)
class Bucket(Resource):
    """Stores objects; with `versioning` also their previous versions. `expected_gb` is for cost estimates."""

    public_access_blocked: bool = True
    versioning: bool = False
    expected_gb: float = 10

    in_place = frozenset({"public_access_blocked", "versioning"})
    not_compared = frozenset({"expected_gb"})
    seconds = 3
    icon = "aws.storage.SimpleStorageServiceS3Bucket"
    permissions = (
        "s3:AbortMultipartUpload",
        "s3:CreateBucket",
        "s3:DeleteBucket",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketTagging",
        "s3:GetBucketVersioning",
        "s3:ListAllMyBuckets",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListBucketVersions",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketTagging",
        "s3:PutBucketVersioning",
        "s3:TagResource",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html",
            {
                "Bucket": Name(
                    Text(3, 63, r"[a-z0-9]+(-+[a-z0-9]+)*", "lower-case letters and digits, with hyphens between them"),
                    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
                    ending=f"-123456789012{LONGEST_REGION}",
                ),
                "CreateBucketConfiguration.LocationConstraint": Made(Unchecked("the region, except us-east-1")),
                **tags("CreateBucketConfiguration.Tags", ANY_TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html",
            {
                "Bucket": ITSELF,
                **{
                    f"PublicAccessBlockConfiguration.{block}": Field("public_access_blocked", BOOLEAN)
                    for block in _BLOCKS
                },
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html",
            {
                "Bucket": ITSELF,
                "VersioningConfiguration.Status": Field("versioning", Flag("Enabled", "Suspended")),
            },
        ),
        Call("https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html", {"Bucket": ITSELF}),
        Call(
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html",
            {
                "Bucket": ITSELF,
                "Delete.Objects[].Key": DESCRIBED,
                "Delete.Objects[].VersionId": DESCRIBED,
                "Delete.Quiet": Always(True, BOOLEAN),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html",
            {"Bucket": ITSELF, "Key": DESCRIBED, "UploadId": DESCRIBED},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.expected_gb < 0:
            raise self.refusal(f"expected_gb {self.expected_gb} is negative. Use 0 or more.")

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        s3 = cloud.client("s3")
        lives = []
        for raw in pages(cloud, "s3", "list_buckets", "Buckets", Prefix=cloud.aws_name("")):
            bucket = raw["Name"]
            if not (bucket.startswith(cloud.aws_name("")) and bucket.endswith(_name_suffix(cloud))):
                continue
            with ignore_codes("NoSuchTagSet", "NoSuchBucket"):  # not ours, or deleted meanwhile
                tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
                if name := cloud.owned_name(tag_dict(tags)):
                    fields = {"public_access_blocked": _is_blocked(s3, bucket), "versioning": _is_versioned(s3, bucket)}
                    lives.append(Live(cls.kind, name, bucket, fields=fields, raw=raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        s3 = cloud.client("s3")
        bucket = cloud.aws_name(self.name) + _name_suffix(cloud)
        configuration: dict[str, Any] = {"Tags": tag_list(cloud.tags(self.name))}
        if cloud.region != "us-east-1":  # S3 rejects a location constraint there
            configuration["LocationConstraint"] = cloud.region
        # The name of a deleted bucket stays reserved for a while.
        cloud.retry(
            lambda: s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=configuration), "OperationAborted"
        )
        self.remember_id(cloud, bucket)
        cloud.wait("s3", "bucket_exists", Bucket=bucket)
        cloud.retry(lambda: self._block(cloud, bucket), "NoSuchBucket")
        if self.versioning:
            self._version(cloud, bucket)

    def update(self, cloud: Cloud, live: Live) -> None:
        if live.fields["public_access_blocked"] != self.public_access_blocked:
            self._block(cloud, live.id)
        if live.fields["versioning"] != self.versioning:
            self._version(cloud, live.id)

    def _block(self, cloud: Cloud, bucket: str) -> None:
        blocks = dict.fromkeys(_BLOCKS, self.public_access_blocked)
        cloud.client("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocks)

    def _version(self, cloud: Cloud, bucket: str) -> None:
        status = {"Status": "Enabled" if self.versioning else "Suspended"}  # AWS can't disable versioning completely
        cloud.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=status)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        s3 = cloud.client("s3")

        def delete() -> None:
            _empty(cloud, live.id)
            s3.delete_bucket(Bucket=live.id)

        with ignore_codes("NoSuchBucket"):
            cloud.retry(delete, "BucketNotEmpty", "OperationAborted")
        cloud.wait("s3", "bucket_not_exists", Bucket=live.id)

    def usage(self) -> Usages:
        return [Usage.gb_month("AmazonS3", "TimedStorage-ByteHrs", self.expected_gb, "StandardStorage")]

    @classmethod
    def example(cls) -> Self:
        return cls(name="clips")


def _name_suffix(cloud: Cloud) -> str:
    return f"-{cloud.account}-{cloud.region}"


def _is_blocked(s3: Any, bucket: str) -> bool:
    blocks: dict[str, bool] = {}
    with ignore_codes("NoSuchPublicAccessBlockConfiguration"):
        blocks = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    return all(blocks.get(block) for block in _BLOCKS)


def _is_versioned(s3: Any, bucket: str) -> bool:
    return bool(s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled")


def _empty(cloud: Cloud, bucket: str) -> None:
    """Delete all versions and delete markers of all objects, and abort unfinished uploads."""
    s3 = cloud.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if versions:
            keys = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in versions]
            response = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            for error in response.get("Errors", ()):
                raise EsawsError(
                    f"bucket {bucket}: {error['Key']} was not deleted ({error['Code']} {error.get('Message', '')})"
                )
    for upload in pages(cloud, "s3", "list_multipart_uploads", "Uploads", Bucket=bucket):
        with ignore_codes("NoSuchUpload"):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
