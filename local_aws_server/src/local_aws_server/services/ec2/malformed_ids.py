"""Ids that no instance can have."""

import re

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="What is not an instance id is refused with InvalidInstanceID.Malformed.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",),
    ),
)

_INSTANCE_ID = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})")


@before(
    "ec2",
    "DescribeInstances",
    "DescribeInstanceStatus",
    "StartInstances",
    "StopInstances",
    "RebootInstances",
    "TerminateInstances",
)
def refuse_malformed_instance_ids(call: Call) -> None:
    """Refuse what is not an id before any resource is looked up.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """
    for id in call.params.get("InstanceIds") or ():
        if not _INSTANCE_ID.fullmatch(id):
            expected = "" if id.startswith("i-") else ' (expecting "i-...")'
            raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{id}"{expected}')
