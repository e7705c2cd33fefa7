"""Messages that SQS does not take, and receivers that wait for one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch
from local_aws_server.locks import LOCKS
from local_aws_server.services.sqs.queues import MAX_MESSAGE_BYTES

BEHAVIOURS = (
    Behaviour(
        service="SQS",
        statement="Sizes, identifiers and numbers of messages are checked; a receiver that waits keeps no other call "
        "waiting.",
        documentation=(
            "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html",
            "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html",
        ),
    ),
)

_IDENTIFIER = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]{1,128}")
_ENTRY = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MAX_MESSAGES, _MAX_WAIT = 10, 20


@before("sqs", "SendMessage")
def check_message(call: Call) -> None:
    params = call.params
    if not params["MessageBody"]:
        raise AwsError("MissingParameter", "The request must contain the parameter MessageBody.", 400)
    queue = _queue(call)
    if queue is not None and _size(params) > queue.maximum_message_size:
        reason = f"Message must be shorter than {queue.maximum_message_size} bytes."
        raise _invalid(f"One or more parameters are invalid. Reason: {reason}")
    _check_identifiers(params)
    _check_values(params)


@before("sqs", "ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessageBatch")
def check_entries(call: Call) -> None:
    entries = call.params["Entries"]
    if len(entries) > _MAX_MESSAGES:
        message = f"Maximum number of entries per request are {_MAX_MESSAGES}. You have sent {len(entries)}."
        raise AwsError("TooManyEntriesInBatchRequest", message, 400)
    if not all(_ENTRY.fullmatch(entry["Id"]) for entry in entries):
        message = (
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 "
            "letters long."
        )
        raise AwsError("InvalidBatchEntryId", message, 400)


@before("sqs", "SendMessageBatch")
def check_batch(call: Call) -> None:
    entries, queue = call.params["Entries"], _queue(call)
    if queue is not None and queue.fifo_queue and not all(entry.get("MessageGroupId") for entry in entries):
        raise _invalid("The request must contain the parameter MessageGroupId.")
    size = sum(map(_size, entries))
    if size > MAX_MESSAGE_BYTES:
        message = f"Batch requests cannot be longer than {MAX_MESSAGE_BYTES} bytes. You have sent {size} bytes."
        raise AwsError("BatchRequestTooLong", message, 400)
    for entry in entries:
        _check_identifiers(entry)
        _check_values(entry)


@before("sqs", "ReceiveMessage")
def check_numbers(call: Call) -> None:
    count, wait = call.params.get("MaxNumberOfMessages"), call.params.get("WaitTimeSeconds")
    if count is not None and not 1 <= count <= _MAX_MESSAGES:
        reason = f"Must be between 1 and {_MAX_MESSAGES}, if provided."
        raise _invalid(f"Value {count} for parameter MaxNumberOfMessages is invalid. Reason: {reason}")
    if wait is not None and not 0 <= wait <= _MAX_WAIT:
        reason = f"Must be >= 0 and <= {_MAX_WAIT}, if provided."
        raise _invalid(f"Value {wait} for parameter WaitTimeSeconds is invalid. Reason: {reason}")


@before("sqs", "DeleteMessage")
def check_receipt(call: Call) -> None:
    """A receipt handle is one that the queue has given; in a FIFO queue, of a message that is not visible again."""
    queue, receipt = _queue(call), call.params["ReceiptHandle"]
    if queue is None:
        return
    known = receipt in queue.deleted_messages or any(each.had_receipt_handle(receipt) for each in queue._messages)
    if not known:
        message = f'The input receipt handle "{receipt}" is not a valid receipt handle.'
        raise AwsError("ReceiptHandleIsInvalid", message)
    if queue.fifo_queue and any(message.had_receipt_handle(receipt) and message.visible for message in queue._messages):
        raise _invalid(
            f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
        )


@before("sqs", "ChangeMessageVisibility")
def check_not_deleted(call: Call) -> None:
    queue, receipt = _queue(call), call.params["ReceiptHandle"]
    if queue is not None and receipt in queue.deleted_messages:
        reason = "Message does not exist or is not available for visibility timeout change."
        raise _invalid(f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: {reason}")


@patch("moto.sqs.models", "Queue.wait_for_messages")
def wait_for_messages(self: Any, timeout: int) -> None:
    """Replaces moto's method: the account's other calls run while this one waits."""
    with LOCKS.released(self.account_id), self._messages_lock:
        self._messages_lock.wait_for(lambda: self.messages, timeout=timeout)


def _queue(call: Call) -> Any | None:
    name = call.params["QueueUrl"].rpartition("/")[2]
    return call.backends.backend("sqs").queues.get(name)


def _check_identifiers(message: Mapping[str, Any]) -> None:
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        value = message.get(name)
        if value is not None and not _IDENTIFIER.fullmatch(value):
            reason = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise _invalid(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def _check_values(message: Mapping[str, Any]) -> None:
    for name, attribute in (message.get("MessageAttributes") or {}).items():
        kind = str(attribute.get("DataType", "")).partition(".")[0]
        if kind in ("String", "Number", "Binary"):
            value = attribute.get("BinaryValue" if kind == "Binary" else "StringValue")
            if value is not None and not value:
                raise _invalid(f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'.")


def _size(message: Mapping[str, Any]) -> int:
    """The bytes of a message and its attributes."""
    size = len(message.get("MessageBody", "").encode())
    for name, attribute in (message.get("MessageAttributes") or {}).items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or ""
        size += len(name.encode()) + len(str(attribute.get("DataType", "")).encode())
        size += len(value if isinstance(value, bytes) else value.encode())
    return size


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message, 400)
