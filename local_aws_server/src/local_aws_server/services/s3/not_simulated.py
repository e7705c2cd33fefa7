"""S3 calls that moto takes for other ones are not simulated: it deletes the bucket whose metrics were to be deleted.

moto tells S3's calls apart by their path and the subresources that it knows; of others it sees the path alone.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketMetricsConfiguration.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="S3 calls that moto takes for other ones are not simulated: it deletes the bucket whose metrics "
        "were to be deleted.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketMetricsConfiguration.html",),
    ),
)

_OF_BUCKETS = (
    *(f"{verb}Bucket{what}" for verb in ("Get", "Put") for what in ("Abac", "RequestPayment")),
    *(
        f"{verb}Bucket{what}Configuration"
        for verb in ("Delete", "Get", "Put")
        for what in ("Analytics", "IntelligentTiering", "Metrics")
    ),
    *(f"ListBucket{what}Configurations" for what in ("Analytics", "IntelligentTiering", "Metrics")),
    *(
        f"{verb}BucketMetadata{what}Configuration"
        for verb in ("Create", "Delete", "Get", "Update")
        for what in ("", "Table", "AnnotationTable", "InventoryTable", "JournalTable")
    ),
    "CreateSession",
    "DeleteBucketInventoryConfiguration",
)
_OF_OBJECTS = (
    *(f"{verb}ObjectAnnotation" for verb in ("Delete", "Get", "Put")),
    "GetObjectRetention",
    "GetObjectTorrent",
    "ListObjectAnnotations",
    "RenameObject",
    "UpdateObjectEncryption",
)


@before("s3", *_OF_BUCKETS, *_OF_OBJECTS)
def not_simulated(call: Call) -> None:
    raise NotImplementedError
