"""Start and stop tasks without an ECS service, and their targets: a task stops once its targets have drained."""

from __future__ import annotations

from collections.abc import Iterable

from esaws.cloud import Cloud
from esaws.operations.services import LoneTask, ServiceState, service_state
from esaws.operations.watching import wait_for
from esaws.resources.task import Task, start_task, wait_until_running

_DRAIN_MINUTES = 60.0


def start_lone_task(cloud: Cloud, state: ServiceState, definition: str) -> LoneTask:
    """Run one more task, register it with the target groups of the others, and return it once it runs.

    Raises:
        EsawsError: no instance takes it, or it stopped.
    """
    arn = start_task(cloud, state.cluster, definition, state.name)
    wait_until_running(cloud, state.cluster, arn, state.name)
    (started,) = (task for task in service_state(cloud, state.name).tasks if task.live.id == arn)
    register(cloud, state, started)
    return started


def register(cloud: Cloud, state: ServiceState, task: LoneTask) -> None:
    """Register a task with each target group of its name; a group takes the ports that it has already, or all."""
    for group in state.target_groups:
        known = {target["Target"].get("Port") for target in state.targets if target["group"] == group}
        ports = [port for port in sorted(task.ports) if port in known] or sorted(task.ports)
        targets = [{"Id": task.instance, "Port": port} for port in ports]
        if targets:
            cloud.client("elbv2").register_targets(TargetGroupArn=group, Targets=targets)


def unregistered(state: ServiceState) -> list[LoneTask]:
    """The tasks that are no target of a target group that other tasks of their name are targets of."""
    ends = {(target["group"], target["Target"]["Id"]) for target in state.targets if not _drains(target)}
    return [task for task in state.tasks if any((group, task.instance) not in ends for group in state.target_groups)]


def stop_lone_tasks(cloud: Cloud, state: ServiceState, tasks: Iterable[LoneTask]) -> None:
    """Deregister tasks, wait until their connections have drained, and stop them.

    Raises:
        EsawsError: they have not drained after an hour.
    """
    elbv2, tasks = cloud.client("elbv2"), list(tasks)
    leaving = [(task.instance, port) for task in tasks for port in task.ports]
    for group in state.target_groups:
        own = [target["Target"] for target in state.targets if target["group"] == group]
        targets = [target for target in own if (target["Id"], target.get("Port")) in leaving]
        if targets:
            elbv2.deregister_targets(TargetGroupArn=group, Targets=targets)

    def have_drained() -> bool:
        now = service_state(cloud, state.name).targets
        ends = {(target["Target"]["Id"], target["Target"].get("Port")) for target in now if _drains(target)}
        return ends.isdisjoint(leaving)

    wait_for(cloud, f"the targets of {state.name} have drained", have_drained, minutes=_DRAIN_MINUTES)
    for task in tasks:
        Task.delete(cloud, task.live)


def task_health(state: ServiceState, task: LoneTask) -> tuple[bool, str]:
    """Whether a task serves: it runs, and its targets are healthy; and what its unhealthy targets say."""
    own = [target for target in state.targets if target["Target"]["Id"] == task.instance and not _drains(target)]
    unhealthy = [why for name, why in state.unhealthy_targets().items() if name.partition(":")[0] == task.instance]
    is_healthy = all(target["TargetHealth"]["State"] in ("healthy", "unavailable") for target in own)
    has_targets = bool(own) or not state.has_targets
    return task.runs and is_healthy and has_targets, "; ".join(unhealthy)


def _drains(target: dict[str, dict[str, str]]) -> bool:
    return target["TargetHealth"]["State"] == "draining"
