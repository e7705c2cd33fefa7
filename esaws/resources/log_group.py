"""A log group of CloudWatch Logs."""

from dataclasses import dataclass
from typing import Self

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud
from esaws.documented import ITSELF, TAG, Call, Field, Name, OneOf, Text, tag_map
from esaws.resource import Live, Lives, Resource

RETENTIONS = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731} | {1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
"""The retention periods in days that CloudWatch Logs accepts."""

_GONE = "ResourceNotFoundException"


@dataclass(frozen=True, kw_only=True)
class LogGroup(Resource):
    """Keeps log events for `retention_days`. Without a retention, AWS keeps them for ever."""

    retention_days: int = 14

    in_place = frozenset({"retention_days"})
    delete_after = frozenset({"AutoScalingGroup", "Service", "Task"})
    icon = "aws.management.CloudwatchLogs"
    free = "AWS charges for what is written; the first 5 GB a month are free"
    permissions = (
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:DescribeLogGroups",
        "logs:ListTagsForResource",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
            {
                "logGroupName": Name(Text(1, 512, r"[A-Za-z0-9_/.#-]*", "letters, digits and any of _-/.#")),
                **tag_map("tags", TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
            {"logGroupName": ITSELF, "retentionInDays": Field("retention_days", OneOf(*sorted(RETENTIONS)))},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html",
            {"logGroupName": ITSELF},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for raw in pages(cloud, "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=cloud.aws_name("")):
            # `arn` ends in `:*`, which the call for tags rejects; `logGroupArn` does not.
            arn = raw.get("logGroupArn") or raw["arn"].removesuffix(":*")
            with ignore_codes(_GONE):
                tags = cloud.client("logs").list_tags_for_resource(resourceArn=arn)["tags"]
                if name := cloud.owned_name(tags):
                    observed = {"retention_days": raw.get("retentionInDays")}
                    lives.append(Live(cls.kind, name, raw["logGroupName"], fields=observed, raw=raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        aws_name = cloud.aws_name(self.name)
        cloud.client("logs").create_log_group(logGroupName=aws_name, tags=cloud.tags(self.name))
        self._keep(cloud, self.remember_id(cloud, aws_name))

    def update(self, cloud: Cloud, live: Live) -> None:
        self._keep(cloud, live.id)

    def _keep(self, cloud: Cloud, group: str) -> None:
        cloud.client("logs").put_retention_policy(logGroupName=group, retentionInDays=self.retention_days)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        logs = cloud.client("logs")

        def gone() -> bool:
            with ignore_codes(_GONE):
                logs.delete_log_group(logGroupName=live.id)
            # A container that still writes to it creates it again, without tags.
            groups = pages(cloud, "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=live.id)
            return all(raw["logGroupName"] != live.id for raw in groups)

        cloud.wait_until(f"log group {live.name} is gone", gone)

    @classmethod
    def example(cls) -> Self:
        return cls(name="web")
