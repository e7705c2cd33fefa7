"""What an Auto Scaling group does by itself: replace, balance, launch and terminate until it has what it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.errors import AwsError
from local_aws_server.faults import capacity
from local_aws_server.services.autoscaling import activities
from local_aws_server.services.ec2.instances import display_name, mark_pending, running_since, terminate
from local_aws_server.services.ec2.launch import launch

CHECK_SECONDS = 60.0
"""Until the health check has seen that an instance is no longer running."""

_RETRY_SECONDS = 60.0
_BALANCE_SECONDS = 900.0
_DRAINING_SECONDS = 3600.0

_LAUNCHING = ("Pending", "Pending:Wait", "Pending:Proceed")
_LEAVING = ("Terminating", "Terminating:Wait", "Terminating:Proceed", "Terminated")


def settle(world: Backends, group: Any) -> float | None:
    """Bring a group to its desired capacity, evenly over its subnets; gives the moment at which to look again."""
    moments = [*_arrive(world, group), *_leave(world, group)]
    suspended = {process["ProcessName"] for process in group.suspended_processes}
    if "Terminate" not in suspended:
        if not suspended & {"HealthCheck", "ReplaceUnhealthy"}:
            moments += _replace(world, group)
        if "AZRebalance" not in suspended:
            _remove(world, group, _misplaced(group), "the group's subnets changed")
        _shrink(world, group)
    if "Launch" not in suspended:
        moments += _grow(world, group, balance=not suspended & {"AZRebalance", "Terminate"})
    world.backend("autoscaling").update_attached_elbs(group.name)
    _register(world, group)
    return min((moment for moment in moments if moment > CLOCK.now()), default=None)


def subnets(group: Any) -> list[str]:
    return [name.strip() for name in (group.vpc_zone_identifier or "").split(",") if name.strip()]


def members(group: Any) -> list[Any]:
    """The states of the instances that count for the capacity: launching or in service."""
    return [s for s in group.instance_states if s.lifecycle_state in (*_LAUNCHING, "InService")]


def take_away(world: Backends, group: Any, state: Any, cause: str) -> None:
    """Let one instance go, for a reason in AWS's words."""
    _remove(world, group, [state], cause)


def end_all(world: Backends, group: Any, why: str) -> None:
    """The group is gone; its instances go with it, the protected ones too."""
    terminate(world, [state.instance for state in group.instance_states], why)


# --- on the way in and out


def _arrive(world: Backends, group: Any) -> Iterable[float]:
    """Instances that have come up are in service, once a hook on launching lets them."""
    for state in [state for state in group.instance_states if state.lifecycle_state in _LAUNCHING]:
        if state.instance.state != "running":
            continue
        if state.lifecycle_state == "Pending" and _hook(world, group, "LAUNCHING"):
            _hold(state, "Pending:Wait", _hook_seconds(world, group, "LAUNCHING"))
        if state.lifecycle_state == "Pending:Wait":
            if not _released(state):
                yield sidecar(state)["held_until"]
                continue
            hook = _hook(world, group, "LAUNCHING")
            if sidecar(state).get("result", hook.default_result if hook else "CONTINUE") == "ABANDON":
                _remove(world, group, [state], "a lifecycle action was abandoned.", hooks=False)
                continue
        state.lifecycle_state = "InService"
        sidecar(state)["in_service_since"] = CLOCK.now()
        activities.finish(group, state.instance.id)
        _tell(world, state, "in service")
        SCHEDULER.mark_changed(world, "autoscaling")


def _leave(world: Backends, group: Any) -> Iterable[float]:
    """Instances wait for their hooks, then terminate; those that are gone leave the group."""
    for state in [state for state in group.instance_states if state.lifecycle_state in _LEAVING]:
        if state.lifecycle_state == "Terminating:Wait":
            if not _released(state) and not _drained(world, state):
                yield sidecar(state)["held_until"]
                continue
            state.lifecycle_state = "Terminating:Proceed"
            terminate(world, [state.instance], "its Auto Scaling group let it go")
            SCHEDULER.mark_changed(world, "ec2")
        if state.instance.state == "terminated":
            group.instance_states.remove(state)
            activities.finish(group, state.instance.id)
            SCHEDULER.mark_changed(world, "autoscaling")


