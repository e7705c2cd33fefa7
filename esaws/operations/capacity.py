"""The instances that a number of tasks needs, by the ports, CPU and memory of the tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.operations.services import ServiceState
from esaws.resource import Live
from esaws.resources._ecs import describe
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.launch_template import LaunchTemplate


@dataclass(frozen=True)
class Capacity:
    """The Auto Scaling group of a service's cluster, and how many of its tasks an instance holds.

    `group` is None where the operation leaves the instances alone; `reason` says why.
    """

    group: Live | None
    per_instance: int = 0
    reason: str = ""

    def needed(self, tasks: int) -> int:
        """The instances that so many tasks need."""
        return math.ceil(tasks / self.per_instance) if self.per_instance else 0


def capacity_of(cloud: Cloud, state: ServiceState) -> Capacity:
    """Return the group that runs the tasks of a service, and how many tasks an instance of it holds."""
    if state.raw.get("launchType") == "FARGATE":
        return Capacity(None, reason="its tasks run on Fargate, without instances")
    if state.raw.get("capacityProviderStrategy"):
        return Capacity(None, reason="its capacity provider adds and removes instances by itself")
    services = list(pages(cloud, "ecs", "list_services", "serviceArns", cluster=state.cluster))
    if len(services) > 1:
        return Capacity(None, reason=f"its cluster runs {len(services)} services, which share the instances")
    templates = {live.id for live in LaunchTemplate.list(cloud) if live.fields["cluster"] == state.cluster}
    groups = [
        live for live in AutoScalingGroup.list(cloud) if live.raw["LaunchTemplate"]["LaunchTemplateId"] in templates
    ]
    if len(groups) != 1:
        return Capacity(None, reason=f"its cluster has {len(groups)} Auto Scaling groups of {cloud.deployment}")
    definition = cloud.client("ecs").describe_task_definition(taskDefinition=state.task_definition)["taskDefinition"]
    arns = list(pages(cloud, "ecs", "list_container_instances", "containerInstanceArns", cluster=state.cluster))
    sizes = [
        {each["name"]: each.get("integerValue", 0) for each in raw["registeredResources"]}
        for raw in describe(cloud, "containerInstances", arns, cluster=state.cluster)
    ]
    per_instance = tasks_per_instance(definition, sizes)
    if per_instance is None:
        return Capacity(None, reason="its cluster has no instance, so how many tasks one holds is not known")
    if not per_instance:
        return Capacity(None, reason="a task needs more CPU or memory than an instance has")
    return Capacity(groups[0], per_instance)


def tasks_per_instance(definition: dict[str, Any], sizes: list[dict[str, int]]) -> int | None:
    """Return how many tasks of a definition the smallest of some instances holds; None where none is known. Pure.

    `sizes` has CPU units and MiB of each instance, as `CPU` and `MEMORY`. An instance holds one task with a fixed host
    port.
    """
    containers = definition["containerDefinitions"]
    ports = [mapping.get("hostPort", 0) for each in containers for mapping in each.get("portMappings", ())]
    has_port = (any(ports) and definition.get("networkMode") != "awsvpc") or definition.get("networkMode") == "host"
    if not sizes:
        return 1 if has_port else None
    needed = {
        "CPU": int(definition.get("cpu") or sum(each.get("cpu", 0) for each in containers)),
        "MEMORY": int(
            definition.get("memory")
            or sum(each.get("memoryReservation") or each.get("memory") or 0 for each in containers)
        ),
    }
    fits = [size.get(name, 0) // amount for size in sizes for name, amount in needed.items() if amount]
    return min([*fits, *([1] if has_port else [])], default=None)
