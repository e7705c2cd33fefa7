"""Run the scheduled actions of scalable targets, which set the bounds of their capacity."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.isolation import each
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.application_autoscaling import schedule_expressions
from local_aws_server.services.application_autoscaling.scalables import (
    ServiceTasks,
    bring_within_bounds,
    list_scalables,
)

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="A scheduled action sets the bounds of a scalable target at the times of its schedule: at(…), "
        "rate(…) or cron(…).",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-overview.html",
        ),
    ),
)


@reconciler("application-autoscaling", order=71)
def run_due_actions(backends: Backends) -> float | None:
    """Run the actions that are due; return when the next one is."""
    actions = list(backends.backend("applicationautoscaling").scheduled_actions)
    if not actions:
        return None
    services = {
        scalable.target.resource_id: scalable
        for scalable in list_scalables(backends)
        if isinstance(scalable, ServiceTasks)
    }
    now = CLOCK.now()

    def run_if_due(action: Any) -> float | None:
        service, due = services.get(action.resource_id), sidecar(action).get("due")
        if due is not None and due <= now:
            if service is not None and not service.is_suspended("ScheduledScalingSuspended"):
                _run(backends, service, action)
            due = None
        due = sidecar(action)["due"] = due or _next_run(action, now)
        return due

    return each(backends, "scheduled action", actions, lambda action: action.scheduled_action_name, run_if_due)


@before("application-autoscaling", "PutScheduledAction")
def validate_schedule(call: Call) -> None:
    if "Schedule" in call.params:
        try:
            schedule_expressions.next_time(call.params["Schedule"], 0.0, zone=call.params.get("Timezone"))
        except ValueError as problem:
            raise AwsError("ValidationException", str(problem)) from None


@after("application-autoscaling", "PutScheduledAction")
def schedule_next_run(call: Call) -> None:
    for action in call.backends.backend("applicationautoscaling").scheduled_actions:
        has_name = action.scheduled_action_name == call.params["ScheduledActionName"]
        if has_name and action.resource_id == call.params["ResourceId"]:
            sidecar(action)["due"] = _next_run(action, CLOCK.now())


def _next_run(action: Any, now: float) -> float | None:
    start, end = _timestamp(action.start_time), _timestamp(action.end_time)
    after = now if start is None else max(now, start - 1)
    since = start or action.creation_time
    due = schedule_expressions.next_time(action.schedule, after, since=since, zone=action.timezone)
    return None if due is None or (end is not None and due > end) else due


def _run(backends: Backends, service: ServiceTasks, action: Any) -> None:
    bounds = action.scalable_target_action or {}
    changes = []
    for bound in ("min", "max"):
        value = bounds.get(f"{bound.title()}Capacity")
        if value is not None:
            setattr(service.target, f"{bound}_capacity", int(value))
            changes.append(f"{bound} capacity set to {value}")
    cause = f"scheduled action name {action.scheduled_action_name} was triggered"
    bring_within_bounds(backends, service, cause, ", ".join(changes))


def _timestamp(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value)