def complete(state: Any, result: str) -> None:
    """End the wait for a lifecycle hook with CONTINUE or ABANDON."""
    sidecar(state).update(held_until=CLOCK.now(), result=result)


def _hold(state: Any, lifecycle_state: str, seconds: float) -> None:
    state.lifecycle_state = lifecycle_state
    sidecar(state)["held_until"] = CLOCK.now() + seconds


def _released(state: Any) -> bool:
    return bool(CLOCK.now() >= sidecar(state)["held_until"])


def _hook(world: Backends, group: Any, transition: str) -> Any | None:
    hooks = world.backend("autoscaling").lifecycle_hooks.values()
    wanted = f"autoscaling:EC2_INSTANCE_{transition}"
    return next(
        (h for h in hooks if h.auto_scaling_group_name == group.name and h.lifecycle_transition == wanted), None
    )


def _hook_seconds(world: Backends, group: Any, transition: str) -> float:
    hook = _hook(world, group, transition)
    return float((hook.heartbeat_timeout if hook else None) or 3600)


def _drains(world: Backends, group: Any) -> bool:
    """Whether ECS drains the group's instances before they terminate."""
    return any(
        (provider.auto_scaling_group_provider or {}).get("autoScalingGroupArn") == group.arn
        and provider.auto_scaling_group_provider.get("managedDraining") == "ENABLED"
        for provider in world.backend("ecs").capacity_providers.values()
    )


def _tasks(world: Backends, instance: Any) -> tuple[Any | None, list[Any]]:
    """(the container instance that an EC2 instance is, its tasks that have not stopped)."""
    for _, found in world.container_instances:
        if found.ec2_instance_id == instance.id:
            arn = found.container_instance_arn
            return found, [t for t in world.ecs_tasks if t.container_instance_arn == arn and t.last_status != "STOPPED"]
    return None, []


def _drained(world: Backends, state: Any) -> bool:
    return sidecar(state).get("drains", False) and not _tasks(world, state.instance)[1]


# --- health


def _replace(world: Backends, group: Any) -> Iterable[float]:
    """Take unhealthy instances out of service; what replaces them is launched as anything that is missing."""
    for state in members(group):
        cause, moment = _illness(world, group, state)
        if moment is not None:
            yield moment
        if cause:
            state.health_status = "Unhealthy"
            record_event(
                world,
                display_name(world, state.instance),
                f"instance taken out of service in {state.availability_zone}",
                cause,
            )
            _remove(world, group, [state], f"an instance was taken out of service in response to {cause}.", hooks=False)
            activities.because(group, "an unhealthy instance needing to be replaced")


def _illness(world: Backends, group: Any, state: Any) -> tuple[str, float | None]:
    """(what the health checks have found, in AWS's words; when they will find it, if they are about to)."""
    if state.health_status == "Unhealthy":
        return "a user health-check", None
    instance, kept, now = state.instance, sidecar(state), CLOCK.now()
    if instance.state in ("stopping", "stopped", "shutting-down", "terminated"):
        found = "an EC2 health check indicating it has been terminated or stopped"
    elif state.lifecycle_state != "InService":
        return "", None
    elif sidecar(instance).get("failed"):
        found = "an EC2 instance status checks failure"
    elif group.health_check_type == "ELB" and _unhealthy_target(world, group, instance):
        found = "an ELB system health check failure"
    else:
        kept.pop("ill_since", None)
        return "", None
    seen = kept.setdefault("ill_since", now) + CHECK_SECONDS
    if instance.state == "running":
        seen = max(seen, kept.get("in_service_since", now) + float(group.health_check_grace_period or 0))
    return (found, None) if now >= seen else ("", seen)


def _unhealthy_target(world: Backends, group: Any, instance: Any) -> bool:
    known, ec2 = world.backend("elbv2").target_groups, world.backend("ec2")
    return any(
        known[arn].health_for({"Id": instance.id}, ec2).status == "unhealthy"
        for arn in group.target_group_arns
        if arn in known
    )


