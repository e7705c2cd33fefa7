"""Start the tasks that a service lacks, and restore those of the revision that ran before a failing deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.services.ecs import (
    container_instances,
    deployments,
    placement,
    preconditions,
    restart_throttle,
    service_events,
    tasks,
)
from local_aws_server.services.ecs.constraints import apply_constraints, constraints_of
from local_aws_server.services.ecs.service_events import add_event
from local_aws_server.services.ecs.service_state import (
    MAXIMUM_REACHED,
    ServiceState,
    all_tasks,
    task_group,
    task_list,
)
from local_aws_server.services.ecs.service_targets import FAILED
from local_aws_server.services.ecs.task_launcher import Launch, Rejection

_REGISTRATION_WINDOW = 5.0
"""Seconds; the scheduler waits for agents that register within this time, and spreads tasks over all of them."""


def start_tasks(state: ServiceState, current: list[Any], outdated: list[Any]) -> tuple[list[Any], str | None]:
    """Start missing tasks; return them, and why no more could be started (None if none is missing)."""
    service, blocked = state.service, None
    started: list[Any] = []
    desired = service.desired_count
    if len(current) < desired:
        paused_until = restart_throttle.paused_until(service) or _registrations_end(state)
        if paused_until is not None:
            state.reconcile_at(paused_until)
            return [], None
    definition = state.backends.backend("ecs").describe_task_definition(service.task_definition)
    error = preconditions.find_role_obstacle(state.backends, definition, {}) if len(current) < desired else ""
    if error:
        service_events.report_launch_failure(state.backends, service, error)
        return [], None
    while len(current) + len(started) < desired:
        if len(current) + len(started) + len(outdated) >= deployments.max_tasks(service, desired):
            blocked = MAXIMUM_REACHED
            break
        task, blocked = _place_task(state, definition, [*current, *started], outdated)
        if task is None:
            break
        started.append(task)
    if started:
        add_event(service, f"has started {len(started)} tasks: {task_list(started)}.")
        service_events.clear_reports(service, "not placed")
        state.notes["steady"] = False
    return started, blocked


def restore_tasks(
    state: ServiceState, primary: Mapping[str, Any], current: list[Any], outdated: list[Any]
) -> list[Any]:
    """Replace lost tasks of the revision that ran before, while those of the latest deployment fail; return them.

    https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-ecs-service-availability-rolling-deployments/
    """
    completed = state.notes.get("completed")
    earlier = next((each for each in state.service.deployments if each["taskDefinition"] == completed), primary)
    if earlier is primary or not (primary["failedTasks"] or primary["rolloutState"] == "FAILED"):
        return []
    definition = state.backends.backend("ecs").describe_task_definition(completed)
    serving = [task for task in current if state.is_healthy(task)]
    kept = [task for task in outdated if state.conditions.get(task.task_arn) != FAILED]
    restored: list[Any] = []
    for lost in _lost_tasks(state, earlier["id"]):
        if len(serving) + len(kept) + len(restored) >= state.service.desired_count:
            break
        task, _ = _launch(state, earlier["id"], definition, [*kept, *restored], current)
        if task is not None:
            sidecar(lost)["restored"] = True
            restored.append(task)
    if restored:
        add_event(state.service, f"has started {len(restored)} tasks: {task_list(restored)}.")
    return restored


def _lost_tasks(state: ServiceState, deployment: str) -> list[Any]:
    """Return the tasks of a deployment that stopped by themselves, by a user or with their instance."""
    return [
        task
        for task in all_tasks(state.backends, state.service)
        if task.started_by == deployment
        and not tasks.should_run(task)
        and not sidecar(task).get("restored")
        and (task.stop_code != "ServiceSchedulerInitiated" or sidecar(task).get("failed_checks"))
    ]


def _registrations_end(state: ServiceState) -> float | None:
    """Return when the last of the instances has registered that register in the next seconds."""
    pending = container_instances.pending_registrations(state.backends, state.service.cluster_name)
    return max((time for time in pending if time <= CLOCK.now() + _REGISTRATION_WINDOW), default=None)


def _place_task(
    state: ServiceState, definition: Any, current: list[Any], outdated: list[Any]
) -> tuple[Any | None, str | None]:
    """Start a task of the primary deployment; return it and None, or None and why no instance takes it."""
    return _launch(state, deployments.primary_deployment(state.service)["id"], definition, current, outdated)


def _launch(
    state: ServiceState, deployment: str, definition: Any, current: list[Any], outdated: list[Any]
) -> tuple[Any | None, str | None]:
    """Start a task of a deployment, unless no instance takes it or its network interface can't be created."""
    from moto.core.exceptions import ServiceException

    service, fields = state.service, state.notes.get("fields", {})
    tags = {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}.get(service.propagate_tags) or ()
    launch = Launch(
        backends=state.backends,
        cluster=state.backends.ecs_clusters[service.cluster_name],
        definition=definition,
        group=task_group(service),
        launch_type=service.launch_type or "",
        strategy=fields.get("capacityProviderStrategy") or (),
        constraints=fields.get("placementConstraints") or (),
        rules=fields.get("placementStrategy") or (),
        network=service.network_configuration or None,
        settings={"started_by": deployment, "tags": tags},
    )
    taken = {task.container_instance_arn for task in state.tasks + current}
    is_daemon = service.scheduling_strategy == "DAEMON"
    try:
        task = launch.start(current, [*current, *outdated], without=frozenset(taken if is_daemon else ()))
    except ServiceException as error:
        return None, f"of its network: {error.message}"
    if isinstance(task, Rejection):
        return None, service_events.placement_failure_reason(task.instances, task.reasons)
    state.tasks.append(task)
    zone = placement.zone_of_task(state.backends, task)
    revision = str(task.task_definition_arn).split("/")[-1]
    reason = f"the service wants {service.desired_count} of {revision}"
    record_event(state.backends, service.name, f"task placed in {zone}", reason)
    return task, None


def daemon_instances(state: ServiceState) -> list[Any]:
    """Return the container instances on which a daemon runs a task."""
    definition = state.backends.backend("ecs").describe_task_definition(state.service.task_definition)
    of_service = state.notes.get("fields", {}).get("placementConstraints")
    constraints = constraints_of(state.backends, definition, of_service, state.service.network_configuration)
    active = placement.active_instances(state.backends, state.service.cluster_name)
    allowed = apply_constraints(state.backends, constraints, active, ())
    return [instance for instance in allowed if instance.agent_connected]
