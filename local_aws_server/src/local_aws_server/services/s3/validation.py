"""A bucket has a name that AWS takes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

import re

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="S3",
        statement="A bucket has a name that AWS takes.",
        documentation=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",),
    ),
)

_NAME = re.compile(r"(?=.{3,63}\Z)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_KEPT_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_KEPT_SUFFIXES = ("-s3alias", "--ols-s3", ".mrap", "--table-s3")


@before("s3", "CreateBucket")
def name_is_one(call: Call) -> None:
    name = call.params["Bucket"]
    if (
        not _NAME.fullmatch(name)
        or ".." in name
        or _ADDRESS.fullmatch(name)
        or name.startswith(_KEPT_PREFIXES)
        or name.endswith(_KEPT_SUFFIXES)
    ):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400)
