"""Notifications: what a webhook and a topic get, and that a failure is recorded and fails nothing."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.masking import register_secret
from esaws.runbooks.notify import notify
from esaws.runbooks.pytest_plugin import RunbookTester
from esaws.runbooks.record import new_record

NO_CLOUD = Cloud.at("http://127.0.0.1:9")
SECRET = "a-password-in-an-error"
ERROR = {"step": "act", "resource": "Service hdm", "cause": f"bad {SECRET}", "code": "X", "next_step": "try again"}
RECORD = new_record("20261129T030000Z-roll_out-7", "roll_out") | {
    "status": "failed",
    "deployment": "seccom",
    "error": ERROR,
    "parameters": {"image": "nginx:1.27"},
    "found": {"service state": {"url": "internal"}},
}


class Webhook:
    """A webhook on this machine: what it got, and the status that it answers with."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.status = 200
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.received.append(json.loads(body))
                self.send_response(webhook.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks/T0123456789"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.server.shutdown()
    webhook.server.server_close()


def test_a_webhook_gets_the_summary_without_secrets_parameters_and_findings(webhook: Webhook) -> None:
    register_secret(SECRET)
    assert notify(webhook.url, RECORD, NO_CLOUD) == "sent to the webhook, which answered 200"
    (got,) = webhook.received
    assert got["text"] == "roll_out on seccom: failed; Service hdm: bad ***; next step: try again"
    assert (got["status"], got["error"]["resource"]) == ("failed", "Service hdm")
    assert {"parameters", "found"}.isdisjoint(got)
    assert SECRET not in json.dumps(got)


def test_the_url_of_a_webhook_can_be_named(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_HOOK", webhook.url)
    assert "answered 200" in notify("env:OPS_HOOK", RECORD, NO_CLOUD)
    assert len(webhook.received) == 1


@pytest.mark.parametrize(
    ("target", "variable", "reason"),
    [
        ("env:OPS_HOOK", None, "OPS_HOOK is not set"),
        ("env:OPS_HOOK", "file:///etc/hosts", "OPS_HOOK is not the URL of a webhook"),
        ("http://127.0.0.1:9/hook/SECRETPART", None, "URLError"),
        ("arn:aws:sns:eu-west-3:123456789012:ops", None, "EndpointConnectionError"),
    ],
)
def test_a_failure_is_a_line_and_no_error(
    monkeypatch: pytest.MonkeyPatch, target: str, variable: str | None, reason: str
) -> None:
    monkeypatch.delenv("OPS_HOOK", raising=False)
    if variable:
        monkeypatch.setenv("OPS_HOOK", variable)
    line = notify(target, RECORD, NO_CLOUD)
    assert line.startswith("not sent: ") and reason in line
    assert "SECRETPART" not in line


def test_a_webhook_that_answers_500_was_not_reached(webhook: Webhook) -> None:
    webhook.status = 500
    assert notify(webhook.url, RECORD, NO_CLOUD).startswith("not sent: HTTPError")


def test_subscribers_of_a_topic_get_the_summary(cloud: Cloud) -> None:
    sns, sqs = cloud.client("sns"), cloud.client("sqs")
    topic = sns.create_topic(Name="ops")["TopicArn"]
    queue = sqs.create_queue(QueueName="ops")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    assert notify(topic, RECORD, cloud.in_region("us-east-1")) == "sent to the topic ops"
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["runbook"] == "roll_out"


def test_a_run_records_that_its_notification_was_sent(runbook: RunbookTester, webhook: Webhook) -> None:
    sent = runbook.run("credit_runway", notify=webhook.url)
    assert (sent.exit_code, sent.record["notification"]) == (0, "sent to the webhook, which answered 200")
    assert webhook.received[0]["status"] == sent.status == "done"
    assert webhook.url not in json.dumps(sent.record)


def test_a_notification_that_fails_changes_no_result(runbook: RunbookTester) -> None:
    result = runbook.run("cost_report", notify="http://127.0.0.1:9/hook", bills=["missing.csv"])
    assert (result.exit_code, result.status) == (2, "failed")
    assert result.record["error"]["cause"] == "missing.csv not found"
    assert result.record["notification"].startswith("not sent: URLError")
