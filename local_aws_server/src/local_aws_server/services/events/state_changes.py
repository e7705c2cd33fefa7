"""Send events about changes of state to EventBridge: of instances, Auto Scaling groups, tasks and deployments.

They come from a comparison with what was announced before, so that they do not depend on who made a change. Without
rules nothing is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.hooks import reconciler
from local_aws_server.services.events import group_events, task_events
from local_aws_server.services.events.delivery import emit, has_pattern_rules, rules

BEHAVIOURS = (
    Behaviour(
        service="EventBridge",
        statement="Changes of state of EC2 instances, Auto Scaling instances, ECS tasks, services, deployments and "
        "container instances, and of alarms, are sent as events.",
        documentation=(
            "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-list.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html",
        ),
    ),
)


@dataclass(frozen=True)
class Change:
    """A state of something that has one, and the event that tells about it."""

    of: Any
    """moto's object, whose sidecar remembers the state that was announced."""
    key: str
    """What the state belongs to, where an object has several."""
    state: Any
    source: str
    detail_type: str
    resources: list[str]
    detail: Any
    """Returns the detail of the event."""


@reconciler("ec2", "ecs", "autoscaling", "events", order=95)
def announce_changes(backends: Backends) -> None:
    if not rules(backends):
        return
    bus = sidecar(backends.backend("events"))
    watching, bus["watching"] = bus.get("watching", False), has_pattern_rules(backends)
    if not bus["watching"]:
        return
    for change in _states(backends):
        announced = sidecar(change.of).setdefault("announced", {})
        if announced.get(change.key) != change.state:
            announced[change.key] = change.state
            if watching:
                emit(backends, change.source, change.detail_type, change.resources, change.detail())


def _states(backends: Backends) -> Iterator[Change]:
    for instance in backends.instances:
        arn = f"arn:aws:ec2:{backends.region}:{backends.account}:instance/{instance.id}"
        detail = {"instance-id": instance.id, "state": instance.state}
        kind = "EC2 Instance State-change Notification"
        yield Change(instance, "state", instance.state, "aws.ec2", kind, [arn], lambda detail=detail: detail)
    for group in backends.auto_scaling_groups:
        for key, kind, resources, detail in group_events.events_of(backends, group):
            yield Change(group, key, kind, "aws.autoscaling", kind, resources, lambda detail=detail: detail)
    for of, key, state, kind, resources, detail_of in task_events.states(backends):
        yield Change(of, key, state, "aws.ecs", kind, resources, detail_of)
