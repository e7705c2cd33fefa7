"""An Auto Scaling group launches from its template, evenly over its subnets, and replaces what is lost.

moto launches at once wherever it changes a capacity: all in the first subnet, without the template's profile and
interfaces. Here it only keeps the numbers, and `fleet` follows them after each change.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html
"""

from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.call import Call
from local_aws_server.clock.transitions import wait_for
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, before, patch, reconciler, replace
from local_aws_server.services.autoscaling import activities, fleet

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="An Auto Scaling group launches from its template, evenly over its subnets, and replaces what "
        "is lost.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html",),
    ),
)


@patch("moto.autoscaling.models", "FakeAutoScalingGroup.set_desired_capacity")
def only_keep_the_number(self: Any, new_capacity: int | None) -> None:
    self.desired_capacity = self.min_size if new_capacity is None else new_capacity


@patch("moto.autoscaling.models", "FakeAutoScalingGroup.replace_autoscaling_group_instances")
def launch_nothing(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
    """The fleet sees for itself what is missing."""


@reconciler("autoscaling", "ec2", "ecs", "elbv2", order=10)
def groups_settle(world: Backends) -> float | None:
    moments = [fleet.settle(world, group) for group in world.groups]
    return min((moment for moment in moments if moment is not None), default=None)


@before("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup")
def capacity_lies_between_the_sizes(call: Call) -> None:
    group = call.backends.group(call.params["AutoScalingGroupName"])
    updated = group if call.operation == "UpdateAutoScalingGroup" else None
    low = call.params.get("MinSize", updated.min_size if updated else 0)
    high = call.params.get("MaxSize", updated.max_size if updated else 0)
    if low > high:
        raise AwsError("ValidationError", f"Min bound, {low}, must be less than or equal to max bound, {high}")
    wanted = call.params.get("DesiredCapacity")
    if wanted is not None and not low <= wanted <= high:
        raise AwsError(
            "ValidationError",
            f"Desired capacity:{wanted} must be between the specified min size:{low} and max size:{high}",
        )
    if updated is not None:
        call.notes["had"] = int(updated.desired_capacity or 0)
        if wanted is None:
            call.notes["desired"] = min(max(updated.desired_capacity, low), high)


@after("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup")
def desired_follows_the_sizes(call: Call) -> None:
    group = call.backends.group(call.params["AutoScalingGroupName"])
    if group is None:
        return
    if "desired" in call.notes:
        group.desired_capacity = call.notes["desired"]
    had, has = call.notes.get("had", 0), int(group.desired_capacity or 0)
    change = f"changing the desired capacity from {had} to {has}"
    sizes = f"min: {group.min_size}, max: {group.max_size}, desired: {has}"
    if call.operation == "CreateAutoScalingGroup":
        activities.asked(group, f"a user request created an AutoScalingGroup {change}")
    elif had != has:
        activities.asked(group, f"a user request update of AutoScalingGroup constraints to {sizes} {change}")


@before("autoscaling", "SetDesiredCapacity")
def desired_stays_between_the_sizes(call: Call) -> None:
    group, wanted = call.backends.group(call.params["AutoScalingGroupName"]), call.params["DesiredCapacity"]
    if group is None:
        raise AwsError("ValidationError", "AutoScalingGroup name not found - null")
    for bound, value, broken in (
        ("above max", group.max_size, wanted > group.max_size),
        ("below min", group.min_size, wanted < group.min_size),
    ):
        if broken:
            raise AwsError(
                "ValidationError",
                f"New SetDesiredCapacity value {wanted} is {bound} value {value} for the AutoScalingGroup.",
            )
    change = f"changing the desired capacity from {group.desired_capacity} to {wanted}"
    activities.asked(group, f"a user request explicitly set group desired capacity {change}")


@before("autoscaling", "DeleteAutoScalingGroup")
def its_instances_go_with_it(call: Call) -> None:
    """Also those protected from scale-in; they are still shutting down when the group is gone."""
    group = call.backends.group(call.params["AutoScalingGroupName"])
    if group is not None:
        fleet.end_all(call.backends, group, "its Auto Scaling group was deleted")


@replace("autoscaling", "DescribeScalingActivities")
def activities_of_the_groups(call: Call) -> dict[str, Any]:
    name, ids = call.params.get("AutoScalingGroupName"), call.params.get("ActivityIds")
    found = [a for group in call.backends.groups if name in (None, group.name) for a in activities.of(group)]
    return {"Activities": [activity for activity in found[::-1] if not ids or activity["ActivityId"] in ids]}


@after("autoscaling", "DescribeAutoScalingGroups", "DescribeAutoScalingInstances")
def what_launches_and_terminates_is_awaited(call: Call) -> None:
    groups = call.result.get("AutoScalingGroups", [])
    shown = [each for group in groups for each in group.get("Instances", [])]
    ids = {each["InstanceId"] for each in shown + call.result.get("AutoScalingInstances", [])}
    wait_for(call, [instance for instance in call.backends.instances if instance.id in ids])


@replace("autoscaling", "TerminateInstanceInAutoScalingGroup")
def one_is_terminated(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html"""
    asked = call.params["InstanceId"]
    for group in call.backends.groups:
        for state in fleet.members(group):
            if state.instance.id == asked:
                change = ""
                if call.params["ShouldDecrementDesiredCapacity"]:
                    if group.desired_capacity <= group.min_size:
                        message = f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance "
                        raise AwsError(
                            "ValidationError", message + "without replacement will violate group's min size."
                        )
                    group.desired_capacity -= 1
                    change = f", shrinking the capacity from {group.desired_capacity + 1} to {group.desired_capacity}"
                why = f"instance {asked} was taken out of service in response to a user request{change}."
                fleet.take_away(call.backends, group, state, why)
                return {"Activity": activities.of(group)[-1]}
    raise AwsError("ValidationError", f"Instance Id not found - No managed instance found for instance ID: {asked}")


@patch("moto.autoscaling.models", "InstanceState.launch_template", attribute=True)
def version_it_was_launched_from(self: Any) -> dict[str, Any] | None:
    """moto shows the template's default version."""
    template = self.auto_scaling_group.ec2_launch_template
    if template is None:
        return None
    version = remembered(self.instance).get("launch_template_version", str(template.default_version_number))
    return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": version}


@after("autoscaling", "UpdateAutoScalingGroup")
def all_its_settings_change(call: Call) -> None:
    group = call.backends.group(call.params["AutoScalingGroupName"])
    for parameter, attribute in (
        ("DefaultCooldown", "default_cooldown"),
        ("TerminationPolicies", "termination_policies"),
        ("CapacityRebalance", "capacity_rebalance"),
        ("PlacementGroup", "placement_group"),
    ):
        if group is not None and parameter in call.params:
            setattr(group, attribute, call.params[parameter])


@after("autoscaling", "CreateAutoScalingGroup")
def no_grace_period_unless_asked_for(call: Call) -> None:
    group = call.backends.group(call.params["AutoScalingGroupName"])
    if group is not None and "HealthCheckGracePeriod" not in call.params:
        group.health_check_grace_period = 0
