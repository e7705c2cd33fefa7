"""The deployments of an ECS service: one is primary, older ones leave, and one that fails may be rolled back.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.services.ecs import restart_throttle
from local_aws_server.services.ecs.service_events import say

_FEWEST_FAILURES, _MOST_FAILURES = 3, 200


def settings(service: Any) -> dict[str, Any]:
    """How it deploys, with AWS's defaults."""
    daemon = service.scheduling_strategy == "DAEMON"
    given = remembered(service).get("fields", {}).get("deploymentConfiguration") or {}
    return {
        "maximumPercent": 100 if daemon else 200,
        "minimumHealthyPercent": 0 if daemon else 100,
        **given,
        "deploymentCircuitBreaker": {"enable": False, "rollback": False, **given.get("deploymentCircuitBreaker", {})},
    }


def primary(service: Any) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in service.deployments if each["status"] == "PRIMARY")
    return found


def at_least(service: Any, desired: int) -> int:
    """How many tasks must stay healthy."""
    return math.ceil(desired * int(settings(service)["minimumHealthyPercent"]) / 100)


def at_most(service: Any, desired: int) -> int:
    """How many tasks may be there at once, those that stop already left out."""
    return max(desired * int(settings(service)["maximumPercent"]) // 100, 1)


def begin(world: Backends, service: Any, why: str) -> None:
    """A new deployment is primary; the others leave once it runs."""
    from moto.moto_api._internal import mock_random

    now = _time()
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
    _restart(latest)
    remembered(service)["steady"] = False
    restart_throttle.forget(service)
    happened(world, service.name, "deployment started", why)


def complete(world: Backends, service: Any) -> None:
    """The primary deployment is the only one, and all of its tasks are healthy."""
    deployment = primary(service)
    if deployment["rolloutState"] == "COMPLETED":
        return
    _roll(deployment, "COMPLETED", f"ECS deployment {deployment['id']} completed.")
    remembered(service)["completed"] = service.task_definition
    say(service, f"(deployment {deployment['id']}) deployment completed.")
    happened(world, service.name, "deployment completed", f"all tasks of {_revision(service.task_definition)} run")


def failed_task(service: Any, task: Any) -> None:
    """Count a task that did not come up; in a deployment that has a healthy task none is counted any more."""
    deployment = primary(service)
    if task.started_by == deployment["id"] and deployment["id"] != remembered(service).get("proved"):
        deployment["failedTasks"] += 1


def proved(service: Any) -> None:
    """A task of the primary deployment is healthy."""
    deployment = primary(service)
    if deployment["rolloutState"] == "IN_PROGRESS":
        remembered(service)["proved"] = deployment["id"]
        deployment["failedTasks"] = 0


def breaks(world: Backends, service: Any) -> None:
    """The circuit breaker ends a deployment whose tasks keep failing, and may go back to the last completed one.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    breaker, deployment = settings(service)["deploymentCircuitBreaker"], primary(service)
    threshold = min(_MOST_FAILURES, max(_FEWEST_FAILURES, math.ceil(service.desired_count / 2)))
    if not breaker["enable"] or deployment["rolloutState"] != "IN_PROGRESS" or deployment["failedTasks"] < threshold:
        return
    _roll(deployment, "FAILED", "ECS deployment circuit breaker: tasks failed to start.")
    say(service, f"(deployment {deployment['id']}) deployment failed: tasks failed to start.")
    happened(world, service.name, "deployment failed", f"{deployment['failedTasks']} tasks in a row did not come up")
    completed = remembered(service).get("completed")
    if breaker["rollback"] and completed:
        _roll_back(world, service, str(completed))


def forget(service: Any, ids: set[str]) -> None:
    """Leave out the older deployments that have no task any more; `ids` are those of which there are tasks."""
    service.deployments[:] = [each for each in service.deployments if each["status"] == "PRIMARY" or each["id"] in ids]


def starts(service: Any) -> None:
    """A service that was just created has a deployment."""
    deployment = service.deployments[0]
    deployment["taskDefinition"] = service.task_definition
    _restart(deployment)


def shown(deployment: Mapping[str, Any]) -> str:
    return f"(deployment {deployment['id']})"


def _roll_back(world: Backends, service: Any, definition: str) -> None:
    failed = primary(service)
    service.task_definition = definition
    earlier = [each for each in service.deployments if each is not failed and each["taskDefinition"] == definition]
    if earlier:
        failed["status"], earlier[0]["status"] = "ACTIVE", "PRIMARY"
        service.deployments.sort(key=lambda each: each["status"] != "PRIMARY")
        _restart(earlier[0])
    else:
        begin(world, service, "the one before failed")
    latest = primary(service)
    reason = f"ECS deployment circuit breaker: rolling back to deploymentId {latest['id']}."
    failed["rolloutStateReason"] = latest["rolloutStateReason"] = reason
    restart_throttle.forget(service)
    say(service, f"rolling back to {shown(latest)}.")
    happened(world, service.name, f"rolled back to {_revision(definition)}", "the deployment circuit breaker")


def _restart(deployment: dict[str, Any]) -> None:
    deployment["failedTasks"] = deployment["runningCount"] = deployment["pendingCount"] = 0
    _roll(deployment, "IN_PROGRESS", f"ECS deployment {deployment['id']} in progress.")


def _roll(deployment: dict[str, Any], state: str, reason: str) -> None:
    deployment.update(rolloutState=state, rolloutStateReason=reason, updatedAt=_time())


def _revision(definition: object) -> str:
    return str(definition).split("/")[-1]


def _time() -> datetime:
    return datetime.fromtimestamp(CLOCK.now(), UTC)
