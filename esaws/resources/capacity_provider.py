"""A capacity provider: lets an ECS cluster scale its Auto Scaling group."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_repetition
from esaws.cloud import Cloud
from esaws.documented import DESCRIBED, ITSELF, TAG, Always, Between, Call, Field, Name, OneOf, Parameter, Text, tags
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._capacity import attach, describe_providers, detach, is_changing, is_default_provider
from esaws.resources._ecs import ECS_NAME, ecs_name, ecs_tags
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster

_SWITCH = OneOf("ENABLED", "DISABLED")
_MANAGED: dict[str, Parameter] = {
    "autoScalingGroupProvider.managedScaling.status": Always("ENABLED", _SWITCH),
    "autoScalingGroupProvider.managedScaling.targetCapacity": Field("target_capacity", Between(1, 100, "percent")),
    "autoScalingGroupProvider.managedTerminationProtection": Always("DISABLED", _SWITCH),
    "autoScalingGroupProvider.managedDraining": Always("DISABLED", _SWITCH),
}


@dataclass(frozen=True, kw_only=True)
class CapacityProvider(Resource):
    """Keeps `target_capacity` percent of `group` in use; the tasks of `cluster` run there by default."""

    cluster: Cluster
    group: AutoScalingGroup
    target_capacity: int = 100

    in_place = frozenset({"cluster", "target_capacity"})
    deleting = frozenset({"DELETE_IN_PROGRESS", "DEPROVISIONING"})
    seconds = 20
    icon = "aws.management.AutoScaling"
    free = "AWS charges for the instances, not for the provider"
    permissions = (
        "autoscaling:CreateOrUpdateTags",
        "ecs:CreateCapacityProvider",
        "ecs:DeleteCapacityProvider",
        "ecs:DescribeCapacityProviders",
        "ecs:DescribeClusters",
        "ecs:ListClusters",
        "ecs:PutClusterCapacityProviders",
        "ecs:TagResource",
        "ecs:UpdateCapacityProvider",
        "iam:CreateServiceLinkedRole",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html",
            {
                "name": Name(
                    Text(
                        1, 255, r"(?!aws|ecs|fargate)[A-Za-z0-9_-]*", f"{ECS_NAME.words}, not aws, ecs or fargate first"
                    )
                ),
                "autoScalingGroupProvider.autoScalingGroupArn": Field("group"),
                **_MANAGED,
                **tags("tags", TAG, "key", "value"),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateCapacityProvider.html",
            {"name": ITSELF, **_MANAGED},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html",
            {
                "cluster": Field("cluster"),
                "capacityProviders[]": DESCRIBED,
                "defaultCapacityProviderStrategy[].capacityProvider": ITSELF,
                "defaultCapacityProviderStrategy[].weight": Always(1, Between(0, 1000)),
                "defaultCapacityProviderStrategy[].base": Always(0, Between(0, 100_000)),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCapacityProvider.html",
            {"capacityProvider": ITSELF},
        ),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        clusters = Cluster.listed(cloud)
        for raw in describe_providers(cloud):
            name = ecs_name(cloud, raw)
            if name and raw["status"] != "INACTIVE":
                attached = [cluster for cluster in clusters if raw["name"] in cluster.raw.get("capacityProviders", ())]
                group = raw["autoScalingGroupProvider"]["autoScalingGroupArn"]
                parents = {cluster.ref for cluster in attached} | {Ref("AutoScalingGroup", group)}
                scaling = raw["autoScalingGroupProvider"].get("managedScaling", {})
                observed = {
                    "cluster": next(
                        (cluster.id for cluster in attached if is_default_provider(cluster.raw, raw["name"])), None
                    ),
                    "group": group,
                    "target_capacity": scaling.get("targetCapacity") if scaling.get("status") == "ENABLED" else None,
                }
                on_its_way = raw.get("updateStatus") == "DELETE_IN_PROGRESS"
                state = raw["updateStatus"] if on_its_way else raw["status"]
                lives.append(Live(cls.kind, name, raw["name"], frozenset(parents), state, observed, raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        aws_name = cloud.aws_name(self.name)
        cloud.client("ecs").create_capacity_provider(
            name=aws_name,
            autoScalingGroupProvider={"autoScalingGroupArn": self.group.id_in(cloud), **self._managed()},
            tags=ecs_tags(cloud, self.name),
        )
        attach(cloud, self.remember_id(cloud, aws_name), self.cluster.id_in(cloud))

    def update(self, cloud: Cloud, live: Live) -> None:
        cloud.client("ecs").update_capacity_provider(name=live.id, autoScalingGroupProvider=self._managed())
        cloud.wait_until(f"{self} is changed", lambda: not is_changing(cloud, live.id, "UPDATE"))
        cluster = self.cluster.id_in(cloud)
        for parent in live.parents - {Ref("Cluster", cluster)}:
            if parent.kind == "Cluster":
                detach(cloud, live.id, parent.id)
        attach(cloud, live.id, cluster)

    def _managed(self) -> dict[str, Any]:
        # Protection and draining can keep instances for up to an hour.
        return {
            "managedScaling": {"status": "ENABLED", "targetCapacity": self.target_capacity},
            "managedTerminationProtection": "DISABLED",
            "managedDraining": "DISABLED",
        }

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        for parent in live.parents:
            if parent.kind == "Cluster":
                detach(cloud, live.id, parent.id)

        def is_deleted(*statuses: str) -> bool:
            described = describe_providers(cloud, live.id)
            return all(raw["status"] == "INACTIVE" or raw.get("updateStatus") in statuses for raw in described)

        if not is_deleted():
            with ignore_repetition("ClientException", lambda: is_deleted("DELETE_IN_PROGRESS")):
                cloud.client("ecs").delete_capacity_provider(capacityProvider=live.id)
            # AWS accepts the call for a provider in use, and reports the failure later.
            cloud.wait_until(
                f"capacity provider {live.name} is gone", lambda: not is_changing(cloud, live.id, "DELETE")
            )

    @classmethod
    def example(cls) -> Self:
        group = AutoScalingGroup.example()
        return cls(name="web-cp", cluster=group.template.cluster, group=group)
