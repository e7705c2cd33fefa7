"""Schedule ECS services: keep the desired number of healthy tasks running, from the latest deployment.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.services.ecs import (
    container_instances,
    deployment_alarms,
    deployments,
    placement,
    preconditions,
    resources,
    restart_throttle,
    service_events,
    service_targets,
    tasks,
)
from local_aws_server.services.ecs.constraints import apply_constraints, constraints_of
from local_aws_server.services.ecs.service_events import add_event
from local_aws_server.services.ecs.service_targets import FAILED, HEALTHY, INITIAL
from local_aws_server.services.ecs.task_launcher import Launch, Rejection

_MAXIMUM_REACHED = "the maximum is reached"

_REGISTRATION_WINDOW = 5.0
"""Seconds; the scheduler waits for agents that register within this time, and spreads tasks over all of them."""


def reconcile_service(backends: Backends, service: Any) -> float | None:
    """Start and stop tasks of a service as far as possible now; return when to look at it again."""
    if service.status == "INACTIVE" or service.task_definition is None or not service.deployments:
        return None
    reconciliation = _Reconciliation(backends, service)
    reconciliation.assess_tasks()
    if service.status == "DRAINING":
        reconciliation.drain()
    else:
        reconciliation.deploy()
    return reconciliation.next_time


def task_group(service: Any) -> str:
    """Return the group of a service's tasks."""
    return f"service:{service.name}"


def all_tasks(backends: Backends, service: Any) -> list[Any]:
    """Return the tasks of a service, including those that stopped in the last hour."""
    cluster_tasks = backends.backend("ecs").tasks.get(service.cluster_name, {})
    return [task for task in cluster_tasks.values() if task.group == task_group(service)]


def is_stable(service: Any) -> bool:
    """Return whether a service is in a steady state, or deleted."""
    if service.status == "INACTIVE" or not service.deployments or service.task_definition is None:
        return True
    is_running = service.running_count == service.desired_count and not service.pending_count
    return bool(is_running and sidecar(service).get("steady"))


