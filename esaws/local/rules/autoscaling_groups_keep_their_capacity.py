"""An Auto Scaling group launches from its template, evenly over its subnets, and replaces what is lost.

moto launches at once wherever it changes a capacity: all in the first subnet, without the template's profile and
interfaces. Here it only keeps the numbers, and `fleet` follows them after each change.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html
"""

from typing import Any

from esaws.local import fleet
from esaws.local.call import Call
from esaws.local.seam import AwsError, after, before, follows, inside, instead
from esaws.local.world import World, remembered


@inside("moto.autoscaling.models", "FakeAutoScalingGroup.set_desired_capacity")
def only_keep_the_number(self: Any, new_capacity: int | None) -> None:
    self.desired_capacity = self.min_size if new_capacity is None else new_capacity


@inside("moto.autoscaling.models", "FakeAutoScalingGroup.replace_autoscaling_group_instances")
def launch_nothing(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
    """The fleet sees for itself what is missing."""


@follows("autoscaling", "ec2", order=10)
def groups_settle(world: World) -> None:
    for group in world.groups:
        fleet.settle(world, group)


@before("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup")
def capacity_lies_between_the_sizes(call: Call) -> None:
    group = call.world.group(call.params["AutoScalingGroupName"])
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
    if updated is not None and wanted is None:
        call.notes["desired"] = min(max(updated.desired_capacity, low), high)


@after("autoscaling", "UpdateAutoScalingGroup")
def desired_follows_the_sizes(call: Call) -> None:
    group = call.world.group(call.params["AutoScalingGroupName"])
    if group is not None and "desired" in call.notes:
        group.desired_capacity = call.notes["desired"]


@before("autoscaling", "SetDesiredCapacity")
def desired_stays_between_the_sizes(call: Call) -> None:
    group, wanted = call.world.group(call.params["AutoScalingGroupName"]), call.params["DesiredCapacity"]
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


@before("autoscaling", "DeleteAutoScalingGroup")
def remember_its_instances(call: Call) -> None:
    group = call.world.group(call.params["AutoScalingGroupName"])
    call.notes["instances"] = [state.instance for state in group.instance_states] if group else []


@after("autoscaling", "DeleteAutoScalingGroup")
def its_instances_go_with_it(call: Call) -> None:
    """Also those protected from scale-in."""
    call.world.terminate(instance for instance in call.notes["instances"] if instance.state != "terminated")


@instead("autoscaling", "DescribeScalingActivities")
def activities_of_the_groups(call: Call) -> dict[str, Any]:
    name = call.params.get("AutoScalingGroupName")
    found = [a for group in call.world.groups if name in (None, group.name) for a in fleet.activities(group)]
    return {"Activities": found[::-1]}


@inside("moto.autoscaling.models", "InstanceState.launch_template", attribute=True)
def version_it_was_launched_from(self: Any) -> dict[str, Any] | None:
    """moto shows the template's default version."""
    template = self.auto_scaling_group.ec2_launch_template
    if template is None:
        return None
    version = remembered(self.instance).get("launch_template_version", str(template.default_version_number))
    return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": version}


@after("autoscaling", "UpdateAutoScalingGroup")
def all_its_settings_change(call: Call) -> None:
    group = call.world.group(call.params["AutoScalingGroupName"])
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
    group = call.world.group(call.params["AutoScalingGroupName"])
    if group is not None and "HealthCheckGracePeriod" not in call.params:
        group.health_check_grace_period = 0
