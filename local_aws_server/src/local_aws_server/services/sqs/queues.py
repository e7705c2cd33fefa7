"""Queues that SQS does not create, and what it shows of them."""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch
from local_aws_server.reset import on_reset

BEHAVIOURS = (
    Behaviour(
        service="SQS",
        statement="A queue that exists has the attributes of the request, attributes of FIFO queues need one, and a "
        "name is free 60 seconds after its queue was deleted. A message has at most 1 MiB.",
        documentation=("https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",),
    ),
)

MAX_MESSAGE_BYTES = 2**20
"""Of a message with its attributes, since August 2025."""
_DELETED_SECONDS = 60
_FIFO_ONLY = ("DeduplicationScope", "FifoThroughputLimit")

for constant in ("MAXIMUM_MESSAGE_LENGTH", "MAXIMUM_MESSAGE_SIZE_ATTR_UPPER_BOUND"):
    patch("moto.sqs.models", constant)(MAX_MESSAGE_BYTES)

_deleted: dict[tuple[str, str, str], float] = {}
"""(account, region, name of a queue) → when it was deleted."""


@on_reset
def forget_deleted() -> None:
    _deleted.clear()


@before("sqs", "CreateQueue")
def check_new_queue(call: Call) -> None:
    name, attributes = call.params["QueueName"], call.params.get("Attributes") or {}
    if "FifoQueue" in attributes and attributes["FifoQueue"].lower() != "true":
        raise _unknown("FifoQueue")
    if "FifoQueue" not in attributes:
        if "ContentBasedDeduplication" in attributes:
            raise _unknown("ContentBasedDeduplication")
        for attribute in _FIFO_ONLY:
            if attribute in attributes:
                message = f"You can specify the {attribute} only when FifoQueue is set to true."
                raise AwsError("InvalidAttributeName", message, 400)
    _check_same(call, call.backends.backend("sqs").queues.get(name), attributes)
    deleted = _deleted.get((call.account, call.region, name))
    if deleted is not None and CLOCK.now() < deleted + _DELETED_SECONDS:
        message = (
            f"You must wait {_DELETED_SECONDS} seconds after deleting a queue before you can create another with the "
            "same name."
        )
        raise AwsError("QueueDeletedRecently", message, 400)


def _check_same(call: Call, existing: Any | None, attributes: dict[str, str]) -> None:
    """Raise QueueAlreadyExists if a queue of that name has other attributes."""
    if existing is None:
        return
    shown = {name: str(value) for name, value in existing.attributes.items() if value is not None}
    for name, value in attributes.items():
        if name not in ("Policy", "RedrivePolicy") and shown.get(name, "").lower() != value.lower():
            message = f"A queue already exists with the same name and a different value for attribute {name}"
            raise AwsError("QueueAlreadyExists", message, 400)


@before("sqs", "DeleteQueue")
def note_deleted(call: Call) -> None:
    name = call.params["QueueUrl"].rpartition("/")[2]
    call.notes["deleted"] = name if name in call.backends.backend("sqs").queues else None


@after("sqs", "DeleteQueue")
def keep_name_taken(call: Call) -> None:
    if name := call.notes["deleted"]:
        _deleted[call.account, call.region, name] = CLOCK.now()


@after("sqs", "ListQueueTags", "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")
def hide_empty_members(call: Call) -> None:
    """SQS leaves out what is empty in JSON; in its older protocol, moto does."""
    if call.response is None or "json" not in call.response.headers.get("Content-Type", ""):
        return
    for name in ("Tags", "Failed", "Successful"):
        if not call.result.get(name, "unset"):
            del call.result[name]


def _unknown(attribute: str) -> AwsError:
    return AwsError("InvalidAttributeName", f"Unknown Attribute {attribute}.", 400)
