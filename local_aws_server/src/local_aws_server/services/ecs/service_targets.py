"""Register the tasks of a service as targets, deregister them, and assess their health.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.data_plane import DATA_PLANE
from local_aws_server.services.ecs import task_interfaces
from local_aws_server.services.ecs.health_checks import worst_health
from local_aws_server.services.ecs.placement import instance_of_task
from local_aws_server.services.ecs.service_events import add_event
from local_aws_server.services.elbv2 import targets
from local_aws_server.services.elbv2.targets import Health

HEALTHY, INITIAL, UNHEALTHY, FAILED = "healthy", "initial", "unhealthy", "failed"
"""Conditions of a running task. FAILED: unhealthy for so long that the scheduler replaces it."""

_UNKNOWN = Health("unknown")

_REPLACE_AFTER_SECONDS = 75.0
"""The time for which a target is unhealthy before the scheduler replaces its task."""

_MIN_REPLACE_AFTER_SECONDS = 10.0
"""A process needs real time to start, into whatever fraction of AWS's time the delays are shortened."""


# --- registration


def register_task(backends: Backends, service: Any, task: Any) -> list[str]:
    """Register a running task with each target group of its service; return the ARNs of those groups."""
    groups = backends.backend("elbv2").target_groups if service.load_balancers else {}
    registered = sidecar(task).setdefault("targets", [])
    for load_balancer in service.load_balancers:
        group = groups.get(load_balancer.get("targetGroupArn"))
        target = _target(backends, task, load_balancer)
        if group is not None and target is not None:
            targets.register(backends, group, *target)
            registered.append([group.arn, *target])
    return [arn for arn, _, _ in registered]


def deregister_task(backends: Backends, task: Any) -> None:
    """Deregister a task from its target groups, and note the groups for the service's events."""
    left = []
    for arn, id, port in sidecar(task).pop("targets", []):
        group = backends.backend("elbv2").target_groups.get(arn)
        if group is not None:
            targets.deregister(backends, group, id, port)
            left.append(arn)
    if left:
        sidecar(task)["left"] = left


def deregistration_delay(backends: Backends, task: Any) -> float:
    """Return the longest deregistration delay of a task's target groups, in seconds."""
    longest = 0.0
    for arn, id, port in sidecar(task).get("targets") or ():
        group = backends.backend("elbv2").target_groups.get(arn)
        if group is not None and targets.target_health(group, id, port).state != "unused":
            longest = max(longest, float(group.attributes["deregistration_delay.timeout_seconds"]))
    return DATA_PLANE.duration(longest)


def _target(backends: Backends, task: Any, load_balancer: dict[str, Any]) -> tuple[str, int] | None:
    """Return the instance or address, and the port, of the container that a service's load balancer names."""
    if address := task_interfaces.detail(task, "privateIPv4Address"):
        return address, int(load_balancer["containerPort"])
    instance = instance_of_task(backends, task)
    if instance is None or backends.backend("ec2").get_instance_by_id(instance.ec2_instance_id).state != "running":
        return None
    for container in task.containers:
        if container.name == load_balancer.get("containerName"):
            for binding in getattr(container, "network_bindings", ()):
                if binding["containerPort"] == load_balancer.get("containerPort"):
                    return instance.ec2_instance_id, binding["hostPort"]
    return None


# --- health


def assess_task(backends: Backends, service: Any, task: Any) -> tuple[str, float | None]:
    """Return a running task's condition, and when it turns from UNHEALTHY to FAILED.

    A task without targets and health checks is HEALTHY.
    """
    notes, healths = sidecar(task), _target_healths(backends, task)
    checked = [each.health_status for each in task.containers if sidecar(each).get("checked")]
    health = worst_health(checked) if checked else HEALTHY.upper()
    if health == "UNHEALTHY":
        due = notes["began"] + _grace_period(service)
        if due > CLOCK.now():
            return UNHEALTHY, due
        if not notes.get("failed_containers"):
            notes["failed_containers"] = True
            add_event(service, f"(task {task.task_arn.split('/')[-1]}) failed container health checks.")
        return FAILED, None
    unhealthy = [target for target in healths if target[2].state == "unhealthy"]
    if not unhealthy:
        notes.pop("unhealthy", None)
        notes.pop("failed_checks", None)
        passed = all(target.state == "healthy" or _is_unchecked(target) for _, _, target in healths)
        return HEALTHY if passed and health == "HEALTHY" else INITIAL, None
    since = notes.setdefault("unhealthy", CLOCK.now())
    due = max(since, notes["began"] + _grace_period(service)) + max(
        DATA_PLANE.duration(_REPLACE_AFTER_SECONDS), _MIN_REPLACE_AFTER_SECONDS
    )
    if due > CLOCK.now():
        return UNHEALTHY, due
    if not notes.get("failed_checks"):
        notes["failed_checks"] = True
        _report_unhealthy_target(backends, service, task, *unhealthy[0])
    return FAILED, None


def _grace_period(service: Any) -> float:
    return float(sidecar(service).get("fields", {}).get("healthCheckGracePeriodSeconds") or 0)


def _target_healths(backends: Backends, task: Any) -> list[tuple[str, int, Health]]:
    """Return the target group's ARN, the port and the health of each target of a task."""
    healths = []
    for arn, id, port in sidecar(task).get("targets") or ():
        group = backends.backend("elbv2").target_groups.get(arn)
        healths.append((arn, port, _UNKNOWN if group is None else targets.target_health(group, id, port)))
    return healths


def _report_unhealthy_target(
    backends: Backends, service: Any, task: Any, group: str, port: int, health: Health
) -> None:
    instance = instance_of_task(backends, task)
    instance_text = f"(instance {instance.ec2_instance_id}) " if instance is not None else ""
    reason = f"due to (reason {health.description})"
    add_event(service, f"{instance_text}(port {port}) is unhealthy in (target-group {group}) {reason}")


def _is_unchecked(health: Health) -> bool:
    """Return whether a target is not health-checked, so that the service does not wait for it."""
    return health.state in ("unavailable", "unknown") or health.reason == "Target.NotInUse"
