"""Distribute the current traffic of load balancers to containers, and let the containers serve it.

A trace does not say how requests arrive. They are assumed to come from the internet to the listener with the lowest
port, for the load balancer's own DNS name. Those that routes, security groups or network ACLs stop do not arrive.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.services.cloudwatch.utilization import (
    IDLE_UTILIZATION,
    UNITS_PER_VCPU,
    ContainerLoad,
    RequestRate,
    ResponseShare,
    cpu_demand,
    serve,
)
from local_aws_server.services.ecs.containers import as_it_runs
from local_aws_server.services.ecs.tasks import task_definition_of
from local_aws_server.services.elbv2 import targets, traffic
from local_aws_server.services.elbv2.client_path import ClientPaths
from local_aws_server.services.elbv2.health_probe import TargetKey
from local_aws_server.services.elbv2.routing import Request, route

_SERVING = ("RUNNING", "DEACTIVATING")

_DEFAULT_MEMORY = 512
"""MiB of a container whose definition has no memory."""


@dataclass
class RunningContainer:
    """A running container and the requests that it gets."""

    definition: Mapping[str, Any]
    task: Any
    service: str | None
    cluster: str
    instance: Any | None
    targets: frozenset[TargetKey]
    reserved: float
    """CPU units: those that it reserves, or else its share of its instance's unreserved ones."""
    memory: float
    """MiB."""
    requests: list[RequestRate] = field(default_factory=list)
    utilization: float = 0.0
    load: ContainerLoad | None = None


@dataclass
class Flow:
    """Requests for one path that take the same way through a load balancer."""

    path: str
    rate: float
    group: Any | None = None
    container: RunningContainer | None = None
    status: int = 0
    """The load balancer's own response, if no container responds."""
    rules: int = 0
    """The number of listener rules that were evaluated."""

    def responses(self) -> tuple[ResponseShare, ...]:
        """Return the responses of the target."""
        load = self.container.load if self.container else None
        return load.responses[self.path] if load else ()


# --- containers


def running_containers(
    backends: Backends, instances: Mapping[str, Any], cpu_units: Mapping[str, float]
) -> Iterator[RunningContainer]:
    """Yield the running containers; `instances` and `cpu_units` are of the running EC2 instances, by id."""
    instance_ids: dict[str | None, str] = {
        container_instance.container_instance_arn: container_instance.ec2_instance_id
        for _, container_instance in backends.container_instances
    }
    running = [
        (task, task_definition_of(backends, task)) for task in backends.ecs_tasks if task.last_status in _SERVING
    ]
    reserved = {id(definition): _reserved_cpu(definition) for _, definition in running}
    unreserved, sharing = dict(cpu_units), Counter[str]()
    for task, definition in running:
        instance_id = instance_ids.get(task.container_instance_arn, "")
        if instance_id in unreserved:
            unreserved[instance_id] -= reserved[id(definition)]
            sharing[instance_id] += not reserved[id(definition)]
    for task, definition in running:
        instance_id = instance_ids.get(task.container_instance_arn, "")
        share = UNITS_PER_VCPU / 4
        if instance_id in unreserved:
            share = max(1.0, unreserved[instance_id]) / max(1, sharing[instance_id])
        cpu = reserved[id(definition)] or share
        for container in definition.container_definitions:
            memory = container.get("memory") or container.get("memoryReservation") or definition.memory
            yield RunningContainer(
                as_it_runs(backends, container),
                task,
                _service_of(task),
                task.cluster_name,
                instances.get(instance_id),
                frozenset(_targets_of(task, container, instance_id)),
                float(container.get("cpu") or 0) or cpu / len(definition.container_definitions),
                float(memory or _DEFAULT_MEMORY),
            )


def _reserved_cpu(definition: Any) -> float:
    """Return the CPU units that a task reserves."""
    total = sum(float(container.get("cpu") or 0) for container in definition.container_definitions)
    return float(definition.cpu or 0) or total


