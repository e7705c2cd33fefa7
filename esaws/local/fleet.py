"""What an Auto Scaling group does by itself: replace, balance, launch and terminate until it has what it should."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from esaws.local.launch import launch
from esaws.local.seam import AwsError
from esaws.local.world import World, remembered


def settle(world: World, group: Any) -> None:
    """Bring a group to its desired capacity, evenly over its subnets; a launch that fails ends in its activities."""
    suspended = {process["ProcessName"] for process in group.suspended_processes}
    group.instance_states = [state for state in group.instance_states if state.instance.state != "terminated"]
    if "Terminate" not in suspended:
        if not suspended & {"HealthCheck", "ReplaceUnhealthy"}:
            _remove(world, group, [s for s in _in_service(group) if _unhealthy(s)], "an instance was unhealthy")
        if "AZRebalance" not in suspended:
            _remove(world, group, _misplaced(group), "the group's subnets changed")
        _remove(world, group, _surplus(group, len(_in_service(group)) - _wanted(group)), "the capacity shrank")
    if "Launch" not in suspended:
        while len(_in_service(group)) < _wanted(group) and _launched(world, group):
            pass
        if not suspended & {"AZRebalance", "Terminate"}:
            while (surplus := _uneven(group)) and _launched(world, group):
                _remove(world, group, [surplus], "the group was not evenly spread")
    world.backend("autoscaling").update_attached_elbs(group.name)
    _register(world, group)


def activities(group: Any) -> list[dict[str, Any]]:
    """The scaling activities of a group, as DescribeScalingActivities gives them but the oldest first."""
    kept: list[dict[str, Any]] = remembered(group).setdefault("activities", [])
    return kept


def subnets(group: Any) -> list[str]:
    return [name.strip() for name in (group.vpc_zone_identifier or "").split(",") if name.strip()]


def _wanted(group: Any) -> int:
    return int(group.desired_capacity or 0)


def _in_service(group: Any) -> list[Any]:
    return list(group.active_instances())


def _unhealthy(state: Any) -> bool:
    return state.health_status == "Unhealthy" or state.instance.state != "running"


def _misplaced(group: Any) -> list[Any]:
    allowed = subnets(group)
    return [state for state in _in_service(group) if allowed and state.instance.subnet_id not in allowed]


def _surplus(group: Any, count: int) -> list[Any]:
    """The instances to take away: from the fullest subnet first, there the oldest, never a protected one."""
    left = _in_service(group)
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
    movable = [s for s in _in_service(group) if s.instance.subnet_id == fullest and not s.protected_from_scale_in]
    return movable[0] if movable else None


def _per_subnet(group: Any) -> dict[str, int]:
    counted = Counter(state.instance.subnet_id for state in _in_service(group))
    return {subnet: counted[subnet] for subnet in subnets(group)}


def _launched(world: World, group: Any) -> bool:
    """Launch one instance in the emptiest subnet; False if that failed."""
    from moto.autoscaling.models import ASG_NAME_TAG, InstanceState

    try:
        tags = {**group.get_propagated_tags(), ASG_NAME_TAG: group.name}
        instance = _launch(world, group, tags)
    except Exception as error:  # whatever stops a launch on AWS ends in the activities, never in the caller's answer
        message = error.message if isinstance(error, AwsError) else str(error)
        _record(group, "Launching a new EC2 instance", "Failed", message)
        return False
    instance.autoscaling_group = group
    group.instance_states.append(
        InstanceState(instance, protected_from_scale_in=group.new_instances_protected_from_scale_in)
    )
    _record(group, f"Launching a new EC2 instance: {instance.id}", "Successful")
    return True


def _launch(world: World, group: Any, tags: dict[str, str]) -> Any:
    per_subnet = _per_subnet(group)
    if not per_subnet or group.ec2_launch_template is None:
        return _launch_as_moto_does(world, group, tags)
    version = group.ec2_launch_template.get_version(group.launch_template_version)
    overrides = ((group.mixed_instances_policy or {}).get("LaunchTemplate") or {}).get("Overrides") or [{}]
    emptiest = min(per_subnet, key=lambda subnet: per_subnet[subnet])
    over = {key: value for key, value in overrides[0].items() if key == "InstanceType"}
    return launch(world, version, emptiest, tags, over)


def _launch_as_moto_does(world: World, group: Any, tags: dict[str, str]) -> Any:
    """A group of a launch configuration, or without subnets of its own: as they were before launch templates."""
    per_subnet = _per_subnet(group)
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
        subnet_id=min(per_subnet, key=lambda subnet: per_subnet[subnet]) if per_subnet else None,
    )
    return reservation.instances[0]


def _remove(world: World, group: Any, states: list[Any], why: str) -> None:
    if not states:
        return
    group.instance_states = [state for state in group.instance_states if state not in states]
    world.terminate(state.instance for state in states if state.instance.state != "terminated")
    for state in states:
        _record(group, f"Terminating EC2 instance: {state.instance.id}", "Successful", why)


def _register(world: World, group: Any) -> None:
    """Put the group's instances into its target groups, those that still exist, at the port of the target group."""
    existing = world.backend("elbv2").target_groups
    for arn in group.target_group_arns:
        if arn in existing:
            existing[arn].register([{"Id": state.instance.id} for state in _in_service(group) if not _unhealthy(state)])


def _record(group: Any, description: str, status: str, message: str = "") -> None:
    known = activities(group)
    if status == "Failed" and known and known[-1]["StatusMessage"] == message:
        return
    now = datetime.now(UTC)
    cause = f"At {now:%Y-%m-%dT%H:%M:%SZ} the group had a desired capacity of {_wanted(group)}. {message}"
    known.append(
        {
            "ActivityId": str(uuid.uuid4()),
            "AutoScalingGroupName": group.name,
            "AutoScalingGroupARN": group.arn,
            "Description": description,
            "Cause": cause.strip(),
            "StartTime": now,
            "EndTime": now,
            "StatusCode": status,
            "StatusMessage": message,
            "Progress": 100,
        }
    )
