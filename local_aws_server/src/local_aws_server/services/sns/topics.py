"""Topics: names, attributes and tags that SNS refuses, and the attributes that it shows."""

from __future__ import annotations

import json
import re
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="SNS",
        statement="A topic has a valid name and known attributes; to create it again returns the same one, or an error "
        "if attributes or tags differ.",
        documentation=("https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html",),
    ),
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_MAX_NAME = 256
_FIFO = ".fifo"
_SETTABLE = frozenset(
    {
        "ArchivePolicy",
        "ContentBasedDeduplication",
        "DeliveryPolicy",
        "DisplayName",
        "FifoThroughputScope",
        "KmsMasterKeyId",
        "Policy",
        "SignatureVersion",
        "TracingConfig",
    }
)
_KEPT = ("ArchivePolicy", "FifoThroughputScope", "SignatureVersion", "TracingConfig")
"""Attributes that moto keeps under names of its own, and does not show."""
_FEEDBACK = ("SuccessFeedbackRoleArn", "FailureFeedbackRoleArn", "SuccessFeedbackSampleRate")
_HEALTHY_RETRIES = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
_DELIVERY_POLICY = {
    "http": {
        "defaultHealthyRetryPolicy": _HEALTHY_RETRIES,
        "disableSubscriptionOverrides": False,
        "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
    }
}


def invalid(reason: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {reason}", 400)


def signature_version(topic: Any) -> str:
    """The version of the signature of a topic's messages: "1" unless the attribute says "2"."""
    return str(sidecar(topic).get("SignatureVersion", "1"))


@before("sns", "CreateTopic")
def check_new_topic(call: Call) -> None:
    name, attributes = call.params["Name"], call.params.get("Attributes") or {}
    is_fifo = attributes.get("FifoTopic", "").lower() == "true"
    stem = name.removesuffix(_FIFO) if is_fifo else name
    if not _NAME.fullmatch(stem) or len(name) > _MAX_NAME or is_fifo != name.endswith(_FIFO):
        raise invalid("Topic Name")
    for attribute in attributes:
        if attribute != "FifoTopic" and not _is_settable(attribute):
            raise invalid(f"Attributes Reason: Unknown attribute {attribute}")
    tags = _unique_tags(call)
    arn = f"arn:aws:sns:{call.region}:{call.account}:{name}"
    existing = call.backends.backend("sns").topics.get(arn)
    if existing is None:
        return
    shown = _attributes(existing)
    if any(shown.get(key, "") != value for key, value in attributes.items() if key != "FifoTopic"):
        raise invalid("Attributes Reason: Topic already exists with different attributes")
    if any(existing._tags.get(key) != value for key, value in tags.items()):
        raise invalid("Tags Reason: Topic already exists with different tags")


def _unique_tags(call: Call) -> dict[str, str]:
    """The tags of a call; raises InvalidParameter for a key that is there twice."""
    pairs = [(tag["Key"], tag["Value"]) for tag in call.params.get("Tags") or []]
    if len(dict(pairs)) != len(pairs):
        raise invalid("Duplicated keys are not allowed.")
    return dict(pairs)


@before("sns", "TagResource")
def check_tags(call: Call) -> None:
    _unique_tags(call)


@before("sns", "SetTopicAttributes")
def check_attribute(call: Call) -> None:
    if not _is_settable(call.params["AttributeName"]):
        raise invalid("AttributeName")


def _is_settable(attribute: str) -> bool:
    return attribute in _SETTABLE or attribute.endswith(_FEEDBACK)


@after("sns", "CreateTopic")
def keep_new_attributes(call: Call) -> None:
    topic = call.backends.backend("sns").topics[call.result["TopicArn"]]
    for name, value in (call.params.get("Attributes") or {}).items():
        _keep(topic, name, value)


@after("sns", "SetTopicAttributes")
def keep_attribute(call: Call) -> None:
    topic = call.backends.backend("sns").get_topic(call.params["TopicArn"])
    _keep(topic, call.params["AttributeName"], call.params.get("AttributeValue", ""))


def _keep(topic: Any, name: str, value: str) -> None:
    if name in _KEPT or name.endswith(_FEEDBACK):
        sidecar(topic)[name] = value


@after("sns", "GetTopicAttributes")
def show_attributes(call: Call) -> None:
    topic = call.backends.backend("sns").get_topic(call.params["TopicArn"])
    subscriptions = [each for each in topic.sns_backend.subscriptions.values() if each.topic is topic]
    pending = sum(is_pending(each) for each in subscriptions)
    shown = _attributes(topic)
    shown |= {"SubscriptionsPending": str(pending), "SubscriptionsConfirmed": str(len(subscriptions) - pending)}
    policy = json.loads(topic.delivery_policy) if topic.delivery_policy else {}
    effective = {"http": _DELIVERY_POLICY["http"] | policy.get("http", {})}
    call.result["Attributes"] = {
        key: value for key, value in call.result["Attributes"].items() if key not in shown and key != "DeliveryPolicy"
    } | {**shown, "EffectiveDeliveryPolicy": json.dumps(effective)}


def is_pending(subscription: Any) -> bool:
    """Whether the owner of an endpoint has not confirmed its subscription yet."""
    return str(subscription.attributes.get("PendingConfirmation", False)).lower() == "true"


def _attributes(topic: Any) -> dict[str, str]:
    """The attributes of a topic that a caller has set."""
    shown = {"DisplayName": topic.display_name or "", **sidecar(topic)}
    if topic.delivery_policy:
        shown["DeliveryPolicy"] = topic.delivery_policy
    if topic.kms_master_key_id:
        shown["KmsMasterKeyId"] = topic.kms_master_key_id
    if topic.fifo_topic:
        shown["FifoTopic"] = "true"
        shown["ContentBasedDeduplication"] = str(bool(topic.content_based_deduplication)).lower()
    return {key: value for key, value in shown.items() if isinstance(value, str)}


_ACTIONS = frozenset(
    {
        "AddPermission",
        "DeleteTopic",
        "GetTopicAttributes",
        "ListSubscriptionsByTopic",
        "Publish",
        "Receive",
        "RemovePermission",
        "SetTopicAttributes",
        "Subscribe",
    }
)


@before("sns", "AddPermission")
def check_permission(call: Call) -> None:
    topic = call.backends.backend("sns").get_topic(call.params["TopicArn"])
    if any(statement.get("Sid") == call.params["Label"] for statement in topic._policy_json["Statement"]):
        raise invalid("Statement already exists")
    if not _ACTIONS.issuperset(call.params["ActionName"]):
        raise invalid("Policy statement action out of service scope!")
