"""A scalable target: the minimum and maximum number of tasks of a service."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud
from esaws.documented import ANY_TAG, ITSELF, OF_ESAWS, Always, Between, Call, Field, Parameter, Unchecked, tag_map
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources.service import Service

NAMESPACE = {"ServiceNamespace": "ecs"}
TASKS = NAMESPACE | {"ScalableDimension": "ecs:service:DesiredCount"}
GONE = "ObjectNotFoundException"

ORPHANED = "ORPHANED"
"""The state of a target whose service is gone. AWS keeps it with its policies and alarms; a deploy creates it again."""

# Application Auto Scaling can't use its service-linked role in the minutes after it is created.
BUSY = ("ConcurrentUpdateException", "FailedResourceAccessException")


DOCUMENTED_TASKS: dict[str, Parameter] = {
    "ServiceNamespace": Always("ecs", Unchecked("the namespace of the service that has the resource")),
    "ScalableDimension": Always("ecs:service:DesiredCount", Unchecked("the dimension for ECS services")),
}


@dataclass(frozen=True, kw_only=True)
class ScalableTarget(Resource):
    """Lets Application Auto Scaling set `minimum` to `maximum` tasks of a service."""

    service: Service
    minimum: int
    maximum: int

    in_place = frozenset({"minimum", "maximum"})
    deleting = frozenset({ORPHANED})
    icon = "aws.compute.ApplicationAutoScaling"
    free = "AWS does not charge for scaling"
    permissions = (
        "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:ListTagsForResource",
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:TagResource",
        "cloudwatch:DeleteAlarms",
        "ecs:DescribeClusters",
        "ecs:DescribeServices",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:UpdateService",
        "iam:CreateServiceLinkedRole",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html",
            {
                **DOCUMENTED_TASKS,
                "ResourceId": Field("service", Unchecked("service/, its cluster and its name")),
                "MinCapacity": Field("minimum", Between(0)),
                "MaxCapacity": Field("maximum", Between(0), OF_ESAWS),
                **tag_map("Tags", ANY_TAG),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html",
            {**DOCUMENTED_TASKS, "ResourceId": ITSELF},
        ),
    )

    def default_name(self) -> str:
        return self.service.name

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minimum > self.maximum:
            raise self.refusal(f"minimum {self.minimum} is above maximum {self.maximum}. Change one of them.")

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        listed = list_scaling(cloud, "describe_scalable_targets", "ScalableTargets")
        services = {resource_id(service.id): service for service in (Service.listed(cloud) if listed else ())}
        lives = []
        for raw in listed:
            service = services.get(raw["ResourceId"])
            if service or raw["ResourceId"].startswith(f"service/{cloud.aws_name('')}"):
                name = _name(cloud, raw, service)
                if service or name:
                    lives.append(cls._live(name, service, raw))
        return lives

    @classmethod
    def _live(cls, name: str | None, service: Live | None, raw: dict[str, Any]) -> Live:
        own_name = name or (service.name if service and not service.foreign else None)
        return Live(
            cls.kind,
            own_name or raw["ResourceId"],
            raw["ResourceId"],
            parents=frozenset({Ref("Service", service.id)} if service else ()),
            state="" if service else ORPHANED,
            fields={
                "service": service.id if service else raw["ResourceId"],
                "minimum": raw["MinCapacity"],
                "maximum": raw["MaxCapacity"],
            },
            raw=raw,
            foreign=own_name is None,
        )

    def create(self, cloud: Cloud) -> None:
        self._register(cloud, Tags=cloud.tags(self.name))

    def update(self, cloud: Cloud, live: Live) -> None:
        self._register(cloud)  # AWS accepts tags only at the first registration

    def _register(self, cloud: Cloud, **tags: Any) -> None:
        target = resource_id(self.service.id_in(cloud))
        limits = {"MinCapacity": self.minimum, "MaxCapacity": self.maximum}
        register = cloud.client("application-autoscaling").register_scalable_target
        cloud.retry(lambda: register(**TASKS, ResourceId=target, **limits, **tags), *BUSY, minutes=2)
        self.remember_id(cloud, target)

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        deregister = cloud.client("application-autoscaling").deregister_scalable_target
        with ignore_codes(GONE):
            cloud.retry(lambda: deregister(**TASKS, ResourceId=live.id), *BUSY, minutes=2)

    @classmethod
    def example(cls) -> Self:
        return cls(service=Service.example(), minimum=1, maximum=4)


def list_scaling(cloud: Cloud, operation: str, result: str) -> list[dict[str, Any]]:
    """Return everything that a list operation of Application Auto Scaling has for ECS in this account and region."""
    return list(pages(cloud, "application-autoscaling", operation, result, **NAMESPACE))


def resource_id(service_arn: str) -> str:
    """Return `service/<cluster>/<service>`, the resource id of a service in Application Auto Scaling."""
    return service_arn.split(":", 5)[5]


def _name(cloud: Cloud, raw: dict[str, Any], service: Live | None) -> str | None:
    """Return the reference name in the tags of its service, or in its own tags if the service is gone."""
    if service and not service.foreign:
        return service.name
    tags: dict[str, str] = {}
    with ignore_codes("ResourceNotFoundException"):
        arn = raw["ScalableTargetARN"]
        tags = cloud.client("application-autoscaling").list_tags_for_resource(ResourceARN=arn)["Tags"]
    return cloud.owned_name(tags)
