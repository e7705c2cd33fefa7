"""A service as one pass of the scheduler sees it: its tasks, their condition, and when to look again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.services.ecs import tasks
from local_aws_server.services.ecs.service_targets import HEALTHY

MAXIMUM_REACHED = "the maximum is reached"
"""Why no more tasks are started, where it is not for lack of a place."""


def task_group(service: Any) -> str:
    """Return the group of a service's tasks."""
    return f"service:{service.name}"


def all_tasks(backends: Backends, service: Any) -> list[Any]:
    """Return the tasks of a service, including those that stopped in the last hour."""
    cluster_tasks = backends.backend("ecs").tasks.get(service.cluster_name, {})
    return [task for task in cluster_tasks.values() if task.group == task_group(service)]


def task_list(listed: Iterable[Any]) -> str:
    """Return tasks in the words of service events."""
    return " ".join(f"(task {tasks.task_id(task)})" for task in listed)


class ServiceState:
    """What one pass over one service knows."""

    def __init__(self, backends: Backends, service: Any) -> None:
        self.backends = backends
        self.service = service
        self.notes = sidecar(service)
        self.next_time: float | None = None
        """When to look at the service again."""
        self.tasks = [task for task in all_tasks(backends, service) if task.last_status != "STOPPED"]
        """The tasks that have not stopped."""
        self.conditions: dict[str, str] = {}
        """ARN of a running task → its condition, of those in `service_targets`."""

    def is_healthy(self, task: Any) -> bool:
        return self.conditions.get(task.task_arn) == HEALTHY

    def reconcile_at(self, time: float) -> None:
        self.next_time = time if self.next_time is None else min(self.next_time, time)