class _Reconciliation:
    """One pass over one service."""

    def __init__(self, backends: Backends, service: Any) -> None:
        self.backends = backends
        self.service = service
        self.notes = sidecar(service)
        self.next_time: float | None = None
        self.tasks = [task for task in all_tasks(backends, service) if task.last_status != "STOPPED"]
        """The tasks that have not stopped."""
        self.conditions: dict[str, str] = {}
        """ARN of a running task → its condition, of those in `service_targets`."""

    # --- the state of the tasks

    def assess_tasks(self) -> None:
        """Register running tasks as targets and note their condition; report stopped ones."""
        for task in all_tasks(self.backends, self.service):
            if task.last_status == "RUNNING" and tasks.should_run(task):
                if "targets" not in sidecar(task):
                    for arn in service_targets.register_task(self.backends, self.service, task):
                        add_event(self.service, f"registered 1 targets in (target-group {arn})")
                    SCHEDULER.mark_changed(self.backends, "ecs")
                condition, fails_at = service_targets.assess_task(self.backends, self.service, task)
                self.conditions[task.task_arn] = condition
                if fails_at is not None:
                    self._reconcile_at(fails_at)
            elif task.desired_status == "STOPPED" and not sidecar(task).get("stop_reported"):
                self._report_stop(task)

    def _report_stop(self, task: Any) -> None:
        """Write the events of a task that stops or has stopped, and count it if it failed."""
        sidecar(task)["stop_reported"] = True
        if task.last_status == "DEACTIVATING":
            add_event(self.service, "has begun draining connections on 1 tasks.")
        for arn in sidecar(task).pop("left", ()):
            add_event(self.service, f"deregistered 1 targets in (target-group {arn})")
        self.notes["steady"] = False
        failed_to_run = task.stop_code in ("EssentialContainerExited", "TaskFailedToStart")
        notes = sidecar(task)
        if failed_to_run or notes.get("failed_checks") or notes.get("failed_containers"):
            deployments.count_failed_task(self.service, task)
            restart_throttle.record_failure(self.backends, self.service, task)

    # --- the work

    def drain(self) -> None:
        """Stop the tasks of a deleted service, and make it INACTIVE once they stop."""
        self._stop([task for task in self.tasks if tasks.should_run(task)])
        if all(task.last_status in ("STOPPING", "STOPPED") for task in self.tasks):
            self.service.status = "INACTIVE"
            self.service.deployments.clear()
            record_event(self.backends, self.service.name, "service deleted", "its tasks have stopped")
            SCHEDULER.mark_changed(self.backends, "ecs")

    def deploy(self) -> None:
        """Start missing tasks of the primary deployment, and stop tasks that are surplus, old or unhealthy."""
        deployments.apply_circuit_breaker(self.backends, self.service)
        if (look_at := deployment_alarms.watch_alarms(self.backends, self.service)) is not None:
            self._reconcile_at(look_at)
        primary = deployments.primary_deployment(self.service)  # the earlier one, if the circuit breaker rolled back
        if self.service.scheduling_strategy == "DAEMON":
            self.service.desired_count = len(self._daemon_instances())
        current, outdated = self._split_tasks(primary["id"])
        if any(self._is_healthy(task) for task in current):
            deployments.record_healthy_task(self.service)
        blocked: str | None = None
        if primary["rolloutState"] != "FAILED":
            started, blocked = self._start_tasks(current, outdated)
            current += started
        outdated += self._restore_tasks(primary, current, outdated)
        self._stop_tasks(current, outdated, blocked)
        self.notes["unplaced"] = max(self.service.desired_count - len(current), 0) if blocked else 0
        self._complete(current, outdated)

    def _split_tasks(self, primary_id: str) -> tuple[list[Any], list[Any]]:
        """Return the tasks to keep and those to replace.

        A task is replaced if it is of an older deployment, unhealthy, or on an instance that is draining or gone.
        """
        active = {
            instance.container_instance_arn
            for _, instance in self.backends.container_instances
            if instance.status == "ACTIVE" and instance.cluster_name == self.service.cluster_name
        }
        current: list[Any] = []
        outdated: list[Any] = []
        for task in self.tasks:
            if tasks.should_run(task):
                is_placed = task.container_instance_arn is None or task.container_instance_arn in active
                is_failed = self.conditions.get(task.task_arn) == FAILED
                is_current = task.started_by == primary_id and is_placed and not is_failed
                (current if is_current else outdated).append(task)
        return current, outdated

    def _is_healthy(self, task: Any) -> bool:
        return self.conditions.get(task.task_arn) == HEALTHY

    # --- start

    def _start_tasks(self, current: list[Any], outdated: list[Any]) -> tuple[list[Any], str | None]:
        """Start missing tasks; return them, and why no more could be started (None if none is missing)."""
        service, blocked = self.service, None
        started: list[Any] = []
        desired = service.desired_count
        if len(current) < desired:
            paused_until = restart_throttle.paused_until(service) or self._registrations_end()
            if paused_until is not None:
                self._reconcile_at(paused_until)
                return [], None
        definition = self.backends.backend("ecs").describe_task_definition(service.task_definition)
        error = preconditions.find_role_obstacle(self.backends, definition, {}) if len(current) < desired else ""
        if error:
            service_events.report_launch_failure(self.backends, service, error)
            return [], None
        while len(current) + len(started) < desired:
            if len(current) + len(started) + len(outdated) >= deployments.max_tasks(service, desired):
                blocked = _MAXIMUM_REACHED
                break
            task, blocked = self._place_task(definition, [*current, *started], outdated)
            if task is None:
                break
            started.append(task)
        if started:
            add_event(service, f"has started {len(started)} tasks: {_task_list(started)}.")
            service_events.clear_reports(service, "not placed")
            self.notes["steady"] = False
        return started, blocked

    def _restore_tasks(self, primary: Mapping[str, Any], current: list[Any], outdated: list[Any]) -> list[Any]:
        """Replace lost tasks of the revision that ran before, while those of the latest deployment fail; return them.

        https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-ecs-service-availability-rolling-deployments/
        """
        completed = self.notes.get("completed")
        earlier = next((each for each in self.service.deployments if each["taskDefinition"] == completed), primary)
        if earlier is primary or not (primary["failedTasks"] or primary["rolloutState"] == "FAILED"):
            return []
        definition = self.backends.backend("ecs").describe_task_definition(completed)
        serving = [task for task in current if self._is_healthy(task)]
        kept = [task for task in outdated if self.conditions.get(task.task_arn) != FAILED]
        restored: list[Any] = []
        for lost in self._lost_tasks(earlier["id"]):
            if len(serving) + len(kept) + len(restored) >= self.service.desired_count:
                break
            task, _ = self._launch(earlier["id"], definition, [*kept, *restored], current)
            if task is not None:
                sidecar(lost)["restored"] = True
                restored.append(task)
        if restored:
            add_event(self.service, f"has started {len(restored)} tasks: {_task_list(restored)}.")
        return restored

    def _lost_tasks(self, deployment: str) -> list[Any]:
        """Return the tasks of a deployment that stopped by themselves, by a user or with their instance."""
        return [
            task
            for task in all_tasks(self.backends, self.service)
            if task.started_by == deployment
            and not tasks.should_run(task)
            and not sidecar(task).get("restored")
            and (task.stop_code != "ServiceSchedulerInitiated" or sidecar(task).get("failed_checks"))
        ]

    def _registrations_end(self) -> float | None:
        """Return when the last of the instances has registered that register in the next seconds."""
        pending = container_instances.pending_registrations(self.backends, self.service.cluster_name)
        return max((time for time in pending if time <= CLOCK.now() + _REGISTRATION_WINDOW), default=None)

    def _place_task(self, definition: Any, current: list[Any], outdated: list[Any]) -> tuple[Any | None, str | None]:
        """Start a task of the primary deployment; return it and None, or None and why no instance takes it."""
        return self._launch(deployments.primary_deployment(self.service)["id"], definition, current, outdated)

    def _launch(
        self, deployment: str, definition: Any, current: list[Any], outdated: list[Any]
    ) -> tuple[Any | None, str | None]:
        """Start a task of a deployment, unless no instance takes it or its network interface can't be created."""
        from moto.core.exceptions import ServiceException

        service, fields = self.service, self.notes.get("fields", {})
        tags = {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}.get(service.propagate_tags) or ()
        launch = Launch(
            backends=self.backends,
            cluster=self.backends.ecs_clusters[service.cluster_name],
            definition=definition,
            group=task_group(service),
            launch_type=service.launch_type or "",
            strategy=fields.get("capacityProviderStrategy") or (),
            constraints=fields.get("placementConstraints") or (),
            rules=fields.get("placementStrategy") or (),
            network=service.network_configuration or None,
            settings={"started_by": deployment, "tags": tags},
        )
        taken = {task.container_instance_arn for task in self.tasks + current}
        is_daemon = service.scheduling_strategy == "DAEMON"
        try:
            task = launch.start(current, [*current, *outdated], without=frozenset(taken if is_daemon else ()))
        except ServiceException as error:
            return None, f"of its network: {error.message}"
        if isinstance(task, Rejection):
            return None, service_events.placement_failure_reason(task.instances, task.reasons)
        self.tasks.append(task)
        zone = placement.zone_of_task(self.backends, task)
        revision = str(task.task_definition_arn).split("/")[-1]
        reason = f"the service wants {service.desired_count} of {revision}"
        record_event(self.backends, service.name, f"task placed in {zone}", reason)
        return task, None

    def _daemon_instances(self) -> list[Any]:
        """Return the container instances on which a daemon runs a task."""
        definition = self.backends.backend("ecs").describe_task_definition(self.service.task_definition)
        of_service = self.notes.get("fields", {}).get("placementConstraints")
        constraints = constraints_of(self.backends, definition, of_service, self.service.network_configuration)
        active = placement.active_instances(self.backends, self.service.cluster_name)
        allowed = apply_constraints(self.backends, constraints, active, ())
        return [instance for instance in allowed if instance.agent_connected]

    # --- stop

    def _stop_tasks(self, current: list[Any], outdated: list[Any], blocked: str | None) -> None:
        """Stop current tasks above the desired count, and outdated ones that are replaced or block a new task."""
        service, desired = self.service, self.service.desired_count
        surplus = []
        while len(current) > desired:
            starting = [task for task in current if task.last_status in tasks.STARTING]
            instances = [instance for _, instance in self.backends.container_instances]
            surplus.append(starting[-1] if starting else placement.choose_task_to_stop(current, instances))
            current.remove(surplus[-1])
        self._stop(surplus)
        stopping = [task for task in self.tasks if not tasks.should_run(task)]
        stopped = self._stoppable(current, outdated, stopping, blocked)
        self._stop(stopped)
        for task in stopped:
            outdated.remove(task)
        if blocked and blocked != _MAXIMUM_REACHED and not stopped and not stopping:
            service_events.report_placement_failure(self.backends, service, blocked)

    def _stoppable(
        self, current: list[Any], outdated: list[Any], stopping: list[Any], blocked: str | None
    ) -> list[Any]:
        """Return the outdated tasks that can stop now without too few tasks being healthy."""
        service, desired = self.service, self.service.desired_count
        healthy = sum(self._is_healthy(task) for task in [*current, *outdated])
        spare = healthy - deployments.min_healthy_tasks(service, desired)
        replaced = sum(self._is_healthy(task) for task in current) + len(outdated) - desired
        blocking = desired - len(current) - len(stopping) if blocked and self._fits_some_instance() else 0
        undecided = any(self.conditions.get(task.task_arn, INITIAL) == INITIAL for task in current)
        stoppable: list[Any] = []
        for task in sorted(outdated, key=self._is_healthy):
            if self._is_healthy(task) and spare <= 0:
                break
            if replaced > 0:
                replaced -= 1
            elif blocking > 0 and (self._is_healthy(task) or not (stopping or stoppable or undecided)):
                blocking -= 1
            else:
                continue
            spare -= self._is_healthy(task)
            stoppable.append(task)
        return stoppable

    def _fits_some_instance(self) -> bool:
        """Return whether a task fits on an empty instance, so that it helps to stop others."""
        definition = self.backends.backend("ecs").describe_task_definition(self.service.task_definition)
        needed = resources.required_resources(definition)
        return any(resources.fits_when_empty(instance, needed) for _, instance in self.backends.container_instances)

    def _stop(self, surplus: Iterable[Any]) -> None:
        """Stop tasks, with AWS's reasons and events."""
        running, primary = [], deployments.primary_deployment(self.service)
        for task in surplus:
            reason = f"Scaling activity initiated by {deployments.deployment_label(primary)}"
            if sidecar(task).get("failed_checks"):
                groups = [arn for arn, _, _ in sidecar(task).get("targets", ())]
                reason = f"Task failed ELB health checks in (target-group {groups[0] if groups else ''})"
            elif sidecar(task).get("failed_containers"):
                reason = "Task failed container health checks"
            cause = self._stop_cause(task)
            if task.last_status == "RUNNING":
                running.append(task)
            tasks.stop_task(self.backends, task, "ServiceSchedulerInitiated", reason, cause=cause)
            self._report_stop(task)
            zone = placement.zone_of_task(self.backends, task)
            record_event(self.backends, self.service.name, f"task in {zone} stopping", cause)
        if running:
            add_event(self.service, f"has stopped {len(running)} running tasks: {_task_list(running)}.")

    def _stop_cause(self, task: Any) -> str:
        """Return why a task is stopped, for the event log."""
        instance = placement.instance_of_task(self.backends, task)
        if self.service.status == "DRAINING":
            return "the service was deleted"
        if sidecar(task).get("failed_checks"):
            return "its target was unhealthy"
        if sidecar(task).get("failed_containers"):
            return "a container was unhealthy"
        if task.started_by != deployments.primary_deployment(self.service)["id"]:
            return "a newer deployment replaces it"
        is_draining = instance is not None and instance.status != "ACTIVE"
        return "its instance drains" if is_draining else "the service wants fewer"

    # --- end

    def _complete(self, current: list[Any], outdated: list[Any]) -> None:
        """Complete the deployment and report a steady state once only healthy, current tasks run."""
        with_tasks = {task.started_by for task in self.tasks if task.last_status != "STOPPED"}
        deployments.remove_old_deployments(self.service, with_tasks)
        is_done = len(current) == self.service.desired_count and all(self._is_healthy(task) for task in current)
        if not is_done or outdated or len(self.service.deployments) > 1:
            self.notes["steady"] = False
            return
        if self.notes.get("steady"):
            return
        if (baked := deployment_alarms.bake_end(self.backends, self.service)) > CLOCK.now():
            self._reconcile_at(baked)
        elif deployments.primary_deployment(self.service)["rolloutState"] != "FAILED":
            deployments.complete_deployment(self.backends, self.service)
            add_event(self.service, "has reached a steady state.")
            self.notes["steady"] = True
            service_events.clear_reports(self.service)
            SCHEDULER.mark_changed(self.backends, "ecs")

    def _reconcile_at(self, time: float) -> None:
        self.next_time = time if self.next_time is None else min(self.next_time, time)


def _task_list(listed: Iterable[Any]) -> str:
    return " ".join(f"(task {tasks.task_id(task)})" for task in listed)
