"""Subscriptions: protocols, attributes and ARNs that SNS refuses, and the attributes that it shows."""

from __future__ import annotations

import json
import re
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call, access_key_of
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before
from local_aws_server.services.sns.topics import invalid

BEHAVIOURS = (
    Behaviour(
        service="SNS",
        statement="A subscription has a known protocol and valid attributes, and exists once for each endpoint; by "
        "email it waits for a confirmation.",
        documentation=("https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html",),
    ),
)

_PROTOCOLS = frozenset({"application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"})
_CONFIRMED_BY_OWNER = ("email", "email-json")
_ATTRIBUTES = frozenset(
    {
        "DeliveryPolicy",
        "FilterPolicy",
        "FilterPolicyScope",
        "RawMessageDelivery",
        "RedrivePolicy",
        "ReplayPolicy",
        "SubscriptionRoleArn",
    }
)
_DEFAULTS = {"FilterPolicyScope": "MessageAttributes", "RawMessageDelivery": "false"}
_QUEUE = re.compile(r"arn:[\w-]+:sqs:[\w-]+:\d{12}:[\w.-]+")
_TOKEN = re.compile(r"[0-9a-f]{100,}")
_ARN_ELEMENTS, _ID_ELEMENT = 6, 6


@before("sns", "Subscribe")
def check_subscription(call: Call) -> None:
    params = call.params
    if params["Protocol"] not in _PROTOCOLS:
        raise invalid(f"Amazon SNS does not support this protocol string: {params['Protocol']}")
    topic = call.backends.backend("sns").get_topic(params["TopicArn"])
    attributes = params.get("Attributes") or {}
    for name, value in attributes.items():
        if name not in _ATTRIBUTES:
            raise invalid("AttributeName")
        _check_attribute(topic, name, value, "Attributes Reason: ")
    existing = topic.sns_backend._find_subscription(params["TopicArn"], params.get("Endpoint"), params["Protocol"])
    if existing is not None and attributes:
        shown = {name: str(value).lower() for name, value in (_DEFAULTS | existing.attributes).items()}
        if any(shown.get(name) != value.lower() for name, value in attributes.items()):
            raise invalid("Attributes Reason: Subscription already exists with different attributes")


@before("sns", "SetSubscriptionAttributes")
def check_changed_attribute(call: Call) -> None:
    name, value = call.params["AttributeName"], call.params.get("AttributeValue", "")
    if name not in _ATTRIBUTES:
        raise invalid("AttributeName")
    subscription = _subscription(call)
    if subscription is None:
        raise AwsError("NotFound", "Subscription does not exist", 404)
    _check_attribute(subscription.topic, name, value, "")


def _check_attribute(topic: Any, name: str, value: str, prefix: str) -> None:
    if name == "RawMessageDelivery" and value.lower() not in ("true", "false"):
        raise invalid(f"{prefix}{name}: Invalid value [{value}]. Must be true or false.")
    if name == "FilterPolicyScope" and value not in ("MessageAttributes", "MessageBody"):
        raise invalid(f"{prefix}{name}: Invalid value [{value}]. Please use either MessageBody or MessageAttributes")
    if name in ("FilterPolicy", "RedrivePolicy") and value:
        try:
            policy = json.loads(value)
        except ValueError as error:
            raise invalid(f"{prefix}{name}: failed to parse JSON. {parse_failure(value, error)}") from None
        if name == "RedrivePolicy":
            _check_redrive_policy(topic, policy, prefix)


def _check_redrive_policy(topic: Any, policy: Any, prefix: str) -> None:
    target = policy.get("deadLetterTargetArn") if isinstance(policy, dict) else None
    if not isinstance(target, str) or not _QUEUE.fullmatch(target):
        raise invalid(f"{prefix}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if topic.fifo_topic and not target.endswith(".fifo"):
        raise invalid(f"{prefix}RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")


def parse_failure(text: str, error: ValueError) -> str:
    """What SNS says about a text that is not JSON, where it says more than where."""
    at = getattr(error, "pos", 0)
    word = re.match(r"[A-Za-z_]\w*", text[at:])
    column = at + 1
    if text[:at].rstrip().endswith(("{", ",")) or not word:
        found = text[at : at + 1]
        expected = "double-quote to start field name" if "{" in text[:at] else "a valid value"
        what = (
            f"Unexpected character ('{found}' (code {ord(found)})): was expecting {expected}"
            if found
            else ("Unexpected end-of-input")
        )
    else:
        column += len(word[0])
        values = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        what = f"Unrecognized token '{word[0]}': was expecting {values}"
    source = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
    return f"{what}\n at [Source: {source}; line: 1, column: {column}]"


@before("sns", "ConfirmSubscription")
def check_confirmation(call: Call) -> None:
    if not _TOKEN.fullmatch(call.params["Token"]):
        raise AwsError("InvalidParameter", "Invalid token", 400)
    raise invalid("Token")  # no token was sent: only owners of mailboxes get one


@before("sns", "Unsubscribe")
def check_subscription_arn(call: Call) -> None:
    arn = call.params.get("SubscriptionArn")
    if arn is None:
        raise invalid("SubscriptionArn Reason: no value for required parameter")
    elements = len(arn.split(":"))
    if elements < _ARN_ELEMENTS:
        raise invalid(f"SubscriptionArn Reason: An ARN must have at least {_ARN_ELEMENTS} elements, not {elements}")
    if elements == _ARN_ELEMENTS:
        raise invalid("SubscriptionId")


@after("sns", "Subscribe")
def complete_subscription(call: Call) -> None:
    subscription = call.backends.backend("sns").subscriptions[call.result["SubscriptionArn"]]
    kept = sidecar(subscription)
    if "SubscriptionPrincipal" not in kept:
        kept["SubscriptionPrincipal"] = _caller(call)
        if subscription.protocol in _CONFIRMED_BY_OWNER:
            subscription.attributes |= {"PendingConfirmation": True, "ConfirmationWasAuthenticated": False}
    if subscription.attributes["PendingConfirmation"] and not call.params.get("ReturnSubscriptionArn"):
        call.result["SubscriptionArn"] = "pending confirmation"


def _caller(call: Call) -> str:
    """The ARN of the caller; one without credentials that this server has made is a user, as in STS."""
    arn = call.backends.backend("sts").get_caller_identity(access_key_of(call.request), call.region)[1]
    return str(arn).replace(":sts:", ":iam:") if ":user/" in arn else str(arn)


@after("sns", "GetSubscriptionAttributes")
def show_principal(call: Call) -> None:
    subscription = _subscription(call)
    if subscription is None:
        return
    shown = call.result["Attributes"]
    if principal := sidecar(subscription).get("SubscriptionPrincipal"):
        shown["SubscriptionPrincipal"] = principal
    if not shown.get("RedrivePolicy", "unset"):
        del shown["RedrivePolicy"]


@after("sns", "ListSubscriptions", "ListSubscriptionsByTopic")
def show_pending(call: Call) -> None:
    subscriptions = call.backends.backend("sns").subscriptions
    for each in call.result.get("Subscriptions", []):
        subscription = subscriptions.get(each["SubscriptionArn"])
        if subscription is not None and subscription.attributes["PendingConfirmation"]:
            each["SubscriptionArn"] = "PendingConfirmation"


def _subscription(call: Call) -> Any | None:
    return call.backends.backend("sns").subscriptions.get(call.params["SubscriptionArn"])
