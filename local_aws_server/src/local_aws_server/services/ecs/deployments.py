"""Manage the deployments of an ECS service: start, completion, circuit breaker and rollback.

One deployment is PRIMARY; the tasks of older ones are replaced by its tasks.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.services.ecs import restart_throttle
from local_aws_server.services.ecs.service_events import add_event

_MIN_THRESHOLD, _MAX_THRESHOLD = 3, 200
"""Bounds of the number of failed tasks that trips the circuit breaker."""


def deployment_settings(service: Any) -> dict[str, Any]:
    """Return a service's deployment configuration, with AWS's defaults."""
    daemon = service.scheduling_strategy == "DAEMON"
    configured = sidecar(service).get("fields", {}).get("deploymentConfiguration") or {}
    breaker = {"enable": False, "rollback": False, **configured.get("deploymentCircuitBreaker", {})}
    return {
        "maximumPercent": 100 if daemon else 200,
        "minimumHealthyPercent": 0 if daemon else 100,
        **configured,
        "deploymentCircuitBreaker": breaker,
    }


def primary_deployment(service: Any) -> dict[str, Any]:
    primary: dict[str, Any] = next(
        deployment for deployment in service.deployments if deployment["status"] == "PRIMARY"
    )
    return primary


def min_healthy_tasks(service: Any, desired: int) -> int:
    """Return how many tasks must stay healthy during a deployment."""
    return math.ceil(desired * int(deployment_settings(service)["minimumHealthyPercent"]) / 100)


def max_tasks(service: Any, desired: int) -> int:
    """Return how many tasks may run or start at the same time; stopping ones do not count."""
    return max(desired * int(deployment_settings(service)["maximumPercent"]) // 100, 1)


def initialize_deployment(service: Any) -> None:
    """Complete the deployment that moto made for a new service."""
    deployment = service.deployments[0]
    deployment["taskDefinition"] = service.task_definition
    _reset(deployment)


def start_deployment(backends: Backends, service: Any, reason: str) -> None:
    """Start a new primary deployment of the service's task definition."""
    from moto.moto_api._internal import mock_random

    now = _now()
    for older in service.deployments:
        older["status"] = "ACTIVE"
    latest = {
        **service.deployments[0],
        "id": f"ecs-svc/{mock_random.randint(10**18, 10**19 - 1)}",
        "status": "PRIMARY",
        "taskDefinition": service.task_definition,
        "createdAt": now,
        "updatedAt": now,
    }
    service.deployments.insert(0, latest)
    _reset(latest)
    sidecar(service)["steady"] = False
    restart_throttle.reset(service)
    record_event(backends, service.name, "deployment started", reason)


def complete_deployment(backends: Backends, service: Any) -> None:
    """Mark the primary deployment as completed; all its tasks are healthy and no other deployment is left."""
    deployment = primary_deployment(service)
    if deployment["rolloutState"] == "COMPLETED":
        return
    _set_rollout_state(deployment, "COMPLETED", f"ECS deployment {deployment['id']} completed.")
    sidecar(service)["completed"] = service.task_definition
    add_event(service, f"{deployment_label(deployment)} deployment completed.")
    revision = _revision(service.task_definition)
    record_event(backends, service.name, "deployment completed", f"all tasks of {revision} run")


def count_failed_task(service: Any, task: Any) -> None:
    """Count a failed task of the primary deployment, until one of its tasks has been healthy."""
    deployment = primary_deployment(service)
    if task.started_by == deployment["id"] and deployment["id"] != sidecar(service).get("proved"):
        deployment["failedTasks"] += 1


def record_healthy_task(service: Any) -> None:
    """Record that a task of the primary deployment is healthy, so that earlier failures no longer count."""
    deployment = primary_deployment(service)
    if deployment["rolloutState"] == "IN_PROGRESS":
        sidecar(service)["proved"] = deployment["id"]
        deployment["failedTasks"] = 0


def apply_circuit_breaker(backends: Backends, service: Any) -> None:
    """Fail a deployment whose tasks keep failing, and roll back to the last completed one if so configured.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    breaker = deployment_settings(service)["deploymentCircuitBreaker"]
    deployment = primary_deployment(service)
    threshold = min(_MAX_THRESHOLD, max(_MIN_THRESHOLD, math.ceil(service.desired_count / 2)))
    if not breaker["enable"] or deployment["rolloutState"] != "IN_PROGRESS" or deployment["failedTasks"] < threshold:
        return
    fail_deployment(
        backends,
        service,
        by="ECS deployment circuit breaker",
        why="tasks failed to start",
        cause=f"{deployment['failedTasks']} tasks in a row did not come up",
        rollback=breaker["rollback"],
    )


def fail_deployment(backends: Backends, service: Any, *, by: str, why: str, cause: str, rollback: bool) -> None:
    """Fail the primary deployment, and roll back to the last completed one if `rollback` is set and there is one.

    `by` and `why` are AWS's texts, `cause` that of the event log.
    """
    deployment = primary_deployment(service)
    _set_rollout_state(deployment, "FAILED", f"{by}: {why}.")
    add_event(service, f"{deployment_label(deployment)} deployment failed: {why}.")
    record_event(backends, service.name, "deployment failed", cause)
    completed = sidecar(service).get("completed")
    if rollback and completed:
        _roll_back(backends, service, str(completed), by)


def remove_old_deployments(service: Any, ids_with_tasks: set[str]) -> None:
    """Remove the older deployments that have no tasks."""
    service.deployments[:] = [
        deployment
        for deployment in service.deployments
        if deployment["status"] == "PRIMARY" or deployment["id"] in ids_with_tasks
    ]


def deployment_label(deployment: Mapping[str, Any]) -> str:
    """Return the deployment as AWS's events name it."""
    return f"(deployment {deployment['id']})"


def _roll_back(backends: Backends, service: Any, definition: str, by: str) -> None:
    """Make the last completed deployment primary again, or start a new one of its task definition."""
    failed = primary_deployment(service)
    service.task_definition = definition
    earlier = [
        deployment
        for deployment in service.deployments
        if deployment is not failed and deployment["taskDefinition"] == definition
    ]
    if earlier:
        failed["status"], earlier[0]["status"] = "ACTIVE", "PRIMARY"
        service.deployments.sort(key=lambda deployment: deployment["status"] != "PRIMARY")
        _reset(earlier[0])
    else:
        start_deployment(backends, service, "the one before failed")
    latest = primary_deployment(service)
    reason = f"{by}: rolling back to deploymentId {latest['id']}."
    failed["rolloutStateReason"] = latest["rolloutStateReason"] = reason
    restart_throttle.reset(service)
    add_event(service, f"rolling back to {deployment_label(latest)}.")
    record_event(backends, service.name, f"rolled back to {_revision(definition)}", by.replace("ECS", "the"))


def _reset(deployment: dict[str, Any]) -> None:
    deployment["failedTasks"] = deployment["runningCount"] = deployment["pendingCount"] = 0
    _set_rollout_state(deployment, "IN_PROGRESS", f"ECS deployment {deployment['id']} in progress.")


def _set_rollout_state(deployment: dict[str, Any], state: str, reason: str) -> None:
    deployment.update(rolloutState=state, rolloutStateReason=reason, updatedAt=_now())


def _revision(definition: object) -> str:
    return str(definition).split("/")[-1]


def _now() -> datetime:
    return datetime.fromtimestamp(CLOCK.now(), UTC)
