"""S3: copies, repeated completions, settings with constant values, and retention of objects."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from botocore.exceptions import ClientError

from tests.local.cases import case, located, outcome


def bucket(account: Any, **more: Any) -> tuple[Any, str]:
    s3, name = account.client("s3"), f"objects-{account.id}"
    s3.create_bucket(Bucket=name, **located(account), **more)
    return s3, name


@case(
    "a copy of an object onto itself must change something",  # as LocalStack's tests recorded on AWS
    aws=(["InvalidRequest"] * 2 + ["accepted"] * 4, "accepted"),
    stock=(["InvalidRequest"] * 2 + ["accepted"] * 4, "accepted"),
)
def case_copy_onto_itself(account: Any) -> Any:
    s3, name = bucket(account)
    s3.put_object(Bucket=name, Key="k", Body=b"x", Metadata={"a": "1"})

    def copy(**changes: Any) -> Any:
        source = {"Bucket": name, "Key": "k"}
        return outcome(lambda: s3.copy_object(Bucket=name, Key="k", CopySource=source, **changes) and "accepted")

    changes: tuple[dict[str, Any], ...] = (
        {},
        {"MetadataDirective": "COPY", "Metadata": {"b": "2"}},
        {"MetadataDirective": "REPLACE"},
        {"StorageClass": "STANDARD"},
        {"ServerSideEncryption": "AES256"},
        {"WebsiteRedirectLocation": "/other"},
    )
    copies = [copy(**each) for each in changes]
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [default]})
    return copies, copy()


@case("the completion of an upload may be repeated", aws=True, stock=True)
def case_completion_again(account: Any) -> Any:
    s3, name = bucket(account)
    upload = {"Bucket": name, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"ETag": etag, "PartNumber": 1}]}
    tags = [s3.complete_multipart_upload(**upload, MultipartUpload=parts)["ETag"] for _ in range(2)]
    return tags[0] == tags[1]


@case(
    "settings that a bucket has by default, or not at all, are read",
    aws=("BucketOwner", "Requester", [False] * 3, ["NoSuchConfiguration"] * 3, "AES256"),
    stock=None,
)
def case_constant_reads(account: Any) -> Any:
    s3, name = bucket(account)

    def payer() -> Any:
        return s3.get_bucket_request_payment(Bucket=name).get("Payer")

    first = payer()
    if first is None:
        return None
    s3.put_bucket_request_payment(Bucket=name, RequestPaymentConfiguration={"Payer": "Requester"})
    kinds = ("metrics", "analytics", "intelligent_tiering")
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [default]})
    s3.delete_bucket_encryption(Bucket=name)
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    return (
        first,
        payer(),
        [getattr(s3, f"list_bucket_{kind}_configurations")(Bucket=name)["IsTruncated"] for kind in kinds],
        [
            outcome(lambda kind=kind: getattr(s3, f"get_bucket_{kind}_configuration")(Bucket=name, Id="a"))
            for kind in kinds
        ],
        rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"],
    )


@case(
    "the retention of an object is read",
    aws=("InvalidRequest", "NoSuchObjectLockConfiguration", ("GOVERNANCE", 2040)),
    stock=("500", "500", "500"),
)
def case_retention(account: Any) -> Any:
    s3, plain = bucket(account)
    s3.put_object(Bucket=plain, Key="k", Body=b"x")
    locked = f"locked-{account.id}"
    s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True, **located(account))
    s3.put_object(Bucket=locked, Key="k", Body=b"x")

    def read(name: str) -> Any:
        found = outcome(lambda: s3.get_object_retention(Bucket=name, Key="k").get("Retention", ""))
        return (found["Mode"], found["RetainUntilDate"].year) if isinstance(found, dict) else found

    first = read(plain), read(locked)
    until = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2040, 1, 1, tzinfo=UTC)}
    s3.put_object_retention(Bucket=locked, Key="k", Retention=until)
    return *first, read(locked)


@case(
    "headers and bodies that S3 cannot read are refused, and an invalid range is ignored",
    aws=(["MalformedPolicy"] * 2 + ["InvalidArgument"] * 2 + ["MalformedXML"] * 2, b"abc"),
    stock=(["accepted", "accepted", "500", "500", "500", "500"], "500"),
)
def case_unreadable(account: Any) -> Any:
    s3, name = bucket(account)
    s3.put_object(Bucket=name, Key="k", Body=b"abc")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    calls = (
        lambda: s3.put_bucket_policy(Bucket=name, Policy="odd"),
        lambda: s3.put_bucket_policy(Bucket=name, Policy="{}"),
        lambda: s3.put_object_acl(Bucket=name, Key="k", GrantRead="odd"),
        lambda: s3.copy_object(Bucket=name, Key="l", CopySource=name),
        lambda: s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule] * 2}),
        lambda: s3.restore_object(Bucket=name, Key="k"),
    )
    outcomes = [outcome(lambda each=each: each() and "accepted") for each in calls]
    s3.delete_bucket_policy(Bucket=name)
    found = outcome(lambda: s3.get_object(Bucket=name, Key="k", Range="odd")["Body"])
    return outcomes, found if isinstance(found, str) else found.read()


@case(
    "numbers of parts are positive integers",
    aws=[
        "Part number must be an integer between 1 and 10000, inclusive",
        "Argument max-parts must be an integer between 0 and 2147483647",
        "Argument part-number-marker must be an integer between 0 and 2147483647",
    ],
    stock=None,
)
def case_part_numbers(account: Any) -> Any:
    if not account.wrapped:
        return None
    s3, name = bucket(account)
    named = {"Bucket": name, "Key": "k"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    messages = []
    for call, parameters in (
        (s3.upload_part, {"PartNumber": -1, "Body": b""}),
        (s3.list_parts, {"MaxParts": -42}),
        (s3.list_parts, {"PartNumberMarker": -42}),
    ):
        try:
            call(**named, **parameters)
        except ClientError as error:
            messages.append(error.response["Error"]["Message"])
    return messages


CONFLICT, FAILED, UNKNOWN = "ConditionalRequestConflict", "PreconditionFailed", "NotImplemented"


@case(
    "writes have conditions",  # as LocalStack's tests recorded on AWS
    aws=([FAILED, UNKNOWN, FAILED, "accepted", "NoSuchKey", UNKNOWN, UNKNOWN], [FAILED, CONFLICT], UNKNOWN),
    stock=([FAILED, "accepted", FAILED, "accepted", "NoSuchKey", FAILED, FAILED], [FAILED, "accepted"], "accepted"),
)
def case_conditional_writes(account: Any) -> Any:
    s3, name = bucket(account)
    etag = s3.put_object(Bucket=name, Key="k", Body=b"x")["ETag"]

    def put(key: str = "k", **conditions: Any) -> Any:
        return outcome(lambda: s3.put_object(Bucket=name, Key=key, Body=b"x", **conditions) and "accepted")

    writes = [
        put(IfNoneMatch="*"),
        put(IfNoneMatch=etag),
        put(IfMatch='"other"'),
        put(IfMatch=etag),
        put("absent", IfMatch=etag),
        put(IfMatch="*"),
        put(IfMatch=etag, IfNoneMatch="*"),
    ]
    upload = {"Bucket": name, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]

    def complete() -> Any:
        parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
        done = {**upload, "MultipartUpload": parts, "IfNoneMatch": "*"}
        return outcome(lambda: s3.complete_multipart_upload(**done) and "accepted")

    first = complete()
    s3.delete_object(Bucket=name, Key="k")
    conditional = {"Bucket": name, "Key": "l", "IfMatchSize": 1}
    return writes, [first, complete()], outcome(lambda: s3.delete_object(**conditional) and "accepted")


@case(
    "the source of a copy has conditions",
    aws=["accepted", FAILED, "accepted", FAILED, FAILED, "accepted", FAILED, "accepted"],
    stock=["accepted", "accepted", "accepted", FAILED, "accepted", "accepted", "accepted", "accepted"],
)
def case_conditional_copies(account: Any) -> Any:
    s3, name = bucket(account)
    etag = s3.put_object(Bucket=name, Key="k", Body=b"x")["ETag"]
    before, after = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    modified = s3.head_object(Bucket=name, Key="k")["LastModified"]
    conditions: tuple[dict[str, Any], ...] = (
        {"IfMatch": etag},
        {"IfMatch": "other"},
        {"IfNoneMatch": "other"},
        {"IfNoneMatch": etag},
        {"IfUnmodifiedSince": before},
        {"IfMatch": etag, "IfUnmodifiedSince": before},
        {"IfModifiedSince": modified},
        {"IfModifiedSince": after},
    )
    named = [{f"CopySource{name}": value for name, value in each.items()} for each in conditions]
    copy = {"Bucket": name, "Key": "l", "CopySource": {"Bucket": name, "Key": "k"}}
    return [outcome(lambda each=each: s3.copy_object(**copy, **each) and "accepted") for each in named]


@case(
    "a deletion in a bucket with suspended versioning keeps the versions",
    aws=((True, "null"), [1, 1], [1, 0], [0, 1]),
    stock=((None, None), [0, 0], [0, 0], [0, 0]),
)
def case_suspended(account: Any) -> Any:
    s3, name = bucket(account)

    def versioning(status: str) -> None:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})

    def counts() -> list[int]:
        found = s3.list_object_versions(Bucket=name)
        return [len(found.get(kind, [])) for kind in ("Versions", "DeleteMarkers")]

    versioning("Enabled")
    first = s3.put_object(Bucket=name, Key="k", Body=b"1")["VersionId"]
    versioning("Suspended")
    s3.put_object(Bucket=name, Key="k", Body=b"2")
    deleted = s3.delete_object(Bucket=name, Key="k")
    after = counts()
    s3.delete_object(Bucket=name, Key="k", VersionId="null")
    one = counts()
    s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k"}, {"Key": "k", "VersionId": first}]})
    return (deleted.get("DeleteMarker"), deleted.get("VersionId")), after, one, counts()


@case(
    "a checksum has a type, owners have no names, and another expected owner is refused",
    aws=(["FULL_OBJECT"] * 4, [], ["accepted", "AccessDenied", "InvalidBucketOwnerAWSAccountID"], 204),
    stock=([None] * 4, ["list", "owner"], ["accepted"] * 3, 200),
)
def case_checksums(account: Any) -> Any:
    s3, name = bucket(account)
    written = s3.put_object(Bucket=name, Key="a key", Body=b"1", ChecksumAlgorithm="SHA256")
    read = s3.head_object(Bucket=name, Key="a key", ChecksumMode="ENABLED")
    copied = s3.copy_object(Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": "a key"})["CopyObjectResult"]
    listed = s3.list_objects_v2(Bucket=name, FetchOwner=True)["Contents"][0]
    named = {"list": listed["Owner"], "owner": s3.get_bucket_acl(Bucket=name)["Owner"]}
    owners = [
        outcome(lambda owner=owner: s3.get_bucket_acl(Bucket=name, ExpectedBucketOwner=owner) and "accepted")
        for owner in (account.id, "111122223333", "nobody")
    ]
    s3.delete_public_access_block(Bucket=name)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put = s3.put_bucket_policy(Bucket=name, Policy=policy)["ResponseMetadata"]["HTTPStatusCode"]
    types = [each.get("ChecksumType") for each in (written, read, copied, listed)]
    return types, [each for each, owner in named.items() if "DisplayName" in owner], owners, put


@case(
    "a tagging without a tag set removes the tags",  # as LocalStack's tests recorded on AWS
    aws=([], "NoSuchTagSet"),
    stock=([{"Key": "a", "Value": "b"}], "NoSuchTagSet"),
)
def case_tagging_without_set(account: Any) -> Any:
    s3, name = bucket(account)
    s3.put_object(Bucket=name, Key="k", Body=b"x", Tagging="a=b")
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    scope = f"Credential={account.id}/20260101/{account.region}/s3/aws4_request"
    empty = b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'
    signed = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=x"
    headers = {"Authorization": signed, "Content-Type": "application/xml", "x-moto-account-id": account.id}
    for path in (f"{name}/k", name):  # botocore sends an empty tag set in its place
        with suppress(HTTPError):
            urlopen(Request(f"{account.url}/{path}?tagging", empty, headers, method="PUT")).close()
    return s3.get_object_tagging(Bucket=name, Key="k")["TagSet"], outcome(
        lambda: s3.get_bucket_tagging(Bucket=name)["TagSet"]
    )
