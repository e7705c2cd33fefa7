"""A CloudWatch alarm on a metric of a target group."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from esaws.aws import ignore_codes, pages, tag_dict, tag_list
from esaws.cloud import Cloud
from esaws.documented import (
    ANY_TAG,
    ITSELF,
    NOT_DOCUMENTED,
    PRINTABLE,
    Always,
    Between,
    Call,
    Field,
    Made,
    Name,
    OneOf,
    Text,
    Unchecked,
    tags,
)
from esaws.errors import EsawsError
from esaws.pricelist import Usage
from esaws.resource import Live, Lives, Ref, Resource, Usages
from esaws.resources._metrics import arn_from_dimension, dimension_value
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.target_group import TargetGroup

_PUT_METRIC_ALARM_PAGE = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"

_COMPARISONS = tuple(
    f"{size}{threshold}" for size in ("GreaterThan", "LessThan") for threshold in ("Threshold", "OrEqualToThreshold")
)
_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


@dataclass(frozen=True, kw_only=True)
class Alarm(Resource):
    """Alarms when `metric` has been beyond `threshold` for `evaluation_periods` of `period` seconds."""

    load_balancer: LoadBalancer
    target_group: TargetGroup
    metric: str = "UnHealthyHostCount"
    threshold: float = 0.0
    comparison: str = "GreaterThanThreshold"
    statistic: str = "Maximum"
    period: int = 60
    evaluation_periods: int = 2

    in_place = frozenset(
        {
            "load_balancer",
            "target_group",
            "metric",
            "threshold",
            "comparison",
            "statistic",
            "period",
            "evaluation_periods",
        }
    )
    icon = "aws.management.CloudwatchAlarm"
    permissions = (
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
    )
    documented = (
        Call(
            _PUT_METRIC_ALARM_PAGE,
            {
                "AlarmName": Name(Text(1, 255, PRINTABLE, "characters, no control characters")),
                "Namespace": Always("AWS/ApplicationELB", Text(1, 255, r"[^:].*", "characters, no colon first")),
                "MetricName": Field("metric", Text(1, 255, PRINTABLE)),
                "Dimensions[].Name": Made(Unchecked("1 to 255 ASCII characters: LoadBalancer and TargetGroup")),
                "Dimensions[].Value": Made(Unchecked("the ends of the two ARNs, 1 to 1,024 ASCII characters")),
                "Statistic": Field("statistic", OneOf(*_STATISTICS)),
                "Period": Field("period", Unchecked("a multiple of 60 seconds; AWS also takes 10, 20 and 30")),
                "EvaluationPeriods": Field("evaluation_periods", Between(1)),
                "Threshold": Field("threshold", NOT_DOCUMENTED),
                "ComparisonOperator": Field("comparison", OneOf(*_COMPARISONS, besides="those of anomaly detection")),
                **tags("Tags", ANY_TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html",
            {"AlarmNames[]": ITSELF},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.period < 60 or self.period % 60:
            raise self.refusal(
                f"period {self.period} is not valid. Use a multiple of 60 seconds.",
                _PUT_METRIC_ALARM_PAGE,
            )
        longest, seconds = 86_400 if self.period < 3_600 else 604_800, self.period * self.evaluation_periods
        if seconds > longest:
            raise self.refusal(
                f"period times evaluation_periods is {seconds:,} seconds. Use fewer periods: with this period, "
                f"AWS takes at most {longest:,} seconds.",
                _PUT_METRIC_ALARM_PAGE,
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        cloudwatch = cloud.client("cloudwatch")
        ours = {"AlarmNamePrefix": cloud.aws_name(""), "AlarmTypes": ["MetricAlarm"]}
        lives = []
        for raw in pages(cloud, "cloudwatch", "describe_alarms", "MetricAlarms", **ours):
            with ignore_codes("ResourceNotFound", "ResourceNotFoundException"):  # deleted meanwhile
                tags = cloudwatch.list_tags_for_resource(ResourceARN=raw["AlarmArn"])["Tags"]
                if name := cloud.owned_name(tag_dict(tags)):
                    lives.append(cls._live(cloud, name, raw))
        return lives

    @classmethod
    def _live(cls, cloud: Cloud, name: str, raw: dict[str, Any]) -> Live:
        dimensions = {item["Name"]: item["Value"] for item in raw.get("Dimensions", ())}
        arns = {
            kind: arn_from_dimension(cloud, kind, dimensions[kind]) if kind in dimensions else None
            for kind in ("LoadBalancer", "TargetGroup")
        }
        return Live(
            cls.kind,
            name,
            raw["AlarmName"],
            parents=frozenset(Ref(kind, arn) for kind, arn in arns.items() if arn),
            state=raw["StateValue"],
            fields={
                "load_balancer": arns["LoadBalancer"],
                "target_group": arns["TargetGroup"],
                "metric": raw.get("MetricName"),
                "threshold": raw.get("Threshold"),
                "comparison": raw["ComparisonOperator"],
                "statistic": raw.get("Statistic"),
                "period": raw.get("Period"),
                "evaluation_periods": raw["EvaluationPeriods"],
            },
            raw=raw,
        )

    def create(self, cloud: Cloud) -> None:
        alarm = cloud.aws_name(self.name)
        if _exists(cloud, alarm):  # CloudWatch would replace it silently
            raise EsawsError(
                f"{self}: an alarm {alarm} that {cloud.deployment} did not make exists already; rename one of them"
            )
        self._put(cloud, Tags=tag_list(cloud.tags(self.name)))
        self.remember_id(cloud, alarm)

    def update(self, cloud: Cloud, live: Live) -> None:
        self._put(cloud)  # an existing alarm keeps its tags

    def _put(self, cloud: Cloud, **tags: Any) -> None:
        values = {"LoadBalancer": self.load_balancer, "TargetGroup": self.target_group}
        cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=cloud.aws_name(self.name),
            Namespace="AWS/ApplicationELB",
            MetricName=self.metric,
            Dimensions=[
                {"Name": name, "Value": dimension_value(resource.id_in(cloud))} for name, resource in values.items()
            ],
            Statistic=self.statistic,
            Period=self.period,
            EvaluationPeriods=self.evaluation_periods,
            Threshold=self.threshold,
            ComparisonOperator=self.comparison,
            **tags,
        )

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        with ignore_codes("ResourceNotFound"):
            cloud.client("cloudwatch").delete_alarms(AlarmNames=[live.id])
        cloud.wait_until(f"alarm {live.id} is gone", lambda: not _exists(cloud, live.id))

    def usage(self) -> Usages:
        return [Usage("AmazonCloudWatch", "CW:AlarmMonitorUsage", Decimal(1), "Alarms")]

    @classmethod
    def example(cls) -> Self:
        return cls(name="web-unhealthy", load_balancer=LoadBalancer.example(), target_group=TargetGroup.example())


def _exists(cloud: Cloud, alarm: str) -> bool:
    response = cloud.client("cloudwatch").describe_alarms(AlarmNames=[alarm], AlarmTypes=["MetricAlarm"])
    return bool(response["MetricAlarms"])
