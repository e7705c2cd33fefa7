"""The events of ECS: tasks, container instances, deployments and actions of services.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.clock import CLOCK
from local_aws_server.response_parsing import response_parser

State = tuple[Any, str, Any, str, list[str], Callable[[], dict[str, Any]]]
"""(moto's object, what its state is about, state, detail type, resources, function that returns the detail)."""

_DEPLOYMENT_EVENTS = {
    "IN_PROGRESS": ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
    "COMPLETED": ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
    "FAILED": ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
}
_ACTIONS = {
    "has reached a steady state": ("INFO", "SERVICE_STEADY_STATE"),
    "was unable to place a task": ("ERROR", "SERVICE_TASK_PLACEMENT_FAILURE"),
    "is unable to consistently start tasks": ("WARN", "SERVICE_TASK_START_IMPAIRED"),
}
"""Part of a service's event message → (event type, name)."""


def states(backends: Backends) -> Iterator[State]:
    """Yield the states of all tasks, container instances and services."""
    for task in backends.ecs_tasks:
        state = (task.last_status, task.desired_status)
        detail = partial(_detail, "DescribeTasks", "tasks", task)
        yield task, "state", state, "ECS Task State Change", [task.task_arn], detail
    for _, instance in backends.container_instances:
        state = (instance.status, instance.agent_connected)
        detail = partial(_detail, "DescribeContainerInstances", "containerInstances", instance)
        kind = "ECS Container Instance State Change"
        yield instance, "state", state, kind, [instance.container_instance_arn], detail
    for service in backends.ecs_services:
        for deployment in service.deployments:
            detail = partial(_deployment_detail, deployment)
            state = deployment.get("rolloutState")
            if state in _DEPLOYMENT_EVENTS:
                yield service, deployment["id"], state, "ECS Deployment State Change", [service.arn], detail
        for event in reversed(service.events):
            action = next((action for part, action in _ACTIONS.items() if part in event["message"]), None)
            if action is not None:
                detail = partial(_action_detail, service, event, *action)
                yield service, event["id"], action, "ECS Service Action", [service.arn], detail


def _detail(operation: str, member: str, described: Any) -> dict[str, Any]:
    """Return moto's description of an object, as the API has it, with times as text."""
    from moto.core.serialize import SerializationContext, XFormedAttributePicker, get_serializer_class
    from moto.core.utils import get_service_model

    model = get_service_model("ecs").operation_model(operation)
    serializer = get_serializer_class("ecs", "json")(
        model, context=SerializationContext("events"), value_picker=XFormedAttributePicker()
    )
    body = serializer.serialize({member: [described]})["body"]
    response = {"status_code": 200, "headers": {}, "body": str(body).encode()}
    parsed: dict[str, Any] = response_parser("json").parse(response, model.output_shape)[member][0]
    detail: dict[str, Any] = json.loads(json.dumps(parsed, default=_text))
    return {**detail, "updatedAt": _time(datetime.fromtimestamp(CLOCK.now(), UTC))}


def _deployment_detail(deployment: dict[str, Any]) -> dict[str, Any]:
    event_type, name = _DEPLOYMENT_EVENTS[deployment["rolloutState"]]
    return {
        "eventType": event_type,
        "eventName": name,
        "deploymentId": deployment["id"],
        "updatedAt": _time(deployment["updatedAt"]),
        "reason": deployment["rolloutStateReason"],
    }


def _action_detail(service: Any, event: dict[str, Any], event_type: str, name: str) -> dict[str, Any]:
    detail = {
        "eventType": event_type,
        "eventName": name,
        "clusterArn": service.cluster_arn,
        "createdAt": _time(event["createdAt"]),
    }
    if name == "SERVICE_TASK_PLACEMENT_FAILURE":
        detail["reason"] = event["message"].split("because ", 1)[-1]
    return detail


def _text(value: Any) -> str:
    return _time(value) if isinstance(value, datetime) else str(value)


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"
