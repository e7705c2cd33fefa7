"""Terminate instances of an Auto Scaling group, and choose those that a smaller capacity does not need.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from local_aws_server.backends import Backends, display_name, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.services.autoscaling import activities, lifecycle_hooks
from local_aws_server.services.autoscaling.capacity import is_surplus, members
from local_aws_server.services.ec2.instances import running_since, terminate

_MAX_DRAIN_SECONDS = 3600.0
_HOUR = 3600.0

_TERMINATING_STATES = ("Terminating", "Terminating:Wait", "Terminating:Proceed", "Terminated")


# --- termination


def terminate_all(backends: Backends, group: Any, reason: str) -> None:
    """Terminate all instances of a deleted group, even protected ones."""
    terminate(backends, [state.instance for state in group.instance_states], reason)


def remove(backends: Backends, group: Any, states: list[Any], reason: str, *, hooks: bool = True) -> None:
    """Terminate instances, after their lifecycle hooks and draining; without `hooks` at once.

    `reason` is AWS's text for the activity.
    """
    for state in states:
        activities.add_termination(group, state, reason)
        container_instance, tasks = _container_instance_and_tasks(backends, state.instance)
        if hooks and tasks and container_instance is not None and _has_managed_draining(backends, group):
            container_instance.status = "DRAINING"
            sidecar(state)["drains"] = True
            lifecycle_hooks.hold(state, "Terminating:Wait", _MAX_DRAIN_SECONDS)
            record_member_event(backends, state, "drained", "ECS moves its tasks away")
        elif hooks and (hook := lifecycle_hooks.find_hook(backends, group, "TERMINATING")):
            lifecycle_hooks.hold(state, "Terminating:Wait", lifecycle_hooks.heartbeat_timeout(hook))
        else:
            state.lifecycle_state = "Terminating"
            terminate(backends, [state.instance], "its Auto Scaling group let it go")
        SCHEDULER.mark_changed(backends, "ec2", "ecs", "autoscaling")


def finish_terminations(backends: Backends, group: Any) -> Iterable[float]:
    """Terminate instances whose wait is over, and drop terminated ones; yield when the waits of others end."""
    for state in [state for state in group.instance_states if state.lifecycle_state in _TERMINATING_STATES]:
        if state.lifecycle_state == "Terminating:Wait":
            if not lifecycle_hooks.is_released(state) and not _is_drained(backends, state):
                yield lifecycle_hooks.held_until(state)
                continue
            state.lifecycle_state = "Terminating:Proceed"
            terminate(backends, [state.instance], "its Auto Scaling group let it go")
            SCHEDULER.mark_changed(backends, "ec2")
        if state.instance.state == "terminated":
            group.instance_states.remove(state)
            activities.finish(group, state.instance.id)
            SCHEDULER.mark_changed(backends, "autoscaling")


def record_member_event(backends: Backends, state: Any, what: str, because: str = "") -> None:
    """Log an event of an instance of a group."""
    record_event(
        backends, display_name(backends, state.instance), f"instance {what} in {state.availability_zone}", because
    )


def _has_managed_draining(backends: Backends, group: Any) -> bool:
    """Return whether ECS drains the group's instances before they terminate."""
    return any(
        (provider.auto_scaling_group_provider or {}).get("autoScalingGroupArn") == group.arn
        and provider.auto_scaling_group_provider.get("managedDraining") == "ENABLED"
        for provider in backends.backend("ecs").capacity_providers.values()
    )


def _container_instance_and_tasks(backends: Backends, instance: Any) -> tuple[Any | None, list[Any]]:
    """Return the container instance of an EC2 instance, and its tasks that have not stopped."""
    for _, container_instance in backends.container_instances:
        if container_instance.ec2_instance_id == instance.id:
            arn = container_instance.container_instance_arn
            return container_instance, [
                task
                for task in backends.ecs_tasks
                if task.container_instance_arn == arn and task.last_status != "STOPPED"
            ]
    return None, []


def _is_drained(backends: Backends, state: Any) -> bool:
    return sidecar(state).get("drains", False) and not _container_instance_and_tasks(backends, state.instance)[1]


# --- the choice


def choose_surplus(group: Any) -> list[Any]:
    """Return the instances that the desired capacity does not need: unprotected ones of the fullest subnets first."""
    remaining = members(group)
    surplus: list[Any] = []
    while True:
        counts = Counter(state.instance.subnet_id for state in remaining)
        candidates = [s for s in remaining if not s.protected_from_scale_in and is_surplus(group, s, remaining)]
        if not candidates:
            return surplus
        fullest = max(counts[state.instance.subnet_id] for state in candidates)
        surplus.append(_choose(group, [s for s in candidates if counts[s.instance.subnet_id] == fullest]))
        remaining.remove(surplus[-1])


def _choose(group: Any, candidates: list[Any]) -> Any:
    """Apply the group's termination policies in order, each to those that the one before has left."""
    for policy in group.termination_policies or ["Default"]:
        for rank in _POLICIES.get(policy, ()):
            ranks = [rank(group, state) for state in candidates]
            candidates = [state for state, each in zip(candidates, ranks, strict=True) if each == min(ranks)]
    return candidates[0]


def _age_order(group: Any, state: Any) -> int:
    """The states of a group are in the order of their launch."""
    return int(group.instance_states.index(state))


def _template_order(group: Any, state: Any) -> int:
    """Rank instances of earlier template versions first, and those of another template or configuration before."""
    template = group.ec2_launch_template
    version = sidecar(state.instance).get("launch_template_version")
    if template is None or version is None:
        return 0 if (template is None) != (version is None) else 1
    return int(version)


def _seconds_to_next_hour(group: Any, state: Any) -> float:
    since = running_since(state.instance)
    return _HOUR if since is None else _HOUR - (CLOCK.now() - since) % _HOUR


_POLICIES: dict[str, tuple[Callable[[Any, Any], float], ...]] = {
    "Default": (_template_order, _seconds_to_next_hour),
    "OldestInstance": (_age_order,),
    "NewestInstance": (lambda group, state: -_age_order(group, state),),
    "OldestLaunchTemplate": (_template_order,),
    "OldestLaunchConfiguration": (_template_order,),
    "ClosestToNextInstanceHour": (_seconds_to_next_hour,),
}
"""Policy → functions that rank the instances; the lowest rank is terminated first."""
