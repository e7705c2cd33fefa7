"""Move instances in and out of an Auto Scaling group: standby, attachment, detachment, termination, health.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-enter-exit-standby.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-detach-attach-instances.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import wait_for_transitions
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, replace
from local_aws_server.services.autoscaling import activities
from local_aws_server.services.autoscaling.capacity import desired_capacity, members, units, weight
from local_aws_server.services.autoscaling.health import grace_period_end
from local_aws_server.services.autoscaling.termination import remove

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="An instance in Standby leaves the load balancers and does not count for the capacity; it can be "
        "terminated, detached or put in service again.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-enter-exit-standby.html",),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        statement="Only running instances of no other group can be attached; the desired capacity follows, within the "
        "sizes of the group.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-detach-attach-instances.html",
        ),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        statement="SetInstanceHealth respects the grace period by default.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceHealth.html",),
    ),
)

_HEALTH_STATES = ("Healthy", "Unhealthy")
_LEAVABLE_STATES = ("InService", "Standby")


# --- standby


@before("autoscaling", "EnterStandby")
def check_enter_standby(call: Call) -> None:
    group = _group(call)
    chosen = _require_state(call, group, "InService")
    if call.params["ShouldDecrementDesiredCapacity"]:
        _require_above_minimum(group, chosen, "place into standby")


@replace("autoscaling", "EnterStandby")
def enter_standby(call: Call) -> dict[str, Any]:
    group, entered = _group(call), []
    for state in _chosen(call, group):
        change = _decrement(group, state) if call.params["ShouldDecrementDesiredCapacity"] else ""
        state.lifecycle_state = "Standby"
        leave_load_balancers(call.backends, group, state)
        cause = f"instance {state.instance.id} was moved to standby in response to a user request{change}."
        activity = activities.add(group, state, f"Moving EC2 instance to Standby: {state.instance.id}", cause)
        entered.append({**activity})
        activities.finish(group, state.instance.id)
    return {"Activities": entered}


@before("autoscaling", "ExitStandby")
def check_exit_standby(call: Call) -> None:
    group = _group(call)
    chosen = _require_state(call, group, "Standby")
    if desired_capacity(group) + units(chosen) > group.max_size:
        raise _sizes_error(group, "exit standby", len(chosen))


@replace("autoscaling", "ExitStandby")
def exit_standby(call: Call) -> dict[str, Any]:
    group, left = _group(call), []
    for state in _chosen(call, group):
        before = desired_capacity(group)
        group.desired_capacity = before + weight(state)
        state.lifecycle_state = "Pending"
        cause = (
            f"instance {state.instance.id} was moved out of standby in response to a user request, increasing the "
            f"capacity from {before} to {group.desired_capacity}."
        )
        left.append(activities.add(group, state, f"Moving EC2 instance out of Standby: {state.instance.id}", cause))
        left[-1].update(StatusCode="PreInService", Progress=30)
    return {"Activities": left}


# --- attachment


@before("autoscaling", "AttachInstances")
def check_attachment(call: Call) -> None:
    group, ids = _group(call), call.params.get("InstanceIds") or []
    owners = {state.instance.id: each for each in call.backends.auto_scaling_groups for state in each.instance_states}
    for instance in _instances(call):
        if instance.id in owners:
            name = owners[instance.id].name
            raise _invalid(f"The instance {instance.id} is already part of the Auto Scaling group {name}.")
        if instance.state == "pending":
            wait_for_transitions(call, [instance])
        elif instance.state != "running":
            raise _invalid(f"Instance {instance.id} is not in correct state: it is {instance.state}, not running.")
        if instance.placement.zone not in group.availability_zones:
            raise _invalid(
                f"The availability zone {instance.placement.zone} of instance {instance.id} is not part of the Auto "
                "Scaling group."
            )
    if desired_capacity(group) + len(ids) > group.max_size:
        raise _sizes_error(group, "attach", len(ids))


@replace("autoscaling", "AttachInstances")
def attach_instances(call: Call) -> dict[str, Any]:
    from moto.autoscaling.models import ASG_NAME_TAG, InstanceState

    group = _group(call)
    for instance in _instances(call):
        instance.autoscaling_group = group
        protected = group.new_instances_protected_from_scale_in
        state = InstanceState(instance, "Pending", protected_from_scale_in=protected)
        call.backends.backend("ec2").create_tags([instance.id], {ASG_NAME_TAG: group.name})
        before = desired_capacity(group)
        group.desired_capacity = before + weight(state)
        group.instance_states.append(state)
        cause = (
            f"an instance was attached in response to a user request, increasing the capacity from {before} to "
            f"{group.desired_capacity}."
        )
        activities.add(group, state, f"Attaching an existing EC2 instance: {instance.id}", cause)
    SCHEDULER.mark_changed(call.backends, "ec2")
    return {}


@before("autoscaling", "DetachInstances")
def check_detachment(call: Call) -> None:
    group = _group(call)
    chosen = _require_state(call, group, *_LEAVABLE_STATES)
    if call.params["ShouldDecrementDesiredCapacity"]:
        _require_above_minimum(group, chosen, "detach")


@replace("autoscaling", "DetachInstances")
def detach_instances(call: Call) -> dict[str, Any]:
    from moto.autoscaling.models import ASG_NAME_TAG

    group, detached = _group(call), []
    for state in _chosen(call, group):
        change = _decrement(group, state) if call.params["ShouldDecrementDesiredCapacity"] else ""
        leave_load_balancers(call.backends, group, state)
        call.backends.backend("ec2").delete_tags([state.instance.id], {ASG_NAME_TAG: group.name})
        group.instance_states.remove(state)
        del state.instance.autoscaling_group
        cause = f"instance {state.instance.id} was detached in response to a user request{change}."
        detached.append({**activities.add(group, state, f"Detaching EC2 instance: {state.instance.id}", cause)})
        activities.finish(group, state.instance.id)
    SCHEDULER.mark_changed(call.backends, "ec2")
    return {"Activities": detached}


def leave_load_balancers(backends: Backends, group: Any, state: Any) -> None:
    """Deregister an instance from the target groups of its group; Classic Load Balancers follow its state."""
    target_groups = backends.backend("elbv2").target_groups
    for arn in group.target_group_arns:
        if arn in target_groups:
            target_groups[arn].deregister([{"Id": state.instance.id}])
    SCHEDULER.mark_changed(backends, "elbv2")


# --- termination and health


@before("autoscaling", "TerminateInstanceInAutoScalingGroup")
def check_termination(call: Call) -> None:
    group, state = _managed_instance(call)
    if call.params["ShouldDecrementDesiredCapacity"] and desired_capacity(group) - weight(state) < group.min_size:
        raise _invalid(
            f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance "
            "without replacement will violate group's min size."
        )


@replace("autoscaling", "TerminateInstanceInAutoScalingGroup")
def terminate_instance(call: Call) -> dict[str, Any]:
    group, state = _managed_instance(call)
    change = _decrement(group, state) if call.params["ShouldDecrementDesiredCapacity"] else ""
    reason = f"instance {state.instance.id} was taken out of service in response to a user request{change}."
    remove(call.backends, group, [state], reason)
    return {"Activity": activities.activities_of(group)[-1]}


@before("autoscaling", "SetInstanceHealth")
def check_health_status(call: Call) -> None:
    if call.params["HealthStatus"] not in _HEALTH_STATES:
        raise _invalid(f"Valid instance health states are: [{', '.join(_HEALTH_STATES)}].")


@replace("autoscaling", "SetInstanceHealth")
def set_instance_health(call: Call) -> dict[str, Any]:
    group, state = _managed_instance(call)
    respects_grace_period = call.params.get("ShouldRespectGracePeriod", True)
    if not (respects_grace_period and CLOCK.now() < grace_period_end(group, state)):
        state.health_status = call.params["HealthStatus"]
    return {}


# --- the instances of a call


def _group(call: Call) -> Any:
    name = call.params["AutoScalingGroupName"]
    group = call.backends.auto_scaling_group(name)
    if group is None:
        raise _invalid(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return group


def _chosen(call: Call, group: Any) -> list[Any]:
    ids = call.params.get("InstanceIds") or []
    return [state for state in group.instance_states if state.instance.id in ids]


def _instances(call: Call) -> list[Any]:
    ids = call.params.get("InstanceIds") or []
    return [instance for instance in call.backends.instances if instance.id in ids]


def _managed_instance(call: Call) -> tuple[Any, Any]:
    """Return the (group, state) of an instance that is in service, pending or in standby."""
    id = call.params.get("InstanceId", "")
    for group in call.backends.auto_scaling_groups:
        for state in group.instance_states:
            if state.instance.id == id and (state.lifecycle_state == "Standby" or state in members(group)):
                return group, state
    raise _invalid(f"Instance Id not found - No managed instance found for instance ID: {id}")


def _require_state(call: Call, group: Any, *states: str) -> list[Any]:
    chosen = _chosen(call, group)
    for state in chosen:
        if state.lifecycle_state not in states:
            raise _invalid(f"The instance {state.instance.id} is not in {' or '.join(states)}.")
    return chosen


def _require_above_minimum(group: Any, chosen: list[Any], action: str) -> None:
    if desired_capacity(group) - units(chosen) < group.min_size:
        raise _sizes_error(group, action, len(chosen))


def _decrement(group: Any, state: Any) -> str:
    """Lower the desired capacity by an instance; return AWS's text about it."""
    before = desired_capacity(group)
    group.desired_capacity = before - weight(state)
    return f", shrinking the capacity from {before} to {group.desired_capacity}"


def _sizes_error(group: Any, action: str, count: int) -> AwsError:
    sizes = f"min-size={group.min_size}, max-size={group.max_size}, and desired-size={desired_capacity(group)}"
    instances = f"{count} instance{'' if count == 1 else 's'}"
    return _invalid(
        f"AutoScalingGroup {group.name} has {sizes}. To {action} {instances}, please update the AutoScalingGroup "
        "sizes appropriately."
    )


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
