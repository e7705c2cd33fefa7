"""Messages that SNS refuses: empty or too long, with invalid attributes, structure or identifiers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.sns.topics import invalid

BEHAVIOURS = (
    Behaviour(
        service="SNS",
        statement="A message has text of at most 256 KiB with its attributes, names and types of attributes that SNS "
        "takes, a default for each protocol, and in a FIFO topic a group and a deduplication id.",
        documentation=(
            "https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
            "https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html",
        ),
    ),
)

_MAX_BYTES = 256 * 1024
_MAX_ENTRIES, _MAX_ID = 10, 80
_PHONE = re.compile(r"\+[0-9]{1,15}")
_ID = re.compile(r"[A-Za-z0-9_-]+")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9_.-]+")
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
_MAX_NAME = 256


@before("sns", "Publish")
def check_message(call: Call) -> None:
    params = call.params
    if (number := params.get("PhoneNumber")) is not None and not _PHONE.fullmatch(number):
        raise invalid(f"PhoneNumber Reason: {number} is not valid to publish to")
    check_attributes(params.get("MessageAttributes") or {})
    if params.get("Message") == "":
        raise invalid("Empty message")
    if params.get("Subject") == "":
        raise invalid("Subject")
    if _size(params) > _MAX_BYTES:
        raise invalid("Message too long")
    sns, arn = call.backends.backend("sns"), params.get("TopicArn") or params.get("TargetArn") or ""
    if arn in sns.platform_endpoints and not sns.platform_endpoints[arn].enabled:  # before AWS reads the message
        raise AwsError("EndpointDisabled", "Endpoint is disabled", 400)
    check_structure(params)
    topic = sns.topics.get(arn)
    if topic is not None:
        _check_group(topic, params)
    elif ":endpoint/" in arn and arn not in sns.platform_endpoints:
        raise invalid("TargetArn Reason: No endpoint found for the target arn specified")
    elif arn and ":endpoint/" not in arn:
        raise AwsError("NotFound", "Topic does not exist", 404)


@before("sns", "PublishBatch")
def check_batch(call: Call) -> None:
    entries = call.params["PublishBatchRequestEntries"]
    topic = call.backends.backend("sns").get_topic(call.params["TopicArn"])
    if not entries:
        raise AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.", 400)
    if len(entries) > _MAX_ENTRIES:
        message = "The batch request contains more entries than permissible."
        raise AwsError("TooManyEntriesInBatchRequest", message, 400)
    ids = [entry["Id"] for entry in entries]
    for id in ids:
        problem = (
            "is too long" if len(id) > _MAX_ID else "" if _ID.fullmatch(id) else "contains an impermissible character"
        )
        if problem:
            message = f"The Id of a batch entry in the batch request {problem}: {id}"
            raise AwsError("InvalidBatchEntryId", message, 400)
    if len(set(ids)) != len(ids):
        message = "Two or more batch entries in the request have the same Id."
        raise AwsError("BatchEntryIdsNotDistinct", message, 400)
    if sum(map(_size, entries)) > _MAX_BYTES:
        message = "The length of all the messages put together is more than the limit."
        raise AwsError("BatchRequestTooLong", message, 400)
    for entry in entries:
        check_attributes(entry.get("MessageAttributes") or {})
        check_structure(entry)
        _check_group(topic, entry)


def _check_group(topic: Any, message: Mapping[str, Any]) -> None:
    if not topic.fifo_topic:
        if message.get("MessageDeduplicationId"):
            raise invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not "
                "valid for this topic type"
            )
        return
    if not message.get("MessageGroupId"):
        raise invalid("The MessageGroupId parameter is required for FIFO topics")
    if not message.get("MessageDeduplicationId") and not topic.content_based_deduplication:
        raise invalid(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"
        )


def check_structure(message: Mapping[str, Any]) -> None:
    if message.get("MessageStructure") != "json":
        return
    try:
        texts = json.loads(message["Message"])
    except ValueError:
        raise invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")


def check_attributes(attributes: Mapping[str, Any]) -> None:
    """Raise ParameterValueInvalid for an attribute with a name, type or value that SNS does not take."""
    for name, attribute in attributes.items():
        problem = _problem_of_name(name) or _problem_of_value(name, attribute)
        if problem:
            raise AwsError("ParameterValueInvalid", problem, 400)


def _problem_of_name(name: str) -> str:
    if len(name.encode()) > _MAX_NAME:
        return f"Length of message attribute name must be less than {_MAX_NAME} bytes."
    if name.startswith("."):
        return "Invalid message attribute name starting with character '.' was found."
    if name.endswith("."):
        return "Invalid message attribute name ending with character '.' was found."
    if ".." in name:
        return "Message attribute name can not have successive '.' character."
    if not _ATTRIBUTE.fullmatch(name):
        found = next((each for each in name if not _ATTRIBUTE.fullmatch(each)), "")
        return f"Invalid non-alphanumeric character '#x{ord(found):X}' was found in the message attribute name. " + (
            "Can only include alphanumeric characters, hyphens, underscores, or dots."
        )
    return ""


def _problem_of_value(name: str, attribute: Mapping[str, Any]) -> str:
    data_type = attribute["DataType"]
    kind = data_type.split(".")[0]
    if not _TYPE.fullmatch(data_type):
        return (
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes "
            "is Binary, Number, and String."
        )
    member, other = ("Binary", "String") if kind == "Binary" else ("String", "Binary")
    if not attribute.get(f"{member}Value"):
        if attribute.get(f"{other}Value"):
            return f"The message attribute '{name}' with type '{data_type}' must use field '{member}'."
        return (
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type "
            f"'{data_type}'."
        )
    if kind == "Number" and not _is_number(attribute["StringValue"]):
        return f"Could not cast message attribute '{name}' value to number."
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _size(message: Mapping[str, Any]) -> int:
    """The bytes of a message and its attributes."""
    size = len(str(message.get("Message", "")).encode())
    for name, attribute in (message.get("MessageAttributes") or {}).items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or ""
        size += len(name.encode()) + len(str(attribute.get("DataType", "")).encode())
        size += len(value if isinstance(value, bytes) else value.encode())
    return size
