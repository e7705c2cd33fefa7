"""Validate task definitions: essential containers, sizes, dependencies, ports, network modes and Fargate's limits.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.ecs.resources import cpu_units, mebibytes

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task definition has an essential container and unique names; its sizes, its ports and the "
        "dependencies of its containers fit its network mode and launch type.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html",
        ),
    ),
)

Container = Mapping[str, Any]

_MIN_MEMORY = 1
_MAX_CONTAINERS = 10
_MAX_PORT = 65535
_PROTOCOLS = ("tcp", "udp")

_GIB = 1024
_FARGATE_SIZES: dict[int, Sequence[int]] = {
    256: (512, _GIB, 2 * _GIB),
    512: range(_GIB, 4 * _GIB + 1, _GIB),
    1024: range(2 * _GIB, 8 * _GIB + 1, _GIB),
    2048: range(4 * _GIB, 16 * _GIB + 1, _GIB),
    4096: range(8 * _GIB, 30 * _GIB + 1, _GIB),
    8192: range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB),
    16384: range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB),
}
"""CPU units → the MiB that Fargate offers with them."""

_FARGATE_LOG_DRIVERS = ("awslogs", "awsfirelens", "splunk")


@before("ecs", "RegisterTaskDefinition")
def validate_task_definition(call: Call) -> None:
    params = call.params
    containers: list[Container] = params["containerDefinitions"]
    if not containers:
        raise _refusal("Container list cannot be empty.")
    if len(containers) > _MAX_CONTAINERS:
        raise _refusal(f"Too many containers: a task definition can have at most {_MAX_CONTAINERS}.")
    task_cpu = _size(params.get("cpu"), "cpu")
    task_memory = _size(params.get("memory"), "memory")
    _validate_names(containers)
    for container in containers:
        _validate_sizes(container, task_memory)
        _validate_ports(container, params.get("networkMode"))
        _validate_logging(container)
        _validate_health_check(container)
    if not any(container.get("essential", True) for container in containers):
        raise _refusal("Task definition must have at least one essential container.")
    _validate_sums(containers, task_cpu, task_memory)
    _validate_dependencies(containers)
    _validate_volumes(containers, params.get("volumes") or ())
    if any(container.get("secrets") for container in containers) and not params.get("executionRoleArn"):
        raise _refusal(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
        )
    if "FARGATE" in (params.get("requiresCompatibilities") or ()):
        _validate_for_fargate(params, containers, task_cpu, task_memory)


def _validate_names(containers: list[Container]) -> None:
    for name in ("name", "image"):
        if not all(container.get(name) for container in containers):
            raise _refusal(f"Container.{name} should not be null or empty.")
    counts = Counter(container["name"] for container in containers)
    for name, count in counts.items():
        if count > 1:
            raise _refusal(f"Duplicate container name '{name}' in the task definition.")


def _size(text: Any, name: str) -> int | None:
    """Return the CPU units or the MiB of a task; None if it sets none."""
    if text in (None, ""):
        return None
    try:
        size = cpu_units(text) if name == "cpu" else mebibytes(text)
    except ValueError:
        raise _refusal(f"Invalid '{name}' setting for task.") from None
    if size <= 0:
        raise _refusal(f"Invalid '{name}' setting for task.")
    return size


def _validate_sizes(container: Container, task_memory: int | None) -> None:
    prefix = f"Invalid setting for container '{container['name']}'."
    memory, reservation = container.get("memory"), container.get("memoryReservation")
    if memory is None and reservation is None and task_memory is None:
        raise _refusal(f"{prefix} At least one of 'memory' or 'memoryReservation' must be specified.")
    for name, value in (("memory", memory), ("memoryReservation", reservation)):
        if value is not None and value < _MIN_MEMORY:
            raise _refusal(f"{prefix} '{name}' must be greater than 0.")
    if memory is not None and reservation is not None and memory <= reservation:
        raise _refusal(f"{prefix} 'memory' must be greater than 'memoryReservation'.")
    if (container.get("cpu") or 0) < 0:
        raise _refusal(f"{prefix} 'cpu' must not be negative.")


def _validate_sums(containers: list[Container], task_cpu: int | None, task_memory: int | None) -> None:
    if task_cpu is not None and sum(each.get("cpu") or 0 for each in containers) > task_cpu:
        raise _refusal("The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.")
    if task_memory is None:
        return
    reserved = sum(each.get("memoryReservation") or each.get("memory") or 0 for each in containers)
    if reserved > task_memory or any((each.get("memory") or 0) > task_memory for each in containers):
        raise _refusal("Invalid setting: container 'memory' values cannot be greater than the value of task 'memory'.")


def _validate_ports(container: Container, network_mode: str | None) -> None:
    mappings = container.get("portMappings") or ()
    host_ports: list[tuple[str, int]] = []
    for mapping in mappings:
        protocol = mapping.get("protocol") or "tcp"
        if protocol not in _PROTOCOLS:
            raise _refusal(f"Invalid protocol '{protocol}'. Valid protocols: {', '.join(_PROTOCOLS)}.")
        if "containerPortRange" in mapping:
            message = "the local AWS does not simulate containerPortRange; map single ports"
            raise AwsError("NotSimulated", message, 501)
        container_port, host_port = mapping.get("containerPort"), mapping.get("hostPort") or 0
        if container_port is None:
            raise _refusal("Container port should not be null or empty.")
        for port, lowest in ((container_port, 1), (host_port, 0)):
            if not lowest <= port <= _MAX_PORT:
                raise _refusal(f"Invalid port {port}. Ports are between {lowest} and {_MAX_PORT}.")
        if network_mode in ("awsvpc", "host") and host_port not in (0, container_port):
            raise _refusal(
                f"When networkMode={network_mode}, the host ports and container ports in port mappings must match."
            )
        if host_port:
            host_ports.append((protocol, host_port))
    if len(set(host_ports)) < len(host_ports):
        raise _refusal(f"Container '{container['name']}' maps a host port more than once.")
    if network_mode == "none" and mappings:
        raise _refusal("Port mappings are not supported when networkMode=none.")


def _validate_logging(container: Container) -> None:
    logging = container.get("logConfiguration") or {}
    if logging.get("logDriver") != "awslogs":
        return
    required = ("awslogs-region", "awslogs-group")
    missing = [name for name in required if not (logging.get("options") or {}).get(name)]
    if missing:
        raise _refusal(f"Log driver awslogs requires options: {', '.join(missing)}")


def _validate_health_check(container: Container) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"""
    check = container.get("healthCheck")
    if check is None:
        return
    if not check.get("command") or check["command"][0] not in ("CMD", "CMD-SHELL", "NONE"):
        raise _refusal("Health check command must start with CMD, CMD-SHELL or NONE.")
    for name, low, high in (("interval", 5, 300), ("timeout", 2, 60), ("retries", 1, 10), ("startPeriod", 0, 300)):
        if name in check and not low <= check[name] <= high:
            raise _refusal(f"Health check {name} must be between {low} and {high}, but was {check[name]}.")


