"""A target tracking policy of a service."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes
from esaws.cloud import Cloud
from esaws.documented import ITSELF, Always, Call, Field, Name, OneOf, Text, Unchecked
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources.scalable_target import BUSY, DOCUMENTED_TASKS, GONE, ORPHANED, TASKS, ScalableTarget, list_scaling

METRICS = ("ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization")

_TRACKING = "TargetTrackingScalingPolicyConfiguration"
_METRIC = "PredefinedMetricSpecification"


@dataclass(frozen=True, kw_only=True)
class ScalingPolicy(Resource):
    """Tracks `target_value` percent of `metric`. AWS creates and deletes its two alarms."""

    target: ScalableTarget
    metric: str = METRICS[0]
    target_value: float = 70.0

    in_place = frozenset({"metric", "target_value"})
    deleting = frozenset({ORPHANED})
    icon = "aws.management.CloudwatchAlarm"
    free = "AWS does not charge for scaling; the first ten alarms of an account are free, those of policies included"
    permissions = (
        "application-autoscaling:DeleteScalingPolicy",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:ListTagsForResource",
        "application-autoscaling:PutScalingPolicy",
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricAlarm",
        "ecs:DescribeClusters",
        "ecs:DescribeServices",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:UpdateService",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html",
            {
                **DOCUMENTED_TASKS,
                "PolicyName": Name(Text(1, 256, r"[ -~]*", "printable characters")),
                "PolicyType": Always(
                    "TargetTrackingScaling", OneOf("StepScaling", "TargetTrackingScaling", "PredictiveScaling")
                ),
                "ResourceId": Field("target"),
                f"{_TRACKING}.{_METRIC}.PredefinedMetricType": Field(
                    "metric", OneOf(*METRICS, besides="those of other services")
                ),
                f"{_TRACKING}.TargetValue": Field("target_value", Unchecked("a percentage, for these metrics")),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeleteScalingPolicy.html",
            {**DOCUMENTED_TASKS, "PolicyName": ITSELF, "ResourceId": Field("target")},
        ),
    )

    def default_name(self) -> str:
        return f"{self.target.name} cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.target_value <= 100:
            raise self.refusal(
                f"target_value {self.target_value:g} % is not valid. Use a percentage above 0, up to 100.",
                "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html",
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        listed = list_scaling(cloud, "describe_scaling_policies", "ScalingPolicies")
        targets = {target.id: target for target in (ScalableTarget.listed(cloud) if listed else ())}
        return [cls._live(cloud, targets[raw["ResourceId"]], raw) for raw in listed if raw["ResourceId"] in targets]

    @classmethod
    def _live(cls, cloud: Cloud, target: Live, raw: dict[str, Any]) -> Live:
        # Policies have no tags. Ours have our name and are on our target.
        policy, tracking = raw["PolicyName"], raw.get(_TRACKING, {})
        ours = not target.foreign and policy.startswith(cloud.aws_name(f"{target.name} "))
        return Live(
            cls.kind,
            policy.removeprefix(cloud.aws_name("")) if ours else policy,
            raw["PolicyARN"],
            parents=frozenset({Ref("ScalableTarget", target.id)}),
            state=target.state,
            fields={
                "target": target.id,
                "metric": tracking.get(_METRIC, {}).get("PredefinedMetricType", raw["PolicyType"]),
                "target_value": tracking.get("TargetValue"),
            },
            raw=raw,
            foreign=not ours,
        )

    def create(self, cloud: Cloud) -> None:
        put = cloud.client("application-autoscaling").put_scaling_policy
        policy = {
            "PolicyName": cloud.aws_name(self.name),
            "PolicyType": "TargetTrackingScaling",
            "ResourceId": self.target.id_in(cloud),
            _TRACKING: {"TargetValue": self.target_value, _METRIC: {"PredefinedMetricType": self.metric}},
        }
        self.remember_id(cloud, cloud.retry(lambda: put(**TASKS, **policy), *BUSY, minutes=2)["PolicyARN"])

    def update(self, cloud: Cloud, live: Live) -> None:
        self.create(cloud)  # the same call updates it

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        delete, policy = cloud.client("application-autoscaling").delete_scaling_policy, live.raw["PolicyName"]
        with ignore_codes(GONE):
            cloud.retry(lambda: delete(**TASKS, PolicyName=policy, ResourceId=live.fields["target"]), *BUSY, minutes=2)

    @classmethod
    def example(cls) -> Self:
        return cls(target=ScalableTarget.example())
