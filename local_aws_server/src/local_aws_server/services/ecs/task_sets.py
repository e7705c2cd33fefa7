"""Run the task sets of services whose deployments an external controller manages.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-external.html
"""

from __future__ import annotations

import math
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.isolation import each
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch, reconciler
from local_aws_server.services.ecs import service_targets, tasks
from local_aws_server.services.ecs.service_targets import FAILED, HEALTHY
from local_aws_server.services.ecs.task_launcher import Launch, Rejection

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task set of a service with the EXTERNAL deployment controller runs its share of the service's "
        "desired count, registers its tasks as targets, and stops them when it is scaled in or deleted.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateTaskSet.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html",
        ),
    ),
)

_MAX_TASK_SETS = 5


@patch("moto.ecs.models", "EC2ContainerServiceBackend.run_task")
def run_task(self: Any, **settings: Any) -> list[Any]:
    """Run nothing: moto's CreateTaskSet calls this, and `reconcile_task_sets` starts the tasks."""
    return []


@patch("moto.ecs.models", "TaskSet.computed_desired_count", new=True, attribute=True)
def computed_desired_count(self: Any) -> int:
    """Return the number of tasks that the task set is to run: its percentage of the service, rounded up."""
    return math.ceil(int(sidecar(self).get("desired", 0)) * float(self.scale.get("value", 0)) / 100)


@patch("moto.ecs.models", "TaskSet.running_count", new=True, attribute=True)
def running_count(self: Any) -> int:
    return int(sidecar(self).get("running", 0))


@patch("moto.ecs.models", "TaskSet.pending_count", new=True, attribute=True)
def pending_count(self: Any) -> int:
    return int(sidecar(self).get("pending", 0))


@before("ecs", "CreateTaskSet")
def require_external_controller(call: Call) -> None:
    service = call.backends.ecs_service(call.params["cluster"], call.params["service"])
    if service is None:
        return
    if service.deployment_controller.get("type") != "EXTERNAL":
        raise AwsError(
            "InvalidParameterException", "Amazon ECS only supports task sets for services with the EXTERNAL controller."
        )
    if len(service.task_sets) >= _MAX_TASK_SETS:
        raise AwsError(
            "InvalidParameterException",
            f"{_MAX_TASK_SETS} deployments exist on the service. Unable to create new TaskSet since this exceeds the "
            "maximum limit.",
        )


@after("ecs", "CreateTaskSet", "UpdateTaskSet", "DescribeTaskSets")
def show_desired_count(call: Call) -> None:
    """Show the computed desired count at once, before the tasks start."""
    service: Any = call.backends.ecs_service(call.params["cluster"], call.params["service"])
    described = call.result.get("taskSets") or [call.result.get("taskSet", {})]
    for task_set in service.task_sets:
        sidecar(task_set)["desired"] = service.desired_count
        for shown in described:
            if shown.get("taskSetArn") == task_set.task_set_arn:
                shown["computedDesiredCount"] = computed_desired_count(task_set)


@reconciler("ecs", "ec2", "elbv2", "autoscaling", order=32)
def reconcile_task_sets(backends: Backends) -> float | None:
    services = [each for each in backends.ecs_services if each.deployment_controller.get("type") == "EXTERNAL"]
    return each(backends, "service", services, lambda each: each.name, lambda each: _reconcile(backends, each))


def _reconcile(backends: Backends, service: Any) -> float | None:
    """Start and stop the tasks of each task set; those of deleted ones stop."""
    group = f"service:{service.name}"
    running = [
        task
        for task in backends.ecs_tasks
        if task.group == group and task.cluster_name == service.cluster_name and task.last_status != "STOPPED"
    ]
    task_sets = service.task_sets if service.status == "ACTIVE" else []
    known = {task_set.id for task_set in task_sets}
    for task in running:
        if task.started_by not in known:
            tasks.stop_task(backends, task, "ServiceSchedulerInitiated", "Task set deleted", cause="its task set ended")
    times = []
    for task_set in task_sets:
        sidecar(task_set)["desired"] = service.desired_count
        of_set = [task for task in running if task.started_by == task_set.id]
        time = _reconcile_task_set(backends, service, task_set, of_set)
        times += [time] if time is not None else []
    return min(times, default=None)


def _reconcile_task_set(backends: Backends, service: Any, task_set: Any, of_set: list[Any]) -> float | None:
    times: list[float] = []
    healthy = 0
    for task in of_set:
        if task.last_status == "RUNNING" and tasks.should_run(task):
            if "targets" not in sidecar(task):
                service_targets.register_task(backends, task_set, task)
            condition, fails_at = service_targets.assess_task(backends, service, task)
            times += [fails_at] if fails_at is not None else []
            healthy += condition == HEALTHY
            if condition == FAILED:
                tasks.stop_task(backends, task, "ServiceSchedulerInitiated", "Task failed health checks")
    wanted = [task for task in of_set if tasks.should_run(task)]
    desired = computed_desired_count(task_set)
    for task in wanted[desired:]:
        reason = f"Scaling activity initiated by (task-set {task_set.id})"
        tasks.stop_task(backends, task, "ServiceSchedulerInitiated", reason, cause="its task set wants fewer")
    launch = _launch(backends, service, task_set) if len(wanted) < desired else None
    while launch is not None and len(wanted) < desired:
        task = launch.start(wanted, wanted)
        if isinstance(task, Rejection):
            break
        wanted.append(task)
    notes = sidecar(task_set)
    notes["running"] = sum(task.last_status == "RUNNING" for task in wanted)
    notes["pending"] = sum(task.last_status in tasks.STARTING for task in wanted)
    status = "STEADY_STATE" if healthy == desired == len(wanted) else "STABILIZING"
    if notes.get("status") != status:
        notes["status"] = status
        task_set.stabilityStatus, task_set.stabilityStatusAt = status, tasks.at(CLOCK.now())
    return min(times, default=None)


def _launch(backends: Backends, service: Any, task_set: Any) -> Launch:
    definition = backends.backend("ecs").describe_task_definition(task_set.task_definition)
    tags = {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}.get(service.propagate_tags) or ()
    fields = sidecar(service).get("fields", {})
    return Launch(
        backends=backends,
        cluster=backends.ecs_clusters[service.cluster_name],
        definition=definition,
        group=f"service:{service.name}",
        launch_type="" if task_set.capacity_provider_strategy else task_set.launch_type or "",
        strategy=task_set.capacity_provider_strategy or (),
        constraints=fields.get("placementConstraints") or (),
        rules=fields.get("placementStrategy") or (),
        network=task_set.network_configuration,
        settings={"started_by": task_set.id, "tags": [*tags, *(task_set.tags or ())]},
    )
