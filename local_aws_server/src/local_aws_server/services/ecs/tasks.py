"""Run ECS tasks on the clock: image pull, start, exit, stop, and removal an hour after the stop.

Each task has a list of steps ahead, (time, step), in its sidecar; `advance_tasks` takes those that are due.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.services.ecs import containers, resources, service_targets, task_interfaces
from local_aws_server.services.ecs.placement import instance_of_task

_ATTACH_SECONDS = 5.0
_PULL_SECONDS = 10.0
_START_SECONDS = 5.0
_STOP_SECONDS = 10.0
_DEFAULT_STOP_TIMEOUT = 30.0
_REMOVE_AFTER_SECONDS = 3600.0

_MIN_RUNNING_SECONDS = 10.0
"""A container that exits earlier than this is never reported as running."""

_EPHEMERAL_PORTS = range(32768, 61000)

_ECR_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?::([^@]+))?(?:@(.+))?")

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
    task.containers = list(_make_containers(task, definition))
    sidecar(task).update(
        platform=definition.runtime_platform,
        essential=[each["name"] for each in definition.container_definitions if each.get("essential", True)],
    )
    task.created_at = _datetime(CLOCK.now())
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
    pulled = attached + PROVISIONING_SPEED.duration(_PULL_SECONDS)
    started = pulled + PROVISIONING_SPEED.duration(_START_SECONDS)
    task.pull_started_at = _datetime(attached)
    task.connectivity, task.connectivity_at = "CONNECTED", _datetime(now)
    _set_status(task, "PROVISIONING" if attached > now else "PENDING")
    steps = [(attached, "PENDING"), (pulled, "PULLED"), (started, "STARTED")]
    _schedule(task, steps[0 if attached > now else 1 :])
    SCHEDULER.mark_changed(backends, "ecs")


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
        task.stopping_at = _datetime(now)
        sidecar(task)["cause"] = cause or reason
    delay = service_targets.deregistration_delay(backends, task)
    drained = now + (0.0 if kill else PROVISIONING_SPEED.duration(delay))
    service_targets.deregister_task(backends, task)
    if kill:
        _finish_stop(backends, task)
        return
    _set_status(task, "DEACTIVATING" if drained > now else "STOPPING")
    stopped = drained + PROVISIONING_SPEED.duration(_stop_seconds(backends, task))
    steps = [(drained, "STOPPING"), (stopped, "STOPPED")]
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
    return float(steps[0][0]) if steps else None


# --- questions about a task


def transition_end(task: Any) -> float | None:
    """Return when a task will have started or stopped; None if it is not in transition."""
    times = [time for time, step in sidecar(task).get("steps", ()) if step in ("STARTED", "STOPPED", "EXITED")]
    in_transition = task.last_status in STARTING or task.last_status in STOPPING
    return float(times[0 if task.last_status in STARTING else -1]) if times and in_transition else None


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
    task.pull_stopped_at = _datetime(CLOCK.now())
    definition = task_definition_of(backends, task)
    images = [str(container["image"]) for container in definition.container_definitions]
    missing = [image for image in images if not _image_exists(image)]
    if missing:
        reason = (
            f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
            f"{missing[0]}: {missing[0]}: not found"
        )
        stop_task(backends, task, "TaskFailedToStart", reason, cause="its image can't be pulled", kill=True)
        return
    (started, _), *_ = sidecar(task)["steps"]
    early_exits = [
        started + exit.after for exit in _planned_exits(task, definition).values() if exit.after < _MIN_RUNNING_SECONDS
    ]
    if early_exits:
        _schedule(task, [(min(early_exits), "EXITED")])
        sidecar(task)["began"] = started


def _finish_start(backends: Backends, task: Any) -> None:
    now = CLOCK.now()
    task.started_at = _datetime(now)
    sidecar(task)["began"] = now
    definition = task_definition_of(backends, task)
    if definition.network_mode != "awsvpc" and task.container_instance_arn:
        for container in task.containers:
            container.network_bindings = _bind_ports(backends, task, container, definition)
    _set_status(task, "RUNNING")
    _schedule(task, sorted({(now + exit.after, "EXITED") for exit in _planned_exits(task, definition).values()}))


def _exit_containers(backends: Backends, task: Any) -> None:
    """Exit the containers that are due; the task stops with an essential one."""
    definition, lifetime = task_definition_of(backends, task), CLOCK.now() - sidecar(task)["began"]
    exits, essential = _planned_exits(task, definition), False
    for container, described in zip(task.containers, definition.container_definitions, strict=True):
        exit = exits.get(container.name)
        if exit is not None and exit.after <= lifetime + 0.001 and container.exitCode is None:
            container.exitCode, container.last_status = exit.code, "STOPPED"
            essential = essential or bool(described.get("essential", True))
    if essential:
        _stop_after_exit(backends, task, "its container ended by itself")


def _kill(backends: Backends, task: Any, cause: str) -> None:
    """Kill the first essential container (SIGKILL), and stop the task with it."""
    definitions = task_definition_of(backends, task).container_definitions
    essential = next((each["name"] for each in definitions if each.get("essential", True)), definitions[0]["name"])
    for container in task.containers:
        if container.name == essential:
            container.exitCode, container.last_status = 137, "STOPPED"
    _stop_after_exit(backends, task, cause)


def _stop_after_exit(backends: Backends, task: Any, cause: str) -> None:
    task.execution_stopped_at = _datetime(CLOCK.now())
    reason = "Essential container in task exited"
    stop_task(backends, task, "EssentialContainerExited", reason, cause=cause, kill=True)


def _set_stopping(backends: Backends, task: Any) -> None:
    _set_status(task, "STOPPING")


def _finish_stop(backends: Backends, task: Any) -> None:
    """Release the resources and the network interface of a task."""
    now = CLOCK.now()
    task.stopped_at = _datetime(now)
    task.execution_stopped_at = getattr(task, "execution_stopped_at", None) or task.stopped_at
    _set_status(task, "STOPPED")
    for container in task.containers:
        if getattr(task, "started_at", None) and container.exitCode is None:
            container.exitCode = 0
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
    "STARTED": _finish_start,
    "EXITED": _exit_containers,
    "STOPPING": _set_stopping,
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
        if status in ("PENDING", "RUNNING", "STOPPED") and container.last_status != "STOPPED":
            container.last_status = status


# --- containers, ports, images


def _make_containers(task: Any, definition: Any) -> Iterator[Any]:
    """Make a container for each definition; moto makes only the first."""
    from moto.ecs.models import Container

    for described in definition.container_definitions:
        container: Any = Container(definition)  # type: ignore[abstract]
        for key in ("image", "cpu", "memory", "environment", "name", "command"):
            setattr(container, key, described.get(key))
        container.exitCode = None
        container.health_status = "UNKNOWN"
        container.task_arn = task.task_arn
        yield container


def _bind_ports(backends: Backends, task: Any, container: Any, definition: Any) -> list[dict[str, Any]]:
    """Return the network bindings of a container; a mapping without a host port gets a free ephemeral one."""
    described = next(each for each in definition.container_definitions if each.get("name") == container.name)
    taken = {
        binding["hostPort"]
        for other in backends.ecs_tasks
        if other.container_instance_arn == task.container_instance_arn and other.last_status != "STOPPED"
        for other_container in other.containers
        for binding in getattr(other_container, "network_bindings", ())
    }
    bindings = []
    for mapping in described.get("portMappings") or ():
        container_port = mapping["containerPort"]
        host_port = container_port if definition.network_mode == "host" else mapping.get("hostPort")
        host_port = host_port or next(port for port in _EPHEMERAL_PORTS if port not in taken)
        taken.add(host_port)
        protocol = mapping.get("protocol", "tcp")
        bindings.append(
            {"bindIP": "0.0.0.0", "containerPort": container_port, "hostPort": host_port, "protocol": protocol}
        )
    return bindings


def _planned_exits(task: Any, definition: Any) -> dict[str, containers.Exit]:
    """Return container name → its exit, for the containers that exit; the task's overrides are applied."""
    overrides = (task.overrides or {}).get("containerOverrides") or ()
    environments = {override.get("name"): override.get("environment") or [] for override in overrides}
    exits = {}
    for described in definition.container_definitions:
        environment = [*(described.get("environment") or ()), *environments.get(described["name"], ())]
        if (exit := containers.planned_exit({**described, "environment": environment})) is not None:
            exits[described["name"]] = exit
    return exits


def _image_exists(image: str) -> bool:
    """Return whether an image can be pulled; images of registries other than ECR always can."""
    if (match := _ECR_IMAGE.fullmatch(image)) is None:
        return True
    account, region, name, tag, digest = match.groups()
    repository = Backends(account, region).backend("ecr").repositories.get(name)
    if repository is None:
        return False
    if digest:
        return any(stored.get_image_digest() == digest for stored in repository.images)
    return any((tag or "latest") in stored.image_tags for stored in repository.images)


def _stop_seconds(backends: Backends, task: Any) -> float:
    """Return how long a task takes to stop: a few seconds, at most its shortest stop timeout."""
    definitions = task_definition_of(backends, task).container_definitions
    timeouts = [container.get("stopTimeout") or _DEFAULT_STOP_TIMEOUT for container in definitions]
    return float(min(_STOP_SECONDS, *timeouts))


def _datetime(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
