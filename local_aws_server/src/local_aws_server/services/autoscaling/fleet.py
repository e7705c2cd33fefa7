"""Reconcile the instances of an Auto Scaling group: replace, balance, launch and terminate up to its capacity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends, display_name, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.services.autoscaling import activities, lifecycle_hooks
from local_aws_server.services.autoscaling.launching import (
    PENDING_STATES,
    count_by_subnet,
    launch_instance,
    members,
    subnets,
)
from local_aws_server.services.ec2.instances import running_since, terminate

_HEALTH_CHECK_SECONDS = 60.0
"""The time until a health check notices that an instance does not run any more."""

_RETRY_SECONDS = 60.0
_REBALANCE_SECONDS = 900.0
_MAX_DRAIN_SECONDS = 3600.0

_TERMINATING_STATES = ("Terminating", "Terminating:Wait", "Terminating:Proceed", "Terminated")


def reconcile_group(backends: Backends, group: Any) -> float | None:
    """Bring a group to its desired capacity, evenly over its subnets; return when to look at it again."""
    times = [*_put_in_service(backends, group), *_finish_terminations(backends, group)]
    suspended = {process["ProcessName"] for process in group.suspended_processes}
    if "Terminate" not in suspended:
        if not suspended & {"HealthCheck", "ReplaceUnhealthy"}:
            times += _remove_unhealthy(backends, group)
        if "AZRebalance" not in suspended:
            remove(backends, group, _outside_subnets(group), "the group's subnets changed")
        _scale_in(backends, group)
    if "Launch" not in suspended:
        times += _scale_out(backends, group, rebalance=not suspended & {"AZRebalance", "Terminate"})
    backends.backend("autoscaling").update_attached_elbs(group.name)
    _register_targets(backends, group)
    return min((time for time in times if time > CLOCK.now()), default=None)


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
            _record(backends, state, "drained", "ECS moves its tasks away")
        elif hooks and (hook := lifecycle_hooks.find_hook(backends, group, "TERMINATING")):
            lifecycle_hooks.hold(state, "Terminating:Wait", lifecycle_hooks.heartbeat_timeout(hook))
        else:
            state.lifecycle_state = "Terminating"
            terminate(backends, [state.instance], "its Auto Scaling group let it go")
        SCHEDULER.mark_changed(backends, "ec2", "ecs", "autoscaling")


# --- launch and termination


def _put_in_service(backends: Backends, group: Any) -> Iterable[float]:
    """Put running instances in service, after the lifecycle hook on launching; yield when it times out."""
    for state in [state for state in group.instance_states if state.lifecycle_state in PENDING_STATES]:
        if state.instance.state != "running":
            continue
        hook = lifecycle_hooks.find_hook(backends, group, "LAUNCHING")
        if state.lifecycle_state == "Pending" and hook:
            lifecycle_hooks.hold(state, "Pending:Wait", lifecycle_hooks.heartbeat_timeout(hook))
        if state.lifecycle_state == "Pending:Wait":
            if not lifecycle_hooks.is_released(state):
                yield lifecycle_hooks.held_until(state)
                continue
            if lifecycle_hooks.result(state, hook) == "ABANDON":
                remove(backends, group, [state], "a lifecycle action was abandoned.", hooks=False)
                continue
        state.lifecycle_state = "InService"
        sidecar(state)["in_service_since"] = CLOCK.now()
        activities.finish(group, state.instance.id)
        _record(backends, state, "in service")
        SCHEDULER.mark_changed(backends, "autoscaling")


def _finish_terminations(backends: Backends, group: Any) -> Iterable[float]:
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


# --- health


def _remove_unhealthy(backends: Backends, group: Any) -> Iterable[float]:
    """Take unhealthy instances out of service; yield when a health check will notice others."""
    for state in members(group):
        cause, noticed_at = _health_problem(backends, group, state)
        if noticed_at is not None:
            yield noticed_at
        if cause:
            state.health_status = "Unhealthy"
            _record(backends, state, "taken out of service", cause)
            reason = f"an instance was taken out of service in response to {cause}."
            remove(backends, group, [state], reason, hooks=False)
            activities.set_launch_reason(group, "an unhealthy instance needing to be replaced")


def _health_problem(backends: Backends, group: Any, state: Any) -> tuple[str, float | None]:
    """Return what a health check has noticed, in AWS's words ("" for nothing), and when it will notice a problem."""
    if state.health_status == "Unhealthy":
        return "a user health-check", None
    instance, notes, now = state.instance, sidecar(state), CLOCK.now()
    if instance.state in ("stopping", "stopped", "shutting-down", "terminated"):
        cause = "an EC2 health check indicating it has been terminated or stopped"
    elif state.lifecycle_state != "InService":
        return "", None
    elif sidecar(instance).get("failed"):
        cause = "an EC2 instance status checks failure"
    elif group.health_check_type == "ELB" and _has_unhealthy_target(backends, group, instance):
        cause = "an ELB system health check failure"
    else:
        notes.pop("unhealthy_since", None)
        return "", None
    noticed_at = notes.setdefault("unhealthy_since", now) + _HEALTH_CHECK_SECONDS
    if instance.state == "running":
        grace_period = float(group.health_check_grace_period or 0)
        noticed_at = max(noticed_at, notes.get("in_service_since", now) + grace_period)
    return (cause, None) if now >= noticed_at else ("", noticed_at)


