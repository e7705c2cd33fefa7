"""A capacity provider: lets an ECS cluster say how many instances its Auto Scaling group needs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from esaws.cloud import Cloud
from esaws.errors import EsawsError, InvalidResource
from esaws.resource import Live, Lives, Ref, Resource
from esaws.resources._ecs import described, ecs_name, ecs_tags
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster

_RESERVED = ("aws", "ecs", "fargate")


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
    name_pattern = re.compile(r"[A-Za-z0-9_-]+")
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.target_capacity <= 100:
            raise InvalidResource(f"{self}: a target capacity of {self.target_capacity} % can't be; AWS takes 1 to 100")

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        lives = []
        clusters = Cluster.list(cloud)
        for raw in _providers(cloud):
            name = ecs_name(cloud, raw)
            if name and raw["status"] != "INACTIVE":
                attached = [cluster for cluster in clusters if raw["name"] in cluster.raw.get("capacityProviders", ())]
                group = raw["autoScalingGroupProvider"]["autoScalingGroupArn"]
                parents = {cluster.ref for cluster in attached} | {Ref("AutoScalingGroup", group)}
                scaling = raw["autoScalingGroupProvider"].get("managedScaling", {})
                observed = {
                    "cluster": next(
                        (cluster.id for cluster in attached if _by_default(cluster.raw, raw["name"])), None
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
        if aws_name.startswith(_RESERVED):
            raise InvalidResource(f"{self}: ECS takes no {aws_name}, which begins like its own; rename the deployment")
        cloud.client("ecs").create_capacity_provider(
            name=aws_name,
            autoScalingGroupProvider={"autoScalingGroupArn": self.group.id_in(cloud), **self._managed()},
            tags=ecs_tags(cloud, self.name),
        )
        _attach(cloud, self.made(cloud, aws_name), self.cluster.id_in(cloud))

    def update(self, cloud: Cloud, live: Live) -> None:
        cloud.client("ecs").update_capacity_provider(name=live.id, autoScalingGroupProvider=self._managed())
        cloud.until(f"{self} is changed", lambda: not _busy(cloud, live.id, "UPDATE"))
        cluster = self.cluster.id_in(cloud)
        for parent in live.parents - {Ref("Cluster", cluster)}:
            if parent.kind == "Cluster":
                _detach(cloud, live.id, parent.id)
        _attach(cloud, live.id, cluster)

    def _managed(self) -> dict[str, Any]:
        # Protection and draining keep instances for up to an hour after their group has let go of them.
        return {
            "managedScaling": {"status": "ENABLED", "targetCapacity": self.target_capacity},
            "managedTerminationProtection": "DISABLED",
            "managedDraining": "DISABLED",
        }

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        for parent in live.parents:
            if parent.kind == "Cluster":
                _detach(cloud, live.id, parent.id)
        if any(raw["status"] != "INACTIVE" for raw in _providers(cloud, live.id)):
            cloud.client("ecs").delete_capacity_provider(capacityProvider=live.id)
            # One that is still in use is refused with 200, and says so later.
            cloud.until(f"capacity provider {live.name} is gone", lambda: not _busy(cloud, live.id, "DELETE"))

    @classmethod
    def example(cls) -> Self:
        group = AutoScalingGroup.example()
        return cls(name="web-cp", cluster=group.template.cluster, group=group)


def _providers(cloud: Cloud, *names: str) -> Iterator[dict[str, Any]]:
    """The account's capacity providers, or those named and there; botocore has no paginator for them."""
    asked: dict[str, Any] = {"include": ["TAGS"]} | ({"capacityProviders": list(names)} if names else {})
    while True:
        answer = cloud.client("ecs").describe_capacity_providers(**asked)
        yield from answer["capacityProviders"]
        if not answer.get("nextToken"):
            break
        asked["nextToken"] = answer["nextToken"]


def _busy(cloud: Cloud, name: str, verb: str) -> bool:
    """Whether AWS still updates or deletes it; what failed is raised in AWS's words."""
    for raw in _providers(cloud, name):
        if raw.get("updateStatus") == f"{verb}_FAILED":
            raise EsawsError(f"capacity provider {name}: {raw.get('updateStatusReason', raw['updateStatus'])}")
        done = raw["status"] == "INACTIVE" if verb == "DELETE" else raw.get("updateStatus") != f"{verb}_IN_PROGRESS"
        return not done
    return False


def _by_default(cluster: dict[str, Any], provider: str) -> bool:
    return any(item["capacityProvider"] == provider for item in cluster.get("defaultCapacityProviderStrategy", ()))


def _attach(cloud: Cloud, provider: str, cluster: str) -> None:
    _associate(cloud, cluster, provider, wanted=True)


def _detach(cloud: Cloud, provider: str, cluster: str) -> None:
    _associate(cloud, cluster, provider, wanted=False)


def _associate(cloud: Cloud, cluster: str, provider: str, *, wanted: bool) -> None:
    """Put the provider into the cluster's list and default strategy, or take it out; the others stay.

    AWS takes the whole list, one change at a time: what somebody else's change undid in the meantime is done again.
    """
    ecs, asked = cloud.client("ecs"), False

    def settled() -> bool:
        nonlocal asked
        raw = next(described(cloud, "clusters", [cluster], include=["ATTACHMENTS"]), None)
        if raw is None or raw["status"] == "INACTIVE":
            if wanted:
                raise EsawsError(f"there is no cluster {cluster} to attach {provider} to")
            return True
        state = raw.get("attachmentsStatus")
        if state == "UPDATE_IN_PROGRESS":
            return False
        there = provider in raw.get("capacityProviders", ()), _by_default(raw, provider)
        if there == (wanted, wanted) and state != "UPDATE_FAILED":
            return True
        if state == "UPDATE_FAILED" and asked:
            raise EsawsError(f"ECS did not change the capacity providers of {cluster}; its attachments say why")
        providers = [name for name in raw.get("capacityProviders", ()) if name != provider]
        strategy = [
            item for item in raw.get("defaultCapacityProviderStrategy", ()) if item["capacityProvider"] != provider
        ]
        if wanted:
            providers.append(provider)
            strategy.append({"capacityProvider": provider, "weight": 1, "base": 0})
        cloud.retry(
            lambda: ecs.put_cluster_capacity_providers(
                cluster=cluster, capacityProviders=providers, defaultCapacityProviderStrategy=strategy
            ),
            "ResourceInUseException",
            "UpdateInProgressException",
        )
        asked = True
        return False

    cloud.until(f"{provider} is {'attached to' if wanted else 'off'} {cluster}", settled)
