"""A CUR 2.0 export is in its bucket, up to the present second, whenever somebody looks; AWS writes it thrice a day.

A read of a range never changes the file: programs that read Parquet ask for its size and then for parts of it.
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before
from local_aws_server.services.bcm_data_exports.definitions import list_exports
from local_aws_server.services.bcm_data_exports.delivery import deliver_to, pause_delivery

BEHAVIOURS = (
    Behaviour(
        service="Data Exports",
        statement="A CUR 2.0 export is in its bucket, up to the present second, whenever somebody looks; AWS "
        "writes it thrice a day.",
        documentation=("https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html",),
    ),
)


@before("s3", "ListObjects", "ListObjectsV2", "ListObjectVersions")
def before_a_list(call: Call) -> None:
    if list_exports(call.account):
        deliver_to(call.account, call.params["Bucket"])


@before("s3", "HeadObject", "GetObject", "GetObjectAttributes", "SelectObjectContent")
def before_a_read(call: Call) -> None:
    if list_exports(call.account) and "Range" not in call.params:
        deliver_to(call.account, call.params["Bucket"], call.params["Key"])


@after("s3", "DeleteObject")
def after_a_deletion(call: Call) -> None:
    if list_exports(call.account):
        pause_delivery(call.account, call.params["Bucket"], call.params["Key"])


@after("s3", "DeleteObjects")
def after_deletions(call: Call) -> None:
    if list_exports(call.account):
        for each in call.params["Delete"]["Objects"]:
            pause_delivery(call.account, call.params["Bucket"], each["Key"])
