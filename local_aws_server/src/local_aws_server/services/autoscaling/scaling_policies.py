"""Keep the alarms of a group's target tracking policies: created, updated and deleted with the policy."""

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.application_autoscaling.target_tracking import delete_alarms, parse_target, put_alarms

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="A scaling policy changes the capacity of its group when its alarm is in the ALARM state; target "
        "tracking creates its own alarms.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html",),
    ),
)


@before("autoscaling", "PutScalingPolicy")
def note_existing_policy(call: Call) -> None:
    policy = _policies(call.backends).get(call.params["PolicyName"])
    is_same = policy is not None and policy.auto_scaling_group_name == call.params["AutoScalingGroupName"]
    call.notes["before"] = policy if is_same else None


@after("autoscaling", "PutScalingPolicy")
def put_policy_alarms(call: Call) -> None:
    params, before = call.params, call.notes["before"]
    policy, group = _policies(call.backends)[params["PolicyName"]], params["AutoScalingGroupName"]
    config = params.get("TargetTrackingConfiguration")
    target = parse_target(group, config) if config else None
    alarms = put_alarms(call.backends, group, policy.arn, target, _alarms(call.backends, before))
    sidecar(policy)["alarms"] = [alarm.name for alarm in alarms]
    # moto misspells the name of the ARN's member, so that boto3 drops it
    call.result.update(PolicyARN=policy.arn, Alarms=_describe_alarms(call.backends, policy))


@before("autoscaling", "DeletePolicy")
def delete_policy_alarms(call: Call) -> None:
    if policy := _policies(call.backends).get(call.params["PolicyName"].split(":policyName/")[-1]):
        delete_alarms(call.backends, _alarms(call.backends, policy))


@after("autoscaling", "DescribePolicies")
def add_alarms(call: Call) -> None:
    for described in call.result.get("ScalingPolicies", []):
        policy = _policies(call.backends)[described["PolicyName"]]
        described["Alarms"] = _describe_alarms(call.backends, policy)


@reconciler("autoscaling", order=69)
def delete_policies_of_deleted_groups(backends: Backends) -> None:
    for name, policy in list(_policies(backends).items()):
        if backends.auto_scaling_group(policy.auto_scaling_group_name) is None:
            delete_alarms(backends, _alarms(backends, policy))
            del _policies(backends)[name]


def _policies(backends: Backends) -> dict[str, Any]:
    policies: dict[str, Any] = backends.backend("autoscaling").policies
    return policies


def _alarms(backends: Backends, policy: Any | None) -> list[Any]:
    """Return the alarms that target tracking created for a policy."""
    names = sidecar(policy).get("alarms", ()) if policy is not None else ()
    alarms = backends.backend("cloudwatch").alarms
    return [alarms[name] for name in names if name in alarms]


def _describe_alarms(backends: Backends, policy: Any) -> list[dict[str, str]]:
    return [{"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn} for alarm in _alarms(backends, policy)]