def _service_of(task: Any) -> str | None:
    """Return the name of a task's service, from its group `service:name`."""
    group = str(task.group or "")
    return group.removeprefix("service:") if group.startswith("service:") else None


def _targets_of(task: Any, container: Mapping[str, Any], instance_id: str) -> Iterator[TargetKey]:
    """Yield the targets at which a container listens: on its instance, or at the address of its task."""
    for attachment in task.attachments:
        for detail in attachment["details"]:
            if detail["name"] == "privateIPv4Address":
                for mapping in container.get("portMappings", ()):
                    yield detail["value"], int(mapping["containerPort"])
    for running in task.containers:
        if instance_id and running.name == container.get("name"):
            for binding in getattr(running, "network_bindings", ()):
                yield instance_id, int(binding["hostPort"])


# --- requests


def distribute(
    backends: Backends,
    load_balancer: Any,
    containers: Iterable[RunningContainer],
    instances: Mapping[str, Any],
    now: float,
) -> list[Flow]:
    """Return the flows of a load balancer's current traffic, and add the requests to the containers."""
    trace = traffic.current_trace(load_balancer)
    if trace is None:
        return []
    container_at = {target: container for container in containers for target in container.targets}
    listeners = sorted(load_balancer.listeners.values(), key=lambda listener: int(listener.port or 0))
    flows: list[Flow] = []
    ways = ClientPaths(backends, load_balancer)
    arriving = ways.arriving(int(listeners[0].port or 0)) if listeners else 0.0
    for path, sent in trace.rates(now).items() if arriving else ():
        rate = sent * arriving
        shares, rules = route(listeners[0], Request(path, load_balancer.dns_name))
        for share in shares:
            at_target = share.path or path
            group = backends.backend("elbv2").target_groups.get(share.target_group)
            if group is None:
                flows.append(Flow(path, rate * share.fraction, status=share.status or 503, rules=rules))
                continue
            chosen = _choose_targets(group)
            if not chosen:
                flows.append(Flow(path, rate * share.fraction, group, status=503, rules=rules))
            for target in chosen:
                its_rate = rate * share.fraction / len(chosen)
                reaching = ways.reaching(target) if _is_running(instances, target) else 0.0
                if reaching < 1:
                    flows.append(Flow(path, its_rate * (1 - reaching), group, status=504, rules=rules))
                if not reaching:
                    continue
                flow = Flow(at_target, its_rate * reaching, group, container_at.get(target), rules=rules)
                if flow.container is None:
                    flow.status = 502
                else:
                    flow.container.requests.append(RequestRate(at_target, flow.rate))
                flows.append(flow)
    return flows


def _choose_targets(group: Any) -> list[TargetKey]:
    """Return the targets that get requests: the healthy ones, or all if none is healthy."""
    registered = sorted(group.targets)
    healthy = [target for target in registered if targets.target_health(group, *target).state == "healthy"]
    return healthy or registered


def _is_running(instances: Mapping[str, Any], target: TargetKey) -> bool:
    """Return whether a target's instance runs and has not failed; a target by address always does."""
    if not target[0].startswith("i-"):
        return True
    return target[0] in instances and not sidecar(instances[target[0]]).get("failed")


def serve_requests(containers: Iterable[RunningContainer], cpu_units: Mapping[str, float]) -> None:
    """Let every container serve its requests; containers on EC2 share the CPU of their instance."""
    demand: defaultdict[str, float] = defaultdict(float)
    for container in containers:
        if container.instance:
            demand[container.instance.id] += cpu_demand(container.definition, container.requests)
    for container in containers:
        if container.instance:
            utilization = demand[container.instance.id] / cpu_units[container.instance.id]
        else:
            utilization = cpu_demand(container.definition, container.requests) / container.reserved
        container.utilization = IDLE_UTILIZATION + utilization
        container.load = serve(
            container.definition, container.requests, container.utilization, container.reserved, container.memory
        )
