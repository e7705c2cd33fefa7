"""Place tasks on container instances: required and remaining resources, constraints, strategies, capacity providers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from zlib import crc32

from local_aws_server.backends import Backends

Strategy = Sequence[Mapping[str, str]]

DEFAULT_STRATEGY: Strategy = (
    {"type": "spread", "field": "attribute:ecs.availability-zone"},
    {"type": "spread", "field": "host"},
)

FARGATE = ("FARGATE", "FARGATE_SPOT")

_EXPRESSION = re.compile(r"attribute:([\w.-]+)\s*(==|!=|in)\s*(.+)")


# --- resources


def required_resources(definition: Any) -> dict[str, Any]:
    """Return the CPU units, MiB and host ports that a task of a definition takes, by the names ECS gives them."""
    containers = [
        {key[0].lower() + key[1:]: value for key, value in container.items()}
        for container in definition.container_definitions
    ]
    host_network = definition.network_mode == "host"
    ports = [
        mapping.get("hostPort") or (mapping["containerPort"] if host_network else 0)
        for container in containers
        for mapping in container.get("portMappings") or ()
        if mapping.get("protocol", "tcp") == "tcp" and definition.network_mode != "awsvpc"
    ]
    memory = sum(container.get("memoryReservation") or container.get("memory") or 0 for container in containers)
    return {
        "CPU": sum(container.get("cpu") or 0 for container in containers),
        "MEMORY": memory or int(definition.memory or 0),
        "PORTS": [port for port in ports if port],
        "PORTS_UDP": [],
    }


def rejection_reason(instance: Any, needed: Mapping[str, Any]) -> str | None:
    """Return ECS's reason why a container instance cannot take a task; None if it can."""
    remaining = _amounts(instance.remaining_resources)
    if not instance.agent_connected:
        return "AGENT"
    if needed["CPU"] > remaining["CPU"]:
        return "RESOURCE:CPU"
    if needed["MEMORY"] > remaining["MEMORY"]:
        return "RESOURCE:MEMORY"
    if {str(port) for port in needed["PORTS"]} & set(remaining["PORTS"] or ()):
        return "RESOURCE:PORTS"
    return None


def fits_when_empty(instance: Any, needed: Mapping[str, Any]) -> bool:
    """Return whether a container instance without other tasks could take a task."""
    registered = _amounts(instance.registered_resources)
    has_room = needed["CPU"] <= registered["CPU"] and needed["MEMORY"] <= registered["MEMORY"]
    return bool(has_room and not {str(port) for port in needed["PORTS"]} & set(registered["PORTS"] or ()))


