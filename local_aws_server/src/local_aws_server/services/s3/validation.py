"""Bucket names that S3 refuses."""

import re

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="A bucket needs a valid name.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",),
    ),
)

_NAME = re.compile(r"(?=.{3,63}\Z)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_IP_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ols-s3", ".mrap", "--table-s3")


@before("s3", "CreateBucket")
def validate_bucket_name(call: Call) -> None:
    name = call.params["Bucket"]
    if (
        not _NAME.fullmatch(name)
        or ".." in name
        or _IP_ADDRESS.fullmatch(name)
        or name.startswith(_RESERVED_PREFIXES)
        or name.endswith(_RESERVED_SUFFIXES)
    ):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400)
