"""Queues and messages that SQS refuses, and receivers that wait."""

import threading
import time
from typing import Any

from botocore.exceptions import ClientError

from tests.local.cases import case
from tests.local.cases_errors_stores import refused
from tests.local.cases_notifications import message_of

MISSING, INVALID = "MissingParameter", "InvalidParameterValue"


@case(
    "a queue is created once with its attributes, and its name is free a minute after it was deleted",
    aws=("accepted", "QueueNameExists", "InvalidAttributeName", "InvalidAttributeName", "QueueDeletedRecently"),
    stock=("accepted", "QueueNameExists", "accepted", "accepted", "accepted"),
)
def case_queues(account: Any) -> Any:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "1"})["QueueUrl"]
    again, other = (
        refused(sqs.create_queue, QueueName="q", Attributes={"DelaySeconds": value}) for value in ("1", "2")
    )
    fifo = [
        refused(sqs.create_queue, QueueName=f"q{name}", Attributes={name: value})
        for name, value in (("ContentBasedDeduplication", "true"), ("FifoThroughputLimit", "perQueue"))
    ]
    sqs.delete_queue(QueueUrl=url)
    return again, _short(other), *fifo, _short(refused(sqs.create_queue, QueueName="q"))


def _short(code: str) -> str:
    """The code of an error without the prefix that clients of the JSON protocol see."""
    name = code.rpartition(".")[2]
    return "QueueNameExists" if name == "QueueAlreadyExists" else name


@case(
    "messages and receivers are checked",
    aws=(
        "The request must contain the parameter MessageBody.",
        "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
        "Value a b for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and "
        "punctuation characters. 1 to 128 in length.",
        "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        "Value 21 for parameter WaitTimeSeconds",
    ),
    stock=(
        "accepted",
        "accepted",
        "accepted",
        "An error occurred (InvalidParameterValue) when calling the ReceiveMessage operation: Value 11 for parameter "
        "MaxNumberOfMessages is invalid. Reason: must be between 1 and 10, if provided.",
        "An error occurred (InvalidParameterValue) when calling the ReceiveMessage operation: Value 21 for parameter "
        "WaitTimeSeconds",
    ),
)
def case_messages(account: Any) -> Any:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]
    attributes = {"name": {"DataType": "String", "StringValue": "x" * 20}}
    return (
        message_of(sqs.send_message, QueueUrl=url, MessageBody=""),
        message_of(sqs.send_message, QueueUrl=url, MessageBody="x" * 1000, MessageAttributes=attributes),
        message_of(sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId="a b"),
        message_of(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11),
        message_of(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=21).partition(" is invalid")[0],
    )


@case("a message reaches a receiver that waits for it", aws=(["late"], True), stock=(["late"], True))
def case_waiting(account: Any) -> Any:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sender = threading.Timer(0.1, lambda: account.client("sqs").send_message(QueueUrl=url, MessageBody="late"))
    sender.start()
    start = time.perf_counter()
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", [])
    waited = time.perf_counter() - start
    sender.join()
    return [message["Body"] for message in messages], waited < 3


@case(
    "entries, receipts and values of messages are checked",
    aws=(
        "InvalidBatchEntryId",
        "ReceiptHandleIsInvalid",
        "Message (user) attribute 'a' must contain a non-empty value of type 'String'.",
        "InvalidParameterValueException",
    ),
    stock=(
        "accepted",
        "ReceiptHandleIsInvalid",
        "accepted",
        "InvalidParameterValue",
    ),
)
def case_entries(account: Any) -> Any:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    empty = {"a": {"DataType": "String", "StringValue": ""}}
    code = refused(sqs.delete_message_batch, QueueUrl=url, Entries=[{"Id": "a:b", "ReceiptHandle": "x"}])
    try:
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    except ClientError as error:
        name = error.response["Error"].get("QueryErrorCode", "")
    return (
        _short(code),
        refused(sqs.delete_message, QueueUrl=url, ReceiptHandle="x"),
        message_of(sqs.send_message, QueueUrl=url, MessageBody="x", MessageAttributes=empty),
        name,
    )
