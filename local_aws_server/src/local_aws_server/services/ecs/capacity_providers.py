"""Validate the creation, the deletion and the association of capacity providers."""

import re

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="Each capacity provider has a unique name and its own Auto Scaling group; with managed termination "
        "protection, that group protects its instances from scale-in.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-termination-protection.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="A capacity provider can be removed from a cluster when nothing uses it, and deleted when no "
        "cluster is associated with it.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCapacityProvider.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html",
        ),
    ),
)

_NAME = re.compile(r"(?!aws|ecs|fargate)[A-Za-z0-9_-]{1,255}", re.IGNORECASE)


@before("ecs", "CreateCapacityProvider")
def require_unique_name_and_group(call: Call) -> None:
    name = call.params["name"]
    if not _NAME.fullmatch(name):
        raise AwsError(
            "ClientException",
            "The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters "
            "(upper and lowercase), numbers, underscores, and hyphens. The name cannot be prefixed with "
            '"aws", "ecs", or "fargate". Specify a valid name and try again.',
        )
    existing = call.backends.backend("ecs").capacity_providers
    if name in existing:
        raise AwsError(
            "ClientException",
            "The specified capacity provider already exists. To change the configuration of an existing capacity "
            "provider, update the capacity provider.",
        )
    group = call.params.get("autoScalingGroupProvider", {}).get("autoScalingGroupArn")
    if not group:
        raise AwsError(
            "ClientException",
            "The specified Auto Scaling group ARN is invalid. Specify a valid Auto Scaling group ARN and try again.",
        )
    if any(
        (provider.auto_scaling_group_provider or {}).get("autoScalingGroupArn") == group
        for provider in existing.values()
    ):
        raise AwsError(
            "ClientException",
            "The specified Auto Scaling group ARN is already being used by another capacity provider. "
            "Specify a unique Auto Scaling group ARN and try again.",
        )


@before("ecs", "CreateCapacityProvider")
def require_protected_instances(call: Call) -> None:
    """Refuse managed termination protection if the group does not protect new instances from scale-in."""
    settings = call.params.get("autoScalingGroupProvider", {})
    group = next(
        (group for group in call.backends.auto_scaling_groups if group.arn == settings.get("autoScalingGroupArn")), None
    )
    if settings.get("managedTerminationProtection") != "ENABLED" or group is None:
        return
    if not group.new_instances_protected_from_scale_in:
        raise AwsError(
            "ClientException",
            "The managed termination protection setting for the capacity provider is invalid. To enable managed "
            "termination protection for a capacity provider, the Auto Scaling group must have instance protection "
            "from scale in enabled.",
        )


@before("ecs", "UpdateCapacityProvider")
def require_provider(call: Call) -> None:
    if _short_name(call.params.get("name") or "") not in call.backends.backend("ecs").capacity_providers:
        raise AwsError("ClientException", "The specified capacity provider does not exist.")


@before("ecs", "DeleteCapacityProvider")
def require_no_cluster(call: Call) -> None:
    """Answer DELETE_FAILED while a cluster is associated; AWS refuses with HTTP 200."""
    provider = call.backends.backend("ecs").capacity_providers.get(_short_name(call.params["capacityProvider"]))
    if provider is None:
        raise AwsError("ClientException", "The specified capacity provider does not exist.")
    for cluster in call.backends.ecs_clusters.values():
        if cluster.status == "ACTIVE" and provider.name in map(_short_name, cluster.capacity_providers or ()):
            provider.update_status = "DELETE_FAILED"
            provider.update_status_reason = (
                f"The capacity provider cannot be deleted because it is associated with cluster: {cluster.name}. "
                "Remove the capacity provider from the cluster and try again."
            )
            call.result = {"capacityProvider": provider}
            return


@before("ecs", "PutClusterCapacityProviders")
def require_removed_providers_unused(call: Call) -> None:
    cluster = call.backends.ecs_clusters.get(call.params["cluster"].split("/")[-1])
    if cluster is None:
        return
    removed = {_short_name(name) for name in cluster.capacity_providers or ()}
    removed -= {_short_name(name) for name in call.params["capacityProviders"]}
    if removed & _providers_in_use(call.backends, cluster.arn):
        raise AwsError(
            "ResourceInUseException", "The specified capacity provider is in use and cannot be removed.", 400
        )


def _providers_in_use(backends: Backends, cluster_arn: str) -> set[str]:
    """Return the names of the capacity providers that services and tasks of a cluster use."""
    in_use = {
        _short_name(item["capacityProvider"])
        for service in backends.ecs_services
        if service.cluster_arn == cluster_arn and service.status != "INACTIVE"
        for item in sidecar(service).get("fields", {}).get("capacityProviderStrategy") or ()
    }
    running = (
        task for task in backends.ecs_tasks if task.cluster_arn == cluster_arn and task.desired_status != "STOPPED"
    )
    return in_use | {_short_name(task.capacity_provider_name) for task in running if task.capacity_provider_name}


def _short_name(name_or_arn: str) -> str:
    return name_or_arn.split("/")[-1]
