"""Measure load balancers, services, clusters, instances and data stores with the current traffic.

Assumptions about traffic: ten requests share a connection, which stays open for a minute; a request and its response
have 5,000 bytes together. Instances measure every minute, as with detailed monitoring. Databases, caches and brokers
are idle.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_utilization.html
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.hooks import reconciler
from local_aws_server.services.cloudwatch import metrics
from local_aws_server.services.cloudwatch.load_balancer_units import consumed_lcus
from local_aws_server.services.cloudwatch.metrics import ELB_NAMESPACE, Dimensions, Measurements, Metric
from local_aws_server.services.cloudwatch.request_flow import (
    Flow,
    RunningContainer,
    distribute,
    running_containers,
    serve_requests,
)
from local_aws_server.services.cloudwatch.utilization import IDLE_UTILIZATION, UNITS_PER_VCPU
from local_aws_server.services.elbv2 import targets, traffic

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Load balancers, target groups, ECS services, instances and data stores have metrics, computed from "
        "the simulated traffic.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html",
        ),
    ),
)

_EVERY_MINUTE = 1 / 60
"""Samples per second."""
_BYTES_PER_REQUEST = 5000.0
_REQUESTS_PER_CONNECTION = 10.0
_CONNECTION_SECONDS = 60.0
_FREE_RULES = 10
"""The number of rules whose evaluation is not counted: https://aws.amazon.com/elasticloadbalancing/pricing/"""

_IDLE_STORE_PERCENT = 2.0
_FREE_STORAGE_FRACTION = 0.9
_BYTES_PER_GIB = 2.0**30


@reconciler("elbv2", "ecs", "ec2", "autoscaling", "rds", "elasticache", "mq", order=60)
def measure(backends: Backends) -> float | None:
    """Record what all resources measure from now on; return when the traffic changes next."""
    now = CLOCK.now()
    if _is_empty(backends):
        return None
    measurements: Measurements = {}
    load_balancers = [
        load_balancer
        for load_balancer in backends.backend("elbv2").load_balancers.values()
        if load_balancer.type == "application"
    ]
    instances = {instance.id: instance for instance in backends.instances if instance.state == "running"}
    cpu_units = {
        id: float(backends.instance_type_size(instance.instance_type)[0] * UNITS_PER_VCPU)
        for id, instance in instances.items()
    }
    containers = list(running_containers(backends, instances, cpu_units))
    flows = [distribute(backends, each, containers, instances, now) for each in load_balancers]
    serve_requests(containers, cpu_units)
    for load_balancer, its_flows in zip(load_balancers, flows, strict=True):
        _measure_load_balancer(backends, load_balancer, its_flows, measurements)
    _measure_services(containers, measurements)
    _measure_clusters(backends, containers, instances, cpu_units, measurements)
    _measure_instances(backends, containers, instances, cpu_units, measurements)
    _measure_stores(backends, measurements)
    if metrics.record_measurements(backends, measurements, now):
        SCHEDULER.mark_changed(backends, "cloudwatch")
    traces = [trace for load_balancer in load_balancers if (trace := traffic.current_trace(load_balancer))]
    return min((time for trace in traces if (time := trace.next_change(now)) is not None), default=None)


def _is_empty(backends: Backends) -> bool:
    """Return whether no resource measures anything, and none ever has."""
    stores = ("elbv2", "load_balancers"), ("ecs", "tasks"), ("ec2", "reservations")
    exists = any(getattr(backends.backend(service), store) for service, store in stores if _is_loaded(service))
    has_metrics = _is_loaded("cloudwatch") and metrics.resource_metrics(backends)
    return not exists and not _data_stores(backends) and not has_metrics


def _is_loaded(service: str) -> bool:
    """Return whether moto has loaded a service; loading it takes a while, so unused services are not."""
    return f"moto.{service}.models" in sys.modules


# --- load balancers and target groups


