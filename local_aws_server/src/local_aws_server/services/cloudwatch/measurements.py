"""What load balancers, tasks, instances and stores measure at this moment, with the traffic that there is.

Of what a trace does not say, this is assumed: ten requests share a connection, which stays open for a minute; a request
and its answer have 5,000 bytes together; they come to the listener with the lowest port, for the load balancer's own
name. Instances measure every minute, as with detailed monitoring. Databases, caches and brokers do no work.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_utilization.html
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.services.cloudwatch import metrics
from local_aws_server.services.cloudwatch.metrics import BALANCING, Measured, Metric
from local_aws_server.services.cloudwatch.utilization import IDLE, UNITS_A_VCPU, Asked, Part, Working, demand, work
from local_aws_server.services.ecs.tasks import definition_of
from local_aws_server.services.elbv2 import targets, traffic
from local_aws_server.services.elbv2.routing import Request, route

_AT_WORK = ("RUNNING", "DEACTIVATING")

_EACH_MINUTE = 1 / 60
_BYTES_A_REQUEST = 5000.0
_REQUESTS_A_CONNECTION = 10.0
_SECONDS_OF_A_CONNECTION = 60.0
_FREE_RULES = 10
"""Rules that are looked at without being counted: https://aws.amazon.com/elasticloadbalancing/pricing/"""

_IDLE_STORE = 2.0
_FREE_PART_OF_STORAGE = 0.9
_GIBIBYTE = 2.0**30

Target = tuple[str, int]
"""(id, port)."""


def measure(world: Backends) -> float | None:
    """Write down what is measured from now on; gives the moment at which the traffic changes next."""
    now = CLOCK.now()
    if _nothing(world):
        return None
    measured: Measured = {}
    balancers = [each for each in world.backend("elbv2").load_balancers.values() if each.type == "application"]
    running = {instance.id: instance for instance in world.instances if instance.state == "running"}
    units = {name: float(world.size(each.instance_type)[0] * UNITS_A_VCPU) for name, each in running.items()}
    containers = list(_containers(world, running, units))
    asked = [_ask(world, balancer, containers, running, now) for balancer in balancers]
    _work(containers, units)
    for balancer, flows in zip(balancers, asked, strict=True):
        _of_balancer(world, balancer, flows, measured)
    _of_services(containers, measured)
    _of_clusters(world, containers, running, units, measured)
    _of_instances(world, containers, running, units, measured)
    _of_stores(world, measured)
    if metrics.record(world, measured, now):
        TIMELINE.touch(world, "cloudwatch")
    traces = [trace for balancer in balancers if (trace := traffic.current(balancer))]
    return min((moment for trace in traces if (moment := trace.changes(now)) is not None), default=None)


def _nothing(world: Backends) -> bool:
    """Whether there is nothing that measures anything, nor ever was."""
    backends = ("elbv2", "load_balancers"), ("ecs", "tasks"), ("ec2", "reservations")
    here = any(getattr(world.backend(service), kind) for service, kind in backends if _loaded(service))
    return not here and not _stores(world) and not (_loaded("cloudwatch") and metrics.series(world))


def _loaded(service: str) -> bool:
    """Whether anybody has asked for this service yet: moto loads it then, and that takes a while."""
    return f"moto.{service}.models" in sys.modules


# --- containers


@dataclass
class _Container:
    """A running container, and what is asked of it."""

    definition: Mapping[str, Any]
    task: Any
    service: str | None
    cluster: str
    instance: Any | None
    serves: frozenset[Target]
    reserved: float
    """In CPU units: what it reserves, else its share of what is left of its instance."""
    memory: float
    asked: list[Asked] = field(default_factory=list)
    busy: float = 0.0
    working: Working | None = None


