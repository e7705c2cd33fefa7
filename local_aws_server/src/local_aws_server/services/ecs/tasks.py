"""Run ECS tasks on the clock: image pull, start, exit, stop, and removal an hour after the stop.

Each task has a list of steps ahead, (time, step), in its sidecar; `advance_tasks` takes those that are due.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.data_plane import DATA_PLANE
from local_aws_server.services.ecs import preconditions, resources, service_targets, task_containers, task_interfaces
from local_aws_server.services.ecs.placement import instance_of_task

_ATTACH_SECONDS = 5.0
_PULL_SECONDS = 10.0
_REMOVE_AFTER_SECONDS = 3600.0

STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
STOPPING = ("DEACTIVATING", "STOPPING", "DEPROVISIONING")


# --- start, stop, advance


def start_task(
    backends: Backends, cluster: Any, definition: Any, instance: Any | None, *, network: Any = None, **settings: Any
) -> Any:
    """Start a task on a container instance, or on Fargate if `instance` is None; return it.

    `network` is the network configuration in boto3's shape. The other settings are those of moto's `Task`.
    """
    task = _make_task(backends, cluster, definition, settings)
    _place(backends, task, definition, instance, network)
    return task


def provision_task(backends: Backends, cluster: Any, definition: Any, waiting: dict[str, Any], **settings: Any) -> Any:
    """Create a task that waits for the capacity of its provider; `waiting` says what `place_task` needs to know."""
    task = _make_task(backends, cluster, definition, settings)
    sidecar(task)["waiting"] = waiting
    _set_status(task, "PROVISIONING")
    return task


def waiting_tasks(backends: Backends) -> list[Any]:
    """Return the tasks that wait for the capacity of their provider."""
    return [task for task in backends.ecs_tasks if should_run(task) and "waiting" in sidecar(task)]


def place_task(backends: Backends, task: Any, instance: Any) -> None:
    """Start a task that has waited on a container instance."""
    waiting = sidecar(task).pop("waiting")
    _place(backends, task, task_definition_of(backends, task), instance, waiting["network"])


def _make_task(backends: Backends, cluster: Any, definition: Any, settings: dict[str, Any]) -> Any:
    from moto.ecs.models import Task

    ecs = backends.backend("ecs")
    without_interface = copy(definition)
    without_interface.network_mode = None  # moto would choose an address outside the subnet
    needed = resources.required_resources(definition, settings.get("overrides"))
    task: Any = Task(cluster, without_interface, None, needed, ecs, **settings)
    task.id = task.id.replace("-", "")
    task.containers = list(task_containers.make_containers(task, definition))
    sidecar(task)["platform"] = definition.runtime_platform
    task.created_at = at(CLOCK.now())
    ecs.tasks.setdefault(cluster.name, {})[task.task_arn] = task
    return task


def _place(backends: Backends, task: Any, definition: Any, instance: Any | None, network: Any) -> None:
    if definition.network_mode == "awsvpc":
        task_interfaces.attach_interface(backends, task, network, instance)
    if instance is not None:
        task.container_instance_arn = instance.container_instance_arn
        resources.reserve(instance, task.resource_requirements)
    _schedule_start(backends, task, definition)


def _schedule_start(backends: Backends, task: Any, definition: Any) -> None:
    now = CLOCK.now()
    has_interface = definition.network_mode == "awsvpc"
    attached = now + (PROVISIONING_SPEED.duration(_ATTACH_SECONDS) if has_interface else 0.0)
    pulled = attached + PROVISIONING_SPEED.duration(DATA_PLANE.duration(_PULL_SECONDS))
    sidecar(task)["starts_by"] = pulled + PROVISIONING_SPEED.duration(task_containers.longest_start(definition))
    task.pull_started_at = at(attached)
    task.connectivity, task.connectivity_at = "CONNECTED", at(now)
    _set_status(task, "PROVISIONING" if attached > now else "PENDING")
    steps = [(attached, "PENDING"), (pulled, "PULLED")]
    _schedule(task, steps[0 if attached > now else 1 :])
    SCHEDULER.mark_changed(backends, "ecs", *(["ec2"] if has_interface else []))


def stop_task(
    backends: Backends, task: Any, stop_code: str, reason: str, *, cause: str = "", kill: bool = False
) -> None:
    """Stop a task: deregister its targets, let its connections drain, then stop its containers.

    `reason` is AWS's text, `cause` the text for the event log. `kill` stops it at once, because its processes are gone.
    """
    if task.last_status == "STOPPED" or (task.desired_status == "STOPPED" and not kill):
        return
    now = CLOCK.now()
    if task.desired_status != "STOPPED":
        task.desired_status, task.stop_code, task.stopped_reason = "STOPPED", stop_code, reason
        task.stopping_at = at(now)
        sidecar(task)["cause"] = cause or reason
    delay = service_targets.deregistration_delay(backends, task)
    drained = now + (0.0 if kill else PROVISIONING_SPEED.duration(delay))
    service_targets.deregister_task(backends, task)
    if kill:
        _finish_stop(backends, task)
        return
    _set_status(task, "DEACTIVATING" if drained > now else "STOPPING")
    *partly, stopped = task_containers.plan_stop(task, task_definition_of(backends, task), drained)
    steps = [(drained, "STOPPING"), *((time, "PARTLY STOPPED") for time in partly), (stopped, "STOPPED")]
    _schedule(task, steps[0 if drained > now else 1 :])
    SCHEDULER.mark_changed(backends, "ecs")


def advance_tasks(backends: Backends) -> float | None:
    """Take all steps that are due; return when the next one is."""
    return each(backends, "task", backends.ecs_tasks, task_id, lambda task: _advance(backends, task))


def _advance(backends: Backends, task: Any) -> float | None:
    if cause := sidecar(task).pop("killed", ""):
        _kill(backends, task, cause)
    while (steps := sidecar(task).get("steps")) and steps[0][0] <= CLOCK.now():
        _, step = steps.pop(0)
        _STEPS[step](backends, task)
        if step not in _INTERNAL_STEPS:
            SCHEDULER.mark_changed(backends, "ecs")
    times = [steps[0][0]] if steps else []
    if task.last_status == "STOPPING" and task_containers.all_processes_ended(task):
        _finish_stop(backends, task)
        steps = sidecar(task)["steps"]
    if sidecar(task).get("runs") and should_run(task) and not sidecar(task).get("settled"):
        times += [time for time in [_advance_containers(backends, task)] if time is not None]
    return min(map(float, times), default=None)


# --- questions about a task


def transition_end(task: Any) -> float | None:
    """Return when a task will have started or stopped, at the latest; None if it is not in transition."""
    if task.last_status in STARTING:
        starts_by = float(sidecar(task).get("starts_by", 0.0))
        return starts_by if starts_by > CLOCK.now() else None
    times = [time for time, step in sidecar(task).get("steps", ()) if step == "STOPPED"]
    return float(times[-1]) if times and task.last_status in STOPPING else None


def should_run(task: Any) -> bool:
    """Return whether a task's desired status is RUNNING."""
    return bool(task.desired_status == "RUNNING")


