"""A new bucket blocks public access, encrypts with SSE-S3 and has no ACLs: AWS's defaults since April 2023.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="A new bucket blocks public access, encrypts with SSE-S3 and has no ACLs: AWS's defaults since "
        "April 2023.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html",),
    ),
)

_ENCRYPTED = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}}


@after("s3", "CreateBucket")
def closed_by_default(call: Call) -> None:
    from moto.s3.models import PublicAccessBlock

    bucket = call.backends.backend("s3").buckets.get(call.params["Bucket"])
    if bucket is None:
        return
    bucket.public_access_block = bucket.public_access_block or PublicAccessBlock(True, True, True, True)
    bucket.encryption = bucket.encryption or _ENCRYPTED
    bucket.ownership_rule = bucket.ownership_rule or "BucketOwnerEnforced"
