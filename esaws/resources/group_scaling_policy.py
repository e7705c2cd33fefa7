"""A scaling policy of an Auto Scaling group: keeps a measurement of its instances near a value by their number."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.errors import InvalidResource
from esaws.resource import Live, Lives, Resource
from esaws.resources.auto_scaling_group import AutoScalingGroup

METRICS = ("ASGAverageCPUUtilization", "ASGAverageNetworkIn", "ASGAverageNetworkOut")

_TRACKING = "TargetTrackingConfiguration"
_METRIC = "PredefinedMetricSpecification"
_BUSY = ("ResourceContention", "ServiceLinkedRoleFailure")

# ECS puts a policy of its own on the group of a capacity provider, and takes it away again.
_OF_ECS = "ECSManagedAutoScalingPolicy-"


@dataclass(frozen=True, kw_only=True)
class GroupScalingPolicy(Resource):
    """Tracks `target_value` of `metric`: percent of the CPU, or bytes a minute and instance.

    It moves the group's number of instances between its minimum and maximum. The two alarms that watch it are AWS's,
    and come and go with it.
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

    def default_name(self) -> str:
        return f"{self.group.name} cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.metric not in METRICS:
            raise InvalidResource(f"{self}: {self.metric} is not measured; take one of {', '.join(METRICS)}")
        if self.target_value <= 0 or (self.metric == METRICS[0] and self.target_value > 100):
            raise InvalidResource(f"{self}: a {self.metric} of {self.target_value:g} can't be held")

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        listed = [*pages(cloud, "autoscaling", "describe_policies", "ScalingPolicies")]
        groups = {
            group.raw["AutoScalingGroupName"]: group for group in (AutoScalingGroup.list(cloud) if listed else ())
        }
        return [
            cls._live(cloud, groups[raw["AutoScalingGroupName"]], raw)
            for raw in listed
            if raw["AutoScalingGroupName"] in groups and not raw["PolicyName"].startswith(_OF_ECS)
        ]

    @classmethod
    def _live(cls, cloud: Cloud, group: Live, raw: dict[str, Any]) -> Live:
        # Policies have no tags: ours have a name of ours, on a group of ours.
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
        self._put(cloud, live.raw["AutoScalingGroupName"], live.raw["PolicyName"])  # the same call replaces it

    def _put(self, cloud: Cloud, group: str, policy: str) -> None:
        put = cloud.client("autoscaling").put_scaling_policy
        tracking = {"TargetValue": self.target_value, _METRIC: {"PredefinedMetricType": self.metric}}
        settings = {"PolicyType": "TargetTrackingScaling", _TRACKING: tracking}
        named = {"AutoScalingGroupName": group, "PolicyName": policy}
        self.remember_id(cloud, cloud.retry(lambda: put(**named, **settings), *_BUSY, minutes=2)["PolicyARN"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        autoscaling, policy = cloud.client("autoscaling"), live.raw["PolicyName"]
        named = {"AutoScalingGroupName": live.raw["AutoScalingGroupName"], "PolicyName": policy}
        # AWS has no code of its own for a policy that is not there, so it is looked at first.
        listed = pages(cloud, "autoscaling", "describe_policies", "ScalingPolicies", PolicyNames=[policy])
        if any(raw["PolicyARN"] == live.id for raw in listed):
            cloud.retry(lambda: autoscaling.delete_policy(**named), *_BUSY, minutes=2)

    @classmethod
    def example(cls) -> Self:
        return cls(group=AutoScalingGroup.example())
