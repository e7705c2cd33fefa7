"""An Auto Scaling group, policy, hook or managed instance that does not exist is a ValidationError.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/CommonErrors.html
"""

from collections.abc import Container
from functools import partial

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.not_found import NotFoundRule, by, stored

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="An Auto Scaling group, policy, hook or managed instance that does not exist is a ValidationError.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/CommonErrors.html",),
    ),
)

_kind = partial(NotFoundRule, "autoscaling", "ValidationError")


def _instances(call: Call) -> Container[str]:
    return {state.instance.id for group in call.backends.groups for state in group.instance_states}


def _instances_of_the_group(call: Call) -> Container[str]:
    group = call.backends.group(call.params["AutoScalingGroupName"])
    return {state.instance.id for state in group.instance_states} if group else set()


def _policies(call: Call) -> Container[str]:
    policies = call.backends.backend("autoscaling").policies.values()
    group = call.params.get("AutoScalingGroupName")
    of_the_group = [policy for policy in policies if group in (None, policy.auto_scaling_group_name)]
    return {policy.name for policy in of_the_group} | {policy.arn for policy in of_the_group}


def _hooks(call: Call) -> Container[str]:
    hooks = call.backends.backend("autoscaling").lifecycle_hooks.values()
    return {hook.name for hook in hooks if hook.auto_scaling_group_name == call.params["AutoScalingGroupName"]}


GROUP = _kind(
    "AutoScalingGroup name not found - AutoScalingGroup '{}' not found",
    stored("autoscaling", "autoscaling_groups"),
    {
        **by(
            "AutoScalingGroupName",
            "AttachInstances",
            "AttachLoadBalancerTargetGroups",
            "AttachLoadBalancers",
            "BatchPutScheduledUpdateGroupAction",
            "CompleteLifecycleAction",
            "DeleteLifecycleHook",
            "DeletePolicy",
            "DeleteScheduledAction",
            "DeleteWarmPool",
            "DescribeLifecycleHooks",
            "DescribeLoadBalancerTargetGroups",
            "DescribeLoadBalancers",
            "DescribePolicies",
            "DescribeScalingActivities",
            "DescribeScheduledActions",
            "DescribeWarmPool",
            "DetachInstances",
            "DetachLoadBalancerTargetGroups",
            "DetachLoadBalancers",
            "DisableMetricsCollection",
            "EnableMetricsCollection",
            "EnterStandby",
            "ExecutePolicy",
            "ExitStandby",
            "PutLifecycleHook",
            "PutScalingPolicy",
            "PutScheduledUpdateGroupAction",
            "PutWarmPool",
            "ResumeProcesses",
            "SetDesiredCapacity",
            "SetInstanceProtection",
            "SuspendProcesses",
            "UpdateAutoScalingGroup",
        ),
        **by("Tags.ResourceId", "CreateOrUpdateTags", "DeleteTags"),
    },
)

KINDS = (
    GROUP,
    _kind(
        "Instance Id not found - No managed instance found for instance ID: {}",
        _instances,
        by("InstanceId", "SetInstanceHealth", "TerminateInstanceInAutoScalingGroup"),
    ),
    _kind(
        "The instance {} is not part of Auto Scaling group.",
        _instances_of_the_group,
        by("InstanceIds", "DetachInstances", "EnterStandby", "ExitStandby", "SetInstanceProtection"),
    ),
    _kind(
        "Invalid Instance ID(s): [{}] specified",
        lambda call: {instance.id for instance in call.backends.instances},
        by("InstanceIds", "AttachInstances"),
    ),
    _kind("Policy not found: {}", _policies, by("PolicyName", "DeletePolicy", "ExecutePolicy")),
    _kind("No Lifecycle Hook found: {}", _hooks, by("LifecycleHookName", "DeleteLifecycleHook")),
    _kind(
        "Launch configuration name not found - Launch configuration {} not found",
        stored("autoscaling", "launch_configurations"),
        by("LaunchConfigurationName", "CreateAutoScalingGroup", "DeleteLaunchConfiguration", "UpdateAutoScalingGroup"),
    ),
)

for _each in KINDS:
    _each.install()
