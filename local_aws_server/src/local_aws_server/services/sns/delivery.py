"""Deliver the messages of a topic to its subscribers, and publish those of other AWS services."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.hooks import after, patch
from local_aws_server.services.sns.notifications import Notification, body_for, is_raw, raw_attributes

BEHAVIOURS = (
    Behaviour(
        service="SNS",
        statement="A message reaches the SQS queues and the HTTP servers on this machine that subscribe to its topic; "
        "one that is gone does not keep it from the others, and its messages go to the dead-letter queue. A FIFO topic "
        "leaves out duplicates for five minutes.",
        documentation=("https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html",),
    ),
    Behaviour(
        service="SNS",
        fidelity=NOT_SIMULATED,
        statement="Deliveries by email, SMS, Lambda and Firehose, and to other machines; `esaws local events` shows "
        "each.",
        documentation=("https://docs.aws.amazon.com/sns/latest/dg/sns-event-destinations.html",),
    ),
)


_DELIVERED = ("sqs", "http", "https")
_DEDUPLICATION = 5 * 60.0
_SEQUENCE_STEP = 256


def publish(topic_arn: str, message: str, subject: str | None = None) -> str | None:
    """Publish a message to a topic; returns its id, or None if the topic does not exist."""
    region, account = topic_arn.split(":")[3:5]
    backends = Backends(account, region)
    topic = backends.backend("sns").topics.get(topic_arn)
    if topic is None:
        return None
    SCHEDULER.mark_changed(backends, "sns", "sqs")
    return str(topic.publish(message, subject=subject))


@patch("moto.sns.models", "Topic.publish")
def publish_to_subscribers(
    self: Any,
    message: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    message_structure: str | None = None,
) -> str:
    """Deliver a message to every subscriber on its own; what fails is in the event log."""
    from moto.moto_api._internal import mock_random

    message_id = str(mock_random.uuid4())
    if self.fifo_topic:
        deduplication_id = deduplication_id or hashlib.sha256(message.encode()).hexdigest()
    notification = Notification(
        message_id,
        message,
        subject,
        message_attributes,
        group_id,
        deduplication_id,
        message_structure,
        _next_sequence_number(self) if self.fifo_topic else "",
    )
    if not self.fifo_topic or _is_new(self, notification):
        for subscription in self.sns_backend.list_subscriptions_by_topic(topic_arn=self.arn)[0]:
            _deliver(subscription, notification)
    self.sent_notifications.append((message_id, message, subject, message_attributes, group_id))
    return message_id


def _next_sequence_number(topic: Any) -> str:
    kept = sidecar(topic)
    kept["sequence"] = kept.get("sequence", 10**19) + _SEQUENCE_STEP
    return str(kept["sequence"])


def _is_new(topic: Any, notification: Notification) -> bool:
    """Whether a FIFO topic has not had a message with the same deduplication id in the last five minutes."""
    kept, now = sidecar(topic), CLOCK.now()
    scope = notification.group if kept.get("FifoThroughputScope") == "MessageGroup" else ""
    key = f"{scope}/{notification.deduplication_id}"
    recent = {each: time for each, time in kept.get("deduplication", {}).items() if time > now - _DEDUPLICATION}
    kept["deduplication"] = {key: now} | recent
    return key not in recent


def _deliver(subscription: Any, notification: Notification) -> None:
    topic = subscription.topic
    backends = Backends(topic.account_id, topic.sns_backend.region_name)
    matcher = subscription._filter_policy_matcher
    if matcher is not None and not matcher.matches(notification.attributes, notification.message):
        return
    what = f"message not delivered to {subscription.endpoint}"
    if subscription.protocol not in _DELIVERED:
        record_event(backends, topic.name, what, f"{subscription.protocol} is not simulated")
        return
    try:
        if subscription.protocol == "sqs":
            _send(subscription, subscription.endpoint, notification)
        else:
            _post(subscription, notification)
    except Exception as error:
        record_event(backends, topic.name, what, str(error))
        _send_to_dead_letter_queue(backends, subscription, notification)


def _send_to_dead_letter_queue(backends: Backends, subscription: Any, notification: Notification) -> None:
    policy = subscription.attributes.get("RedrivePolicy")
    if not policy:
        return
    queue = json.loads(policy)["deadLetterTargetArn"]
    try:
        _send(subscription, queue, notification)
    except Exception as error:
        record_event(backends, subscription.topic.name, f"message not delivered to {queue}", str(error))


def _send(subscription: Any, queue_arn: str, notification: Notification) -> None:
    region, account, name = queue_arn.split(":")[3:6]
    queue = Backends(account, region).backend("sqs").get_queue(name)
    identity = {"group_id": notification.group, "deduplication_id": notification.deduplication_id}
    if subscription.topic.fifo_topic and not queue.fifo_queue:
        identity = {}
    raw = is_raw(subscription)
    Backends(account, region).backend("sqs").send_message(
        name,
        notification.text_for(subscription) if raw else body_for(subscription, notification),
        message_attributes=raw_attributes(notification) if raw else None,
        validate_group_id=False,
        **identity,
    )


def _post(subscription: Any, notification: Notification) -> None:
    import requests

    raw = is_raw(subscription)
    body = notification.text_for(subscription) if raw else body_for(subscription, notification)
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": notification.id,
        "x-amz-sns-topic-arn": subscription.topic.arn,
        "x-amz-sns-subscription-arn": subscription.arn,
    } | ({"x-amz-sns-rawdelivery": "true"} if raw else {})
    requests.post(subscription.endpoint, data=body.encode(), headers=headers)


@after("sns", "Publish", "PublishBatch")
def show_sequence_number(call: Call) -> None:
    """Show the numbers of messages of a FIFO topic."""
    sns = call.backends.backend("sns")
    topic = sns.topics.get(call.params.get("TopicArn") or call.params.get("TargetArn") or "")
    if topic is None or not topic.fifo_topic:
        return
    last = sidecar(topic)["sequence"]
    messages = call.result["Successful"] if call.operation == "PublishBatch" else [call.result]
    for place, message in enumerate(reversed(messages)):
        message["SequenceNumber"] = str(last - _SEQUENCE_STEP * place)
