"""A service places, replaces and deploys its tasks as the ECS scheduler does, and tells so in its events.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.transitions import PACE
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.ecs import deployments, scheduler, tasks

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A service places, replaces and deploys its tasks as the ECS scheduler does, and tells so in "
        "its events.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html",
        ),
    ),
)

_PATIENCE = 600.0
"""As long as a waiter for services waits on AWS."""

_AT_MOST = 24 * 3600.0
"""A target group lets connections end for an hour at most."""


@reconciler("ecs", "ec2", "elbv2", "autoscaling", order=30)
def services_keep_their_tasks(world: Backends) -> float | None:
    moments = [scheduler.keep(world, service) for service in world.services]
    return min((moment for moment in moments if moment is not None), default=None)


@after("ecs", "CreateService")
def it_deploys(call: Call) -> None:
    service = _service(call, "serviceName")
    if not service.deployments:
        return
    deployments.starts(service)
    cluster = call.backends.clusters[service.cluster_name]
    default = cluster.default_capacity_provider_strategy
    if default and "launchType" not in call.params and not call.params.get("capacityProviderStrategy"):
        remembered(service).setdefault("fields", {})["capacityProviderStrategy"] = list(default)


@before("ecs", "UpdateService")
def remember_how_it_was(call: Call) -> None:
    """moto changes the deployment that there is."""
    service = _service(call, "service")
    if service is not None and service.deployments:
        call.notes["deployments"] = [dict(each) for each in service.deployments]
        call.notes["definition"] = service.task_definition
        call.notes["settings"] = _settings(service)


@after("ecs", "UpdateService")
def a_change_is_deployed(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html"""
    service = _service(call, "service")
    if "deployments" not in call.notes:
        return
    service.deployments[:] = call.notes["deployments"]
    if service.task_definition:
        service.task_definition = call.backends.backend("ecs").describe_task_definition(service.task_definition).arn
    if service.task_definition != call.notes["definition"]:
        deployments.begin(call.backends, service, f"{service.task_definition.split('/')[-1]} is the definition now")
    elif call.params.get("forceNewDeployment"):
        deployments.begin(call.backends, service, "somebody forced it")
    elif _settings(service) != call.notes["settings"]:
        deployments.begin(call.backends, service, "its settings changed")
    elif "desiredCount" in call.params:
        remembered(service)["steady"] = False
    _show(call, service)


@after("ecs", "DeleteService")
def it_drains(call: Call) -> None:
    """Its tasks stop first; without any it is gone at once."""
    service = _service(call, "service")
    service.desired_count = 0
    if service.deployments and service.task_definition:
        service.status = "DRAINING"
    _show(call, service)


@after("ecs", "DescribeServices")
def its_end_is_awaited(call: Call) -> None:
    """A waiter lets time pass until the services are stable; one that is being deleted is seen when it is gone."""
    shown = {described["serviceArn"] for described in call.result["services"]}
    services = [service for service in call.backends.services if service.arn in shown]
    draining = [service for service in services if service.status == "DRAINING"]
    if PACE.really is not None:
        return
    if draining:
        call.wait(CLOCK.now() + _AT_MOST, unless=lambda: all(each.status == "INACTIVE" for each in draining))
    elif call.by_waiter:
        call.wait(CLOCK.now() + _PATIENCE, unless=lambda: all(map(scheduler.stable, services)))


@reconciler("ecs", "autoscaling", "ec2", "elbv2", order=40)
def tasks_are_counted(world: Backends) -> None:
    """moto takes the desired count for the running one."""
    there = [task for task in world.tasks if task.last_status != "STOPPED"]
    for service in world.services:
        mine = [task for task in there if _of(task, service)]
        service.running_count, service.pending_count = _counts(mine)
        for deployment in service.deployments:
            own = [task for task in mine if task.started_by == deployment["id"]]
            deployment["runningCount"], deployment["pendingCount"] = _counts(own)
            wanted = sum(task.desired_status == "RUNNING" for task in own)
            primary = deployment["status"] == "PRIMARY" and deployment["rolloutState"] != "FAILED"
            deployment["desiredCount"] = service.desired_count if primary else wanted
    for cluster in world.clusters.values():
        mine = [task for task in there if task.cluster_arn == cluster.arn]
        cluster.running_tasks_count, cluster.pending_tasks_count = _counts(mine)
        cluster.active_services_count = sum(
            service.cluster_arn == cluster.arn and service.status == "ACTIVE" for service in world.services
        )
    for _, instance in world.container_instances:
        mine = [task for task in there if task.container_instance_arn == instance.container_instance_arn]
        instance.running_tasks_count, instance.pending_tasks_count = _counts(mine)


def _counts(there: list[Any]) -> tuple[int, int]:
    """(running, pending)."""
    running = sum(task.last_status == "RUNNING" for task in there)
    return running, sum(task.last_status in tasks.WAITING for task in there)


def _of(task: Any, service: Any) -> bool:
    return bool(task.group == scheduler.group_of(service) and task.cluster_arn == service.cluster_arn)


def _service(call: Call, parameter: str) -> Any:
    return call.backends.service(call.params.get("cluster"), call.params[parameter])


def _settings(service: Any) -> list[Any]:
    """What of a service can't change without new tasks."""
    return [service.load_balancers, service.network_configuration, service.platform_version]


def _show(call: Call, service: Any) -> None:
    """The answer shows the service as it is by now."""
    call.result["service"].update(
        status=service.status,
        desiredCount=service.desired_count,
        taskDefinition=service.task_definition,
        deployments=[dict(each) for each in service.deployments],
    )