# --- capacity


def _wanted(group: Any) -> int:
    return int(group.desired_capacity or 0)


def _shrink(world: Backends, group: Any) -> None:
    have = len(members(group))
    if surplus := _surplus(group, have - _wanted(group)):
        reason = (
            "an instance was taken out of service in response to a difference between desired and actual capacity, "
            f"shrinking the capacity from {have} to {have - len(surplus)}."
        )
        _remove(world, group, surplus, reason)


def _grow(world: Backends, group: Any, *, balance: bool) -> Iterable[float]:
    kept = sidecar(group)
    if CLOCK.now() < kept.get("retry_at", 0.0) and kept.get("failed_for") == _wanted(group):
        return [kept["retry_at"]]
    while len(members(group)) < _wanted(group):
        if not _launched(world, group):
            kept.update(retry_at=CLOCK.now() + PROVISIONING_SPEED.duration(_RETRY_SECONDS), failed_for=_wanted(group))
            return [kept["retry_at"]]
    kept.pop("retry_at", None)
    activities.settled(group)
    if not balance or not (surplus := _uneven(group)):
        return []
    if CLOCK.now() < kept.get("balance_at", 0.0):
        return [kept["balance_at"]]
    if _launched(world, group, anywhere=False):
        _remove(world, group, [surplus], "an instance was taken out of service to balance the group over its zones.")
        return []
    kept["balance_at"] = CLOCK.now() + PROVISIONING_SPEED.duration(_BALANCE_SECONDS)
    return [kept["balance_at"]]


def _misplaced(group: Any) -> list[Any]:
    allowed = subnets(group)
    return [state for state in members(group) if allowed and state.instance.subnet_id not in allowed]


def _surplus(group: Any, count: int) -> list[Any]:
    """The instances to take away: from the fullest subnet first, there the oldest, never a protected one."""
    left = members(group)
    chosen: list[Any] = []
    while len(chosen) < count:
        per_subnet = Counter(state.instance.subnet_id for state in left)
        candidates = [state for state in left if not state.protected_from_scale_in]
        if not candidates:
            break
        # max gives the first of equals, and the states are in the order of their launch
        chosen.append(max(candidates, key=lambda state: per_subnet[state.instance.subnet_id]))
        left.remove(chosen[-1])
    return chosen


def _uneven(group: Any) -> Any | None:
    """An instance in the fullest subnet, if another subnet has at least two fewer."""
    per_subnet = _per_subnet(group)
    if len(per_subnet) < 2 or max(per_subnet.values()) - min(per_subnet.values()) < 2:
        return None
    fullest = max(per_subnet, key=lambda subnet: per_subnet[subnet])
    movable = [s for s in members(group) if s.instance.subnet_id == fullest and not s.protected_from_scale_in]
    return movable[0] if movable else None


def _per_subnet(group: Any) -> dict[str, int]:
    counted = Counter(state.instance.subnet_id for state in members(group))
    return {subnet: counted[subnet] for subnet in subnets(group)}


def _launched(world: Backends, group: Any, *, anywhere: bool = True) -> bool:
    """Launch one instance in the emptiest subnet, or in one that has room; False if that failed."""
    from moto.autoscaling.models import ASG_NAME_TAG, InstanceState

    have = len(members(group))
    try:
        instance = _launch(world, group, {**group.get_propagated_tags(), ASG_NAME_TAG: group.name}, anywhere)
    except Exception as error:  # whatever stops a launch on AWS ends in the activities, never in the caller's answer
        message = str(getattr(error, "message", error))
        if activities.failed(group, have, message):
            record_event(world, group.name, "launch of an instance failed", message)
        return False
    instance.autoscaling_group = group
    state = InstanceState(instance, "Pending", protected_from_scale_in=group.new_instances_protected_from_scale_in)
    group.instance_states.append(state)
    activities.launching(group, state, have)
    record_event(
        world,
        display_name(world, instance),
        f"instance launched in {state.availability_zone}",
        activities.special_reason(group),
    )
    SCHEDULER.mark_changed(world, "ec2", "autoscaling")
    return True


