"""An ECS service keeps how it deploys and places, and counts its tasks.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
"""

from esaws.local.call import Call
from esaws.local.kept import Kept
from esaws.local.seam import after, follows
from esaws.local.world import World

Kept(
    service="ecs",
    changes=("CreateService", "UpdateService"),
    shows={"CreateService": "service", "UpdateService": "service", "DescribeServices": "services"},
    find=lambda call, described: call.world.service(
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
    },
).install()


@after("ecs", "CreateService", "UpdateService", "DescribeServices")
def what_it_is_by_default(call: Call) -> None:
    shown = call.result.get("services") or [call.result["service"]]
    for service in shown:
        breaker = {"enable": False, "rollback": False}
        defaults = {"maximumPercent": 200, "minimumHealthyPercent": 100, "deploymentCircuitBreaker": breaker}
        service["deploymentConfiguration"] = {**defaults, **(service.get("deploymentConfiguration") or {})}
        if service.get("capacityProviderStrategy"):
            # AWS shows one or the other
            service.pop("launchType", None)
        if service.get("loadBalancers"):
            service.setdefault("healthCheckGracePeriodSeconds", 0)


@follows("ecs", "autoscaling", "ec2", order=40)
def services_and_clusters_count_their_tasks(world: World) -> None:
    """moto takes the desired count for the running one."""
    running = [task for task in world.tasks if task.last_status == "RUNNING"]
    for service in world.services:
        mine = sum(
            task.group == f"service:{service.name}" for task in running if service.cluster_arn == task.cluster_arn
        )
        service.running_count, service.pending_count = mine, 0
        if service.deployments:
            service.deployments[0].update(
                desiredCount=service.desired_count,
                runningCount=mine,
                pendingCount=0,
                taskDefinition=service.task_definition,
            )
    for cluster in world.clusters.values():
        cluster.running_tasks_count = sum(task.cluster_arn == cluster.arn for task in running)
        cluster.pending_tasks_count = 0
        cluster.active_services_count = sum(
            service.cluster_arn == cluster.arn and service.status == "ACTIVE" for service in world.services
        )
