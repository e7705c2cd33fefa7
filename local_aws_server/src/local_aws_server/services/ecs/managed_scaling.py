"""Managed scaling: a capacity provider gives its Auto Scaling group as many instances as its tasks need.

What is measured is CapacityProviderReservation: instances needed in per cent of instances there.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.services.ecs.placement import required

_OUT_AFTER, _IN_AFTER = 60.0, 900.0
"""How long there are too few instances, or too many, before that is changed."""


def follow(world: Backends) -> float | None:
    """Scale every group of a provider that asks for it; gives the moment at which the next one changes."""
    moments = []
    for provider in world.backend("ecs").capacity_providers.values():
        group = group_of(world, provider)
        if group is None:
            continue
        if provider.auto_scaling_group_provider["managedTerminationProtection"] == "ENABLED":
            _protect(world, group)
        if provider.auto_scaling_group_provider["managedScaling"]["status"] == "ENABLED":
            moments.append(_scale(world, provider, group))
    return min((moment for moment in moments if moment is not None), default=None)


def group_of(world: Backends, provider: Any) -> Any | None:
    """The Auto Scaling group of a capacity provider."""
    arn = (provider.auto_scaling_group_provider or {}).get("autoScalingGroupArn")
    return next((group for group in world.groups if group.arn == arn), None)


def reservation(world: Backends, provider: Any) -> float | None:
    """CapacityProviderReservation, in per cent; None for a provider without a group."""
    group = group_of(world, provider)
    if group is None:
        return None
    there, needed = len(list(group.active_instances())), _needed(world, provider, group)
    if there:
        return 100.0 * needed / there
    return 200.0 if needed else 100.0


def _scale(world: Backends, provider: Any, group: Any) -> float | None:
    managed, kept, now = provider.auto_scaling_group_provider["managedScaling"], remembered(provider), CLOCK.now()
    desired = int(group.desired_capacity or 0)
    wanted = math.ceil(_needed(world, provider, group) * 100 / managed["targetCapacity"])
    wanted = min(max(wanted, group.min_size), group.max_size)
    if wanted == desired:
        kept.pop("scales", None)
        return None
    way = "out" if wanted > desired else "in"
    if kept.get("scales", ("", 0.0))[0] != way:
        kept["scales"] = (way, now)
    due = float(kept["scales"][1]) + (_OUT_AFTER if way == "out" else _IN_AFTER)
    if due > now:
        return due
    del kept["scales"]
    if way == "out":
        step = max(wanted - desired, managed["minimumScalingStepSize"])
        wanted = min(desired + min(step, managed["maximumScalingStepSize"]), group.max_size)
    group.desired_capacity = wanted
    why = "tasks wait for an instance" if way == "out" else "its tasks need fewer instances"
    happened(world, group.name, f"desired capacity {desired} → {wanted}", f"capacity provider {provider.name}: {why}")
    TIMELINE.touch(world, "autoscaling", "ecs")
    return None


def _needed(world: Backends, provider: Any, group: Any) -> int:
    """How many instances its tasks need: those that have some, and those for tasks that found no place."""
    members = {state.instance.id for state in group.instance_states}
    return len(_used(world) & members) + _extra(world, provider, group)


def _used(world: Backends) -> set[str]:
    """The instances on which tasks are, those of daemons left out."""
    daemons = {(each.cluster_arn, f"service:{each.name}") for each in world.services if _daemon(each)}
    tasks = [task for task in world.tasks if task.last_status != "STOPPED"]
    with_tasks = {task.container_instance_arn for task in tasks if (task.cluster_arn, task.group) not in daemons}
    return {each.ec2_instance_id for _, each in world.container_instances if each.container_instance_arn in with_tasks}


def _extra(world: Backends, provider: Any, group: Any) -> int:
    """How many empty instances take the tasks that found no place; a task that none takes counts for nothing."""
    unplaced = list(_unplaced(world, provider))
    if not unplaced or (size := _size(world, group)) is None:
        return 0
    filled: list[dict[str, Any]] = []
    for needed in unplaced:
        fitting = next((each for each in filled if _fits(needed, each)), None)
        if fitting is None:
            fitting = {"CPU": size[0], "MEMORY": size[1], "PORTS": set()}
            if not _fits(needed, fitting):
                continue
            filled.append(fitting)
        fitting["CPU"] -= needed["CPU"]
        fitting["MEMORY"] -= needed["MEMORY"]
        fitting["PORTS"] |= set(needed["PORTS"])
    return len(filled)


def _unplaced(world: Backends, provider: Any) -> Iterator[dict[str, Any]]:
    """What each task needs that a service of this provider could not place."""
    for service in world.services:
        strategy = remembered(service).get("fields", {}).get("capacityProviderStrategy") or ()
        names = {item["capacityProvider"].split("/")[-1] for item in strategy}
        if service.status == "ACTIVE" and provider.name in names and not _daemon(service):
            missing = int(remembered(service).get("unplaced", 0))
            if missing:
                definition = world.backend("ecs").describe_task_definition(service.task_definition)
                yield from [required(definition)] * missing


def _size(world: Backends, group: Any) -> tuple[int, int] | None:
    """(CPU units, MiB) of an empty instance of a group, as its agents report it."""
    members = {state.instance.id for state in group.instance_states}
    for _, each in world.container_instances:
        if each.ec2_instance_id in members:
            sizes = {item["name"]: item["integerValue"] for item in each.registered_resources}
            return sizes["CPU"], sizes["MEMORY"]
    template = group.ec2_launch_template
    if template is None:
        return None
    kind = template.get_version(group.launch_template_version).data.get("InstanceType") or "m1.small"
    vcpus, mebibytes = world.size(kind)
    return vcpus * 1024, mebibytes


def _fits(needed: dict[str, Any], left: dict[str, Any]) -> bool:
    room = needed["CPU"] <= left["CPU"] and needed["MEMORY"] <= left["MEMORY"]
    return bool(room and not left["PORTS"] & set(needed["PORTS"]))


def _protect(world: Backends, group: Any) -> None:
    """Instances with tasks are protected from scale-in, registered ones without are not.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-termination-protection.html
    """
    used, registered = _used(world), {each.ec2_instance_id for _, each in world.container_instances}
    for state in group.instance_states:
        if state.instance.id in registered and state.protected_from_scale_in != (state.instance.id in used):
            state.protected_from_scale_in = state.instance.id in used
            TIMELINE.touch(world, "autoscaling")


def _daemon(service: Any) -> bool:
    return bool(service.scheduling_strategy == "DAEMON")