def _containers(world: Backends, instances: Mapping[str, Any], units: Mapping[str, float]) -> Iterator[_Container]:
    hosts: dict[str | None, str] = {
        found.container_instance_arn: found.ec2_instance_id for _, found in world.container_instances
    }
    running = [(task, definition_of(world, task)) for task in world.tasks if task.last_status in _AT_WORK]
    reserved = {id(definition): _task_cpu(definition) for _, definition in running}
    left, sharing = dict(units), Counter[str]()
    for task, definition in running:
        host = hosts.get(task.container_instance_arn, "")
        if host in left:
            left[host] -= reserved[id(definition)]
            sharing[host] += not reserved[id(definition)]
    for task, definition in running:
        host = hosts.get(task.container_instance_arn, "")
        shared = max(1.0, left[host]) / max(1, sharing[host]) if host in left else UNITS_A_VCPU / 4
        cpu = reserved[id(definition)] or shared
        for container in definition.container_definitions:
            yield _Container(
                container,
                task,
                _service_of(task),
                task.cluster_name,
                instances.get(host),
                frozenset(_served(task, container, host)),
                float(container.get("cpu") or 0) or cpu / len(definition.container_definitions),
                float(container.get("memory") or container.get("memoryReservation") or definition.memory or 512),
            )


def _task_cpu(definition: Any) -> float:
    whole = sum(float(container.get("cpu") or 0) for container in definition.container_definitions)
    return float(definition.cpu or 0) or whole


def _service_of(task: Any) -> str | None:
    """The ECS service that runs a task: its group is `service:name`."""
    group = str(task.group or "")
    return group.removeprefix("service:") if group.startswith("service:") else None


def _served(task: Any, container: Mapping[str, Any], host: str) -> Iterator[Target]:
    """The targets that a container is: on its instance, or at an address of its task."""
    for attachment in task.attachments:
        for detail in attachment["details"]:
            if detail["name"] == "privateIPv4Address":
                yield from ((detail["value"], int(each["containerPort"])) for each in container.get("portMappings", ()))
    for each in task.containers:
        if host and each.name == container.get("name"):
            yield from ((host, int(binding["hostPort"])) for binding in getattr(each, "network_bindings", ()))


# --- requests on their way


@dataclass
class _Flow:
    """Requests for one path that go one way."""

    path: str
    rate: float
    group: Any | None = None
    container: _Container | None = None
    status: int = 0
    """What the load balancer itself answers."""
    rules: int = 0

    def answers(self) -> tuple[Part, ...]:
        """How the target answers these requests."""
        working = self.container.working if self.container else None
        return working.answers[self.path] if working else ()


def _ask(
    world: Backends, balancer: Any, containers: Iterable[_Container], running: Mapping[str, Any], now: float
) -> list[_Flow]:
    """The requests that a load balancer gets now, given to those who have to answer them."""
    trace = traffic.current(balancer)
    if trace is None:
        return []
    at = {target: each for each in containers for target in each.serves}
    listeners = sorted(balancer.listeners.values(), key=lambda each: int(each.port or 0))
    flows: list[_Flow] = []
    for path, rate in trace.rates(now).items() if listeners else ():
        shares, looked_at = route(listeners[0], Request(path, balancer.dns_name))
        for share in shares:
            group = world.backend("elbv2").target_groups.get(share.target_group)
            if group is None:
                flows.append(_Flow(path, rate * share.part, status=share.status or 503, rules=looked_at))
                continue
            chosen = _chosen(world, group)
            if not chosen:
                flows.append(_Flow(path, rate * share.part, group, status=503, rules=looked_at))
            for target in chosen:
                flow = _Flow(path, rate * share.part / len(chosen), group, at.get(target), rules=looked_at)
                if not _connects(running, target):
                    flow.container, flow.status = None, 504
                elif flow.container is None:
                    flow.status = 502
                else:
                    flow.container.asked.append(Asked(path, flow.rate))
                flows.append(flow)
    return flows


def _chosen(world: Backends, group: Any) -> list[Target]:
    """The targets that get requests: the healthy ones; if there are none, all that are registered."""
    registered = sorted(group.targets)
    healthy = [target for target in registered if targets.state(world, group, *target).state == "healthy"]
    return healthy or registered


def _connects(running: Mapping[str, Any], target: Target) -> bool:
    """Whether a target's instance takes part at all; what has an address of its own always does."""
    if not target[0].startswith("i-"):
        return True
    return target[0] in running and not remembered(running[target[0]]).get("failed")


def _work(containers: Iterable[_Container], units: Mapping[str, float]) -> None:
    """Let every container answer what is asked of it, with the CPU that there is."""
    wanted: defaultdict[str, float] = defaultdict(float)
    for each in containers:
        if each.instance:
            wanted[each.instance.id] += demand(each.definition, each.asked)
    for each in containers:
        if each.instance:
            each.busy = IDLE + wanted[each.instance.id] / units[each.instance.id]
        else:
            each.busy = IDLE + demand(each.definition, each.asked) / each.reserved
        each.working = work(each.definition, each.asked, each.busy, each.reserved, each.memory)


