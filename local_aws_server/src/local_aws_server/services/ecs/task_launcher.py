"""Start a task where it fits: on an instance that its constraints and resources allow, or on Fargate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.services.ecs import placement, tasks
from local_aws_server.services.ecs.constraints import constraints_of, rejection_reason
from local_aws_server.services.ecs.resources import required_resources


@dataclass(frozen=True)
class Rejection:
    """Why a task can't be placed."""

    instances: Sequence[Any]
    """The active container instances of the cluster, or of the capacity provider."""
    reasons: Mapping[str, str | None]
    """ARN of each instance that was considered → ECS's reason."""
    provider: str | None


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What is launched, and how. The members are those of requests, in boto3's shape."""

    backends: Backends
    cluster: Any
    definition: Any
    group: str
    launch_type: str = ""
    strategy: Sequence[Mapping[str, Any]] = ()
    constraints: Sequence[Mapping[str, str]] = ()
    rules: placement.Strategy = ()
    network: Mapping[str, Any] | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Other settings of moto's `Task`."""

    def start(
        self,
        alike: Sequence[Any],
        placed: Sequence[Any],
        *,
        without: frozenset[str] = frozenset(),
        may_wait: bool = False,
    ) -> Any | Rejection:
        """Start one task; return it, or why no instance takes it.

        `alike` are the tasks that count for the capacity provider strategy and the placement strategy, `placed` those
        that count for distinct instances, `without` the ARNs of instances that are not considered. With `may_wait`,
        the task waits for a capacity provider that scales by itself.
        """
        counts = Counter(task.capacity_provider_name for task in alike if task.capacity_provider_name)
        provider = placement.next_capacity_provider(self.strategy, counts)
        settings = {
            **self.settings,
            "group": self.group,
            "overrides": dict(self.overrides),
            "capacity_provider_name": provider,
            "launch_type": self.launch_type or "EC2",
        }
        if self.launch_type == "FARGATE" or provider in placement.FARGATE:
            return self._start(None, {**settings, "launch_type": "FARGATE"})
        active = placement.active_instances(self.backends, self.cluster.name)
        instances = placement.instances_of_provider(self.backends, provider, active)
        considered = [each for each in instances if each.container_instance_arn not in without]
        constraints = constraints_of(self.backends, self.definition, self.constraints, self.network)
        needed = required_resources(self.definition, self.overrides)
        reasons = {
            each.container_instance_arn: rejection_reason(self.backends, constraints, each, placed, needed)
            for each in considered
        }
        rules = self.rules or placement.DEFAULT_STRATEGY
        if fitting := [each for each in considered if reasons[each.container_instance_arn] is None]:
            return self._start(placement.choose_instance(fitting, rules, alike, self.group), settings)
        if may_wait and placement.scales_by_itself(self.backends, provider):
            waiting = {"constraints": constraints, "rules": rules, "network": self.network}
            return tasks.provision_task(self.backends, self.cluster, self.definition, waiting, **settings)
        return Rejection(instances, reasons, provider)

    def _start(self, instance: Any | None, settings: dict[str, Any]) -> Any:
        return tasks.start_task(
            self.backends, self.cluster, self.definition, instance, network=self.network, **settings
        )
