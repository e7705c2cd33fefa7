"""What a new bucket has: AWS's defaults since April 2023, and the tags of the request."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="A new bucket blocks public access, encrypts with SSE-S3 and has no ACLs, AWS's defaults since April "
        "2023.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html",),
    ),
    Behaviour(
        service="S3",
        statement="CreateBucket sets tags, so that a bucket never exists without them.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html",),
    ),
)

SSE_S3 = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}}


@after("s3", "CreateBucket")
def set_defaults(call: Call) -> None:
    from moto.s3.models import PublicAccessBlock

    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    if bucket is None:
        return
    bucket.public_access_block = bucket.public_access_block or PublicAccessBlock(True, True, True, True)
    bucket.encryption = bucket.encryption or SSE_S3
    bucket.ownership_rule = bucket.ownership_rule or "BucketOwnerEnforced"


@after("s3", "CreateBucket")
def set_tags(call: Call) -> None:
    if pairs := call.params.get("CreateBucketConfiguration", {}).get("Tags", ()):
        tags = {pair["Key"]: pair["Value"] for pair in pairs}
        call.backends.backend("s3").put_bucket_tagging(call.params["Bucket"], tags)
