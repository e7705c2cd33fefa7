"""Containers that the data plane runs as processes: what should run, and what its reports say.

A container whose image the data plane can't run stays simulated, and so does every container while none is connected.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.data_plane import DATA_PLANE

REQUESTED, SIMULATED, STARTED, EXITED, FAILED = "requested", "simulated", "started", "exited", "failed"
"""What became of a container: it should start, does not run here, runs, has ended, or could not start."""


@dataclass(frozen=True)
class ProcessExit:
    """How a process ended."""

    code: int
    reason: str = ""
    """ECS's reason, such as that of a container that took too much memory."""


def request(container: Any) -> bool:
    """Ask the data plane for a process, unless none is connected or it knows already; return whether this is new."""
    if not DATA_PLANE.is_connected or _state(container):
        return False
    _notes(container)["state"] = REQUESTED
    return True


def is_requested(container: Any) -> bool:
    """Return whether a container that may start waits for the data plane."""
    return DATA_PLANE.is_connected and _state(container) == REQUESTED


def start_error(container: Any) -> str:
    """Return why the process of a container could not start; "" if it could, or has none."""
    return str(_notes(container)["reason"]) if _state(container) == FAILED else ""


def is_process(container: Any) -> bool:
    """Return whether a container is a process, and no simulation."""
    return DATA_PLANE.is_connected and _state(container) in (STARTED, EXITED)


def process_exit(container: Any) -> ProcessExit | None:
    """Return how the process of a container has ended; None if it runs."""
    if _state(container) != EXITED:
        return None
    notes = _notes(container)
    return ProcessExit(int(notes["exit_code"]), str(notes.get("reason", "")))


def request_again(container: Any) -> None:
    """Let a container that restarts get a new process."""
    sidecar(container)["process"] = {"state": REQUESTED}


def observe(backends: Backends, reports: Iterable[Mapping[str, Any]]) -> None:
    """Note reports of the data plane: {task, container, state, exit_code, reason} each."""
    by_arn = {task.task_arn: task for task in backends.ecs_tasks}
    for report in reports:
        task = by_arn.get(report["task"])
        container = next((each for each in task.containers if each.name == report["container"]), None) if task else None
        if container is None or _state(container) in (EXITED, FAILED):
            continue
        sidecar(container)["process"] = {
            key: report[key] for key in ("state", "exit_code", "reason") if report.get(key) is not None
        }
        sidecar(task)["settled"] = False
        SCHEDULER.mark_changed(backends, "ecs")


def observe_health(backends: Backends, reports: Iterable[Mapping[str, Any]]) -> None:
    """Note the health of containers that run: {task, container, status} each."""
    by_arn = {task.task_arn: task for task in backends.ecs_tasks}
    for report in reports:
        task = by_arn.get(report["task"])
        for container in task.containers if task else ():
            if container.name == report["container"] and _state(container) == STARTED:
                _notes(container)["health"] = report["status"]
                sidecar(task)["settled"] = False
                SCHEDULER.mark_changed(backends, "ecs")


def health(container: Any) -> str:
    """Return the health that the check of a process has found; "" before it has."""
    return str(_notes(container).get("health", ""))


def wanted(backends: Backends, task: Any) -> Iterator[Any]:
    """Yield the containers of a task that should be processes now, or should become some."""
    for container in task.containers:
        has_begun = container.last_status == "RUNNING" or _state(container) in (REQUESTED, STARTED)
        if has_begun and container.last_status != "STOPPED" and _state(container) not in (SIMULATED, EXITED, FAILED):
            yield container


def stop_code(container: Any) -> int | None:
    """Return the exit code of a container that ECS stops: that of its process, 0 of a simulated one.

    None: its process has not ended.
    """
    if not is_process(container):
        return 0
    ended = process_exit(container)
    return None if ended is None else ended.code


def has_started_before(container: Any) -> bool:
    return _state(container) == STARTED


def runs_as_process(task: Any, name: str) -> bool:
    """Return whether the container of a name in a task is a process."""
    return any(container.name == name and is_process(container) for container in task.containers)


def any_in(tasks: Iterable[Any]) -> bool:
    """Return whether a container of the tasks is a process or is about to be one, for which no clock may jump."""
    states = (REQUESTED, STARTED)
    return DATA_PLANE.is_connected and any(_state(each) in states for task in tasks for each in task.containers)


def _state(container: Any) -> str:
    return str(_notes(container).get("state", ""))


def _notes(container: Any) -> dict[str, Any]:
    notes: dict[str, Any] = sidecar(container).setdefault("process", {})
    return notes
