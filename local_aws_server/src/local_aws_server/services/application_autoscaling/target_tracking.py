"""Create, update and delete the two alarms of a target tracking policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.hooks import patch
from local_aws_server.services.application_autoscaling.policy_math import SCALE_IN_THRESHOLD
from local_aws_server.services.cloudwatch import alarms
from local_aws_server.services.cloudwatch.metrics import ELB_NAMESPACE, Metric, parse_dimensions

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="A target tracking policy has an alarm above its target and one below it; an updated policy keeps "
        "its ARN and alarms.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html",
        ),
    ),
)

_EVALUATION_PERIODS = {"High": 3, "Low": 15}
_PERIOD = 60

_SERVICE_METRICS = {
    "ECSServiceAverageCPUUtilization": "CPUUtilization",
    "ECSServiceAverageMemoryUtilization": "MemoryUtilization",
}
_GROUP_METRICS = {
    "ASGAverageCPUUtilization": "CPUUtilization",
    "ASGAverageNetworkIn": "NetworkIn",
    "ASGAverageNetworkOut": "NetworkOut",
}


@dataclass(frozen=True)
class TrackingTarget:
    """The metric that a target tracking policy keeps at a value."""

    metric: Metric
    statistic: str
    value: float
    scales_in: bool

    def threshold(self, side: str) -> float:
        """Return the threshold of the `High` or `Low` alarm."""
        return self.value if side == "High" else round(self.value * SCALE_IN_THRESHOLD, 9)


def parse_target(resource: str, config: Mapping[str, Any]) -> TrackingTarget | None:
    """Parse a policy's configuration in boto3's shape; `resource` is `service/cluster/name`, or a group's name.

    Return None for an unknown metric, or one that is an expression over others.
    """
    predefined = config.get("PredefinedMetricSpecification") or config.get("PredefinedScalingMetricSpecification") or {}
    custom = config.get("CustomizedMetricSpecification") or {}
    metric_type = predefined.get("PredefinedMetricType")
    statistic = "Average"
    if metric_type in _SERVICE_METRICS and resource.startswith("service/"):
        _, cluster, service = resource.split("/")
        dimensions = (("ClusterName", cluster), ("ServiceName", service))
        metric = Metric("AWS/ECS", _SERVICE_METRICS[metric_type], dimensions)
    elif metric_type in _GROUP_METRICS:
        metric = Metric("AWS/EC2", _GROUP_METRICS[metric_type], (("AutoScalingGroupName", resource),))
    elif metric_type == "ALBRequestCountPerTarget" and "/targetgroup/" in str(predefined.get("ResourceLabel")):
        load_balancer, _, group = predefined["ResourceLabel"].partition("/targetgroup/")
        dimensions = (("LoadBalancer", load_balancer), ("TargetGroup", f"targetgroup/{group}"))
        metric, statistic = Metric(ELB_NAMESPACE, "RequestCountPerTarget", dimensions), "Sum"
    elif custom.get("MetricName"):
        metric = Metric(custom["Namespace"], custom["MetricName"], parse_dimensions(custom.get("Dimensions") or ()))
        statistic = custom.get("Statistic", "Average")
    else:
        return None
    return TrackingTarget(metric, statistic, float(config["TargetValue"]), not config.get("DisableScaleIn"))


def put_alarms(
    backends: Backends, resource: str, policy_arn: str, target: TrackingTarget | None, existing: Iterable[Any]
) -> list[Any]:
    """Create or update the alarms of a policy, and delete existing ones it no longer needs; return its alarms."""
    backend, old = backends.backend("cloudwatch"), {_side_of(alarm): alarm for alarm in existing}
    sides = [] if target is None else ["High", "Low"] if target.scales_in else ["High"]
    delete_alarms(backends, [alarm for side, alarm in old.items() if side not in sides])
    SCHEDULER.mark_changed(backends, "cloudwatch")
    return [
        _put_alarm(backend, resource, policy_arn, target, side, old.get(side)) for side in sides if target is not None
    ]


def delete_alarms(backends: Backends, deleted: Iterable[Any]) -> None:
    names = [alarm.name for alarm in deleted]
    if names:
        backends.backend("cloudwatch").delete_alarms(names)
        SCHEDULER.mark_changed(backends, "cloudwatch")


def _side_of(alarm: Any) -> str:
    return "Low" if "-AlarmLow-" in alarm.name else "High"


def _put_alarm(backend: Any, resource: str, policy_arn: str, target: TrackingTarget, side: str, old: Any | None) -> Any:
    from moto.moto_api._internal import mock_random

    action = old.alarm_actions[0] if old else f"{policy_arn}:createdBy/{mock_random.uuid4()}"
    alarm = backend.put_metric_alarm(
        name=old.name if old else f"TargetTracking-{resource}-Alarm{side}-{mock_random.uuid4()}",
        namespace=target.metric.namespace,
        metric_name=target.metric.name,
        dimensions=[{"Name": name, "Value": value} for name, value in target.metric.dimensions],
        statistic=target.statistic,
        comparison_operator="GreaterThanThreshold" if side == "High" else "LessThanThreshold",
        threshold=target.threshold(side),
        period=_PERIOD,
        evaluation_periods=_EVALUATION_PERIODS[side],
        description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {action.split(':createdBy/')[0]}.",
        alarm_actions=[action],
    )
    alarms.initialize_alarm(alarm, old)
    sidecar(alarm)["target"] = target.value
    return alarm


@patch("moto.applicationautoscaling.models", "FakeApplicationAutoscalingPolicy.create_alarms")
def create_alarms(self: Any) -> None:
    """Create or update the policy's alarms; those that moto makes always have the same thresholds."""
    backends = Backends(self.account_id, self.region_name)
    key = self.formulate_key(self.service_namespace, self.resource_id, self.scalable_dimension, self.policy_name)
    existing = backends.backend("applicationautoscaling").policies.get(key)
    if existing is not None:
        self.policy_arn, self.creation_time = existing.policy_arn, existing.creation_time
    config = self.target_tracking_scaling_policy_configuration
    if config is not None and self.service_namespace == "dynamodb":
        self.alarms.extend(self._generate_dynamodb_alarms())
        return
    target = parse_target(self.resource_id, config) if config is not None else None
    self.alarms = put_alarms(backends, self.resource_id, self.policy_arn, target, existing.alarms if existing else ())