def task_definition_of(backends: Backends, task: Any) -> Any:
    family, _, revision = str(task.task_definition_arn).split("/")[-1].partition(":")
    return backends.backend("ecs").task_definitions[family][int(revision)]


def group_name(task: Any) -> str:
    """Return the name of a task's service, or else of its family."""
    return str(task.group or "").partition(":")[2] or str(task.group)


def task_id(task: Any) -> str:
    return str(task.task_arn).split("/")[-1]


# --- steps


def _set_pending(backends: Backends, task: Any) -> None:
    _set_status(task, "PENDING")


def _finish_pull(backends: Backends, task: Any) -> None:
    """Start the containers, unless something that they need is missing."""
    task.pull_stopped_at = at(CLOCK.now())
    reason, cause = preconditions.find_start_obstacle(backends, task, task_definition_of(backends, task))
    if reason:
        stop_task(backends, task, "TaskFailedToStart", reason, cause=cause, kill=True)
    else:
        sidecar(task)["runs"] = True


def _advance_containers(backends: Backends, task: Any) -> float | None:
    """Let the containers start, exit and restart; the task runs with all of them, and stops with an essential one."""
    definition = task_definition_of(backends, task)

    def logging_error(container: Mapping[str, Any]) -> str:
        return preconditions.find_logging_error(backends, task, definition, container)

    progress = task_containers.advance(backends, task, definition, logging_error)
    if progress.failed:
        error = next((each.reason for each in task.containers if getattr(each, "reason", "")), "")
        stop_task(backends, task, "TaskFailedToStart", "Task failed to start", cause=error, kill=True)
    elif progress.exited:
        _stop_after_exit(backends, task, "its container ended by itself")
    elif progress.running and task.last_status in STARTING:
        task.started_at = at(CLOCK.now())
        _set_status(task, "RUNNING")
        SCHEDULER.mark_changed(backends, "ecs")
    elif progress.changed:
        SCHEDULER.mark_changed(backends, "ecs")
    has_checks = any(sidecar(container)["checked"] for container in task.containers)
    sidecar(task)["settled"] = task.last_status == "RUNNING" and progress.next_time is None and not has_checks
    return progress.next_time