def _validate_dependencies(containers: list[Container]) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html"""
    by_name = {container["name"]: container for container in containers}
    graph: dict[str, list[str]] = {}
    for name, container in by_name.items():
        graph[name] = [dependency["containerName"] for dependency in container.get("dependsOn") or ()]
        for dependency in container.get("dependsOn") or ():
            other = by_name.get(dependency["containerName"])
            if other is None:
                raise _refusal(
                    f"Container '{name}' depends on container '{dependency['containerName']}', "
                    "which is not in the task definition."
                )
            if dependency["condition"] in ("SUCCESS", "COMPLETE") and other.get("essential", True):
                raise _refusal(
                    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
                )
            if dependency["condition"] == "HEALTHY" and not other.get("healthCheck"):
                raise _refusal("A dependency container with HEALTHY condition must have a health check.")
    _require_no_cycle(graph, "Container dependencies should not have a cycle")
    links = {name: [link.split(":")[0] for link in each.get("links") or ()] for name, each in by_name.items()}
    _require_no_cycle(links, "Container links should not have a cycle")


def _require_no_cycle(graph: Mapping[str, Iterable[str]], message: str) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        raise _refusal(message) from None


def _validate_volumes(containers: list[Container], volumes: Iterable[Mapping[str, Any]]) -> None:
    names = {volume.get("name") for volume in volumes}
    for container in containers:
        for mount in container.get("mountPoints") or ():
            if mount.get("sourceVolume") and mount["sourceVolume"] not in names:
                raise _refusal(f"Unknown volume '{mount['sourceVolume']}'.")


def _validate_for_fargate(
    params: Mapping[str, Any], containers: list[Container], cpu: int | None, memory: int | None
) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"""
    if params.get("networkMode") != "awsvpc":
        raise _refusal("Fargate only supports network mode 'awsvpc'.")
    for name, value in (("cpu", cpu), ("memory", memory)):
        if value is None:
            raise _refusal(f"Fargate requires that '{name}' be defined at the task level.")
    if memory not in _FARGATE_SIZES.get(cpu or 0, ()):
        raise _refusal(f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.")
    if params.get("placementConstraints"):
        raise _refusal("Fargate does not support task placement constraints.")
    for container in containers:
        driver = (container.get("logConfiguration") or {}).get("logDriver")
        if driver is not None and driver not in _FARGATE_LOG_DRIVERS:
            raise _refusal(f"Fargate does not support log driver {driver}.")
        if container.get("privileged"):
            raise _refusal("Fargate does not support privileged containers.")
        if not params.get("executionRoleArn"):
            if driver == "awslogs":
                raise _refusal(
                    "Fargate requires task definition to have execution role ARN to support log driver awslogs."
                )
            if ".dkr.ecr." in container["image"]:
                raise _refusal("Fargate requires task definition to have execution role ARN to support ECR images.")


def _refusal(message: str) -> AwsError:
    return AwsError("ClientException", message)