def _amounts(resources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return resource name → amount; for ports, the list of those that are taken."""
    return {resource["name"]: resource.get("stringSetValue") or resource["integerValue"] for resource in resources}


# --- candidates


def active_instances(backends: Backends, cluster: str) -> list[Any]:
    """Return the container instances of a cluster that accept new tasks."""
    return [
        instance for name, instance in backends.container_instances if name == cluster and instance.status == "ACTIVE"
    ]


def instances_of_provider(backends: Backends, provider: str | None, instances: Iterable[Any]) -> list[Any]:
    """Return the container instances that a capacity provider's group launched; all of them without a provider."""
    stored = backends.backend("ecs").capacity_providers.get((provider or "").split("/")[-1])
    arn = (stored.auto_scaling_group_provider or {}).get("autoScalingGroupArn") if stored else None
    group = next((group for group in backends.auto_scaling_groups if group.arn == arn), None)
    if group is None:
        return list(instances)
    members = {state.instance.id for state in group.instance_states}
    return [instance for instance in instances if instance.ec2_instance_id in members]


def next_capacity_provider(strategy: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> str | None:
    """Return the capacity provider of the next task, given each provider's number of tasks.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
    """

    def name(item: Mapping[str, Any]) -> str:
        return str(item["capacityProvider"]).split("/")[-1]

    for item in strategy:
        if counts.get(name(item), 0) < item.get("base", 0):
            return name(item)
    weighted = [item for item in strategy if item.get("weight", 0) > 0] or list(strategy)[:1]
    if not weighted:
        return None
    return name(
        min(weighted, key=lambda item: (counts.get(name(item), 0) - item.get("base", 0)) / (item.get("weight") or 1))
    )


def apply_constraints(
    constraints: Sequence[Mapping[str, str]], instances: Iterable[Any], placed: Iterable[Any]
) -> list[Any]:
    """Return the container instances that satisfy the placement constraints, given the tasks already placed."""
    taken = {task.container_instance_arn for task in placed}
    allowed = list(instances)
    for constraint in constraints:
        if constraint["type"] == "distinctInstance":
            allowed = [instance for instance in allowed if instance.container_instance_arn not in taken]
        elif constraint["type"] == "memberOf":
            allowed = [instance for instance in allowed if _matches(instance, constraint.get("expression", ""))]
    return allowed


def _matches(instance: Any, expression: str) -> bool:
    """Evaluate a cluster query expression that compares an attribute; any other expression is true."""
    match = _EXPRESSION.fullmatch(expression.strip())
    if match is None:
        return True
    name, operator, operand = match.groups()
    value = instance.attributes.get(name)
    if operator == "in":
        return value in [item.strip() for item in operand.strip("[] ").split(",")]
    return bool((value == operand.strip()) is (operator == "=="))


# --- choices


def choose_instance(instances: Sequence[Any], strategy: Strategy, placed: Sequence[Any], seed: str) -> Any:
    """Return the container instance for the next task, among those that can take it; the first of equals.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-strategies.html
    """
    candidates = list(instances)
    for rule in strategy:
        kind, field = rule["type"], rule.get("field", "")
        if kind == "random":
            return candidates[crc32(f"{seed} {len(placed)}".encode()) % len(candidates)]
        candidates = _least_used(candidates, field, placed) if kind == "spread" else _fullest(candidates, field)
    return candidates[0]


def choose_task_to_stop(tasks: Sequence[Any], instances: Iterable[Any]) -> Any:
    """Return the newest task on the fullest instance of the fullest zone."""
    zones = {instance.container_instance_arn: _zone(instance) for instance in instances}

    def neighbours(task: Any, location: Callable[[Any], Any]) -> int:
        return sum(location(other) == location(task) for other in tasks)

    return max(
        reversed(tasks),
        key=lambda task: (
            neighbours(task, lambda other: zones.get(other.container_instance_arn)),
            neighbours(task, lambda other: other.container_instance_arn),
        ),
    )


def _least_used(instances: list[Any], field: str, placed: Iterable[Any]) -> list[Any]:
    """Return the instances whose value of the spread field has the fewest tasks."""
    values = {instance.container_instance_arn: _field_value(instance, field) for instance in instances}
    counts = dict.fromkeys(values.values(), 0)
    for task in placed:
        if (value := values.get(task.container_instance_arn)) is not None:
            counts[value] += 1
    fewest = min(counts.values())
    return [instance for instance in instances if counts[values[instance.container_instance_arn]] == fewest]


def _fullest(instances: list[Any], field: str) -> list[Any]:
    """Return the instances with the least remaining CPU or memory."""

    def remaining(instance: Any) -> Any:
        return _amounts(instance.remaining_resources)[field.upper()]

    _, group = next(groupby(sorted(instances, key=remaining), key=remaining))
    return list(group)


# --- locations


def instance_of_task(backends: Backends, task: Any) -> Any | None:
    """Return the container instance of a task."""
    instances = backends.backend("ecs").container_instances.get(task.cluster_name, {})
    return instances.get(str(task.container_instance_arn).split("/")[-1])


def zone_of_task(backends: Backends, task: Any) -> str:
    """Return the Availability Zone of a task's container instance, or `Fargate`."""
    instance = instance_of_task(backends, task)
    return _zone(instance) if instance is not None else "Fargate"


def _field_value(instance: Any, field: str) -> str:
    if field in ("host", "instanceId"):
        return str(instance.container_instance_arn)
    return str(instance.attributes.get(field.removeprefix("attribute:"), ""))


def _zone(instance: Any) -> str:
    return _field_value(instance, "ecs.availability-zone")
