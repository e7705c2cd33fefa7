"""Where a task can go: what it needs, which container instance has that, and which of several is chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from zlib import crc32

from local_aws_server.backends import Backends

Strategy = Sequence[Mapping[str, str]]

SPREAD: Strategy = ({"type": "spread", "field": "attribute:ecs.availability-zone"}, {"type": "spread", "field": "host"})
"""What ECS does unless told otherwise: evenly over the zones, then over the instances."""

FARGATE = ("FARGATE", "FARGATE_SPOT")

_COMPARED = re.compile(r"attribute:([\w.-]+)\s*(==|!=|in)\s*(.+)")


def required(definition: Any) -> dict[str, Any]:
    """CPU units, MiB and host ports that a task of a definition takes of a container instance."""
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
    memory = sum(each.get("memoryReservation") or each.get("memory") or 0 for each in containers)
    return {
        "CPU": sum(each.get("cpu") or 0 for each in containers),
        "MEMORY": memory or int(definition.memory or 0),
        "PORTS": [port for port in ports if port],
        "PORTS_UDP": [],
    }


def remaining(instance: Any) -> dict[str, Any]:
    """What is left of a container instance: CPU units, MiB; and the host ports that are taken."""
    return {each["name"]: each.get("stringSetValue") or each["integerValue"] for each in instance.remaining_resources}


def why_not(instance: Any, needed: Mapping[str, Any]) -> str | None:
    """Why a container instance can't take a task, in ECS's words; None if it can."""
    left = remaining(instance)
    if not instance.agent_connected:
        return "AGENT"
    if needed["CPU"] > left["CPU"]:
        return "RESOURCE:CPU"
    if needed["MEMORY"] > left["MEMORY"]:
        return "RESOURCE:MEMORY"
    if {str(port) for port in needed["PORTS"]} & set(left["PORTS"] or ()):
        return "RESOURCE:PORTS"
    return None


def fits_when_empty(instance: Any, needed: Mapping[str, Any]) -> bool:
    """Whether a container instance could take a task if nothing else were on it."""
    had = {each["name"]: each.get("stringSetValue") or each["integerValue"] for each in instance.registered_resources}
    room = needed["CPU"] <= had["CPU"] and needed["MEMORY"] <= had["MEMORY"]
    return bool(room and not {str(port) for port in needed["PORTS"]} & set(had["PORTS"] or ()))


def active(world: Backends, cluster: str) -> list[Any]:
    """The container instances of a cluster that take new tasks."""
    return [each for name, each in world.container_instances if name == cluster and each.status == "ACTIVE"]


def of_provider(world: Backends, provider: str | None, instances: Iterable[Any]) -> list[Any]:
    """The container instances that a capacity provider's group has launched; all of them without a provider."""
    known = world.backend("ecs").capacity_providers.get((provider or "").split("/")[-1])
    arn = (known.auto_scaling_group_provider or {}).get("autoScalingGroupArn") if known else None
    group = next((group for group in world.groups if group.arn == arn), None)
    if group is None:
        return list(instances)
    members = {state.instance.id for state in group.instance_states}
    return [each for each in instances if each.ec2_instance_id in members]


def provider_for(strategy: Sequence[Mapping[str, Any]], taken: Mapping[str, int]) -> str | None:
    """The capacity provider of the next task, where so many tasks of each are there already.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
    """

    def name(item: Mapping[str, Any]) -> str:
        return str(item["capacityProvider"]).split("/")[-1]

    for item in strategy:
        if taken.get(name(item), 0) < item.get("base", 0):
            return name(item)
    weighed = [item for item in strategy if item.get("weight", 0) > 0] or list(strategy)[:1]
    if not weighed:
        return None
    return name(
        min(weighed, key=lambda item: (taken.get(name(item), 0) - item.get("base", 0)) / (item.get("weight") or 1))
    )


def allowed(constraints: Sequence[Mapping[str, str]], instances: Iterable[Any], mine: Iterable[Any]) -> list[Any]:
    """The container instances that placement constraints leave, given the tasks that are placed already."""
    taken = {task.container_instance_arn for task in mine}
    left = list(instances)
    for constraint in constraints:
        if constraint["type"] == "distinctInstance":
            left = [each for each in left if each.container_instance_arn not in taken]
        elif constraint["type"] == "memberOf":
            left = [each for each in left if _member(each, constraint.get("expression", ""))]
    return left


def choose(instances: Sequence[Any], strategy: Strategy, mine: Sequence[Any], seed: str) -> Any:
    """The container instance for the next task, of those that can take it; the first of equals.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-strategies.html
    """
    left = list(instances)
    for rule in strategy:
        kind, field = rule["type"], rule.get("field", "")
        if kind == "random":
            return left[crc32(f"{seed} {len(mine)}".encode()) % len(left)]
        left = _fewest(left, field, mine) if kind == "spread" else _fullest(left, field)
    return left[0]


def surplus(tasks: Sequence[Any], instances: Iterable[Any]) -> Any:
    """The task to stop first: in the fullest zone, there on the fullest instance, the newest."""
    zone_of = {each.container_instance_arn: _zone(each) for each in instances}

    def crowd(task: Any, place: Callable[[Any], Any]) -> int:
        return sum(place(other) == place(task) for other in tasks)

    return max(
        reversed(tasks),
        key=lambda task: (
            crowd(task, lambda each: zone_of.get(each.container_instance_arn)),
            crowd(task, lambda each: each.container_instance_arn),
        ),
    )


def host_of(world: Backends, task: Any) -> Any | None:
    """The container instance that a task is on."""
    of_cluster = world.backend("ecs").container_instances.get(task.cluster_name, {})
    return of_cluster.get(str(task.container_instance_arn).split("/")[-1])


def zone_of(world: Backends, task: Any) -> str:
    """The Availability Zone in which a task is, or where it runs, if that is nowhere in particular."""
    host = host_of(world, task)
    return _zone(host) if host is not None else "Fargate"


def _fewest(instances: list[Any], field: str, mine: Iterable[Any]) -> list[Any]:
    """Those in the places that hold the fewest of these tasks."""
    place_of = {each.container_instance_arn: _place(each, field) for each in instances}
    counted = dict.fromkeys(place_of.values(), 0)
    for task in mine:
        if (place := place_of.get(task.container_instance_arn)) is not None:
            counted[place] += 1
    fewest = min(counted.values())
    return [each for each in instances if counted[place_of[each.container_instance_arn]] == fewest]


def _fullest(instances: list[Any], field: str) -> list[Any]:
    """Those with the least left of CPU or memory."""
    ordered = sorted(instances, key=lambda each: remaining(each)[field.upper()])
    _, group = next(groupby(ordered, key=lambda each: remaining(each)[field.upper()]))
    return list(group)


def _place(instance: Any, field: str) -> str:
    if field in ("host", "instanceId"):
        return str(instance.container_instance_arn)
    return str(instance.attributes.get(field.removeprefix("attribute:"), ""))


def _zone(instance: Any) -> str:
    return _place(instance, "ecs.availability-zone")


def _member(instance: Any, expression: str) -> bool:
    """Whether an expression of the cluster query language holds; of that language the comparisons of attributes."""
    compared = _COMPARED.fullmatch(expression.strip())
    if compared is None:
        return True
    value, (name, operator, wanted) = None, compared.groups()
    value = instance.attributes.get(name)
    if operator == "in":
        return value in [each.strip() for each in wanted.strip("[] ").split(",")]
    return bool((value == wanted.strip()) is (operator == "=="))
