"""Scale the Auto Scaling group of a capacity provider to the number of instances that its tasks need.

AWS's metric for it is CapacityProviderReservation: needed instances in percent of existing ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.hooks import reconciler
from local_aws_server.services.ecs import tasks
from local_aws_server.services.ecs.container_instances import CPU_UNITS_PER_VCPU
from local_aws_server.services.ecs.resources import required_resources

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="Managed scaling of a capacity provider adds instances for tasks that cannot be placed, and removes "
        "unused instances after 15 minutes.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html",),
    ),
)

_SCALE_OUT_DELAY = 60.0
_SCALE_IN_DELAY = 900.0


@reconciler("ecs", "ec2", "autoscaling", order=45)
def scale_groups(backends: Backends) -> float | None:
    """Scale and protect the groups of all capacity providers; return when the next one changes."""
    providers = backends.backend("ecs").capacity_providers.values()
    return each(backends, "capacity provider", providers, lambda each: each.name, lambda each: _manage(backends, each))


def _manage(backends: Backends, provider: Any) -> float | None:
    group = _group_of(backends, provider)
    if group is None:
        return None
    if provider.auto_scaling_group_provider["managedTerminationProtection"] == "ENABLED":
        _protect_instances(backends, group)
    if provider.auto_scaling_group_provider["managedScaling"]["status"] == "ENABLED":
        return _scale(backends, provider, group)
    return None


def _group_of(backends: Backends, provider: Any) -> Any | None:
    """Return the Auto Scaling group of a capacity provider."""
    arn = (provider.auto_scaling_group_provider or {}).get("autoScalingGroupArn")
    return next((group for group in backends.auto_scaling_groups if group.arn == arn), None)


def _scale(backends: Backends, provider: Any, group: Any) -> float | None:
    """Set the group's desired capacity once its need has differed long enough; return when that will be."""
    settings, notes, now = provider.auto_scaling_group_provider["managedScaling"], sidecar(provider), CLOCK.now()
    desired = int(group.desired_capacity or 0)
    target = math.ceil(_instances_needed(backends, provider, group) * 100 / settings["targetCapacity"])
    target = min(max(target, group.min_size), group.max_size)
    if target == desired:
        notes.pop("scales", None)
        return None
    direction = "out" if target > desired else "in"
    if notes.get("scales", ("", 0.0))[0] != direction:
        notes["scales"] = (direction, now)
    due = float(notes["scales"][1]) + (_SCALE_OUT_DELAY if direction == "out" else _SCALE_IN_DELAY)
    if due > now:
        return due
    del notes["scales"]
    if direction == "out":
        step = max(target - desired, settings["minimumScalingStepSize"])
        target = min(desired + min(step, settings["maximumScalingStepSize"]), group.max_size)
    group.desired_capacity = target
    reason = "tasks wait for an instance" if direction == "out" else "its tasks need fewer instances"
    what = f"desired capacity {desired} → {target}"
    record_event(backends, group.name, what, f"capacity provider {provider.name}: {reason}")
    SCHEDULER.mark_changed(backends, "autoscaling", "ecs")
    return None


def _instances_needed(backends: Backends, provider: Any, group: Any) -> int:
    """Return the number of instances with tasks, plus those needed for the tasks that could not be placed."""
    members = {state.instance.id for state in group.instance_states}
    return len(_instances_with_tasks(backends) & members) + _additional_instances(backends, provider, group)


def _instances_with_tasks(backends: Backends) -> set[str]:
    """Return the ids of the instances with tasks; tasks of daemons do not count."""
    daemons = {
        (service.cluster_arn, f"service:{service.name}") for service in backends.ecs_services if _is_daemon(service)
    }
    arns = {
        task.container_instance_arn
        for task in backends.ecs_tasks
        if task.last_status != "STOPPED" and (task.cluster_arn, task.group) not in daemons
    }
    return {
        container_instance.ec2_instance_id
        for _, container_instance in backends.container_instances
        if container_instance.container_instance_arn in arns
    }


def _additional_instances(backends: Backends, provider: Any, group: Any) -> int:
    """Return how many empty instances would take the unplaced tasks; tasks that fit on none do not count."""
    unplaced = list(_unplaced_tasks(backends, provider))
    if not unplaced or (size := _instance_size(backends, group)) is None:
        return 0
    instances: list[dict[str, Any]] = []
    for needed in unplaced:
        instance = next((instance for instance in instances if _fits(needed, instance)), None)
        if instance is None:
            instance = {"CPU": size[0], "MEMORY": size[1], "PORTS": set()}
            if not _fits(needed, instance):
                continue
            instances.append(instance)
        instance["CPU"] -= needed["CPU"]
        instance["MEMORY"] -= needed["MEMORY"]
        instance["PORTS"] |= set(needed["PORTS"])
    return len(instances)


def _unplaced_tasks(backends: Backends, provider: Any) -> Iterator[dict[str, Any]]:
    """Yield the resources of each task that waits for a capacity provider, or that its services could not place."""
    for task in tasks.waiting_tasks(backends):
        if task.capacity_provider_name == provider.name:
            yield task.resource_requirements
    for service in backends.ecs_services:
        strategy = sidecar(service).get("fields", {}).get("capacityProviderStrategy") or ()
        names = {item["capacityProvider"].split("/")[-1] for item in strategy}
        if service.status == "ACTIVE" and provider.name in names and not _is_daemon(service):
            missing = int(sidecar(service).get("unplaced", 0))
            if missing:
                definition = backends.backend("ecs").describe_task_definition(service.task_definition)
                yield from [required_resources(definition)] * missing


def _instance_size(backends: Backends, group: Any) -> tuple[int, int] | None:
    """Return the CPU units and the MiB of an empty instance of a group, as its agents report them."""
    members = {state.instance.id for state in group.instance_states}
    for _, container_instance in backends.container_instances:
        if container_instance.ec2_instance_id in members:
            sizes = {item["name"]: item["integerValue"] for item in container_instance.registered_resources}
            return sizes["CPU"], sizes["MEMORY"]
    template = group.ec2_launch_template
    if template is None:
        return None
    instance_type = template.get_version(group.launch_template_version).data.get("InstanceType") or "m1.small"
    vcpus, mebibytes = backends.instance_type_size(instance_type)
    return vcpus * CPU_UNITS_PER_VCPU, mebibytes


def _fits(needed: dict[str, Any], instance: dict[str, Any]) -> bool:
    """Return whether a task fits into the free CPU and memory, and takes none of the used ports."""
    has_room = needed["CPU"] <= instance["CPU"] and needed["MEMORY"] <= instance["MEMORY"]
    return bool(has_room and not instance["PORTS"] & set(needed["PORTS"]))


def _protect_instances(backends: Backends, group: Any) -> None:
    """Protect the registered instances with tasks from scale-in, and only those.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-termination-protection.html
    """
    with_tasks = _instances_with_tasks(backends)
    registered = {container_instance.ec2_instance_id for _, container_instance in backends.container_instances}
    for state in group.instance_states:
        protect = state.instance.id in with_tasks
        if state.instance.id in registered and state.protected_from_scale_in != protect:
            state.protected_from_scale_in = protect
            SCHEDULER.mark_changed(backends, "autoscaling")


def _is_daemon(service: Any) -> bool:
    return bool(service.scheduling_strategy == "DAEMON")
