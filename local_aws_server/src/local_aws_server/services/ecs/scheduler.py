"""Schedule ECS services: keep the desired number of healthy tasks running, from the latest deployment.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.services.ecs import deployment_alarms, deployments, service_events, service_targets, tasks
from local_aws_server.services.ecs.service_events import add_event
from local_aws_server.services.ecs.service_starts import daemon_instances, restore_tasks, start_tasks
from local_aws_server.services.ecs.service_state import ServiceState, all_tasks
from local_aws_server.services.ecs.service_stops import report_stop, stop, stop_tasks
from local_aws_server.services.ecs.service_targets import FAILED


def reconcile_service(backends: Backends, service: Any) -> float | None:
    """Start and stop tasks of a service as far as possible now; return when to look at it again."""
    if service.status == "INACTIVE" or service.task_definition is None or not service.deployments:
        return None
    state = ServiceState(backends, service)
    _assess_tasks(state)
    if service.status == "DRAINING":
        _drain(state)
    else:
        _deploy(state)
    return state.next_time


def is_stable(service: Any) -> bool:
    """Return whether a service is in a steady state, or deleted."""
    if service.status == "INACTIVE" or not service.deployments or service.task_definition is None:
        return True
    is_running = service.running_count == service.desired_count and not service.pending_count
    return bool(is_running and sidecar(service).get("steady"))


def _assess_tasks(state: ServiceState) -> None:
    """Register running tasks as targets and note their condition; report stopped ones."""
    for task in all_tasks(state.backends, state.service):
        if task.last_status == "RUNNING" and tasks.should_run(task):
            if "targets" not in sidecar(task):
                for arn in service_targets.register_task(state.backends, state.service, task):
                    add_event(state.service, f"registered 1 targets in (target-group {arn})")
                SCHEDULER.mark_changed(state.backends, "ecs")
            condition, fails_at = service_targets.assess_task(state.backends, state.service, task)
            state.conditions[task.task_arn] = condition
            if fails_at is not None:
                state.reconcile_at(fails_at)
        elif task.desired_status == "STOPPED" and not sidecar(task).get("stop_reported"):
            report_stop(state, task)


def _drain(state: ServiceState) -> None:
    """Stop the tasks of a deleted service, and make it INACTIVE once they stop."""
    stop(state, [task for task in state.tasks if tasks.should_run(task)])
    if all(task.last_status in ("STOPPING", "STOPPED") for task in state.tasks):
        state.service.status = "INACTIVE"
        state.service.deployments.clear()
        record_event(state.backends, state.service.name, "service deleted", "its tasks have stopped")
        SCHEDULER.mark_changed(state.backends, "ecs")


def _deploy(state: ServiceState) -> None:
    """Start missing tasks of the primary deployment, and stop tasks that are surplus, old or unhealthy."""
    deployments.apply_circuit_breaker(state.backends, state.service)
    if (look_at := deployment_alarms.watch_alarms(state.backends, state.service)) is not None:
        state.reconcile_at(look_at)
    primary = deployments.primary_deployment(state.service)  # the earlier one, if the circuit breaker rolled back
    if state.service.scheduling_strategy == "DAEMON":
        state.service.desired_count = len(daemon_instances(state))
    current, outdated = _split_tasks(state, primary["id"])
    if any(state.is_healthy(task) for task in current):
        deployments.record_healthy_task(state.service)
    blocked: str | None = None
    if primary["rolloutState"] != "FAILED":
        started, blocked = start_tasks(state, current, outdated)
        current += started
    outdated += restore_tasks(state, primary, current, outdated)
    stop_tasks(state, current, outdated, blocked)
    state.notes["unplaced"] = max(state.service.desired_count - len(current), 0) if blocked else 0
    _complete(state, current, outdated)


def _split_tasks(state: ServiceState, primary_id: str) -> tuple[list[Any], list[Any]]:
    """Return the tasks to keep and those to replace.

    A task is replaced if it is of an older deployment, unhealthy, or on an instance that is draining or gone.
    """
    active = {
        instance.container_instance_arn
        for _, instance in state.backends.container_instances
        if instance.status == "ACTIVE" and instance.cluster_name == state.service.cluster_name
    }
    current: list[Any] = []
    outdated: list[Any] = []
    for task in state.tasks:
        if tasks.should_run(task):
            is_placed = task.container_instance_arn is None or task.container_instance_arn in active
            is_failed = state.conditions.get(task.task_arn) == FAILED
            is_current = task.started_by == primary_id and is_placed and not is_failed
            (current if is_current else outdated).append(task)
    return current, outdated


def _complete(state: ServiceState, current: list[Any], outdated: list[Any]) -> None:
    """Complete the deployment and report a steady state once only healthy, current tasks run."""
    with_tasks = {task.started_by for task in state.tasks if task.last_status != "STOPPED"}
    deployments.remove_old_deployments(state.service, with_tasks)
    is_done = len(current) == state.service.desired_count and all(state.is_healthy(task) for task in current)
    if not is_done or outdated or len(state.service.deployments) > 1:
        state.notes["steady"] = False
        return
    if state.notes.get("steady"):
        return
    if (baked := deployment_alarms.bake_end(state.backends, state.service)) > CLOCK.now():
        state.reconcile_at(baked)
    elif deployments.primary_deployment(state.service)["rolloutState"] != "FAILED":
        deployments.complete_deployment(state.backends, state.service)
        add_event(state.service, "has reached a steady state.")
        state.notes["steady"] = True
        service_events.clear_reports(state.service)
        SCHEDULER.mark_changed(state.backends, "ecs")