# --- what they measure


def _of_balancer(world: Backends, balancer: Any, flows: Iterable[_Flow], measured: Measured) -> None:
    whole = metrics.of_balancer(balancer.arn)
    rates: defaultdict[Metric, float] = defaultdict(float)
    waited: defaultdict[Metric, float] = defaultdict(float)
    evaluations = 0.0
    for flow in flows:
        places = [whole, *([(*whole, _group(flow.group))] if flow.group else [])]
        evaluations += flow.rate * max(0, flow.rules - _FREE_RULES)
        for place in places:
            rates[Metric(BALANCING, "RequestCount", place)] += flow.rate
        if flow.status:
            rates[Metric(BALANCING, _own_answer(flow.status), whole)] += flow.rate
        for given in flow.answers():
            for place in places:
                rate = flow.rate * given.part
                rates[Metric(BALANCING, f"HTTPCode_Target_{given.status // 100}XX_Count", place)] += rate
                timed = Metric(BALANCING, "TargetResponseTime", place)
                rates[timed] += rate
                waited[timed] += rate * given.seconds
    total = rates[Metric(BALANCING, "RequestCount", whole)]
    used = {
        "NewConnectionCount": total / _REQUESTS_A_CONNECTION,
        "ActiveConnectionCount": total / _REQUESTS_A_CONNECTION * _SECONDS_OF_A_CONNECTION,
        "ProcessedBytes": total * _BYTES_A_REQUEST,
        "RuleEvaluations": evaluations,
    }
    for named, rate in rates.items():
        if rate:
            measured[named] = (round(rate, 9), round(waited[named] / rate, 6) if named in waited else 1.0)
    if total:
        for name, amount in used.items():
            lasts = name == "ActiveConnectionCount"
            measured[Metric(BALANCING, name, whole)] = (_EACH_MINUTE, amount) if lasts else (round(amount, 9), 1.0)
        measured[Metric(BALANCING, "ConsumedLCUs", whole)] = (_EACH_MINUTE, round(metrics.lcus(used), 6))
    for group in world.backend("elbv2").target_groups.values():
        if balancer.arn in group.load_balancer_arns and group.targets:
            _of_group(world, group, whole, rates, measured)


def _of_group(
    world: Backends, group: Any, whole: metrics.Dimensions, rates: Mapping[Metric, float], measured: Measured
) -> None:
    place = (*whole, _group(group))
    states = Counter(targets.state(world, group, *target).state for target in group.targets)
    measured[Metric(BALANCING, "HealthyHostCount", place)] = (_EACH_MINUTE, float(states["healthy"]))
    measured[Metric(BALANCING, "UnHealthyHostCount", place)] = (_EACH_MINUTE, float(states["unhealthy"]))
    rate = rates.get(Metric(BALANCING, "RequestCount", place), 0.0)
    if rate and states["healthy"]:
        for dimensions in (place, (_group(group),)):
            measured[Metric(BALANCING, "RequestCountPerTarget", dimensions)] = (round(rate / states["healthy"], 9), 1.0)


def _own_answer(status: int) -> str:
    if status in (502, 503, 504):
        return "HTTPCode_ELB_5XX_Count"
    return "HTTP_Redirect_Count" if 300 <= status < 400 else "HTTP_Fixed_Response_Count"


def _group(group: Any) -> tuple[str, str]:
    return "TargetGroup", str(group.arn).split(":")[-1]


def _of_services(containers: Iterable[_Container], measured: Measured) -> None:
    services: defaultdict[tuple[str, str], list[_Container]] = defaultdict(list)
    for each in containers:
        if each.service:
            services[each.cluster, each.service].append(each)
    for (cluster, service), working in services.items():
        place = (("ClusterName", cluster), ("ServiceName", service))
        rate = len({id(each.task) for each in working}) * _EACH_MINUTE
        for name, percent in _used(working).items():
            measured[Metric("AWS/ECS", name, place)] = (rate, percent)


