"""An ECS cluster."""

from dataclasses import dataclass
from typing import Any, Self

from esaws.aws import ignore_codes, pages
from esaws.cloud import Cloud
from esaws.documented import ITSELF, TAG, Always, Call, Field, Flag, Name, OneOf, Parameter, tags
from esaws.errors import EsawsError
from esaws.resource import Live, Lives, Resource
from esaws.resources._ecs import ECS_NAME, NO_CLUSTER, describe, ecs_name, ecs_tags, resource_name

_INSIGHTS = "containerInsights"
_SWITCH = {"enabled": True, "disabled": False}
_STILL_USED = (
    "ClusterContainsCapacityProviderException",
    "ClusterContainsContainerInstancesException",
    "ClusterContainsServicesException",
    "ClusterContainsTasksException",
    "UpdateInProgressException",
)


_SETTINGS: dict[str, Parameter] = {
    "settings[].name": Always(_INSIGHTS, OneOf(_INSIGHTS)),
    "settings[].value": Field("container_insights", Flag("enabled", "disabled")),
}


@dataclass(frozen=True, kw_only=True)
class Cluster(Resource):
    """A group of container instances. `container_insights` sends metrics of every task to CloudWatch."""

    container_insights: bool = False

    in_place = frozenset({"container_insights"})
    pending = frozenset({"PROVISIONING"})
    deleting = frozenset({"DEPROVISIONING"})
    seconds = 2
    icon = "aws.compute.ElasticContainerService"
    free = "AWS charges for the instances of a cluster, not for the cluster"
    permissions = (
        "ecs:CreateCluster",
        "ecs:DeleteCluster",
        "ecs:DescribeClusters",
        "ecs:ListClusters",
        "ecs:TagResource",
        "ecs:UpdateCluster",
        "iam:CreateServiceLinkedRole",
    )
    documented = (
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html",
            {"clusterName": Name(ECS_NAME), **_SETTINGS, **tags("tags", TAG, "key", "value")},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateCluster.html",
            {"cluster": ITSELF, **_SETTINGS},
        ),
        Call("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html", {"cluster": ITSELF}),
    )

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        arns = pages(cloud, "ecs", "list_clusters", "clusterArns")
        with_our_name = [arn for arn in arns if resource_name(arn).startswith(cloud.aws_name(""))]
        lives = []
        for raw in describe(cloud, "clusters", with_our_name, include=("TAGS", "SETTINGS", "ATTACHMENTS")):
            name = ecs_name(cloud, raw)
            if name and raw["status"] != "INACTIVE":
                settings = {setting["name"]: setting["value"] for setting in raw.get("settings", ())}
                insights = settings.get(_INSIGHTS, "disabled")
                observed = {"container_insights": _SWITCH.get(insights, insights)}  # also "enhanced"
                lives.append(Live(cls.kind, name, raw["clusterArn"], state=raw["status"], fields=observed, raw=raw))
        return lives

    def create(self, cloud: Cloud) -> None:
        aws_name = cloud.aws_name(self.name)
        # Creating a cluster that exists is not an error: AWS returns the existing one.
        for raw in describe(cloud, "clusters", [aws_name]):
            if raw["status"] != "INACTIVE" and ecs_name(cloud, raw) != self.name:
                raise EsawsError(
                    f"{self}: a cluster {aws_name} of another owner exists in {cloud.region}; rename or delete it"
                )
        created = cloud.client("ecs").create_cluster(
            clusterName=aws_name, settings=self._settings(), tags=ecs_tags(cloud, self.name)
        )["cluster"]
        self.remember_id(cloud, created["clusterArn"])
        self.ready(cloud)

    def ready(self, cloud: Cloud) -> None:
        cluster = [self.id_in(cloud)]
        cloud.wait_until(
            f"{self} is active", lambda: any(raw["status"] == "ACTIVE" for raw in describe(cloud, "clusters", cluster))
        )

    def update(self, cloud: Cloud, live: Live) -> None:
        cloud.client("ecs").update_cluster(cluster=live.id, settings=self._settings())

    def _settings(self) -> Any:
        return [{"name": _INSIGHTS, "value": "enabled" if self.container_insights else "disabled"}]

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        # Terminated instances leave their cluster minutes later.
        with ignore_codes(NO_CLUSTER):
            cloud.retry(lambda: cloud.client("ecs").delete_cluster(cluster=live.id), *_STILL_USED, minutes=15)
        cloud.wait_until(
            f"cluster {live.name} is gone",
            lambda: all(raw["status"] == "INACTIVE" for raw in describe(cloud, "clusters", [live.id])),
        )

    @classmethod
    def example(cls) -> Self:
        return cls(name="web-cluster")
