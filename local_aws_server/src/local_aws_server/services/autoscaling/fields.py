"""Keep the settings of Auto Scaling groups that moto forgets, and read launch templates as AWS does."""

from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import REAL, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch
from local_aws_server.preserved_fields import PreservedFields

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A group keeps DefaultInstanceWarmup, MaxInstanceLifetime and the other settings of an update.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html",),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        fidelity=REAL,
        statement="Warm pools, instance maintenance policies, capacity rebalancing, capacity reservations and "
        "predictive scaling policies are kept; nothing happens.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-warm-pools.html",
            "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-maintenance-policy.html",
        ),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A group has the lifecycle hooks and traffic sources that CreateAutoScalingGroup names.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html",),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A launch template that a group uses can be deleted; the group's launches then fail, as its "
        "activities show.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html",),
    ),
)

PreservedFields(
    service="autoscaling",
    set_by=("CreateAutoScalingGroup", "UpdateAutoScalingGroup"),
    shown_by={"DescribeAutoScalingGroups": "AutoScalingGroups"},
    find=lambda call, described: call.backends.auto_scaling_group(described["AutoScalingGroupName"]),
    fields={
        "AvailabilityZoneDistribution": None,
        "AvailabilityZoneImpairmentPolicy": None,
        "CapacityReservationSpecification": None,
        "Context": None,
        "DefaultInstanceWarmup": None,
        "DeletionProtection": None,
        "DesiredCapacityType": None,
        "InstanceLifecyclePolicy": None,
        "InstanceMaintenancePolicy": None,
        "MaxInstanceLifetime": None,
    },
).register()


@before("autoscaling", "UpdateAutoScalingGroup")
def note_mixed_instances_policy(call: Call) -> None:
    group = call.backends.auto_scaling_group(call.params["AutoScalingGroupName"])
    call.notes["policy"] = group.mixed_instances_policy if group is not None else None


@after("autoscaling", "UpdateAutoScalingGroup")
def update_remaining_settings(call: Call) -> None:
    """Apply the settings that moto ignores in an update, and keep the policy that moto drops in each."""
    group = call.backends.auto_scaling_group(call.params["AutoScalingGroupName"])
    launched_by = ("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy")
    if group is not None and not any(call.params.get(name) for name in launched_by):
        group.mixed_instances_policy = call.notes["policy"]
    for parameter, attribute in (
        ("DefaultCooldown", "default_cooldown"),
        ("TerminationPolicies", "termination_policies"),
        ("CapacityRebalance", "capacity_rebalance"),
        ("PlacementGroup", "placement_group"),
    ):
        if group is not None and parameter in call.params:
            setattr(group, attribute, call.params[parameter])


@after("autoscaling", "CreateAutoScalingGroup")
def add_hooks_and_traffic_sources(call: Call) -> None:
    """Add the lifecycle hooks and target groups of a new group, which moto ignores."""
    name, autoscaling = call.params["AutoScalingGroupName"], call.backends.backend("autoscaling")
    for hook in call.params.get("LifecycleHookSpecificationList") or ():
        autoscaling.create_lifecycle_hook(
            name=hook["LifecycleHookName"],
            as_name=name,
            transition=hook["LifecycleTransition"],
            timeout=hook.get("HeartbeatTimeout"),
            result=hook.get("DefaultResult") or "ABANDON",
        )
    sources = [source["Identifier"] for source in call.params.get("TrafficSources") or ()]
    group = call.backends.auto_scaling_group(name)
    if group is not None:
        group.append_target_groups([source for source in sources if ":targetgroup/" in source])


@after("autoscaling", "CreateAutoScalingGroup")
def set_default_grace_period(call: Call) -> None:
    group = call.backends.auto_scaling_group(call.params["AutoScalingGroupName"])
    if group is not None and "HealthCheckGracePeriod" not in call.params:
        group.health_check_grace_period = 0


@patch("moto.autoscaling.models", "InstanceState.launch_template", attribute=True)
def launch_template(self: Any) -> dict[str, Any] | None:
    """Return the template version that launched the instance; moto returns the default version."""
    template = self.auto_scaling_group.ec2_launch_template
    if template is None:
        return None
    version = sidecar(self.instance).get("launch_template_version", str(template.default_version_number))
    return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": version}


@patch("moto.ec2.models.launch_templates", "LaunchTemplate.get_version")
def get_version(self: Any, num: Any) -> Any:
    """Return a version of a template, unless the template is deleted; moto's groups keep the deleted one."""
    from moto.ec2.exceptions import InvalidLaunchTemplateVersionNotFound

    if self.id not in self.ec2_backend.launch_templates:
        message = f"The specified launch template, with template ID {self.id}, does not exist."
        raise AwsError("InvalidLaunchTemplateId.NotFound", message)
    aliases = {"$latest": len(self.versions), "$default": self.default_version_number}
    number = int(aliases.get(str(num).lower(), num))
    if not 1 <= number <= len(self.versions):
        raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=num)
    return self.versions[number - 1]
