"""Reconcile the instances of an Auto Scaling group: replace, balance, launch and terminate up to its capacity."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.services.autoscaling import activities, lifecycle_hooks
from local_aws_server.services.autoscaling.capacity import (
    PENDING_STATES,
    count_by_subnet,
    desired_capacity,
    is_suspended,
    members,
    missing_option,
    purchase_option,
    subnets,
    units,
)
from local_aws_server.services.autoscaling.health import remove_unhealthy
from local_aws_server.services.autoscaling.launching import launch_instance
from local_aws_server.services.autoscaling.termination import (
    choose_surplus,
    finish_terminations,
    record_member_event,
    remove,
)
from local_aws_server.services.ec2.instances import running_since

_RETRY_SECONDS = 60.0
_REBALANCE_SECONDS = 900.0


def reconcile_group(backends: Backends, group: Any) -> float | None:
    """Bring a group to its desired capacity, evenly over its subnets; return when to look at it again."""
    times = [*_put_in_service(backends, group), *finish_terminations(backends, group)]
    if not is_suspended(group, "Terminate"):
        if not is_suspended(group, "HealthCheck", "ReplaceUnhealthy"):
            times += remove_unhealthy(backends, group)
        if not is_suspended(group, "AZRebalance"):
            remove(backends, group, _outside_subnets(group), "the group's subnets changed")
        _scale_in(backends, group)
    if not is_suspended(group, "Launch"):
        times += _scale_out(backends, group, rebalance=not is_suspended(group, "AZRebalance", "Terminate"))
    if not is_suspended(group, "AddToLoadBalancer"):
        backends.backend("autoscaling").update_attached_elbs(group.name)
        _register_targets(backends, group)
    return min((time for time in times if time > CLOCK.now()), default=None)


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
        record_member_event(backends, state, "in service")
        SCHEDULER.mark_changed(backends, "autoscaling")


# --- capacity


def _scale_in(backends: Backends, group: Any) -> None:
    capacity = units(members(group))
    if surplus := choose_surplus(group):
        reason = (
            "an instance was taken out of service in response to a difference between desired and actual capacity, "
            f"shrinking the capacity from {capacity} to {capacity - units(surplus)}."
        )
        remove(backends, group, surplus, reason)


def _scale_out(backends: Backends, group: Any, *, rebalance: bool) -> Iterable[float]:
    """Launch missing instances, then balance the subnets; return when to try again, if that fails."""
    notes = sidecar(group)
    if CLOCK.now() < notes.get("retry_at", 0.0) and notes.get("failed_for") == desired_capacity(group):
        return [notes["retry_at"]]
    while option := missing_option(group, members(group)):
        if not launch_instance(backends, group, option):
            retry_at = CLOCK.now() + PROVISIONING_SPEED.duration(_RETRY_SECONDS)
            notes.update(retry_at=retry_at, failed_for=desired_capacity(group))
            return [retry_at]
    notes.pop("retry_at", None)
    activities.clear_causes(group)
    if not rebalance or not (surplus := _find_imbalance(group)):
        return []
    if CLOCK.now() < notes.get("balance_at", 0.0):
        return [notes["balance_at"]]
    if launch_instance(backends, group, purchase_option(surplus), any_subnet=False):
        remove(backends, group, [surplus], "an instance was taken out of service to balance the group over its zones.")
        return []
    notes["balance_at"] = CLOCK.now() + PROVISIONING_SPEED.duration(_REBALANCE_SECONDS)
    return [notes["balance_at"]]


def _outside_subnets(group: Any) -> list[Any]:
    """Return the instances that are in none of the group's subnets."""
    allowed = subnets(group)
    return [state for state in members(group) if allowed and state.instance.subnet_id not in allowed]


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