def _kill(backends: Backends, task: Any, cause: str) -> None:
    """Kill the first essential container (SIGKILL), and stop the task with it."""
    definitions = task_definition_of(backends, task).container_definitions
    essential = next((each["name"] for each in definitions if each.get("essential", True)), definitions[0]["name"])
    for container in task.containers:
        if container.name == essential:
            container.exitCode, container.last_status = 137, "STOPPED"
    _stop_after_exit(backends, task, cause)


def _stop_after_exit(backends: Backends, task: Any, cause: str) -> None:
    task.execution_stopped_at = at(CLOCK.now())
    reason = "Essential container in task exited"
    stop_task(backends, task, "EssentialContainerExited", reason, cause=cause, kill=True)


def _set_stopping(backends: Backends, task: Any) -> None:
    _set_status(task, "STOPPING")


def _stop_some_containers(backends: Backends, task: Any) -> None:
    task_containers.stop_due_containers(task)


def _finish_stop(backends: Backends, task: Any) -> None:
    """Release the resources and the network interface of a task."""
    now = CLOCK.now()
    task.stopped_at = at(now)
    task.execution_stopped_at = getattr(task, "execution_stopped_at", None) or task.stopped_at
    _set_status(task, "STOPPED")
    for container in task.containers:
        if "began" in sidecar(container) and container.exitCode is None:
            container.exitCode = task_containers.stop_code(container)
    instance = instance_of_task(backends, task)
    if instance is not None:
        resources.release(instance, task.resource_requirements)
    task_interfaces.detach_interface(backends, task)
    _schedule(task, [(now + _REMOVE_AFTER_SECONDS, "REMOVED")])
    record_event(backends, group_name(task), "task stopped", sidecar(task)["cause"])
    SCHEDULER.mark_changed(backends, "ecs", *(["ec2"] if task.attachments else []))


def _remove(backends: Backends, task: Any) -> None:
    backends.backend("ecs").tasks[task.cluster_name].pop(task.task_arn, None)


_STEPS = {
    "PENDING": _set_pending,
    "PULLED": _finish_pull,
    "STOPPING": _set_stopping,
    "PARTLY STOPPED": _stop_some_containers,
    "STOPPED": _finish_stop,
    "REMOVED": _remove,
}

_INTERNAL_STEPS = ("PULLED", "REMOVED")
"""Steps that no other resource depends on."""


def _schedule(task: Any, steps: list[tuple[float, str]]) -> None:
    sidecar(task)["steps"] = steps


def _set_status(task: Any, status: str) -> None:
    task.status = status
    sidecar(task)["version"] = sidecar(task).get("version", 0) + 1
    for container in task.containers:
        container.task_arn = task.task_arn
        if status == "STOPPED":
            container.last_status = status


def at(timestamp: float) -> datetime:
    """Return a time of the clock as moto's objects have it."""
    return datetime.fromtimestamp(timestamp, UTC)
