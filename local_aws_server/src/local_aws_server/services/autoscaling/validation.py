"""What an Auto Scaling group may not refer to: absent subnets and load balancers, unknown policies."""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A group with a subnet, target group or load balancer that does not exist is refused with "
        "ValidationError, and so are unknown health checks, processes and termination policies.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html",),
    ),
)

_TERMINATION_POLICIES = (
    "Default",
    "AllocationStrategy",
    "ClosestToNextInstanceHour",
    "NewestInstance",
    "OldestInstance",
    "OldestLaunchConfiguration",
    "OldestLaunchTemplate",
)
_HEALTH_CHECKS = ("EC2", "EBS", "ELB", "VPC_LATTICE")
_PROCESSES = (
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
)
_DAY, _YEAR = 86400, 31536000


@before("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup")
def check_settings(call: Call) -> None:
    params = call.params
    for policy in params.get("TerminationPolicies") or ():
        if policy.startswith("arn:"):
            raise AwsError("NotSimulated", f"the local AWS does not simulate the termination policy {policy}", 501)
        if policy not in _TERMINATION_POLICIES:
            raise _invalid(f"Termination policy {policy} is not valid.")
    for check in str(params.get("HealthCheckType") or "EC2").split(","):
        if check not in _HEALTH_CHECKS:
            raise _invalid(f"Invalid Health Check Type: {check}.")
    lifetime = params.get("MaxInstanceLifetime")
    if lifetime and not _DAY <= lifetime <= _YEAR:
        raise _invalid(f"MaxInstanceLifetime must be 0 or between {_DAY} and {_YEAR} seconds.")


@before("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup")
def check_subnets(call: Call) -> None:
    existing = {subnet for zone in call.backends.backend("ec2").subnets.values() for subnet in zone}
    for subnet in str(call.params.get("VPCZoneIdentifier") or "").split(","):
        if subnet.strip() and subnet.strip() not in existing:
            raise _invalid(f"The subnet ID '{subnet.strip()}' does not exist")


@before("autoscaling", "CreateAutoScalingGroup", "AttachLoadBalancerTargetGroups", "AttachLoadBalancers")
def check_load_balancers(call: Call) -> None:
    groups = [*(call.params.get("TargetGroupARNs") or ()), *_traffic_sources(call.params)]
    if any(arn not in call.backends.backend("elbv2").target_groups for arn in groups):
        raise _invalid("Provided Target Groups may not be valid. Please ensure they exist and try again.")
    balancers = call.params.get("LoadBalancerNames") or ()
    if any(name not in call.backends.backend("elb").load_balancers for name in balancers):
        raise _invalid("Provided Load Balancers may not be valid. Please ensure they exist and try again.")


@before("autoscaling", "SuspendProcesses", "ResumeProcesses")
def check_processes(call: Call) -> None:
    unknown = [name for name in call.params.get("ScalingProcesses") or () if name not in _PROCESSES]
    if unknown:
        raise _invalid(f"Invalid process(es) specified: [{', '.join(unknown)}]")


@before("autoscaling", "CreateAutoScalingGroup", "UpdateAutoScalingGroup", "StartInstanceRefresh")
def refuse_instance_requirements(call: Call) -> None:
    """Refuse overrides that choose instance types by attributes: the type of the template would be launched."""
    configuration = call.params.get("DesiredConfiguration") or call.params
    policy = configuration.get("MixedInstancesPolicy") or {}
    for override in (policy.get("LaunchTemplate") or {}).get("Overrides") or ():
        if override.get("InstanceRequirements"):
            raise AwsError("NotSimulated", "the local AWS does not simulate InstanceRequirements", 501)


@before("autoscaling", "DescribeAutoScalingGroups", "DescribeLaunchConfigurations")
def check_token(call: Call) -> None:
    """moto's token is the name of the last entry of the page before."""
    token, autoscaling = call.params.get("NextToken"), call.backends.backend("autoscaling")
    of_groups = call.operation == "DescribeAutoScalingGroups"
    if token and token not in (autoscaling.autoscaling_groups if of_groups else autoscaling.launch_configurations):
        raise AwsError("InvalidNextToken", f"The token '{token}' is invalid.")


@before("autoscaling", "CreateOrUpdateTags", "DeleteTags")
def check_tags(call: Call) -> None:
    if any(not tag.get("ResourceId") for tag in call.params.get("Tags") or ()):
        raise _invalid("Each tag must have a ResourceId, the name of an Auto Scaling group.")


def _traffic_sources(params: dict[str, Any]) -> list[str]:
    return [source["Identifier"] for source in params.get("TrafficSources") or () if source.get("Type") != "elb"]


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
