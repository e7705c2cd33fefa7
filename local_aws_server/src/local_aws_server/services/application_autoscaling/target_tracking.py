"""The two alarms of a target tracking policy: they watch its metric, and come and go with it.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.services.application_autoscaling.policy_math import SCALE_IN_PART
from local_aws_server.services.cloudwatch import alarms
from local_aws_server.services.cloudwatch.metrics import BALANCING, Metric, dimensions

_PERIODS = {"High": 3, "Low": 15}
_PERIOD = 60

_OF_SERVICES = {
    "ECSServiceAverageCPUUtilization": "CPUUtilization",
    "ECSServiceAverageMemoryUtilization": "MemoryUtilization",
}
_OF_GROUPS = {
    "ASGAverageCPUUtilization": "CPUUtilization",
    "ASGAverageNetworkIn": "NetworkIn",
    "ASGAverageNetworkOut": "NetworkOut",
}


@dataclass(frozen=True)
class Tracked:
    """What a target tracking policy holds, and where."""

    metric: Metric
    statistic: str
    target: float
    scales_in: bool

    def threshold(self, side: str) -> float:
        return self.target if side == "High" else round(self.target * SCALE_IN_PART, 9)


def tracked(thing: str, config: Mapping[str, Any]) -> Tracked | None:
    """What a policy's configuration, in boto3's shape, says of a thing: `service/cluster/name`, or a group's name.

    None for a metric that is an expression over others, or unknown.
    """
    given = config.get("PredefinedMetricSpecification") or config.get("PredefinedScalingMetricSpecification") or {}
    custom = config.get("CustomizedMetricSpecification") or {}
    kind = given.get("PredefinedMetricType")
    statistic = "Average"
    if kind in _OF_SERVICES and thing.startswith("service/"):
        _, cluster, service = thing.split("/")
        metric = Metric("AWS/ECS", _OF_SERVICES[kind], (("ClusterName", cluster), ("ServiceName", service)))
    elif kind in _OF_GROUPS:
        metric = Metric("AWS/EC2", _OF_GROUPS[kind], (("AutoScalingGroupName", thing),))
    elif kind == "ALBRequestCountPerTarget" and "/targetgroup/" in str(given.get("ResourceLabel")):
        balancer, _, group = given["ResourceLabel"].partition("/targetgroup/")
        place = (("LoadBalancer", balancer), ("TargetGroup", f"targetgroup/{group}"))
        metric, statistic = Metric(BALANCING, "RequestCountPerTarget", place), "Sum"
    elif custom.get("MetricName"):
        metric = Metric(custom["Namespace"], custom["MetricName"], dimensions(custom.get("Dimensions") or ()))
        statistic = custom.get("Statistic", "Average")
    else:
        return None
    return Tracked(metric, statistic, float(config["TargetValue"]), not config.get("DisableScaleIn"))


def watch(world: Backends, thing: str, arn: str, wanted: Tracked | None, before: Iterable[Any]) -> list[Any]:
    """The alarms of a policy, made or changed; those that it had before and needs no more are deleted."""
    backend, old = world.backend("cloudwatch"), {side_of(alarm): alarm for alarm in before}
    sides = [] if wanted is None else ["High", "Low"] if wanted.scales_in else ["High"]
    forget(world, [alarm for side, alarm in old.items() if side not in sides])
    TIMELINE.touch(world, "cloudwatch")
    return [_made(backend, thing, arn, wanted, side, old.get(side)) for side in sides if wanted is not None]


def forget(world: Backends, gone: Iterable[Any]) -> None:
    """The alarms of a policy that is gone."""
    names = [alarm.name for alarm in gone]
    if names:
        world.backend("cloudwatch").delete_alarms(names)
        TIMELINE.touch(world, "cloudwatch")


def side_of(alarm: Any) -> str:
    """High or Low."""
    return "Low" if "-AlarmLow-" in alarm.name else "High"


def _made(backend: Any, thing: str, arn: str, wanted: Tracked, side: str, old: Any | None) -> Any:
    from moto.moto_api._internal import mock_random

    action = old.alarm_actions[0] if old else f"{arn}:createdBy/{mock_random.uuid4()}"
    alarm = backend.put_metric_alarm(
        name=old.name if old else f"TargetTracking-{thing}-Alarm{side}-{mock_random.uuid4()}",
        namespace=wanted.metric.namespace,
        metric_name=wanted.metric.name,
        dimensions=[{"Name": name, "Value": value} for name, value in wanted.metric.dimensions],
        statistic=wanted.statistic,
        comparison_operator="GreaterThanThreshold" if side == "High" else "LessThanThreshold",
        threshold=wanted.threshold(side),
        period=_PERIOD,
        evaluation_periods=_PERIODS[side],
        description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {action.split(':createdBy/')[0]}.",
        alarm_actions=[action],
    )
    alarms.begin(alarm, old)
    remembered(alarm)["target"] = wanted.target
    return alarm
