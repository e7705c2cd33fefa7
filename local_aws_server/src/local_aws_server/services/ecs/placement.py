"""Choose the container instance or the capacity provider of a task, and the task to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from zlib import crc32

from local_aws_server.backends import Backends
from local_aws_server.services.ecs import resources

Strategy = Sequence[Mapping[str, str]]

DEFAULT_STRATEGY: Strategy = (
    {"type": "spread", "field": "attribute:ecs.availability-zone"},
    {"type": "spread", "field": "host"},
)

FARGATE_SPOT = "FARGATE_SPOT"
FARGATE = ("FARGATE", FARGATE_SPOT)


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


def scales_by_itself(backends: Backends, provider: str | None) -> bool:
    """Return whether managed scaling adds instances for the tasks that a capacity provider has no room for."""
    stored = backends.backend("ecs").capacity_providers.get((provider or "").split("/")[-1])
    settings = (stored.auto_scaling_group_provider or {}) if stored else {}
    return bool(settings.get("managedScaling", {}).get("status") == "ENABLED")


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
        return resources.remaining(instance, field.upper())

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
