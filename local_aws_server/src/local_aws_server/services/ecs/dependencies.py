"""Refuse to delete or deregister ECS resources that are in use; keep task definitions in use until they are not."""

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.ecs import tasks

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A cluster can be deleted only when it has no active services, tasks or container instances.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html",),
    ),
    Behaviour(
        service="ECS",
        statement="A container instance with running tasks can be deregistered only with `force`.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterContainerInstance.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="A deleted task definition revision stays in DELETE_IN_PROGRESS until no service and no task uses "
        "it.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html",),
    ),
)

_DELETING = "DELETE_IN_PROGRESS"


@before("ecs", "DeleteCluster")
def require_empty_cluster(call: Call) -> None:
    """Wait for tasks that are stopping, then refuse the deletion of a cluster that still contains anything."""
    name = call.params["cluster"].split("/")[-1]
    cluster = call.backends.ecs_clusters.get(name)
    if cluster is None:
        return
    cluster_tasks = [task for task in call.backends.ecs_tasks if task.cluster_arn == cluster.arn]
    ends = [end for task in cluster_tasks if not tasks.should_run(task) and (end := tasks.transition_end(task))]
    if ends and PROVISIONING_SPEED.factor is None and not call.is_retry:
        call.wait_until(max(ends))
        return
    services = any(
        service.cluster_arn == cluster.arn and service.status != "INACTIVE" for service in call.backends.ecs_services
    )
    instances = any(cluster_name == name for cluster_name, _ in call.backends.container_instances)
    running = any(task.last_status != "STOPPED" for task in cluster_tasks)
    for in_use, code, what in (
        (services, "ClusterContainsServicesException", "Services are active"),
        (instances, "ClusterContainsContainerInstancesException", "Container Instances are active or draining"),
        (running, "ClusterContainsTasksException", "Tasks are active"),
    ):
        if in_use:
            raise AwsError(code, f"The Cluster cannot be deleted while {what}.")


@before("ecs", "DeregisterContainerInstance")
def require_no_running_tasks(call: Call) -> None:
    """Refuse without `force` while tasks run there. moto counts the tasks that it placed, not those that still run."""
    identifier = call.params["containerInstance"].split("/")[-1]
    running = [
        task
        for task in call.backends.ecs_tasks
        if (task.container_instance_arn or "").endswith(f"/{identifier}") and task.last_status != "STOPPED"
    ]
    if running and not call.params.get("force"):
        raise AwsError("InvalidParameterException", "Found running tasks on the instance.")


@before("ecs", "DeleteTaskDefinitions")
def note_revisions(call: Call) -> None:
    """Note all revisions, because moto drops the deleted ones at once."""
    families = call.backends.backend("ecs").task_definitions
    call.notes["revisions"] = {
        revision.arn: revision for revisions in families.values() for revision in revisions.values()
    }


@after("ecs", "DeleteTaskDefinitions")
def restore_revisions_in_use(call: Call) -> None:
    in_use = _revisions_in_use(call.backends)
    for described in call.result["taskDefinitions"]:
        revision = call.notes["revisions"][described["taskDefinitionArn"]]
        if _short_name(revision.arn) in in_use:
            revision.status = _DELETING
            call.backends.backend("ecs").task_definitions[revision.family][revision.revision] = revision


@reconciler("ecs", order=90)
def delete_unused_revisions(backends: Backends) -> None:
    """Drop the revisions in DELETE_IN_PROGRESS that no service and no task uses any more."""
    families = backends.backend("ecs").task_definitions
    deleting = [
        revision for revisions in families.values() for revision in revisions.values() if revision.status == _DELETING
    ]
    in_use = _revisions_in_use(backends) if deleting else set()
    for revision in deleting:
        if _short_name(revision.arn) not in in_use:
            del families[revision.family][revision.revision]


def _revisions_in_use(backends: Backends) -> set[str]:
    services = {
        _short_name(service.task_definition) for service in backends.ecs_services if service.status != "INACTIVE"
    }
    return services | {
        _short_name(task.task_definition_arn) for task in backends.ecs_tasks if task.last_status != "STOPPED"
    }


def _short_name(arn: str) -> str:
    """Return `family:revision`; moto stores a service's definition as the last request wrote it, ARN or not."""
    return arn.split("/")[-1]
