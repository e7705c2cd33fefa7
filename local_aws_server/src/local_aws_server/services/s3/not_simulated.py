"""S3 operations that moto confuses with others.

moto recognizes an operation by its path and the subresources that it knows. It ignores an unknown subresource, so that
it takes PutBucketAbac for CreateBucket.
"""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="S3 operations that moto confuses with others return NotSimulated, such as PutBucketAbac.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAbac.html",),
    ),
)

_BUCKET_OPERATIONS = (
    "GetBucketAbac",
    "PutBucketAbac",
    *(
        f"{verb}BucketMetadata{subresource}Configuration"
        for verb in ("Create", "Delete", "Get", "Update")
        for subresource in ("", "Table", "AnnotationTable", "InventoryTable", "JournalTable")
    ),
    "CreateSession",
    "DeleteBucketInventoryConfiguration",
)
_OBJECT_OPERATIONS = (
    *(f"{verb}ObjectAnnotation" for verb in ("Delete", "Get", "Put")),
    "GetObjectTorrent",
    "ListObjectAnnotations",
    "RenameObject",
    "UpdateObjectEncryption",
    "WriteGetObjectResponse",
)


@before("s3", *_BUCKET_OPERATIONS, *_OBJECT_OPERATIONS)
def refuse(call: Call) -> None:
    raise NotImplementedError


@before("s3", "ListBuckets")
def refuse_directory_buckets(call: Call) -> None:
    """Refuse ListDirectoryBuckets, which differs from ListBuckets only in the service that signs it."""
    if "/s3express/" in call.request.headers.get("Authorization", ""):
        raise NotImplementedError