def _has_unhealthy_target(backends: Backends, group: Any, instance: Any) -> bool:
    target_groups, ec2 = backends.backend("elbv2").target_groups, backends.backend("ec2")
    return any(
        target_groups[arn].health_for({"Id": instance.id}, ec2).status == "unhealthy"
        for arn in group.target_group_arns
        if arn in target_groups
    )


# --- capacity


def _desired(group: Any) -> int:
    return int(group.desired_capacity or 0)


def _scale_in(backends: Backends, group: Any) -> None:
    capacity = len(members(group))
    if surplus := _choose_surplus(group, capacity - _desired(group)):
        reason = (
            "an instance was taken out of service in response to a difference between desired and actual capacity, "
            f"shrinking the capacity from {capacity} to {capacity - len(surplus)}."
        )
        remove(backends, group, surplus, reason)


def _scale_out(backends: Backends, group: Any, *, rebalance: bool) -> Iterable[float]:
    """Launch missing instances, then balance the subnets; return when to try again, if that fails."""
    notes = sidecar(group)
    if CLOCK.now() < notes.get("retry_at", 0.0) and notes.get("failed_for") == _desired(group):
        return [notes["retry_at"]]
    while len(members(group)) < _desired(group):
        if not launch_instance(backends, group):
            retry_at = CLOCK.now() + PROVISIONING_SPEED.duration(_RETRY_SECONDS)
            notes.update(retry_at=retry_at, failed_for=_desired(group))
            return [retry_at]
    notes.pop("retry_at", None)
    activities.clear_causes(group)
    if not rebalance or not (surplus := _find_imbalance(group)):
        return []
    if CLOCK.now() < notes.get("balance_at", 0.0):
        return [notes["balance_at"]]
    if launch_instance(backends, group, any_subnet=False):
        remove(backends, group, [surplus], "an instance was taken out of service to balance the group over its zones.")
        return []
    notes["balance_at"] = CLOCK.now() + PROVISIONING_SPEED.duration(_REBALANCE_SECONDS)
    return [notes["balance_at"]]


def _outside_subnets(group: Any) -> list[Any]:
    """Return the instances that are in none of the group's subnets."""
    allowed = subnets(group)
    return [state for state in members(group) if allowed and state.instance.subnet_id not in allowed]


def _choose_surplus(group: Any, count: int) -> list[Any]:
    """Return the instances to remove: the oldest unprotected one of the fullest subnet, again and again."""
    remaining = members(group)
    surplus: list[Any] = []
    while len(surplus) < count:
        counts = Counter(state.instance.subnet_id for state in remaining)
        candidates = [state for state in remaining if not state.protected_from_scale_in]
        if not candidates:
            break
        # `max` returns the first of equals, and the states are in the order of their launch
        surplus.append(max(candidates, key=lambda state: counts[state.instance.subnet_id]))
        remaining.remove(surplus[-1])
    return surplus


def _find_imbalance(group: Any) -> Any | None:
    """Return an instance of the fullest subnet, if another subnet has at least two fewer."""
    counts = count_by_subnet(group)
    if len(counts) < 2 or max(counts.values()) - min(counts.values()) < 2:
        return None
    fullest = max(counts, key=lambda subnet: counts[subnet])
    movable = [s for s in members(group) if s.instance.subnet_id == fullest and not s.protected_from_scale_in]
    return movable[0] if movable else None


def _register_targets(backends: Backends, group: Any) -> None:
    """Register the instances in service with the group's target groups, at the port of each target group."""
    target_groups = backends.backend("elbv2").target_groups
    for arn in group.target_group_arns:
        if arn not in target_groups:
            continue
        serving = [s for s in members(group) if s.lifecycle_state == "InService" and running_since(s.instance)]
        missing = {state.instance.id for state in serving} - {key[0] for key in target_groups[arn].targets}
        if missing:
            target_groups[arn].register([{"Id": instance_id} for instance_id in sorted(missing)])
            SCHEDULER.mark_changed(backends, "elbv2")


def _record(backends: Backends, state: Any, what: str, because: str = "") -> None:
    record_event(
        backends, display_name(backends, state.instance), f"instance {what} in {state.availability_zone}", because
    )
