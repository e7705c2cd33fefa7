"""Scaling policies of an Auto Scaling group change its capacity when alarms say so; target tracking makes its own.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
"""

from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.application_autoscaling.target_tracking import forget, tracked, watch

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="Scaling policies of an Auto Scaling group change its capacity when alarms say so; target "
        "tracking makes its own.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html",),
    ),
)


@before("autoscaling", "PutScalingPolicy")
def what_it_was(call: Call) -> None:
    earlier = _policies(call.backends).get(call.params["PolicyName"])
    same = earlier is not None and earlier.auto_scaling_group_name == call.params["AutoScalingGroupName"]
    call.notes["before"] = earlier if same else None


@after("autoscaling", "PutScalingPolicy")
def tracking_has_its_alarms(call: Call) -> None:
    asked, earlier = call.params, call.notes["before"]
    policy, group = _policies(call.backends)[asked["PolicyName"]], asked["AutoScalingGroupName"]
    config = asked.get("TargetTrackingConfiguration")
    wanted = tracked(group, config) if config else None
    made = watch(call.backends, group, policy.arn, wanted, _alarms(call.backends, earlier))
    remembered(policy)["alarms"] = [alarm.name for alarm in made]
    # moto spells the ARN's name otherwise, so that it gets lost
    call.result.update(PolicyARN=policy.arn, Alarms=_shown(call.backends, policy))


@before("autoscaling", "DeletePolicy")
def its_alarms_go_with_it(call: Call) -> None:
    if policy := _policies(call.backends).get(call.params["PolicyName"].split(":policyName/")[-1]):
        forget(call.backends, _alarms(call.backends, policy))


@after("autoscaling", "DescribePolicies")
def alarms_are_shown(call: Call) -> None:
    for described in call.result.get("ScalingPolicies", []):
        described["Alarms"] = _shown(call.backends, _policies(call.backends)[described["PolicyName"]])


@reconciler("autoscaling", order=69)
def policies_go_with_their_group(world: Backends) -> None:
    for name, policy in list(_policies(world).items()):
        if world.group(policy.auto_scaling_group_name) is None:
            forget(world, _alarms(world, policy))
            del _policies(world)[name]


def _policies(world: Backends) -> dict[str, Any]:
    known: dict[str, Any] = world.backend("autoscaling").policies
    return known


def _alarms(world: Backends, policy: Any | None) -> list[Any]:
    """The alarms that target tracking has made for a policy."""
    names = remembered(policy).get("alarms", ()) if policy is not None else ()
    known = world.backend("cloudwatch").alarms
    return [known[name] for name in names if name in known]


def _shown(world: Backends, policy: Any) -> list[dict[str, str]]:
    return [{"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn} for alarm in _alarms(world, policy)]
