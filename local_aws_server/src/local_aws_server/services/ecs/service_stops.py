"""Stop the tasks of a service that are surplus, old or unhealthy, and report the tasks that stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.clock.event_log import record_event
from local_aws_server.services.ecs import (
    deployments,
    placement,
    resources,
    restart_throttle,
    service_events,
    tasks,
)
from local_aws_server.services.ecs.service_events import add_event
from local_aws_server.services.ecs.service_state import MAXIMUM_REACHED, ServiceState, task_list
from local_aws_server.services.ecs.service_targets import INITIAL


def stop_tasks(state: ServiceState, current: list[Any], outdated: list[Any], blocked: str | None) -> None:
    """Stop current tasks above the desired count, and outdated ones that are replaced or block a new task."""
    service, desired = state.service, state.service.desired_count
    surplus = []
    while len(current) > desired:
        starting = [task for task in current if task.last_status in tasks.STARTING]
        instances = [instance for _, instance in state.backends.container_instances]
        surplus.append(starting[-1] if starting else placement.choose_task_to_stop(current, instances))
        current.remove(surplus[-1])
    stop(state, surplus)
    stopping = [task for task in state.tasks if not tasks.should_run(task)]
    stopped = _stoppable(state, current, outdated, stopping, blocked)
    stop(state, stopped)
    for task in stopped:
        outdated.remove(task)
    if blocked and blocked != MAXIMUM_REACHED and not stopped and not stopping:
        service_events.report_placement_failure(state.backends, service, blocked)


def _stoppable(
    state: ServiceState, current: list[Any], outdated: list[Any], stopping: list[Any], blocked: str | None
) -> list[Any]:
    """Return the outdated tasks that can stop now without too few tasks being healthy."""
    service, desired = state.service, state.service.desired_count
    healthy = sum(state.is_healthy(task) for task in [*current, *outdated])
    spare = healthy - deployments.min_healthy_tasks(service, desired)
    replaced = sum(state.is_healthy(task) for task in current) + len(outdated) - desired
    blocking = desired - len(current) - len(stopping) if blocked and _fits_some_instance(state) else 0
    undecided = any(state.conditions.get(task.task_arn, INITIAL) == INITIAL for task in current)
    stoppable: list[Any] = []
    for task in sorted(outdated, key=state.is_healthy):
        if state.is_healthy(task) and spare <= 0:
            break
        if replaced > 0:
            replaced -= 1
        elif blocking > 0 and (state.is_healthy(task) or not (stopping or stoppable or undecided)):
            blocking -= 1
        else:
            continue
        spare -= state.is_healthy(task)
        stoppable.append(task)
    return stoppable


def _fits_some_instance(state: ServiceState) -> bool:
    """Return whether a task fits on an empty instance, so that it helps to stop others."""
    definition = state.backends.backend("ecs").describe_task_definition(state.service.task_definition)
    needed = resources.required_resources(definition)
    return any(resources.fits_when_empty(instance, needed) for _, instance in state.backends.container_instances)


def stop(state: ServiceState, surplus: Iterable[Any]) -> None:
    """Stop tasks, with AWS's reasons and events."""
    running, primary = [], deployments.primary_deployment(state.service)
    for task in surplus:
        reason = f"Scaling activity initiated by {deployments.deployment_label(primary)}"
        if sidecar(task).get("failed_checks"):
            groups = [arn for arn, _, _ in sidecar(task).get("targets", ())]
            reason = f"Task failed ELB health checks in (target-group {groups[0] if groups else ''})"
        elif sidecar(task).get("failed_containers"):
            reason = "Task failed container health checks"
        cause = _stop_cause(state, task)
        if task.last_status == "RUNNING":
            running.append(task)
        tasks.stop_task(state.backends, task, "ServiceSchedulerInitiated", reason, cause=cause)
        report_stop(state, task)
        zone = placement.zone_of_task(state.backends, task)
        record_event(state.backends, state.service.name, f"task in {zone} stopping", cause)
    if running:
        add_event(state.service, f"has stopped {len(running)} running tasks: {task_list(running)}.")


def _stop_cause(state: ServiceState, task: Any) -> str:
    """Return why a task is stopped, for the event log."""
    instance = placement.instance_of_task(state.backends, task)
    if state.service.status == "DRAINING":
        return "the service was deleted"
    if sidecar(task).get("failed_checks"):
        return "its target was unhealthy"
    if sidecar(task).get("failed_containers"):
        return "a container was unhealthy"
    if task.started_by != deployments.primary_deployment(state.service)["id"]:
        return "a newer deployment replaces it"
    is_draining = instance is not None and instance.status != "ACTIVE"
    return "its instance drains" if is_draining else "the service wants fewer"


def report_stop(state: ServiceState, task: Any) -> None:
    """Write the events of a task that stops or has stopped, and count it if it failed."""
    sidecar(task)["stop_reported"] = True
    if task.last_status == "DEACTIVATING":
        add_event(state.service, "has begun draining connections on 1 tasks.")
    for arn in sidecar(task).pop("left", ()):
        add_event(state.service, f"deregistered 1 targets in (target-group {arn})")
    state.notes["steady"] = False
    failed_to_run = task.stop_code in ("EssentialContainerExited", "TaskFailedToStart")
    notes = sidecar(task)
    if failed_to_run or notes.get("failed_checks") or notes.get("failed_containers"):
        deployments.count_failed_task(state.service, task)
        restart_throttle.record_failure(state.backends, state.service, task)
