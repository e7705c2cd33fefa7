"""The names of queue attributes, which Amazon SQS refuses in words of its own."""

from __future__ import annotations

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="SQS",
        statement="A queue with an attribute that does not exist is refused with InvalidAttributeName.",
        documentation=(
            "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
        ),
    ),
)


@before("sqs", "CreateQueue", "SetQueueAttributes")
def check_attribute_names(call: Call) -> None:
    assert call.input_shape is not None
    names = call.input_shape.members["Attributes"].key.enum
    for name in call.params.get("Attributes") or {}:
        if name not in names:
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.", 400)
