"""Run the containers of a task: they start in the order of their dependencies, exit, restart, and stop in turn.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-restart-policy.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.data_plane import DATA_PLANE
from local_aws_server.services.ecs import containers, health_checks, processes
from local_aws_server.services.ecs.ports import bind_ports

_START_SECONDS = 5.0
_DEPENDENT_START_SECONDS = 1.0
_STOP_SECONDS = 10.0
_DEFAULT_STOP_TIMEOUT = 30.0
_DEFAULT_RESTART_PERIOD = 300

_MIN_RUNNING_SECONDS = 10.0
"""A container that exits earlier than this is never reported as running."""

_KILLED = 137
"""The exit code of a process that SIGKILL ended."""

_MIN_MEMORY = 6
"""MiB; the Docker daemon creates no container with less."""

_TOLERANCE = 0.001


@dataclass(frozen=True)
class Progress:
    """What the containers of a task have come to."""

    next_time: float | None = None
    """When something changes next; None if nothing will by itself."""
    running: bool = False
    """Whether all containers have started, and none of the essential ones is about to exit."""
    changed: bool = False
    exited: bool = False
    """Whether an essential container has exited."""
    failed: bool = False
    """Whether a container that the task needs can't start."""


Obstacle = Callable[[Mapping[str, Any]], str]
"""Returns the error of a container definition that keeps it from starting; "" if nothing does."""


def make_containers(task: Any, definition: Any) -> Iterator[Any]:
    """Make a container for each definition; moto makes only the first."""
    from moto.ecs.models import Container

    for described in definition.container_definitions:
        container: Any = Container(definition)  # type: ignore[abstract]
        for key in ("image", "cpu", "memory", "environment", "name", "command"):
            setattr(container, key, described.get(key))
        container.memory_reservation = described.get("memoryReservation")
        container.exitCode = None
        container.health_status = health_checks.UNKNOWN
        sidecar(container).update(
            essential=bool(described.get("essential", True)), checked=health_checks.has_check(described)
        )
        container.task_arn = task.task_arn
        yield container


def longest_start(definition: Any) -> float:
    """Return the seconds after which the containers have started, or some never will."""
    by_name = {each["name"]: each for each in definition.container_definitions}
    seconds = _START_SECONDS
    for container in by_name.values():
        for dependency in container.get("dependsOn") or ():
            other = by_name[dependency["containerName"]]
            exit = containers.planned_exit(other)
            seconds += _DEPENDENT_START_SECONDS
            if dependency["condition"] == "HEALTHY":
                seconds += health_checks.longest_wait(other)
            elif dependency["condition"] != "START" and exit is not None:
                seconds += exit.after
    return seconds


def advance(backends: Backends, task: Any, definition: Any, obstacle: Obstacle) -> Progress:
    """Start, check, exit and restart the containers that are due."""
    described = [_with_overrides(task, each) for each in definition.container_definitions]
    pairs = list(zip(task.containers, described, strict=True))
    by_name = {each.name: (each, container) for each, container in pairs}
    changed, any_changed = True, False
    times: list[float] = []
    while changed:
        changed, times = False, []
        for container, settings in pairs:
            if container.last_status == "PENDING":
                outcome = _start(backends, task, definition, container, settings, by_name, obstacle)
            elif container.last_status == "RUNNING":
                outcome = _run(backends, container, settings)
            else:
                continue
            if outcome.failed or outcome.exited:
                return outcome
            changed = changed or outcome.changed
            times += [outcome.next_time] if outcome.next_time is not None else []
        any_changed = any_changed or changed
    return Progress(min(times, default=None), _all_run(pairs), any_changed)


def _start(
    backends: Backends,
    task: Any,
    definition: Any,
    container: Any,
    settings: Mapping[str, Any],
    by_name: Mapping[str, tuple[Any, Mapping[str, Any]]],
    obstacle: Obstacle,
) -> Progress:
    """Start a container whose dependencies are met."""
    notes, now = sidecar(container), CLOCK.now()
    if "begins" not in notes:
        waits: list[float] = []
        for dependency in settings.get("dependsOn") or ():
            met, until = _is_met(dependency["condition"], *by_name[dependency["containerName"]])
            if met is False:
                container.reason = (
                    f"dependency {dependency['containerName']} did not reach the condition {dependency['condition']}"
                )
                return Progress(failed=True)
            if met is None:
                waits.append(until)
        if waits:
            return Progress(min((time for time in waits if time < float("inf")), default=None))
        seconds = _DEPENDENT_START_SECONDS if settings.get("dependsOn") else _START_SECONDS
        notes["begins"] = now + PROVISIONING_SPEED.duration(DATA_PLANE.duration(seconds))
    if notes["begins"] > now:
        return Progress(notes["begins"])
    if error := _creation_error(settings) or obstacle(settings):
        return _fail(container, settings, error)
    if "bound" not in notes:
        container.network_bindings, notes["bound"] = bind_ports(backends, task, container, definition), True
    if processes.request(container):
        return Progress(changed=True)
    if processes.is_requested(container):
        return Progress()
    if error := processes.start_error(container):
        return _fail(container, settings, error)
    notes["began"], container.last_status = notes["begins"], "RUNNING"
    sidecar(task).setdefault("began", notes["began"])
    container.runtime_id = f"{task.id}-{crc32(str(container.name).encode()):010}"
    return Progress(changed=True)


def _fail(container: Any, settings: Mapping[str, Any], error: str) -> Progress:
    container.reason, container.last_status = error, "STOPPED"
    return Progress(failed=bool(settings.get("essential", True)), changed=True)


