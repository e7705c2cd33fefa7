"""CreateBucket takes tags, so that a bucket is never there without them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="CreateBucket takes tags, so that a bucket is never there without them.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html",),
    ),
)


@after("s3", "CreateBucket")
def tagged_at_once(call: Call) -> None:
    tags = call.params.get("CreateBucketConfiguration", {}).get("Tags", ())
    if tags:
        given = {tag["Key"]: tag["Value"] for tag in tags}
        call.backends.backend("s3").put_bucket_tagging(call.params["Bucket"], given)