def _used(working: Iterable[_Container]) -> dict[str, float]:
    """What containers use together, in percent of what they reserve together."""
    parts = [(each, each.working) for each in working if each.working]
    cpu, memory = (sum(getattr(each, what) for each, _ in parts) for what in ("reserved", "memory"))
    return {
        "CPUUtilization": round(100 * sum(done.cpu_units for _, done in parts) / cpu, 6) if cpu else 0.0,
        "MemoryUtilization": round(100 * sum(done.memory for _, done in parts) / memory, 6) if memory else 0.0,
    }


def _of_clusters(
    world: Backends,
    containers: Iterable[_Container],
    running: Mapping[str, Any],
    units: Mapping[str, float],
    measured: Measured,
) -> None:
    clusters: defaultdict[str, list[Any]] = defaultdict(list)
    for cluster, found in world.container_instances:
        if found.ec2_instance_id in running:
            clusters[cluster].append(running[found.ec2_instance_id])
    for cluster, hosts in clusters.items():
        done = [each.working for each in containers if each.cluster == cluster and each.working]
        cpu = sum(units[host.id] for host in hosts)
        memory = sum(world.size(host.instance_type)[1] for host in hosts)
        place, rate = (("ClusterName", cluster),), len(hosts) * _EACH_MINUTE
        used = {"CPUUtilization": (done, "cpu_units", cpu), "MemoryUtilization": (done, "memory", memory)}
        for name, (parts, what, whole) in used.items():
            percent = round(100 * sum(getattr(part, what) for part in parts) / whole, 6)
            measured[Metric("AWS/ECS", name, place)] = (rate, percent)


def _of_instances(
    world: Backends,
    containers: Iterable[_Container],
    running: Mapping[str, Any],
    units: Mapping[str, float],
    measured: Measured,
) -> None:
    used: defaultdict[str, float] = defaultdict(float)
    for each in containers:
        if each.instance and each.working:
            used[each.instance.id] += each.working.cpu_units
    percents: dict[str, float] = {}
    for instance in running.values():
        percents[instance.id] = round(min(100.0, 100 * (IDLE + used[instance.id] / units[instance.id])), 6)
        place = (("InstanceId", instance.id),)
        measured[Metric("AWS/EC2", "CPUUtilization", place)] = (_EACH_MINUTE, percents[instance.id])
        failed = 1.0 if remembered(instance).get("failed") else 0.0
        measured[Metric("AWS/EC2", "StatusCheckFailed", place)] = (_EACH_MINUTE, failed)
    for group in world.groups:
        own = [percents[s.instance.id] for s in group.instance_states if s.instance.id in percents]
        if own:
            place = (("AutoScalingGroupName", group.name),)
            average = round(sum(own) / len(own), 6)
            measured[Metric("AWS/EC2", "CPUUtilization", place)] = (len(own) * _EACH_MINUTE, average)


def _of_stores(world: Backends, measured: Measured) -> None:
    """Databases, caches and brokers are simulated without work: they are idle, and a tenth full."""
    for namespace, dimension, name, gibibytes in _stores(world):
        place = ((dimension, name),)
        measured[Metric(namespace, "CPUUtilization", place)] = (_EACH_MINUTE, _IDLE_STORE)
        if gibibytes:
            free = gibibytes * _FREE_PART_OF_STORAGE * _GIBIBYTE
            measured[Metric(namespace, "FreeStorageSpace", place)] = (_EACH_MINUTE, free)
            measured[Metric(namespace, "DatabaseConnections", place)] = (_EACH_MINUTE, 0.0)


def _stores(world: Backends) -> list[tuple[str, str, str, float]]:
    """(namespace, dimension, name, GiB of storage) of each that is available."""
    databases = _loaded("rds") and [
        ("AWS/RDS", "DBInstanceIdentifier", database.db_instance_identifier, float(database.allocated_storage or 0))
        for database in world.backend("rds").databases.values()
        if database.status == "available"
    ]
    caches = _loaded("elasticache") and [
        ("AWS/ElastiCache", "CacheClusterId", name, 0.0)
        for name, cache in world.backend("elasticache").cache_clusters.items()
        if cache.cache_cluster_status == "available"
    ]
    brokers = _loaded("mq") and [
        ("AWS/AmazonMQ", "Broker", broker.name, 0.0)
        for broker in world.backend("mq").brokers.values()
        if broker.state == "RUNNING"
    ]
    return [*(databases or ()), *(caches or ()), *(brokers or ())]
