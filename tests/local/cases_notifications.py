"""Topics, subscriptions and messages that SNS refuses, and what subscribers receive."""

import json
from typing import Any

from botocore.exceptions import ClientError

from tests.local.cases import case
from tests.local.cases_errors_stores import refused

INVALID = "InvalidParameter"
FIFO = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}


def message_of(call: Any, **parameters: Any) -> str:
    """The message of the error that a call returns, or "accepted"."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    return "accepted"


def subscribed(account: Any, attributes: dict[str, str] | None = None, **of_topic: str) -> tuple[Any, str, Any, str]:
    """(client of SNS, ARN of a topic, client of SQS, URL of the queue that subscribes to it)."""
    sns, sqs = account.client("sns"), account.client("sqs")
    is_fifo = "FifoTopic" in of_topic
    topic = sns.create_topic(Name="t.fifo" if is_fifo else "t", Attributes=of_topic)["TopicArn"]
    url = sqs.create_queue(QueueName="q.fifo" if is_fifo else "q", Attributes=FIFO if is_fifo else {})
    queue = url["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes or {})
    return sns, topic, sqs, queue


def received(sqs: Any, queue: str) -> list[Any]:
    messages = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    )
    return list(messages.get("Messages", []))


@case(
    "a topic with other attributes or tags is another topic",
    aws=("accepted", INVALID, INVALID, INVALID, INVALID),
    stock=("accepted",) * 5,
)
def case_topic_again(account: Any) -> Any:
    sns = account.client("sns")
    topic = sns.create_topic(Name="t", Attributes={"DisplayName": "one"})["TopicArn"]
    return (
        refused(sns.create_topic, Name="t"),
        refused(sns.create_topic, Name="t", Attributes={"DisplayName": "two"}),
        refused(sns.create_topic, Name="t", Tags=[{"Key": "k", "Value": "v"}]),
        refused(sns.create_topic, Name="other", Tags=[{"Key": "k", "Value": "v"}, {"Key": "k", "Value": "w"}]),
        refused(sns.set_topic_attributes, TopicArn=topic, AttributeName="Colour"),
    )


@case(
    "the attributes of a topic are those of AWS",
    aws=("2", 3, "text/plain; charset=UTF-8", False),
    stock=(None, None, None, True),
)
def case_topic_attributes(account: Any) -> Any:
    sns = account.client("sns")
    topic = sns.create_topic(Name="t", Attributes={"SignatureVersion": "2"})["TopicArn"]
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    http = json.loads(shown["EffectiveDeliveryPolicy"]).get("http", {})
    return (
        shown.get("SignatureVersion"),
        http.get("defaultHealthyRetryPolicy", {}).get("numRetries"),
        http.get("defaultRequestPolicy", {}).get("headerContentType"),
        "DeliveryPolicy" in shown,
    )


@case(
    "messages are checked: text, subject, structure and attributes",
    aws=(
        "Invalid parameter: Empty message",
        "Invalid parameter: Subject",
        "Invalid parameter: Message too long",
        "Invalid parameter: Message Structure - No default entry in JSON message body",
        "The message attribute 'a' with type 'Number' must use field 'String'.",
        "Message attribute name can not have successive '.' character.",
        "Topic does not exist",
    ),
    stock=(
        "accepted",
        "accepted",
        "accepted",
        "accepted",
        "accepted",
        "accepted",
        "Endpoint does not exist",
    ),
)
def case_messages(account: Any) -> Any:
    sns, topic, _, _ = subscribed(account)

    def publish(message: str = "m", arn: str = topic, **changed: Any) -> str:
        return message_of(sns.publish, TopicArn=arn, Message=message, **changed)

    text = {"DataType": "String", "StringValue": "x"}
    return (
        publish(""),
        publish(Subject=""),
        publish("x" * 262_140, MessageAttributes={"name": text}),
        publish('{"sqs": "x"}', MessageStructure="json"),
        publish(MessageAttributes={"a": {"DataType": "Number", "BinaryValue": b"1"}}),
        publish(MessageAttributes={"a..b": text}),
        publish(arn=f"{topic}x"),
    )


@case(
    "entries of a batch are checked together",
    aws=("InvalidBatchEntryId", "BatchEntryIdsNotDistinct", "BatchRequestTooLong", "TooManyEntriesInBatchRequest"),
    stock=("accepted", "BatchEntryIdsNotDistinct", "accepted", "TooManyEntriesInBatchRequest"),
)
def case_batches(account: Any) -> Any:
    sns, topic, _, _ = subscribed(account)

    def publish(*ids: str, text: str = "m") -> str:
        entries = [{"Id": id, "Message": text} for id in ids]
        return str(refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries))

    return publish("a.b"), publish("a", "a"), publish("a", "b", text="x" * 140_000), publish(*map(str, range(11)))


@case(
    "subscriptions are checked, and exist once",
    aws=(
        "Invalid parameter: Amazon SNS does not support this protocol string: pigeon",
        "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [maybe]. Must be true or false.",
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
        "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn",
        "Invalid parameter: SubscriptionId",
        "pending confirmation",
    ),
    stock=("accepted", "accepted", "accepted", "accepted", "accepted", "arn"),
)
def case_subscriptions(account: Any) -> Any:
    sns, topic, _, _ = subscribed(account)
    queue = f"arn:aws:sqs:{account.region}:{account.id}:q"
    existing = sns.list_subscriptions()["Subscriptions"][0]["SubscriptionArn"]

    def subscribe(protocol: str = "sqs", endpoint: str = queue, **attributes: str) -> str:
        return message_of(sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)

    policy = json.dumps({"deadLetterTargetArn": "nowhere"})
    by_mail = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")["SubscriptionArn"]
    return (
        subscribe("pigeon"),
        subscribe(endpoint=f"{queue}2", RawMessageDelivery="maybe"),
        subscribe(RawMessageDelivery="true"),
        message_of(
            sns.set_subscription_attributes,
            SubscriptionArn=existing,
            AttributeName="RedrivePolicy",
            AttributeValue=policy,
        ),
        message_of(sns.unsubscribe, SubscriptionArn=topic),
        by_mail if by_mail == "pending confirmation" else "arn",
    )


@case(
    "a message that cannot be delivered goes to the dead-letter queue of the subscription",
    aws=[("late", b"\x01")],
    stock="ResourceNotFound",
)
def case_dead_letters(account: Any) -> Any:
    sqs = account.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{account.region}:{account.id}:dead"})
    sns, topic, _, queue = subscribed(account, {"RedrivePolicy": policy, "RawMessageDelivery": "true"})
    sqs.delete_queue(QueueUrl=queue)
    attributes = {"a": {"DataType": "Binary", "BinaryValue": b"\x01"}}
    code = refused(sns.publish, TopicArn=topic, Message="late", MessageAttributes=attributes)
    if code != "accepted":
        return "ResourceNotFound"
    return [(each["Body"], each["MessageAttributes"]["a"]["BinaryValue"]) for each in received(sqs, dead)]


@case(
    "a FIFO topic numbers its messages, leaves out duplicates and signs none",
    aws=(True, 1, True, False),
    stock=(False, 2, False, True),
)
def case_fifo_topic(account: Any) -> Any:
    sns, topic, sqs, queue = subscribed(account, FifoTopic="true", ContentBasedDeduplication="true")
    first, second = (sns.publish(TopicArn=topic, Message="same", MessageGroupId=group) for group in ("one", "two"))
    bodies = [json.loads(each["Body"]) for each in received(sqs, queue)]
    numbers = first.get("SequenceNumber", "0"), second.get("SequenceNumber", "0")
    return numbers[0] < numbers[1], len(bodies), "SequenceNumber" in bodies[0], "Signature" in bodies[0]


@case(
    "applications for phones, settings of text messages and numbers are checked",
    aws=(INVALID,) * 3 + ("accepted",) + (INVALID,) * 3,
    stock=("accepted",) * 7,
)
def case_phones(account: Any) -> Any:
    sns = account.client("sns")
    principal, credential = {"PlatformPrincipal": "p"}, {"PlatformCredential": "c"}
    return (
        refused(sns.create_platform_application, Name="n", Platform="PAGER", Attributes=principal),
        refused(sns.create_platform_application, Name="n", Platform="ADM", Attributes=principal),
        refused(sns.create_platform_application, Name="n", Platform="ADM", Attributes=credential),
        refused(sns.create_platform_application, Name="n", Platform="GCM", Attributes=credential),
        refused(sns.set_sms_attributes, attributes={"Colour": "red"}),
        refused(sns.set_sms_attributes, attributes={"DefaultSMSType": "Loud"}),
        refused(sns.opt_in_phone_number, phoneNumber="call me"),
    )
