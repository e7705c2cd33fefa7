"""Refuse calls that name an Auto Scaling group, policy, hook or managed instance that does not exist."""

from collections.abc import Container
from functools import partial

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A call that names a group, policy, lifecycle hook or managed instance that does not exist is "
        "refused with ValidationError.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/CommonErrors.html",),
    ),
)

_rule = partial(NotFoundRule, "autoscaling", "ValidationError")


def _managed_instances(call: Call) -> Container[str]:
    return {state.instance.id for group in call.backends.auto_scaling_groups for state in group.instance_states}


def _group_members(call: Call) -> Container[str]:
    group = call.backends.auto_scaling_group(call.params["AutoScalingGroupName"])
    return {state.instance.id for state in group.instance_states} if group else set()


def _policies(call: Call) -> Container[str]:
    policies = call.backends.backend("autoscaling").policies.values()
    group = call.params.get("AutoScalingGroupName")
    selected = [policy for policy in policies if group in (None, policy.auto_scaling_group_name)]
    return {policy.name for policy in selected} | {policy.arn for policy in selected}


def _hooks(call: Call) -> Container[str]:
    hooks = call.backends.backend("autoscaling").lifecycle_hooks.values()
    return {hook.name for hook in hooks if hook.auto_scaling_group_name == call.params["AutoScalingGroupName"]}


GROUP = _rule(
    "AutoScalingGroup name not found - AutoScalingGroup '{}' not found",
    store_keys("autoscaling", "autoscaling_groups"),
    {
        **by_parameter(
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
            "SetInstanceProtection",
            "SuspendProcesses",
        ),
        **by_parameter("Tags.ResourceId", "CreateOrUpdateTags", "DeleteTags"),
    },
)

RULES = (
    GROUP,
    _rule(
        "AutoScalingGroup name not found - null",
        store_keys("autoscaling", "autoscaling_groups"),
        by_parameter("AutoScalingGroupName", "SetDesiredCapacity", "UpdateAutoScalingGroup"),
    ),
    _rule(
        "Instance Id not found - No managed instance found for instance ID: {}",
        _managed_instances,
        by_parameter("InstanceId", "SetInstanceHealth", "TerminateInstanceInAutoScalingGroup"),
    ),
    _rule(
        "The instance {} is not part of Auto Scaling group.",
        _group_members,
        by_parameter("InstanceIds", "DetachInstances", "EnterStandby", "ExitStandby", "SetInstanceProtection"),
    ),
    _rule(
        "Invalid Instance ID(s): [{}] specified",
        lambda call: {instance.id for instance in call.backends.instances},
        by_parameter("InstanceIds", "AttachInstances"),
    ),
    _rule("Policy not found: {}", _policies, by_parameter("PolicyName", "DeletePolicy", "ExecutePolicy")),
    _rule("No Lifecycle Hook found: {}", _hooks, by_parameter("LifecycleHookName", "DeleteLifecycleHook")),
    _rule(
        "Launch configuration name not found - Launch configuration {} not found",
        store_keys("autoscaling", "launch_configurations"),
        by_parameter(
            "LaunchConfigurationName", "CreateAutoScalingGroup", "DeleteLaunchConfiguration", "UpdateAutoScalingGroup"
        ),
    ),
)

for _not_found in RULES:
    _not_found.register()
