"""A capacity provider has a name and a group of its own; a cluster lets it go once unused, and then it can be deleted.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCapacityProvider.html
"""

import re

from local_aws_server.backends import Backends, remembered
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A capacity provider has a name and a group of its own; a cluster lets it go once unused, and "
        "then it can be deleted.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCapacityProvider.html",),
    ),
)

_NAME = re.compile(r"(?!aws|ecs|fargate)[A-Za-z0-9_-]{1,255}", re.IGNORECASE)


@before("ecs", "CreateCapacityProvider")
def it_is_the_only_one(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html"""
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
    if any(
        (other.auto_scaling_group_provider or {}).get("autoScalingGroupArn") == group for other in existing.values()
    ):
        raise AwsError(
            "ClientException",
            "The specified Auto Scaling group ARN is already being used by another capacity provider. "
            "Specify a unique Auto Scaling group ARN and try again.",
        )


@before("ecs", "CreateCapacityProvider")
def what_it_protects_is_protected(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-termination-protection.html"""
    wanted = call.params.get("autoScalingGroupProvider", {})
    group = next((group for group in call.backends.groups if group.arn == wanted.get("autoScalingGroupArn")), None)
    if wanted.get("managedTerminationProtection") != "ENABLED" or group is None:
        return
    if not group.new_instances_protected_from_scale_in:
        raise AwsError(
            "ClientException",
            "The managed termination protection setting for the capacity provider is invalid. To enable managed "
            "termination protection for a capacity provider, the Auto Scaling group must have instance protection "
            "from scale in enabled.",
        )


@before("ecs", "DeleteCapacityProvider")
def no_cluster_has_it(call: Call) -> None:
    """AWS refuses with HTTP 200."""
    provider = call.backends.backend("ecs").capacity_providers.get(_name(call.params["capacityProvider"]))
    if provider is None:
        raise AwsError("ClientException", "The specified capacity provider does not exist.")
    for cluster in call.backends.clusters.values():
        if cluster.status == "ACTIVE" and provider.name in map(_name, cluster.capacity_providers or ()):
            provider.update_status = "DELETE_FAILED"
            provider.update_status_reason = (
                f"The capacity provider cannot be deleted because it is associated with cluster: {cluster.name}. "
                "Remove the capacity provider from the cluster and try again."
            )
            call.result = {"capacityProvider": provider}
            return


@before("ecs", "PutClusterCapacityProviders")
def what_it_loses_is_unused(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html"""
    cluster = call.backends.clusters.get(call.params["cluster"].split("/")[-1])
    if cluster is None:
        return
    lost = {_name(each) for each in cluster.capacity_providers or ()}
    lost -= {_name(each) for each in call.params["capacityProviders"]}
    if lost & _used(call.backends, cluster.arn):
        raise AwsError(
            "ResourceInUseException", "The specified capacity provider is in use and cannot be removed.", 400
        )


def _used(world: Backends, cluster: str) -> set[str]:
    """The capacity providers that services and tasks of a cluster name."""
    used = {
        _name(item["capacityProvider"])
        for service in world.services
        if service.cluster_arn == cluster and service.status != "INACTIVE"
        for item in remembered(service).get("fields", {}).get("capacityProviderStrategy") or ()
    }
    running = (task for task in world.tasks if task.cluster_arn == cluster and task.desired_status != "STOPPED")
    return used | {_name(task.capacity_provider_name) for task in running if task.capacity_provider_name}


def _name(name_or_arn: str) -> str:
    return name_or_arn.split("/")[-1]
