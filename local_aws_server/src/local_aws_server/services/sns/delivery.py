"""Deliver the messages of a topic to its subscribers, and publish those of other AWS services."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.hooks import patch

BEHAVIOURS = (
    Behaviour(
        service="SNS",
        statement="A message reaches the SQS queues and the HTTP servers on this machine that subscribe to its topic; "
        "one that is gone does not keep it from the others.",
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
    from moto.sns.exceptions import SNSException

    message_id = str(mock_random.uuid4())
    backends = Backends(self.account_id, self.sns_backend.region_name)
    for subscription in self.sns_backend.list_subscriptions_by_topic(topic_arn=self.arn)[0]:
        if subscription.protocol not in _DELIVERED:
            what = f"message not delivered to {subscription.endpoint}"
            record_event(backends, self.name, what, f"{subscription.protocol} is not simulated")
            continue
        try:
            subscription.publish(
                message,
                message_id,
                subject=subject,
                message_attributes=message_attributes,
                group_id=group_id,
                deduplication_id=deduplication_id,
                message_structure=message_structure,
            )
        except SNSException:  # the caller's message is invalid
            raise
        except Exception as error:
            record_event(backends, self.name, f"message not delivered to {subscription.endpoint}", str(error))
    self.sent_notifications.append((message_id, message, subject, message_attributes, group_id))
    return message_id


@patch("moto.sns.models", "Subscription.private_key")
def private_key(self: Any) -> Any:
    """Sign all messages with one key; to make one for each subscription takes longer than the delivery."""
    return _signing_key()


@lru_cache
def _signing_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
