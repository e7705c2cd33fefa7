"""Return the fields and the lists of ECS resources as AWS does: ARNs, zones, service settings, filters and order."""

from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch
from local_aws_server.preserved_fields import PreservedFields
from local_aws_server.services.ecs.deployments import deployment_settings
from local_aws_server.services.ecs.placement import FARGATE

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="The ARN format of a task or container instance is fixed when it is created; later changes of the "
        "account setting do not affect it.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html",),
    ),
    Behaviour(
        service="ECS",
        statement="A service keeps its deployment configuration, placement strategy and other settings.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html",),
    ),
    Behaviour(
        service="ECS",
        statement="Lists leave out deleted and stopped resources unless the request includes them; creating an active "
        "cluster again returns it unchanged.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html",),
    ),
    Behaviour(
        service="ECS",
        statement="Task definitions are listed by family and revision, in ascending or descending order.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html",),
    ),
)


# --- fields


@patch("moto.ecs.models", "Task.task_arn", attribute=True)
def task_arn(self: Any) -> str:
    """Return the ARN made at creation; moto makes a new one from the current account setting each time."""
    return _fixed_arn(self, "task", "taskLongArnFormat")


@patch("moto.ecs.models", "ContainerInstance.container_instance_arn", attribute=True)
def container_instance_arn(self: Any) -> str:
    """Return the ARN made at creation, as `task_arn` does."""
    return _fixed_arn(self, "container-instance", "containerInstanceLongArnFormat")


def _fixed_arn(resource: Any, kind: str, setting: str) -> str:
    notes = sidecar(resource)
    if "arn" not in notes:
        from moto.utilities.utils import get_partition

        cluster = f"{resource.cluster_name}/" if resource._backend.enable_long_arn_for_name(name=setting) else ""
        prefix = f"arn:{get_partition(resource.region_name)}:ecs:{resource.region_name}:{resource._account_id}"
        notes["arn"] = f"{prefix}:{kind}/{cluster}{resource.id}"
    return str(notes["arn"])


PreservedFields(
    service="ecs",
    set_by=("CreateService", "UpdateService"),
    shown_by={"CreateService": "service", "UpdateService": "service", "DescribeServices": "services"},
    find=lambda call, described: call.backends.ecs_service(
        described.get("cluster") or described.get("clusterArn"),
        described.get("serviceName") or described.get("service", ""),
    ),
    fields={
        "deploymentConfiguration": None,
        "healthCheckGracePeriodSeconds": None,
        "capacityProviderStrategy": None,
        "placementStrategy": [],
        "placementConstraints": [],
        "enableECSManagedTags": False,
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "ENABLED",
    },
).register()


@after("ecs", "CreateService", "UpdateService", "DescribeServices")
def add_service_defaults(call: Call) -> None:
    """Add the defaults of the deployment configuration and of the grace period to each described service."""
    services = call.result["services"] if "services" in call.result else [call.result["service"]]
    for described in services:
        service = call.backends.ecs_service(described["clusterArn"], described["serviceName"])
        if service is not None:
            described["deploymentConfiguration"] = deployment_settings(service)
        if described.get("capacityProviderStrategy"):
            # AWS returns either the strategy or the launch type
            described.pop("launchType", None)
        if not described.get("networkConfiguration"):
            described.pop("networkConfiguration", None)
        elif network := described["networkConfiguration"].get("awsvpcConfiguration"):
            network.setdefault("securityGroups", [])
            network.setdefault("assignPublicIp", "DISABLED")
        if described.get("loadBalancers"):
            described.setdefault("healthCheckGracePeriodSeconds", 0)


@after("ecs", "UpdateCapacityProvider", "CreateCapacityProvider")
def preserve_managed_draining(call: Call) -> None:
    name = call.params["name"]
    provider = call.backends.backend("ecs").capacity_providers.get(name)
    if provider is None:
        raise AwsError("ClientException", f"The specified capacity provider {name} does not exist.")
    requested = call.params.get("autoScalingGroupProvider", {}).get("managedDraining")
    details = provider.auto_scaling_group_provider
    details["managedDraining"] = requested or details.get("managedDraining", "ENABLED")
    call.result["capacityProvider"]["autoScalingGroupProvider"]["managedDraining"] = details["managedDraining"]


@after("ecs", "RegisterTaskDefinition")
def return_tags(call: Call) -> None:
    call.result["tags"] = call.params.get("tags", [])


# --- lists


@after("ecs", "ListClusters")
def list_active_clusters(call: Call) -> None:
    active = {cluster.arn for cluster in call.backends.ecs_clusters.values() if cluster.status == "ACTIVE"}
    call.result["clusterArns"] = [arn for arn in call.result["clusterArns"] if arn in active]


@after("ecs", "ListServices")
def list_active_services(call: Call) -> None:
    active = {service.arn for service in call.backends.ecs_services if service.status == "ACTIVE"}
    call.result["serviceArns"] = [arn for arn in call.result["serviceArns"] if arn in active]


@after("ecs", "ListTasks")
def filter_tasks(call: Call) -> None:
    """Keep the cluster's tasks with the requested service and desired status.

    moto ignores the service, and takes tasks of cluster `c2` for tasks of `c`.
    """
    cluster = call.params.get("cluster", "default").split("/")[-1]
    tasks = {task.task_arn: task for task in call.backends.ecs_tasks if task.cluster_name == cluster}
    desired_status = call.params.get("desiredStatus", "RUNNING")
    service = call.params.get("serviceName", "").split("/")[-1]
    call.result["taskArns"] = [
        arn
        for arn in call.result["taskArns"]
        if arn in tasks
        and tasks[arn].desired_status == desired_status
        and (not service or tasks[arn].group == f"service:{service}")
    ]


@after("ecs", "ListTaskDefinitionFamilies")
def list_families_with_revisions(call: Call) -> None:
    status = call.params.get("status", "ALL")
    definitions = call.backends.backend("ecs").task_definitions
    call.result["families"] = [
        family
        for family in call.result["families"]
        if any(status == "ALL" or revision.status == status for revision in definitions.get(family, {}).values())
    ]


@after("ecs", "ListTaskDefinitions")
def sort_task_definitions(call: Call) -> None:
    """Sort by family and revision; moto returns them in the order of their creation."""
    call.result["taskDefinitionArns"].sort(key=_family_and_revision, reverse=call.params.get("sort") == "DESC")


@before("ecs", "CreateCluster")
def return_existing_cluster(call: Call) -> None:
    cluster = call.backends.ecs_clusters.get(call.params.get("clusterName", "default"))
    if cluster is not None and cluster.status == "ACTIVE":
        call.result = {"cluster": cluster}


@before("ecs", "DescribeCapacityProviders")
def describe_all_capacity_providers(call: Call) -> None:
    """Without names, return the account's own capacity providers and AWS's two for Fargate."""
    if not call.params.get("capacityProviders"):
        own: list[Any] = list(call.backends.backend("ecs").capacity_providers.values())
        call.result = {
            "capacityProviders": own + [_fargate_provider(call, name) for name in FARGATE],
            "failures": [],
        }


def _fargate_provider(call: Call, name: str) -> dict[str, Any]:
    arn = f"arn:aws:ecs:{call.region}:{call.account}:capacity-provider/{name}"
    return {"capacityProviderArn": arn, "name": name, "status": "ACTIVE", "tags": []}


def _family_and_revision(arn: str) -> tuple[str, int]:
    family, _, revision = arn.rsplit("/", 1)[-1].rpartition(":")
    return family, int(revision)
