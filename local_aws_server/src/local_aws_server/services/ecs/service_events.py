"""Write the events of an ECS service, in AWS's words.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event

_MAX_EVENTS = 100
_REPEAT_SECONDS = 6 * 3600.0

_SEE_ALSO = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."

_REASON_TEXTS = {
    "RESOURCE:PORTS": "is already using a port required by your task",
    "RESOURCE:MEMORY": "has insufficient memory available",
    "RESOURCE:CPU": "has insufficient CPU units available",
    "RESOURCE:ENI": "has insufficient network interfaces available",
}
"""Reason for a rejection → AWS's text; the instance with the first of these reasons is the closest match."""


def add_event(service: Any, message: str) -> None:
    """Add an event to a service, which keeps its latest hundred."""
    from moto.moto_api._internal import mock_random

    created = datetime.fromtimestamp(CLOCK.now(), UTC)
    event = {"id": str(mock_random.uuid4()), "createdAt": created, "message": f"(service {service.name}) {message}"}
    service.events.insert(0, event)
    del service.events[_MAX_EVENTS:]


def report_placement_failure(backends: Backends, service: Any, reason: str) -> None:
    """Report that a task could not be placed; repeat the same reason after six hours, or after a success."""
    _, is_closest, text = reason.partition(") ")
    because = f"the closest instance {text.rstrip('.')}" if is_closest else "no container instance is there for it"
    if _is_new(service, "not placed", reason):
        add_event(service, f"was unable to place a task because {reason} {_SEE_ALSO}")
        record_event(backends, service.name, "task not placed", because)


def report_launch_failure(backends: Backends, service: Any, error: str) -> None:
    """Report that a task could not be launched at all; repeat the same error after six hours, or after a success."""
    if _is_new(service, "not launched", error):
        add_event(service, f"failed to launch a task with (error {error}).")
        record_event(backends, service.name, "task not launched", error)


def report_failing_tasks(backends: Backends, service: Any) -> None:
    """Report that tasks keep failing, so that their start is delayed."""
    if _is_new(service, "failing", ""):
        add_event(service, f"is unable to consistently start tasks successfully. {_SEE_ALSO}")
        record_event(backends, service.name, "tasks start with delays", "they keep failing")


def clear_reports(service: Any, *topics: str) -> None:
    """Mark problems as solved, all by default, so that a new occurrence is reported at once."""
    reports = sidecar(service).get("reports", {})
    for topic in topics or list(reports):
        reports.pop(topic, None)


def placement_failure_reason(instances: Collection[Any], reasons: Mapping[str, str | None]) -> str:
    """Return AWS's text on why no instance takes a task; `reasons` has the ARN and the reason of each candidate."""
    none = "no container instance met all of its requirements."
    if not instances:
        return f"{none} Reason: No Container Instances were found in your cluster."
    if not reasons:
        return none
    order = {reason: position for position, reason in enumerate(_REASON_TEXTS)}
    closest = min(reasons, key=lambda arn: order.get(reasons[arn] or "", len(order)))
    reason = reasons[closest] or ""
    text = _REASON_TEXTS.get(reason, f'encountered error "{reason}"')
    return f"{none} The closest matching (container-instance {closest.split('/')[-1]}) {text}."


def _is_new(service: Any, topic: str, text: str) -> bool:
    """Return whether a report on a topic is due, and note that it has been made."""
    reports: dict[str, tuple[str, float]] = sidecar(service).setdefault("reports", {})
    last_text, last_time = reports.get(topic, (None, 0.0))
    if last_text == text and last_time + _REPEAT_SECONDS > CLOCK.now():
        return False
    reports[topic] = (text, CLOCK.now())
    return True
