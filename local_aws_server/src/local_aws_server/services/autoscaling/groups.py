"""Create, update, delete and describe Auto Scaling groups, and reconcile them with the clock.

moto launches instances as soon as a capacity changes: all in the first subnet, without the instance profile and the
interfaces of the launch template. Here moto only stores the numbers, and `fleet` reconciles the instances.
"""

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.isolation import each
from local_aws_server.clock.transitions import wait_for_transitions
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch, reconciler, replace
from local_aws_server.services.autoscaling import activities, fleet
from local_aws_server.services.autoscaling.capacity import members
from local_aws_server.services.autoscaling.termination import terminate_all

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A group launches instances from its template, evenly over its subnets, and replaces lost ones; its "
        "desired capacity stays between its minimum and maximum.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html",
        ),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        statement="The weights of a mixed instances policy count toward the desired capacity, for On-Demand and Spot "
        "capacity on their own; the first override is launched.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-mixed-instances-groups-instance-weighting.html",
        ),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        statement="Termination policies choose the instance that a smaller group gives up, from the fullest subnet.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html",
        ),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        fidelity=NOT_SIMULATED,
        statement="Spot Instances of a mixed instances policy: a group launches On-Demand Instances, which are billed "
        "as such, in their place.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-mixed-instances-groups.html",
        ),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        statement="The name of a group is unique; a group with instances can be deleted only with ForceDelete.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html",
        ),
    ),
)


@reconciler("autoscaling", "ec2", "ecs", "elbv2", order=10)
def reconcile_groups(backends: Backends) -> float | None:
    def reconcile(group: Any) -> float | None:
        return fleet.reconcile_group(backends, group)

    return each(backends, "Auto Scaling group", backends.auto_scaling_groups, lambda group: group.name, reconcile)


@patch("moto.autoscaling.models", "FakeAutoScalingGroup.set_desired_capacity")
def set_desired_capacity(self: Any, new_capacity: int | None) -> None:
    """Only store the number."""
    self.desired_capacity = self.min_size if new_capacity is None else new_capacity


@patch("moto.autoscaling.models", "FakeAutoScalingGroup.replace_autoscaling_group_instances")
def replace_autoscaling_group_instances(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
    """Do nothing: `fleet` launches what is missing."""


# --- create and update


@before("autoscaling", "CreateAutoScalingGroup")
def require_unique_name(call: Call) -> None:
    name = call.params["AutoScalingGroupName"]
    if call.backends.auto_scaling_group(name) is not None:
        raise AwsError(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
        )


@before("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup")
def validate_sizes(call: Call) -> None:
    """Require minimum ≤ desired capacity ≤ maximum, and note the capacity that an update without one gets."""
    group = call.backends.auto_scaling_group(call.params["AutoScalingGroupName"])
    updated = group if call.operation == "UpdateAutoScalingGroup" else None
    low = call.params.get("MinSize", updated.min_size if updated else 0)
    high = call.params.get("MaxSize", updated.max_size if updated else 0)
    if low > high:
        raise AwsError("ValidationError", f"Min bound, {low}, must be less than or equal to max bound, {high}")
    desired = call.params.get("DesiredCapacity")
    if desired is not None and not low <= desired <= high:
        raise AwsError(
            "ValidationError",
            f"Desired capacity:{desired} must be between the specified min size:{low} and max size:{high}",
        )
    if updated is not None:
        call.notes["before"] = int(updated.desired_capacity or 0)
        if desired is None:
            call.notes["desired"] = min(max(updated.desired_capacity, low), high)


@after("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup")
def adjust_desired_capacity(call: Call) -> None:
    """Bring the desired capacity between the new sizes, and note the cause of the change."""
    group = call.backends.auto_scaling_group(call.params["AutoScalingGroupName"])
    if group is None:
        return
    if "desired" in call.notes:
        group.desired_capacity = call.notes["desired"]
    before, desired = call.notes.get("before", 0), int(group.desired_capacity or 0)
    change = f"changing the desired capacity from {before} to {desired}"
    sizes = f"min: {group.min_size}, max: {group.max_size}, desired: {desired}"
    if call.operation == "CreateAutoScalingGroup":
        activities.set_capacity_cause(group, f"a user request created an AutoScalingGroup {change}")
    elif before != desired:
        cause = f"a user request update of AutoScalingGroup constraints to {sizes} {change}"
        activities.set_capacity_cause(group, cause)


@before("autoscaling", "SetDesiredCapacity")
def validate_desired_capacity(call: Call) -> None:
    group: Any = call.backends.auto_scaling_group(call.params["AutoScalingGroupName"])
    desired = call.params["DesiredCapacity"]
    for bound, value, is_broken in (
        ("above max", group.max_size, desired > group.max_size),
        ("below min", group.min_size, desired < group.min_size),
    ):
        if is_broken:
            raise AwsError(
                "ValidationError",
                f"New SetDesiredCapacity value {desired} is {bound} value {value} for the AutoScalingGroup.",
            )
    change = f"changing the desired capacity from {group.desired_capacity} to {desired}"
    activities.set_capacity_cause(group, f"a user request explicitly set group desired capacity {change}")


# --- delete


@before("autoscaling", "DeleteAutoScalingGroup")
def require_no_instances(call: Call) -> None:
    group = call.backends.auto_scaling_group(call.params["AutoScalingGroupName"])
    if group is None:
        return
    is_forced = bool(call.params.get("ForceDelete"))
    protection = sidecar(group).get("fields", {}).get("DeletionProtection")
    if protection == "prevent-all-deletion" or (protection == "prevent-force-deletion" and is_forced):
        message = f"You cannot delete the AutoScalingGroup {group.name}: its deletion protection is {protection}."
        raise AwsError("ResourceInUse", message)
    if is_forced:
        return
    if group.instance_states and not members(group):
        message = "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group."
        raise AwsError("ScalingActivityInProgress", message)
    if group.instance_states:
        raise AwsError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
            "still in the group.",
        )


@patch("moto.autoscaling.models", "AutoScalingBackend.delete_auto_scaling_group")
def delete_auto_scaling_group(self: Any, group_name: str) -> None:
    """Terminate all instances, even protected ones, which are shutting down when the group is gone."""
    from moto.autoscaling.exceptions import ValidationError

    group = self.autoscaling_groups.pop(group_name, None)
    if group is None:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{group_name}' not found")
    terminate_all(Backends(self.account_id, self.region_name), group, "its Auto Scaling group was deleted")
    for key, hook in list(self.lifecycle_hooks.items()):
        if hook.auto_scaling_group_name == group_name:
            del self.lifecycle_hooks[key]


# --- describe


@replace("autoscaling", "DescribeScalingActivities")
def describe_scaling_activities(call: Call) -> dict[str, Any]:
    name, ids = call.params.get("AutoScalingGroupName"), call.params.get("ActivityIds")
    matching = [
        activity
        for group in call.backends.auto_scaling_groups
        if name in (None, group.name)
        for activity in activities.activities_of(group)
    ]
    return {"Activities": [activity for activity in matching[::-1] if not ids or activity["ActivityId"] in ids]}


@after("autoscaling", "DescribeAutoScalingGroups", "DescribeAutoScalingInstances")
def wait_for_instances(call: Call) -> None:
    """Let time pass until the described instances have launched or terminated."""
    groups = call.result.get("AutoScalingGroups", [])
    described = [instance for group in groups for instance in group.get("Instances", [])]
    ids = {instance["InstanceId"] for instance in described + call.result.get("AutoScalingInstances", [])}
    wait_for_transitions(call, [instance for instance in call.backends.instances if instance.id in ids])
