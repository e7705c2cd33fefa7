"""A target group of a load balancer, with its health check."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from esaws.aws import ignore_codes, tag_list
from esaws.cloud import Cloud
from esaws.documented import ITSELF, TAG, Always, Between, Call, Field, Name, OneOf, Parameter, Text, Unchecked, tags
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._elbv2 import NAME, NO_GROUP, list_owned
from esaws.resources.vpc import VPC

_DELAY = "deregistration_delay.timeout_seconds"
_HEALTH: dict[str, Parameter] = {
    "HealthCheckPath": Field("health_path", Text(1, 1024, r"/\S*", "characters without spaces, a / first")),
    "HealthCheckIntervalSeconds": Field("health_interval", Between(5, 300, "seconds")),
    "HealthCheckTimeoutSeconds": Field("health_timeout", Between(2, 120, "seconds")),
    "HealthyThresholdCount": Field("healthy_threshold", Between(2, 10)),
    "UnhealthyThresholdCount": Field("unhealthy_threshold", Between(2, 10)),
    "Matcher.HttpCode": Field(
        "matcher",
        Text(
            1,
            None,
            r"[2-4]\d\d(-[2-4]\d\d)?(,[2-4]\d\d)*",
            "200 to 499: a code, some as in 200,202, or a range as in 200-299",
        ),
    ),
}


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
    documented = (
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html",
            {
                "Name": Name(NAME),
                "VpcId": Field("vpc"),
                "Port": Field("port", Between(1, 65535)),
                "Protocol": Field("protocol", OneOf("HTTP", "HTTPS", besides="those of other load balancers")),
                "TargetType": Field("target_type", OneOf("instance", "ip", besides="lambda and alb")),
                **_HEALTH,
                **tags("Tags", TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroup.html",
            {"TargetGroupArn": ITSELF, **_HEALTH},
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroupAttributes.html",
            {
                "TargetGroupArn": ITSELF,
                "Attributes[].Key": Always(_DELAY, Unchecked("the name of an attribute of the target group")),
                "Attributes[].Value": Field(
                    "deregistration_delay",
                    Between(0, 3600, "seconds"),
                    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html",
                ),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteTargetGroup.html",
            {"TargetGroupArn": ITSELF},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.health_timeout >= self.health_interval:
            raise self.refusal(
                f"health_timeout {self.health_timeout} is not shorter than health_interval "
                f"{self.health_interval}. Change one of them.",
                "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
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
