"""ECS lists leave out what is deleted or stopped, unless asked for it; creating a cluster again changes nothing.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
"""

from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="ECS lists leave out what is deleted or stopped, unless asked for it; creating a cluster again "
        "changes nothing.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html",),
    ),
)

FARGATE = ("FARGATE", "FARGATE_SPOT")


@after("ecs", "ListClusters")
def deleted_clusters_are_not_listed(call: Call) -> None:
    active = {cluster.arn for cluster in call.backends.clusters.values() if cluster.status == "ACTIVE"}
    call.result["clusterArns"] = [arn for arn in call.result["clusterArns"] if arn in active]


@after("ecs", "ListServices")
def deleted_services_are_not_listed(call: Call) -> None:
    alive = {service.arn for service in call.backends.services if service.status == "ACTIVE"}
    call.result["serviceArns"] = [arn for arn in call.result["serviceArns"] if arn in alive]


@after("ecs", "ListTasks")
def stopped_tasks_are_listed_on_request(call: Call) -> None:
    """moto takes every task for one of the service that is asked for, and those of `c2` for some of `c`."""
    cluster = call.params.get("cluster", "default").split("/")[-1]
    tasks = {task.task_arn: task for task in call.backends.tasks if task.cluster_name == cluster}
    wanted = call.params.get("desiredStatus", "RUNNING")
    service = call.params.get("serviceName", "").split("/")[-1]
    call.result["taskArns"] = [
        arn
        for arn in call.result["taskArns"]
        if arn in tasks
        and tasks[arn].desired_status == wanted
        and (not service or tasks[arn].group == f"service:{service}")
    ]


@after("ecs", "ListTaskDefinitionFamilies")
def families_without_a_revision_are_not_listed(call: Call) -> None:
    wanted = call.params.get("status", "ALL")
    of_family = call.backends.backend("ecs").task_definitions
    call.result["families"] = [
        family
        for family in call.result["families"]
        if any(wanted == "ALL" or revision.status == wanted for revision in of_family.get(family, {}).values())
    ]


@before("ecs", "CreateCluster")
def creating_a_cluster_again_gives_the_same(call: Call) -> None:
    cluster = call.backends.clusters.get(call.params.get("clusterName", "default"))
    if cluster is not None and cluster.status == "ACTIVE":
        call.result = {"cluster": cluster}


@before("ecs", "DescribeCapacityProviders")
def all_capacity_providers_unless_named(call: Call) -> None:
    if not call.params.get("capacityProviders"):
        own: list[Any] = list(call.backends.backend("ecs").capacity_providers.values())
        call.result = {"capacityProviders": own + [_fargate(call, name) for name in FARGATE], "failures": []}


@after("ecs", "UpdateCapacityProvider", "CreateCapacityProvider")
def managed_draining_is_kept(call: Call) -> None:
    name = call.params["name"]
    provider = call.backends.backend("ecs").capacity_providers.get(name)
    if provider is None:
        raise AwsError("ClientException", f"The specified capacity provider {name} does not exist.")
    asked = call.params.get("autoScalingGroupProvider", {}).get("managedDraining")
    details = provider.auto_scaling_group_provider
    details["managedDraining"] = asked or details.get("managedDraining", "ENABLED")
    call.result["capacityProvider"]["autoScalingGroupProvider"]["managedDraining"] = details["managedDraining"]


@after("ecs", "RegisterTaskDefinition")
def tags_are_in_the_answer(call: Call) -> None:
    call.result["tags"] = call.params.get("tags", [])


def _fargate(call: Call, name: str) -> dict[str, Any]:
    arn = f"arn:aws:ecs:{call.region}:{call.account}:capacity-provider/{name}"
    return {"capacityProviderArn": arn, "name": name, "status": "ACTIVE", "tags": []}