def _is_met(condition: str, other: Any, settings: Mapping[str, Any]) -> tuple[bool | None, float]:
    """Return whether a condition on another container is met (None: not yet), and when that is given up."""
    notes = sidecar(other)
    has_exited = other.exitCode is not None
    if condition == "START":
        return ("began" in notes) or (False if other.last_status == "STOPPED" else None), float("inf")
    if condition == "HEALTHY" and other.health_status == health_checks.HEALTHY:
        return True, 0.0
    if condition == "COMPLETE" and has_exited:
        return True, 0.0
    if condition == "SUCCESS" and has_exited:
        return other.exitCode == 0, 0.0
    if other.last_status == "STOPPED" or (condition == "HEALTHY" and other.health_status == health_checks.UNHEALTHY):
        return False, 0.0
    timeout = settings.get("startTimeout")
    until = notes["began"] + timeout if timeout and "began" in notes else float("inf")
    return (False if until <= CLOCK.now() else None), until


def _creation_error(settings: Mapping[str, Any]) -> str:
    memory = settings.get("memory")
    if memory is not None and memory < _MIN_MEMORY:
        return (
            f"CannotCreateContainerError: Error response from daemon: Minimum memory limit allowed is {_MIN_MEMORY}MB"
        )
    return ""


def _run(backends: Backends, container: Any, settings: Mapping[str, Any]) -> Progress:
    """Check the health of a running container, and let it exit or restart when that is due."""
    notes, now, times, changed = sidecar(container), CLOCK.now(), [], False
    if health_checks.has_check(settings):
        before = container.health_status
        due = health_checks.update_health(backends, container, settings)
        changed = container.health_status != before
        times += [due] if due is not None else []
    exit = _next_exit(container, settings)
    if exit is not None:
        ends = notes["began"] + exit.after
        if ends > now + _TOLERANCE:
            times.append(ends)
        elif _restarts(settings, exit):
            if processes.is_process(container):
                processes.request_again(container)
            else:
                times.append(now + exit.after)
            notes["began"] = now
            container.health_status = health_checks.UNKNOWN
        else:
            container.exitCode, container.last_status = exit.code, "STOPPED"
            return Progress(exited=bool(settings.get("essential", True)), changed=True)
    return Progress(min(times, default=None), changed=changed)


def _next_exit(container: Any, settings: Mapping[str, Any]) -> containers.Exit | None:
    """Return when a running container exits, and how: its process has, or its simulation will."""
    if not processes.is_process(container):
        return containers.planned_exit(settings)
    ended = processes.process_exit(container)
    if ended is None:
        return None
    container.reason = ended.reason or None
    return containers.Exit(CLOCK.now() - sidecar(container)["began"], ended.code)


def _restarts(settings: Mapping[str, Any], exit: containers.Exit) -> bool:
    """Return whether a container restarts after its exit: it must have run long enough."""
    policy = settings.get("restartPolicy") or {}
    if not policy.get("enabled") or exit.code in (policy.get("ignoredExitCodes") or ()):
        return False
    return bool(exit.after >= policy.get("restartAttemptPeriod", _DEFAULT_RESTART_PERIOD))


def _all_run(pairs: list[tuple[Any, Mapping[str, Any]]]) -> bool:
    for container, settings in pairs:
        if container.last_status == "PENDING":
            return False
        exit = None if processes.is_process(container) else containers.planned_exit(settings)
        if exit is not None and settings.get("essential", True) and exit.after < _MIN_RUNNING_SECONDS:
            return False
    return True


def plan_stop(task: Any, definition: Any, begins: float) -> list[float]:
    """Plan when each running container stops, after those that depend on it; return the times in order.

    A container takes a few seconds, at most its stop timeout.
    """
    by_name = {each["name"]: each for each in definition.container_definitions}
    running = {container.name: container for container in task.containers if container.last_status == "RUNNING"}

    def stops(name: str) -> float:
        dependents = [
            each
            for each in running
            if any(dependency["containerName"] == name for dependency in by_name[each].get("dependsOn") or ())
        ]
        timeout = by_name[name].get("stopTimeout") or _DEFAULT_STOP_TIMEOUT
        seconds = PROVISIONING_SPEED.duration(min(_STOP_SECONDS, timeout))
        if processes.is_process(running[name]):
            seconds = timeout
        return max((stops(each) for each in dependents), default=begins) + seconds

    for name, container in running.items():
        sidecar(container)["stops"] = stops(name)
    shortest = min(each.get("stopTimeout") or _DEFAULT_STOP_TIMEOUT for each in by_name.values())
    nothing_runs = begins + PROVISIONING_SPEED.duration(min(_STOP_SECONDS, shortest))
    return sorted({sidecar(container)["stops"] for container in running.values()}) or [nothing_runs]


def stop_due_containers(task: Any) -> None:
    for container in task.containers:
        if container.last_status == "RUNNING" and sidecar(container).get("stops", float("inf")) <= CLOCK.now():
            container.last_status, container.exitCode = "STOPPED", stop_code(container)


def stop_code(container: Any) -> int:
    """Return the exit code of a container that is stopped now."""
    code = processes.stop_code(container)
    return _KILLED if code is None else code


def all_processes_ended(task: Any) -> bool:
    """Stop the containers whose processes have ended; return whether the task has processes, and none runs any more."""
    running = [container for container in task.containers if processes.is_process(container)]
    for container in running:
        if container.last_status == "RUNNING" and (code := processes.stop_code(container)) is not None:
            container.last_status, container.exitCode = "STOPPED", code
    return bool(running) and all(container.last_status == "STOPPED" for container in task.containers)


def _with_overrides(task: Any, container: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a container definition with the environment of the task's overrides."""
    overrides = (task.overrides or {}).get("containerOverrides") or ()
    added = [
        pair for each in overrides if each.get("name") == container["name"] for pair in each.get("environment", ())
    ]
    return {**container, "environment": [*(container.get("environment") or ()), *added]} if added else container
