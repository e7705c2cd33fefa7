"""A target group of a load balancer, with its health check."""

import re
from dataclasses import dataclass
from typing import Any, Literal, Self

from esaws.aws import ignore_codes, tag_list
from esaws.cloud import Cloud
from esaws.errors import InvalidResource
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._elbv2 import NAME_LIMIT, NAME_PATTERN, NO_GROUP, list_owned
from esaws.resources.vpc import VPC

_DELAY = "deregistration_delay.timeout_seconds"
_TARGET_TYPES = ("instance", "ip")
_RANGES = {
    "port": (1, 65535),
    "health_interval": (5, 300),
    "health_timeout": (2, 120),
    "healthy_threshold": (2, 10),
    "unhealthy_threshold": (2, 10),
    "deregistration_delay": (0, 3600),
}
_MATCHER = re.compile(r"[2-4]\d\d([-,][2-4]\d\d)*")


@dataclass(frozen=True, kw_only=True)
class TargetGroup(Resource):
    """A group of targets, each registered with its own port: instances, or addresses (`ip`). Times are in seconds.

    Tasks with an interface of their own are registered by its address. AWS can't change the target type.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-type
    """

    vpc: VPC
    target_type: Literal["instance", "ip"] = "instance"
    port: int = 80
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    health_path: str = "/"
    health_interval: int = 30
    health_timeout: int = 5
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    matcher: str = "200"
    deregistration_delay: int = 300

    in_place = frozenset(
        {
            "health_path",
            "health_interval",
            "health_timeout",
            "healthy_threshold",
            "unhealthy_threshold",
            "matcher",
            "deregistration_delay",
        }
    )
    name_pattern = NAME_PATTERN
    name_limit = NAME_LIMIT
    icon = "aws.network.ElasticLoadBalancing"
    free = "AWS charges for the load balancer, not for its target groups"
    permissions = (
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateTargetGroup",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target_type not in _TARGET_TYPES:
            types = " or ".join(_TARGET_TYPES)
            raise InvalidResource(f"{self}: target_type {self.target_type!r} is not supported. Use {types}.")
        for field, (low, high) in _RANGES.items():
            if not low <= getattr(self, field) <= high:
                raise InvalidResource(f"{self}: {field} {getattr(self, field)} is not between {low} and {high}")
        if self.health_timeout >= self.health_interval:
            raise InvalidResource(f"{self}: health_timeout must be shorter than health_interval")
        if not self.health_path.startswith("/") or len(self.health_path) > 1024:
            raise InvalidResource(f"{self}: health_path {self.health_path!r} does not begin with /, or is too long")
        if not _MATCHER.fullmatch(self.matcher):
            raise InvalidResource(
                f"{self}: matcher {self.matcher!r} is invalid; use a form like 200, 200,204 or 200-399"
            )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        for name, raw in list_owned(cloud, "describe_target_groups", "TargetGroups", "TargetGroup"):
            arn = raw["TargetGroupArn"]
            with ignore_codes(NO_GROUP):
                described = cloud.client("elbv2").describe_target_group_attributes(TargetGroupArn=arn)
                attributes = {item["Key"]: item["Value"] for item in described["Attributes"]}
                observed = {
                    "vpc": raw.get("VpcId"),
                    "target_type": raw.get("TargetType", "instance"),
                    "port": raw.get("Port"),
                    "protocol": raw.get("Protocol"),
                    "health_path": raw.get("HealthCheckPath"),
                    "health_interval": raw["HealthCheckIntervalSeconds"],
                    "health_timeout": raw["HealthCheckTimeoutSeconds"],
                    "healthy_threshold": raw["HealthyThresholdCount"],
                    "unhealthy_threshold": raw["UnhealthyThresholdCount"],
                    "matcher": raw.get("Matcher", {}).get("HttpCode"),
                    "deregistration_delay": int(attributes[_DELAY]),
                }
                parents = frozenset({Ref("VPC", str(observed["vpc"]))})
                lives.append(Live(cls.kind, name, arn, parents=parents, fields=observed, raw=raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        created = cloud.client("elbv2").create_target_group(
            Name=cloud.aws_name(self.name),
            VpcId=self.vpc.id_in(cloud),
            Port=self.port,
            Protocol=self.protocol,
            TargetType=self.target_type,
            Tags=tag_list(cloud.tags(self.name)),
            **self._health(),
        )
        arn = self.remember_id(cloud, created["TargetGroups"][0]["TargetGroupArn"])
        self._set_deregistration_delay(cloud, arn)

    def update(self, cloud: Cloud, live: Live) -> None:
        cloud.client("elbv2").modify_target_group(TargetGroupArn=live.id, **self._health())
        self._set_deregistration_delay(cloud, live.id)

    def _health(self) -> dict[str, Any]:
        return {
            "HealthCheckPath": self.health_path,
            "HealthCheckIntervalSeconds": self.health_interval,
            "HealthCheckTimeoutSeconds": self.health_timeout,
            "HealthyThresholdCount": self.healthy_threshold,
            "UnhealthyThresholdCount": self.unhealthy_threshold,
            "Matcher": {"HttpCode": self.matcher},
        }

    def _set_deregistration_delay(self, cloud: Cloud, arn: str) -> None:
        attributes = [{"Key": _DELAY, "Value": str(self.deregistration_delay)}]
        cloud.client("elbv2").modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        # AWS reports it as in use for minutes after its listeners and rules are deleted.
        with ignore_codes(NO_GROUP):
            delete = cloud.client("elbv2").delete_target_group
            cloud.retry(lambda: delete(TargetGroupArn=live.id), "ResourceInUse")

    @classmethod
    def example(cls) -> Self:
        return cls(name="web-tg", vpc=VPC.example())
