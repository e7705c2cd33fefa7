"""The targets of an ECS service's tasks: registered once they run, deregistered before they stop."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.services.elbv2 import targets
from local_aws_server.services.elbv2.targets import Health

UNKNOWN = Health("unknown")


def enter(world: Backends, service: Any, task: Any) -> list[str]:
    """Register a running task with each target group of its service; gives the ARNs of those groups."""
    found = world.backend("elbv2").target_groups if service.load_balancers else {}
    kept = remembered(task).setdefault("targets", [])
    for balancer in service.load_balancers:
        group = found.get(balancer.get("targetGroupArn"))
        target = _target(world, task, balancer)
        if group is not None and target is not None:
            targets.register(world, group, *target)
            kept.append([group.arn, *target])
    return [arn for arn, _, _ in kept]


def withdraw(world: Backends, task: Any) -> list[str]:
    """Deregister a task from its target groups; gives the ARNs of those that are still there."""
    left = []
    for arn, id, port in remembered(task).pop("targets", []):
        group = world.backend("elbv2").target_groups.get(arn)
        if group is not None:
            targets.deregister(world, group, id, port)
            left.append(arn)
    if left:
        remembered(task)["left"] = left
    return left


def delay(world: Backends, task: Any) -> float:
    """How many seconds its target groups let a task's connections end."""
    longest = 0.0
    for arn, id, port in remembered(task).get("targets") or ():
        group = world.backend("elbv2").target_groups.get(arn)
        if group is not None and targets.state(world, group, id, port).state != "unused":
            longest = max(longest, float(group.attributes["deregistration_delay.timeout_seconds"]))
    return longest


def health(world: Backends, task: Any) -> list[tuple[str, int, Health]]:
    """(target group's ARN, port, health) of each target of a task."""
    found = []
    for arn, id, port in remembered(task).get("targets") or ():
        group = world.backend("elbv2").target_groups.get(arn)
        found.append((arn, port, UNKNOWN if group is None else targets.state(world, group, id, port)))
    return found


def _target(world: Backends, task: Any, balancer: dict[str, Any]) -> tuple[str, int] | None:
    """(instance or address, port) of the container that a service's load balancer names."""
    for attachment in task.attachments:
        for detail in attachment["details"]:
            if detail["name"] == "privateIPv4Address":
                return detail["value"], int(balancer["containerPort"])
    instance = next(
        (e for _, e in world.container_instances if e.container_instance_arn == task.container_instance_arn), None
    )
    if instance is None or world.backend("ec2").get_instance_by_id(instance.ec2_instance_id).state != "running":
        return None
    for container in task.containers:
        if container.name == balancer.get("containerName"):
            for binding in getattr(container, "network_bindings", ()):
                if binding["containerPort"] == balancer.get("containerPort"):
                    return instance.ec2_instance_id, binding["hostPort"]
    return None
