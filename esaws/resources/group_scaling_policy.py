"""A target tracking policy of an Auto Scaling group."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_repetition, pages
from esaws.cloud import Cloud
from esaws.documented import ITSELF, PRINTABLE, Always, Call, Field, Name, OneOf, Text, Unchecked
from esaws.resource import Live, Lives, Resource
from esaws.resources.auto_scaling_group import AutoScalingGroup

METRICS = ("ASGAverageCPUUtilization", "ASGAverageNetworkIn", "ASGAverageNetworkOut")

_TRACKING = "TargetTrackingConfiguration"
_METRIC = "PredefinedMetricSpecification"
_BUSY = ("ResourceContention", "ServiceLinkedRoleFailure")

# ECS manages a policy of its own on the group of a capacity provider.
_OF_ECS = "ECSManagedAutoScalingPolicy-"


@dataclass(frozen=True, kw_only=True)
class GroupScalingPolicy(Resource):
    """Tracks `target_value` of `metric`: CPU percent, or bytes per minute and instance.

    It changes the number of instances between the group's minimum and maximum. AWS creates and deletes its two alarms.
    """

    group: AutoScalingGroup
    metric: str = METRICS[0]
    target_value: float = 70.0

    in_place = frozenset({"metric", "target_value"})
    deleting = AutoScalingGroup.deleting
    icon = "aws.management.CloudwatchAlarm"
    free = "AWS does not charge for scaling; the first ten alarms of an account are free, those of policies included"
    permissions = (
        "autoscaling:DeletePolicy",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribePolicies",
        "autoscaling:PutScalingPolicy",
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricAlarm",
        "iam:CreateServiceLinkedRole",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html",
            {
                "AutoScalingGroupName": Field("group"),
                "PolicyName": Name(Text(1, 255, PRINTABLE)),
                "PolicyType": Always(
                    "TargetTrackingScaling",
                    OneOf("TargetTrackingScaling", "StepScaling", "SimpleScaling", "PredictiveScaling"),
                ),
                f"{_TRACKING}.{_METRIC}.PredefinedMetricType": Field(
                    "metric",
                    OneOf(*METRICS, besides="ASGAverageCPUUtilizationHighResolution, ALBRequestCountPerTarget"),
                ),
                f"{_TRACKING}.TargetValue": Field("target_value", Unchecked("a number that fits the metric")),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeletePolicy.html",
            {"AutoScalingGroupName": Field("group"), "PolicyName": ITSELF},
        ),
    )

    def default_name(self) -> str:
        return f"{self.group.name} cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target_value <= 0 or (self.metric == METRICS[0] and self.target_value > 100):
            raise self.refusal(
                f"target_value {self.target_value:g} is not valid. Use a number above 0, for CPU a percentage.",
                "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TargetTrackingConfiguration.html",
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        listed = [*pages(cloud, "autoscaling", "describe_policies", "ScalingPolicies")]
        groups = {
            group.raw["AutoScalingGroupName"]: group for group in (AutoScalingGroup.listed(cloud) if listed else ())
        }
        return [
            cls._live(cloud, groups[raw["AutoScalingGroupName"]], raw)
            for raw in listed
            if raw["AutoScalingGroupName"] in groups and not raw["PolicyName"].startswith(_OF_ECS)
        ]

    @classmethod
    def _live(cls, cloud: Cloud, group: Live, raw: dict[str, Any]) -> Live:
        # Policies have no tags. Ours have our name and are on our group.
        policy, tracking = raw["PolicyName"], raw.get(_TRACKING, {})
        ours = policy.startswith(cloud.aws_name(""))
        return Live(
            cls.kind,
            policy.removeprefix(cloud.aws_name("")),
            raw["PolicyARN"],
            parents=frozenset({group.ref}),
            state=group.state,
            fields={
                "group": group.id,
                "metric": tracking.get(_METRIC, {}).get("PredefinedMetricType", raw["PolicyType"]),
                "target_value": tracking.get("TargetValue"),
            },
            raw=raw,
            foreign=not ours,
        )

    def create(self, cloud: Cloud) -> None:
        self._put(cloud, cloud.aws_name(self.group.name), cloud.aws_name(self.name))

    def update(self, cloud: Cloud, live: Live) -> None:
        self._put(cloud, live.raw["AutoScalingGroupName"], live.raw["PolicyName"])  # the same call updates it

    def _put(self, cloud: Cloud, group: str, policy: str) -> None:
        put = cloud.client("autoscaling").put_scaling_policy
        tracking = {"TargetValue": self.target_value, _METRIC: {"PredefinedMetricType": self.metric}}
        settings = {"PolicyType": "TargetTrackingScaling", _TRACKING: tracking}
        key = {"AutoScalingGroupName": group, "PolicyName": policy}
        self.remember_id(cloud, cloud.retry(lambda: put(**key, **settings), *_BUSY, minutes=2)["PolicyARN"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        autoscaling, policy = cloud.client("autoscaling"), live.raw["PolicyName"]
        key = {"AutoScalingGroupName": live.raw["AutoScalingGroupName"], "PolicyName": policy}

        def is_gone() -> bool:
            listed = pages(cloud, "autoscaling", "describe_policies", "ScalingPolicies", PolicyNames=[policy])
            return all(raw["PolicyARN"] != live.id for raw in listed)

        # Deleting a missing policy has no error code of its own, so it is described first.
        if not is_gone():
            with ignore_repetition("ValidationError", is_gone):
                cloud.retry(lambda: autoscaling.delete_policy(**key), *_BUSY, minutes=2)

    @classmethod
    def example(cls) -> Self:
        return cls(group=AutoScalingGroup.example())
