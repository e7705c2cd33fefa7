"""What one subscriber receives of a message: its body, signed, or the raw text.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.sns.topics import signature_version


@dataclass(frozen=True)
class Notification:
    """A message on its way to the subscribers of a topic."""

    id: str
    message: str
    subject: str | None = None
    attributes: dict[str, Any] | None = None
    """Name → {"Type", "Value"}; binary values in base64."""
    group: str | None = None
    deduplication_id: str | None = None
    structure: str | None = None
    sequence_number: str = ""
    """Of FIFO topics."""

    def text_for(self, subscription: Any) -> str:
        """The text for the protocol of a subscription."""
        if self.structure != "json":
            return self.message
        texts = json.loads(self.message)
        text = texts.get(subscription.protocol)
        return text if isinstance(text, str) else str(texts["default"])


def is_raw(subscription: Any) -> bool:
    return str(subscription.attributes.get("RawMessageDelivery", False)).lower() == "true"


def body_for(subscription: Any, notification: Notification) -> str:
    """The JSON document that a subscriber receives, as AWS prints it."""
    topic, text = subscription.topic, notification.text_for(subscription)
    region = topic.sns_backend.region_name
    timestamp = datetime.fromtimestamp(CLOCK.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    body: dict[str, Any] = {"Type": "Notification", "MessageId": notification.id}
    if notification.sequence_number:
        body["SequenceNumber"] = notification.sequence_number
    body["TopicArn"] = topic.arn
    if notification.subject:
        body["Subject"] = notification.subject
    body |= {"Message": text, "Timestamp": timestamp}
    if not topic.fifo_topic:
        version = signature_version(topic)
        body |= {"SignatureVersion": version, "Signature": _signature(body, version)}
        body["SigningCertURL"] = f"https://sns.{region}.amazonaws.com/{_publish_certificate(region)}"
    unsubscribe = f"?Action=Unsubscribe&SubscriptionArn={subscription.arn}"
    body["UnsubscribeURL"] = f"https://sns.{region}.amazonaws.com/{unsubscribe}"
    if notification.attributes:
        body["MessageAttributes"] = notification.attributes
    return json.dumps(body, indent=2, separators=(",", " : "), ensure_ascii=False)


def _signature(body: dict[str, Any], version: str) -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    signed = "".join(f"{name}\n{body[name]}\n" for name in names if name in body)
    algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
    key, _, _ = _key_and_certificate()
    return base64.b64encode(key.sign(signed.encode(), padding.PKCS1v15(), algorithm)).decode()


def _publish_certificate(region: str) -> str:
    """Keep the certificate where moto looks for it, and return its name."""
    from moto.core import DEFAULT_ACCOUNT_ID

    _, name, certificate = _key_and_certificate()
    Backends(DEFAULT_ACCOUNT_ID, region).backend("sns")._message_public_keys[name] = certificate
    return str(name)


@lru_cache
def _key_and_certificate() -> tuple[Any, str, bytes]:
    """One key for all messages: to make one for each takes longer than the delivery."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36_500))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    digest = hashlib.sha256(certificate).hexdigest()[:32]
    return key, f"SimpleNotificationService-{digest}.pem", certificate


def raw_attributes(notification: Notification) -> dict[str, Any]:
    """The attributes of a message as those of a message of SQS."""
    attributes: dict[str, Any] = {}
    for name, attribute in (notification.attributes or {}).items():
        if attribute["Type"].startswith("Binary"):
            value: Any = {"BinaryValue": base64.b64decode(attribute["Value"])}
        else:
            value = {"StringValue": str(attribute["Value"])}
        attributes[name] = {"DataType": attribute["Type"], **value}
    return attributes
