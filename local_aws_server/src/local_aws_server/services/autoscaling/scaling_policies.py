"""Put, execute and delete scaling policies of Auto Scaling groups, with the alarms of target tracking."""

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler, replace
from local_aws_server.services.application_autoscaling.policy_math import adjust, step_capacity
from local_aws_server.services.application_autoscaling.scalables import GroupInstances, last_scaling, scale
from local_aws_server.services.application_autoscaling.target_tracking import delete_alarms, parse_target, put_alarms

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A scaling policy changes the capacity of its group when its alarm is in the ALARM state; target "
        "tracking creates its own alarms.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html",),
    ),
    Behaviour(
        service="EC2 Auto Scaling",
        statement="ExecutePolicy scales a group within its sizes; with HonorCooldown, it is refused during the "
        "cooldown of a simple policy.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ExecutePolicy.html",),
    ),
)


@before("autoscaling", "PutScalingPolicy")
def note_existing_policy(call: Call) -> None:
    call.notes["before"] = find_policy(call.backends, call.params["AutoScalingGroupName"], call.params["PolicyName"])


@after("autoscaling", "PutScalingPolicy")
def put_policy_alarms(call: Call) -> None:
    params, before = call.params, call.notes["before"]
    policies, group = _policies(call.backends), params["AutoScalingGroupName"]
    # moto stores policies by their name alone, but groups may have policies of the same name
    policy = policies[group, params["PolicyName"]] = policies.pop(params["PolicyName"])
    config = params.get("TargetTrackingConfiguration")
    target = parse_target(group, config) if config else None
    alarms = put_alarms(call.backends, group, policy.arn, target, _alarms(call.backends, before))
    sidecar(policy)["alarms"] = [alarm.name for alarm in alarms]
    # moto misspells the name of the ARN's member, so that boto3 drops it
    call.result.update(PolicyARN=policy.arn, Alarms=_describe_alarms(call.backends, policy))


@before("autoscaling", "ExecutePolicy")
def check_execution(call: Call) -> None:
    params, policy = call.params, _policy(call)
    if policy.policy_type == "StepScaling":
        if "MetricValue" not in params or "BreachThreshold" not in params:
            message = "MetricValue and BreachThreshold must be specified for a policy of type StepScaling."
            raise AwsError("ValidationError", message)
    elif policy.policy_type != "SimpleScaling":
        raise AwsError("ValidationError", f"A policy of type {policy.policy_type} can't be executed by a user.")
    group = call.backends.auto_scaling_group(policy.auto_scaling_group_name)
    last = last_scaling(GroupInstances(call.backends, group))
    if (
        params.get("HonorCooldown")
        and policy.policy_type == "SimpleScaling"
        and last
        and CLOCK.now() < last.cooldown_end
    ):
        message = "The operation can't be performed because there are scaling activities in progress."
        raise AwsError("ScalingActivityInProgress", message)


@replace("autoscaling", "ExecutePolicy")
def execute_policy(call: Call) -> dict[str, Any]:
    params, policy = call.params, _policy(call)
    group = call.backends.auto_scaling_group(policy.auto_scaling_group_name)
    scalable = GroupInstances(call.backends, group)
    scaled = next(each for each in scalable.policies() if each.arn == policy.arn)
    capacity = scalable.capacity()
    if policy.policy_type == "StepScaling":
        target = step_capacity(capacity, params["MetricValue"] - params["BreachThreshold"], scaled.config)
    else:
        target = adjust(capacity, int(policy.scaling_adjustment or 0), scaled.config)
    if target != capacity.current:
        cooldown = scaled.cooldowns[0 if target > capacity.current else 1]
        cause = f"user request executed policy {policy.name}"
        scale(call.backends, scalable, target, cause, f"a user executed policy {policy.name}", cooldown)
    return {}


@replace("autoscaling", "DeletePolicy")
def delete_policy(call: Call) -> dict[str, Any]:
    _delete(call.backends, _policy(call))
    return {}


@after("autoscaling", "DescribePolicies")
def add_alarms(call: Call) -> None:
    for described in call.result.get("ScalingPolicies", []):
        policy = find_policy(call.backends, described["AutoScalingGroupName"], described["PolicyName"])
        described["Alarms"] = _describe_alarms(call.backends, policy)


@reconciler("autoscaling", order=69)
def delete_policies_of_deleted_groups(backends: Backends) -> None:
    for policy in list(_policies(backends).values()):
        if backends.auto_scaling_group(policy.auto_scaling_group_name) is None:
            _delete(backends, policy)


def find_policy(backends: Backends, group: str | None, name_or_arn: str) -> Any | None:
    """Return the policy of a group; without a group, the first of that name or ARN."""
    for policy in _policies(backends).values():
        if name_or_arn in (policy.name, policy.arn) and group in (None, policy.auto_scaling_group_name):
            return policy
    return None


def _policy(call: Call) -> Any:
    name = call.params["PolicyName"]
    policy = find_policy(call.backends, call.params.get("AutoScalingGroupName"), name)
    if policy is None:
        raise AwsError("ValidationError", f"Policy not found: {name}")
    return policy


def _policies(backends: Backends) -> dict[Any, Any]:
    policies: dict[Any, Any] = backends.backend("autoscaling").policies
    return policies


def _delete(backends: Backends, policy: Any) -> None:
    delete_alarms(backends, _alarms(backends, policy))
    for key, each in list(_policies(backends).items()):
        if each is policy:
            del _policies(backends)[key]


def _alarms(backends: Backends, policy: Any | None) -> list[Any]:
    """Return the alarms that target tracking created for a policy."""
    names = sidecar(policy).get("alarms", ()) if policy is not None else ()
    alarms = backends.backend("cloudwatch").alarms
    return [alarms[name] for name in names if name in alarms]


def _describe_alarms(backends: Backends, policy: Any) -> list[dict[str, str]]:
    return [{"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn} for alarm in _alarms(backends, policy)]
