"""Deliver events to the targets of the rules that match them.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
"""

from __future__ import annotations

import json
import sys
import uuid
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.hooks import patch
from local_aws_server.services.events.target_input import target_input
from local_aws_server.services.sns.delivery import publish

BEHAVIOURS = (
    Behaviour(
        service="EventBridge",
        statement="An enabled rule delivers the events that match its pattern to SQS queues, SNS topics, log groups "
        "and event buses, as Input, InputPath or InputTransformer say.",
        documentation=("https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html",),
    ),
    Behaviour(
        service="EventBridge",
        fidelity=NOT_SIMULATED,
        statement="Other targets, such as Lambda functions, ECS tasks and API destinations, get nothing; "
        "`esaws local events` shows each.",
        documentation=("https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html",),
    ),
    Behaviour(
        service="EventBridge",
        fidelity=NOT_SIMULATED,
        statement="Policies of queues, topics and log groups, which must allow EventBridge to deliver.",
        documentation=("https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",),
    ),
)


def emit(backends: Backends, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Send an event of an AWS service to the account's default event bus."""
    if not has_pattern_rules(backends):
        return
    event = new_event(backends, source, detail_type, resources, detail)
    for rule in rules(backends):
        rule.send_to_targets(event)


def new_event(
    backends: Backends, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]
) -> dict[str, Any]:
    """Return an event of now, as EventBridge delivers it."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": backends.account,
        "time": format_timestamp(CLOCK.now()),
        "region": backends.region,
        "resources": resources,
        "detail": detail,
    }


def rules(backends: Backends) -> list[Any]:
    """Return the rules of the default event bus; none while EventBridge is unused."""
    if "moto.events.models" not in sys.modules:
        return []
    return list(backends.backend("events").event_buses["default"].rules.values())


def has_pattern_rules(backends: Backends) -> bool:
    """Return whether an enabled rule of the default event bus has a pattern."""
    return any(rule.state.startswith("ENABLED") and rule.event_pattern.get_pattern() for rule in rules(backends))


@patch("moto.events.models", "Rule.send_to_targets")
def send_to_targets(self: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:
    """Deliver an event that matches the pattern of an enabled rule."""
    has_pattern = bool(self.event_pattern.get_pattern())
    if self.state.startswith("ENABLED") and has_pattern and self.event_pattern.matches_event(original_event):
        deliver(self, original_event, transform_input=transform_input)


def deliver(rule: Any, event: dict[str, Any], *, transform_input: bool = True) -> None:
    """Send an event to every target of a rule on its own; what fails is in the event log."""
    backends = Backends(rule.account_id, rule.region_name)
    shown = {key: value for key, value in event.items() if key not in ("ingestion-time", "archive-arn")}
    if not isinstance(shown["time"], str):
        shown["time"] = format_timestamp(float(shown["time"]))
    for target in rule.targets:
        text = target_input(target, shown, rule) if transform_input else json.dumps(shown)
        try:
            problem = _deliver_to(rule, target, event, text)
        except Exception as error:
            problem = str(error) or type(error).__name__
        if problem:
            record_event(backends, rule.name, f"event not delivered to {target['Arn']}", problem)


def _deliver_to(rule: Any, target: dict[str, Any], event: dict[str, Any], text: str) -> str:
    """Deliver to one target; return why it is not delivered, or ""."""
    _, _, service, region, account, resource = target["Arn"].split(":", 5)
    backends = Backends(account or rule.account_id, region or rule.region_name)
    if service == "sqs":
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        backends.backend("sqs").send_message(queue_name=resource, message_body=text, group_id=group)
        SCHEDULER.mark_changed(backends, "sqs")
    elif service == "sns":
        return "" if publish(target["Arn"], text) else "there is no such topic"
    elif service == "logs" and resource.startswith("log-group:"):
        logs, name = backends.backend("logs"), resource.removeprefix("log-group:").removesuffix(":*")
        stream = str(uuid.uuid4())
        logs.create_log_stream(name, stream)
        logs.put_log_events(name, stream, [{"timestamp": int(CLOCK.now() * 1000), "message": text}])
        SCHEDULER.mark_changed(backends, "logs")
    elif service == "events" and resource.startswith("event-bus/"):
        backends.backend("events").put_events([_as_entry(json.loads(text), resource.removeprefix("event-bus/"))])
    elif service == "events" and not resource.strip(":"):  # the archives of the account
        archive = json.loads(text)["archive-arn"].split("archive/")[-1]
        rule._send_to_events_archive(archive, event)
    else:
        return f"targets of {service} are not simulated"
    return ""


def _as_entry(event: dict[str, Any], bus: str) -> dict[str, Any]:
    return {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
        "Resources": event.get("resources", []),
        "EventBusName": bus,
    }