def _launch(world: Backends, group: Any, tags: dict[str, str], anywhere: bool) -> Any:
    """An instance in the emptiest subnet; where that zone has no room, in the next, if it may be anywhere."""
    per_subnet = _per_subnet(group)
    if not per_subnet:
        return _launch_as_moto_does(world, group, tags, None)
    *others, last = sorted(per_subnet, key=lambda subnet: per_subnet[subnet])[: None if anywhere else 1]
    for subnet in others:
        try:
            return _launch_in(world, group, tags, subnet)
        except AwsError as error:
            if error.code != "InsufficientInstanceCapacity":
                raise
    return _launch_in(world, group, tags, last)


def _launch_in(world: Backends, group: Any, tags: dict[str, str], subnet: str) -> Any:
    capacity.refuse_launch(world, world.zone_of_subnet(subnet))
    if group.ec2_launch_template is None:
        return _launch_as_moto_does(world, group, tags, subnet)
    version = group.ec2_launch_template.get_version(group.launch_template_version)
    overrides = ((group.mixed_instances_policy or {}).get("LaunchTemplate") or {}).get("Overrides") or [{}]
    over = {key: value for key, value in overrides[0].items() if key == "InstanceType"}
    return launch(world, version, subnet, tags, over)


def _launch_as_moto_does(world: Backends, group: Any, tags: dict[str, str], subnet: str | None) -> Any:
    """A group of a launch configuration, or without subnets of its own: as they were before launch templates."""
    reservation = world.backend("ec2").run_instances(
        group.image_id,
        1,
        group.user_data,
        group.security_groups,
        instance_type=group.instance_type,
        tags={"instance": {**group.instance_tags, **tags}},
        placement=group.availability_zones[len(group.instance_states) % len(group.availability_zones)],
        launch_config=group.launch_config,
        is_instance_type_default=False,
        associate_public_ip=group.launch_config.associate_public_ip_address if group.launch_config else None,
        subnet_id=subnet,
    )
    mark_pending(reservation.instances[0])
    return reservation.instances[0]


def _remove(world: Backends, group: Any, states: list[Any], why: str, *, hooks: bool = True) -> None:
    """Send instances on their way out: through their hooks and draining, or at once."""
    for state in states:
        activities.terminating(group, state, why)
        container_instance, tasks = _tasks(world, state.instance)
        if hooks and tasks and container_instance is not None and _drains(world, group):
            container_instance.status = "DRAINING"
            sidecar(state)["drains"] = True
            _hold(state, "Terminating:Wait", _DRAINING_SECONDS)
            record_event(
                world,
                display_name(world, state.instance),
                f"instance drained in {state.availability_zone}",
                "ECS moves its tasks away",
            )
        elif hooks and _hook(world, group, "TERMINATING"):
            _hold(state, "Terminating:Wait", _hook_seconds(world, group, "TERMINATING"))
        else:
            state.lifecycle_state = "Terminating"
            terminate(world, [state.instance], "its Auto Scaling group let it go")
        SCHEDULER.mark_changed(world, "ec2", "ecs", "autoscaling")


def _register(world: Backends, group: Any) -> None:
    """Put the group's instances into its target groups, those that still exist, at the port of the target group."""
    existing = world.backend("elbv2").target_groups
    for arn in group.target_group_arns:
        if arn not in existing:
            continue
        serving = [s for s in members(group) if s.lifecycle_state == "InService" and running_since(s.instance)]
        missing = {state.instance.id for state in serving} - {key[0] for key in existing[arn].targets}
        if missing:
            existing[arn].register([{"Id": instance_id} for instance_id in sorted(missing)])
            SCHEDULER.mark_changed(world, "elbv2")


def _tell(world: Backends, state: Any, what: str, because: str = "") -> None:
    record_event(world, display_name(world, state.instance), f"instance {what} in {state.availability_zone}", because)
