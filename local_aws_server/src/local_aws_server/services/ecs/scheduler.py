"""The ECS service scheduler: keeps as many tasks running as a service wants, healthy ones, of its latest definition.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.services.ecs import (
    agents,
    deployments,
    placement,
    restart_throttle,
    service_events,
    targets,
    task_condition,
    tasks,
)
from local_aws_server.services.ecs.service_events import say

_AT_MOST = "the maximum is reached"

_TOGETHER = 5.0
"""Agents that report within so many seconds are there before the scheduler acts."""


def keep(world: Backends, service: Any) -> float | None:
    """Bring a service nearer to what it wants, as far as that goes now; gives the moment to look at it again."""
    if service.status == "INACTIVE" or service.task_definition is None or not service.deployments:
        return None
    work = _Work(world, service)
    work.receive()
    if service.status == "DRAINING":
        work.drain()
    else:
        work.deploy()
    return work.again


def group_of(service: Any) -> str:
    """The group that ECS puts the tasks of a service in."""
    return f"service:{service.name}"


def tasks_of(world: Backends, service: Any) -> list[Any]:
    """The tasks of a service that have not stopped."""
    return [task for task in all_of(world, service) if task.last_status != "STOPPED"]


def all_of(world: Backends, service: Any) -> list[Any]:
    """The tasks of a service, those of the last hour that have stopped too."""
    of_cluster = world.backend("ecs").tasks.get(service.cluster_name, {})
    return [task for task in of_cluster.values() if task.group == group_of(service)]


def stable(service: Any) -> bool:
    """Whether all it wants is deployed, runs and is healthy; also one that is deleted."""
    if service.status == "INACTIVE" or not service.deployments or service.task_definition is None:
        return True
    running = service.running_count == service.desired_count and not service.pending_count
    return bool(running and remembered(service).get("steady"))


class _Work:
    """One look at one service: its tasks as they are now, and what is done about them."""

    def __init__(self, world: Backends, service: Any) -> None:
        self.world, self.service = world, service
        self.kept = remembered(service)
        self.again: float | None = None
        self.there = tasks_of(world, service)
        self.states: dict[str, str] = {}
        """Running task → its condition."""

    # --- what the tasks are

    def receive(self) -> None:
        """Running tasks go into their target groups; how healthy each is, is seen."""
        for task in all_of(self.world, self.service):
            if task.last_status == "RUNNING" and tasks.alive(task):
                if "targets" not in remembered(task):
                    for arn in targets.enter(self.world, self.service, task):
                        say(self.service, f"registered 1 targets in (target-group {arn})")
                    TIMELINE.touch(self.world, "ecs")
                self.states[task.task_arn], changes = task_condition.of(self.world, self.service, task)
                if changes is not None:
                    self._look_again(changes)
            elif task.desired_status == "STOPPED" and not remembered(task).get("seen_off"):
                remembered(task)["seen_off"] = True
                self._seen_off(task)

    def _seen_off(self, task: Any) -> None:
        """A task stops, or has stopped: that is told, and counted if it failed."""
        if task.last_status == "DEACTIVATING":
            say(self.service, "has begun draining connections on 1 tasks.")
        for arn in remembered(task).pop("left", ()):
            say(self.service, f"deregistered 1 targets in (target-group {arn})")
        self.kept["steady"] = False
        failed = task.stop_code in ("EssentialContainerExited", "TaskFailedToStart") or remembered(task).get("sick")
        if failed:
            deployments.failed_task(self.service, task)
            restart_throttle.failed(self.world, self.service, task)

    # --- what is done about them

    def drain(self) -> None:
        """A deleted service lets its tasks go, and is gone once they stop."""
        self.stop([task for task in self.there if tasks.alive(task)])
        if all(task.last_status in ("STOPPING", "STOPPED") for task in self.there):
            self.service.status = "INACTIVE"
            self.service.deployments.clear()
            happened(self.world, self.service.name, "service deleted", "its tasks have stopped")
            TIMELINE.touch(self.world, "ecs")

    def deploy(self) -> None:
        deployments.breaks(self.world, self.service)
        latest = deployments.primary(self.service)  # the one before, if the circuit breaker has just gone back to it
        if self.service.scheduling_strategy == "DAEMON":
            self.service.desired_count = len(self._daemon_hosts())
        fresh, leaving = self._sorted(latest["id"])
        if any(self._healthy(task) for task in fresh):
            deployments.proved(self.service)
        blocked: str | None = None
        if latest["rolloutState"] != "FAILED":
            started, blocked = self._start(fresh, leaving)
            fresh += started
        self._let_go(fresh, leaving, blocked)
        self.kept["unplaced"] = max(self.service.desired_count - len(fresh), 0) if blocked else 0
        self._look_for_the_end(fresh, leaving)

    def _sorted(self, latest: str) -> tuple[list[Any], list[Any]]:
        """(tasks to stay, tasks to leave): of an older deployment, on a draining instance, unhealthy, or lost."""
        staying = {
            each.container_instance_arn
            for _, each in self.world.container_instances
            if each.status == "ACTIVE" and each.cluster_name == self.service.cluster_name
        }
        fresh: list[Any] = []
        leaving: list[Any] = []
        for task in self.there:
            if tasks.alive(task):
                placed = task.container_instance_arn is None or task.container_instance_arn in staying
                stays = task.started_by == latest and placed and self.states.get(task.task_arn) != "sick"
                (fresh if stays else leaving).append(task)
        return fresh, leaving

    def _healthy(self, task: Any) -> bool:
        return self.states.get(task.task_arn) == "healthy"

    def _start(self, fresh: list[Any], leaving: list[Any]) -> tuple[list[Any], str | None]:
        """(the tasks that were started, why there are no more of them)."""
        service, blocked = self.service, None
        started: list[Any] = []
        wanted = service.desired_count
        if len(fresh) < wanted and (until := restart_throttle.until(service) or self._more_instances()) is not None:
            self._look_again(until)
            return [], None
        definition = self.world.backend("ecs").describe_task_definition(service.task_definition)
        while len(fresh) + len(started) < wanted:
            if len(fresh) + len(started) + len(leaving) >= deployments.at_most(service, wanted):
                blocked = _AT_MOST
                break
            task, blocked = self._place(definition, [*fresh, *started], leaving)
            if task is None:
                break
            started.append(task)
        if started:
            ids = " ".join(f"(task {tasks.short(task)})" for task in started)
            say(service, f"has started {len(started)} tasks: {ids}.")
            service_events.resolved(service, "not placed")
            self.kept["steady"] = False
        return started, blocked

    def _more_instances(self) -> float | None:
        """When more instances have registered that come up together: tasks are spread over all of them."""
        coming = agents.coming(self.world, self.service.cluster_name)
        together = [moment for moment in coming if moment <= CLOCK.now() + _TOGETHER]
        return max(together, default=None)

    def _place(self, definition: Any, mine: list[Any], leaving: list[Any]) -> tuple[Any | None, str | None]:
        """(a new task, None), or (None, why none of the container instances takes it)."""
        world, service, fields = self.world, self.service, self.kept.get("fields", {})
        cluster, strategy = world.clusters[service.cluster_name], fields.get("capacityProviderStrategy") or ()
        counted = Counter(task.capacity_provider_name for task in mine if task.capacity_provider_name)
        provider = placement.provider_for(strategy, counted)
        shared = {
            "group": group_of(service),
            "started_by": deployments.primary(service)["id"],
            "tags": _tags(service, definition),
            "launch_type": service.launch_type or "EC2",
            "networking_configuration": _network(service),
            "capacity_provider_name": provider,
        }
        if service.launch_type == "FARGATE" or provider in placement.FARGATE:
            return self._placed(cluster, definition, None, {**shared, "launch_type": "FARGATE"})
        needed = placement.required(definition)
        hosts = placement.of_provider(world, provider, placement.active(world, cluster.name))
        if service.scheduling_strategy == "DAEMON":
            taken = {task.container_instance_arn for task in self.there + mine}
            free = [each for each in hosts if each.container_instance_arn not in taken]
        else:
            constraints = [*(fields.get("placementConstraints") or ()), *(definition.placement_constraints or ())]
            free = placement.allowed(constraints, hosts, [*mine, *leaving])
        fitting = [each for each in free if placement.why_not(each, needed) is None]
        if not fitting:
            return None, service_events.refusal(hosts, free, needed)
        rules = fields.get("placementStrategy") or placement.SPREAD
        instance = placement.choose(fitting, rules, mine, service.name)
        return self._placed(cluster, definition, instance, shared)

    def _placed(
        self, cluster: Any, definition: Any, instance: Any | None, settings: dict[str, Any]
    ) -> tuple[Any | None, str | None]:
        """The task in the place that was found, unless its network interface can't be made."""
        from moto.core.exceptions import ServiceException

        try:
            task = tasks.place(self.world, cluster, definition, instance, **settings)
        except ServiceException as error:
            return None, f"of its network: {error.message}"
        self.there.append(task)
        where = placement.zone_of(self.world, task)
        why = f"the service wants {self.service.desired_count} of {str(task.task_definition_arn).split('/')[-1]}"
        happened(self.world, self.service.name, f"task placed in {where}", why)
        return task, None

    def _let_go(self, fresh: list[Any], leaving: list[Any], blocked: str | None) -> None:
        """Stop what is too much: fresh tasks above the desired count, others once they are replaced or in the way."""
        service, wanted = self.service, self.service.desired_count
        surplus = []
        while len(fresh) > wanted:
            waiting = [task for task in fresh if task.last_status in tasks.WAITING]
            hosts = [each for _, each in self.world.container_instances]
            surplus.append(waiting[-1] if waiting else placement.surplus(fresh, hosts))
            fresh.remove(surplus[-1])
        self.stop(surplus)
        healthy = sum(self._healthy(task) for task in [*fresh, *leaving])
        spare = healthy - deployments.at_least(service, wanted)
        replaced = sum(self._healthy(task) for task in fresh) + len(leaving) - wanted
        going = [task for task in self.there if not tasks.alive(task)]
        in_the_way = wanted - len(fresh) - len(going) if blocked and self._would_fit() else 0
        undecided = any(self.states.get(task.task_arn, "initial") == "initial" for task in fresh)
        gone: list[Any] = []
        for task in sorted(leaving, key=self._healthy):
            if self._healthy(task) and spare <= 0:
                break
            if replaced > 0:
                replaced -= 1
            elif in_the_way > 0 and (self._healthy(task) or not (going or gone or undecided)):
                in_the_way -= 1
            else:
                continue
            spare -= self._healthy(task)
            gone.append(task)
        self.stop(gone)
        for task in gone:
            leaving.remove(task)
        if blocked and blocked != _AT_MOST and not gone and not going:
            service_events.not_placed(self.world, service, blocked)

    def _would_fit(self) -> bool:
        """Whether a task fits on some instance at all, so that it helps to stop others."""
        definition = self.world.backend("ecs").describe_task_definition(self.service.task_definition)
        needed = placement.required(definition)
        return any(placement.fits_when_empty(each, needed) for _, each in self.world.container_instances)

    def stop(self, chosen: Iterable[Any]) -> None:
        """Let the scheduler stop some of the tasks."""
        running, latest = [], deployments.primary(self.service)
        for task in chosen:
            reason = f"Scaling activity initiated by {deployments.shown(latest)}"
            if remembered(task).get("sick"):
                groups = [arn for arn, _, _ in remembered(task).get("targets", ())]
                reason = f"Task failed ELB health checks in (target-group {groups[0] if groups else ''})"
            why = self._plainly(task)
            if task.last_status == "RUNNING":
                running.append(task)
            tasks.stop(self.world, task, "ServiceSchedulerInitiated", reason, why=why)
            remembered(task)["seen_off"] = True
            self._seen_off(task)
            where = placement.zone_of(self.world, task)
            happened(self.world, self.service.name, f"task in {where} told to stop", why)
        if running:
            ids = " ".join(f"(task {tasks.short(task)})" for task in running)
            say(self.service, f"has stopped {len(running)} running tasks: {ids}.")

    def _plainly(self, task: Any) -> str:
        """Why a task is told to stop."""
        host = placement.host_of(self.world, task)
        if self.service.status == "DRAINING":
            return "the service was deleted"
        if remembered(task).get("sick"):
            return "its target was unhealthy"
        if task.started_by != deployments.primary(self.service)["id"]:
            return "a newer deployment replaces it"
        return "its instance drains" if host is not None and host.status != "ACTIVE" else "the service wants fewer"

    def _look_for_the_end(self, fresh: list[Any], leaving: list[Any]) -> None:
        """The deployment is complete, and the service steady, once all it wants runs and nothing else does."""
        deployments.forget(self.service, {task.started_by for task in self.there if task.last_status != "STOPPED"})
        done = len(fresh) == self.service.desired_count and all(self._healthy(task) for task in fresh)
        if not done or leaving or len(self.service.deployments) > 1:
            self.kept["steady"] = False
            return
        if self.kept.get("steady"):
            return
        if deployments.primary(self.service)["rolloutState"] != "FAILED":
            deployments.complete(self.world, self.service)
            say(self.service, "has reached a steady state.")
            self.kept["steady"] = True
            service_events.resolved(self.service)
            TIMELINE.touch(self.world, "ecs")

    def _daemon_hosts(self) -> list[Any]:
        constraints = self.kept.get("fields", {}).get("placementConstraints") or ()
        hosts = placement.active(self.world, self.service.cluster_name)
        return [each for each in placement.allowed(constraints, hosts, ()) if each.agent_connected]

    def _look_again(self, moment: float) -> None:
        self.again = moment if self.again is None else min(self.again, moment)


def _network(service: Any) -> dict[str, Any] | None:
    given = service.network_configuration
    if not given:
        return None
    return {"awsvpcConfiguration": {"securityGroups": [], **given["awsvpcConfiguration"]}}


def _tags(service: Any, definition: Any) -> Any:
    """The tags that a task takes over."""
    return {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}.get(service.propagate_tags) or ()