def _measure_load_balancer(
    backends: Backends, load_balancer: Any, flows: Iterable[Flow], measurements: Measurements
) -> None:
    dimensions = metrics.load_balancer_dimension(load_balancer.arn)
    rates: defaultdict[Metric, float] = defaultdict(float)
    waited: defaultdict[Metric, float] = defaultdict(float)  # seconds of latency per second
    evaluations = 0.0
    for flow in flows:
        levels = [dimensions, *([(*dimensions, _target_group_dimension(flow.group))] if flow.group else [])]
        evaluations += flow.rate * max(0, flow.rules - _FREE_RULES)
        for level in levels:
            rates[Metric(ELB_NAMESPACE, "RequestCount", level)] += flow.rate
        if flow.status:
            rates[Metric(ELB_NAMESPACE, _own_response_metric(flow.status), dimensions)] += flow.rate
        for response in flow.responses():
            for level in levels:
                rate = flow.rate * response.fraction
                rates[Metric(ELB_NAMESPACE, f"HTTPCode_Target_{response.status // 100}XX_Count", level)] += rate
                response_time = Metric(ELB_NAMESPACE, "TargetResponseTime", level)
                rates[response_time] += rate
                waited[response_time] += rate * response.seconds
    for metric, rate in rates.items():
        if rate:
            measurements[metric] = (round(rate, 9), round(waited[metric] / rate, 6) if metric in waited else 1.0)
    total = rates[Metric(ELB_NAMESPACE, "RequestCount", dimensions)]
    if total:
        _measure_capacity_units(dimensions, total, evaluations, measurements)
    for group in backends.backend("elbv2").target_groups.values():
        if load_balancer.arn in group.load_balancer_arns and group.targets:
            _measure_target_group(group, dimensions, rates, measurements)


def _measure_capacity_units(
    dimensions: Dimensions, requests: float, evaluations: float, measurements: Measurements
) -> None:
    """Measure what load balancer capacity units (LCUs) are computed from; both rates are per second."""
    usage = {
        "NewConnectionCount": requests / _REQUESTS_PER_CONNECTION,
        "ActiveConnectionCount": requests / _REQUESTS_PER_CONNECTION * _CONNECTION_SECONDS,
        "ProcessedBytes": requests * _BYTES_PER_REQUEST,
        "RuleEvaluations": evaluations,
    }
    for name, amount in usage.items():
        is_gauge = name == "ActiveConnectionCount"
        measurement = (_EVERY_MINUTE, amount) if is_gauge else (round(amount, 9), 1.0)
        measurements[Metric(ELB_NAMESPACE, name, dimensions)] = measurement
    lcus = round(consumed_lcus(usage), 6)
    measurements[Metric(ELB_NAMESPACE, "ConsumedLCUs", dimensions)] = (_EVERY_MINUTE, lcus)


def _measure_target_group(
    group: Any, load_balancer: Dimensions, rates: Mapping[Metric, float], measurements: Measurements
) -> None:
    dimensions = (*load_balancer, _target_group_dimension(group))
    states = Counter(targets.target_health(group, *target).state for target in group.targets)
    for name, state in (("HealthyHostCount", "healthy"), ("UnHealthyHostCount", "unhealthy")):
        measurements[Metric(ELB_NAMESPACE, name, dimensions)] = (_EVERY_MINUTE, float(states[state]))
    rate = rates.get(Metric(ELB_NAMESPACE, "RequestCount", dimensions), 0.0)
    if rate and states["healthy"]:
        per_target = round(rate / states["healthy"], 9)
        for level in (dimensions, (_target_group_dimension(group),)):
            measurements[Metric(ELB_NAMESPACE, "RequestCountPerTarget", level)] = (per_target, 1.0)


def _own_response_metric(status: int) -> str:
    """Return the metric that counts a response of the load balancer itself."""
    if status in (502, 503, 504):
        return "HTTPCode_ELB_5XX_Count"
    return "HTTP_Redirect_Count" if 300 <= status < 400 else "HTTP_Fixed_Response_Count"


def _target_group_dimension(group: Any) -> tuple[str, str]:
    return "TargetGroup", str(group.arn).split(":")[-1]


# --- ECS


def _measure_services(containers: Iterable[RunningContainer], measurements: Measurements) -> None:
    services: defaultdict[tuple[str, str], list[RunningContainer]] = defaultdict(list)
    for container in containers:
        if container.service:
            services[container.cluster, container.service].append(container)
    for (cluster, service), its_containers in services.items():
        dimensions = (("ClusterName", cluster), ("ServiceName", service))
        rate = len({id(container.task) for container in its_containers}) * _EVERY_MINUTE
        for name, percent in _utilization(its_containers).items():
            measurements[Metric("AWS/ECS", name, dimensions)] = (rate, percent)


def _utilization(containers: Iterable[RunningContainer]) -> dict[str, float]:
    """Return the CPU and memory in use, in percent of what the containers reserve together."""
    loads = [(container, container.load) for container in containers if container.load]
    cpu = sum(container.reserved for container, _ in loads)
    memory = sum(container.memory for container, _ in loads)
    return {
        "CPUUtilization": round(100 * sum(load.cpu_units for _, load in loads) / cpu, 6) if cpu else 0.0,
        "MemoryUtilization": round(100 * sum(load.memory for _, load in loads) / memory, 6) if memory else 0.0,
    }


def _measure_clusters(
    backends: Backends,
    containers: Iterable[RunningContainer],
    instances: Mapping[str, Any],
    cpu_units: Mapping[str, float],
    measurements: Measurements,
) -> None:
    clusters: defaultdict[str, list[Any]] = defaultdict(list)
    for cluster, container_instance in backends.container_instances:
        if container_instance.ec2_instance_id in instances:
            clusters[cluster].append(instances[container_instance.ec2_instance_id])
    for cluster, members in clusters.items():
        loads = [container.load for container in containers if container.cluster == cluster and container.load]
        cpu = sum(cpu_units[instance.id] for instance in members)
        memory = sum(backends.instance_type_size(instance.instance_type)[1] for instance in members)
        dimensions, rate = (("ClusterName", cluster),), len(members) * _EVERY_MINUTE
        for name, used, available in (
            ("CPUUtilization", sum(load.cpu_units for load in loads), cpu),
            ("MemoryUtilization", sum(load.memory for load in loads), memory),
        ):
            measurements[Metric("AWS/ECS", name, dimensions)] = (rate, round(100 * used / available, 6))


# --- instances


def _measure_instances(
    backends: Backends,
    containers: Iterable[RunningContainer],
    instances: Mapping[str, Any],
    cpu_units: Mapping[str, float],
    measurements: Measurements,
) -> None:
    used: defaultdict[str, float] = defaultdict(float)
    for container in containers:
        if container.instance and container.load:
            used[container.instance.id] += container.load.cpu_units
    percents: dict[str, float] = {}
    for id, instance in instances.items():
        utilization = IDLE_UTILIZATION + used[id] / cpu_units[id]
        percents[id] = round(min(100.0, 100 * utilization), 6)
        dimensions = (("InstanceId", id),)
        measurements[Metric("AWS/EC2", "CPUUtilization", dimensions)] = (_EVERY_MINUTE, percents[id])
        has_failed = 1.0 if sidecar(instance).get("failed") else 0.0
        measurements[Metric("AWS/EC2", "StatusCheckFailed", dimensions)] = (_EVERY_MINUTE, has_failed)
    for group in backends.auto_scaling_groups:
        members = [percents[s.instance.id] for s in group.instance_states if s.instance.id in percents]
        if members:
            dimensions = (("AutoScalingGroupName", group.name),)
            average = round(sum(members) / len(members), 6)
            measurements[Metric("AWS/EC2", "CPUUtilization", dimensions)] = (len(members) * _EVERY_MINUTE, average)


# --- data stores


def _measure_stores(backends: Backends, measurements: Measurements) -> None:
    """Measure databases, caches and brokers: they are idle, and a tenth full."""
    for namespace, dimension, name, gibibytes in _data_stores(backends):
        dimensions = ((dimension, name),)
        measurements[Metric(namespace, "CPUUtilization", dimensions)] = (_EVERY_MINUTE, _IDLE_STORE_PERCENT)
        if gibibytes:
            free = gibibytes * _FREE_STORAGE_FRACTION * _BYTES_PER_GIB
            measurements[Metric(namespace, "FreeStorageSpace", dimensions)] = (_EVERY_MINUTE, free)
            measurements[Metric(namespace, "DatabaseConnections", dimensions)] = (_EVERY_MINUTE, 0.0)


def _data_stores(backends: Backends) -> list[tuple[str, str, str, float]]:
    """Return the namespace, dimension, name and GiB of storage of each available database, cache and broker."""
    databases = _is_loaded("rds") and [
        ("AWS/RDS", "DBInstanceIdentifier", database.db_instance_identifier, float(database.allocated_storage or 0))
        for database in backends.backend("rds").databases.values()
        if database.status == "available"
    ]
    caches = _is_loaded("elasticache") and [
        ("AWS/ElastiCache", "CacheClusterId", name, 0.0)
        for name, cache in backends.backend("elasticache").cache_clusters.items()
        if cache.cache_cluster_status == "available"
    ]
    brokers = _is_loaded("mq") and [
        ("AWS/AmazonMQ", "Broker", broker.name, 0.0)
        for broker in backends.backend("mq").brokers.values()
        if broker.state == "RUNNING"
    ]
    return [*(databases or ()), *(caches or ()), *(brokers or ())]
