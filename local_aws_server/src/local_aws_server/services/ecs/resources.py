"""The CPU units, memory, ports, network interfaces and GPUs that tasks take and container instances have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from local_aws_server.backends import sidecar

Needs = Mapping[str, Any]
"""Name of a resource → the amount that a task needs; for PORTS and PORTS_UDP, the host ports."""

_PORTS = ("PORTS", "PORTS_UDP")
_COUNTED = ("ENI", "GPU")
"""Resources that the instance type limits and that no description of a container instance lists."""

_VCPU = re.compile(r"(\d+(?:\.\d+)?)\s*vcpu", re.IGNORECASE)
_GIGABYTES = re.compile(r"(\d+(?:\.\d+)?)\s*gb", re.IGNORECASE)


def cpu_units(text: object) -> int:
    """Return the CPU units of a task size such as `256` or `.25 vCPU`. Raises ValueError."""
    size = str(text).strip()
    match = _VCPU.fullmatch(f"0{size}" if size.startswith(".") else size)
    return int(float(match[1]) * 1024) if match else int(size)


def mebibytes(text: object) -> int:
    """Return the MiB of a task size such as `512` or `0.5 GB`. Raises ValueError."""
    size = str(text).strip()
    match = _GIGABYTES.fullmatch(f"0{size}" if size.startswith(".") else size)
    return int(float(match[1]) * 1024) if match else int(size)


def required_resources(definition: Any, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a task of a definition takes, by the names that ECS gives to resources.

    A size of the task counts instead of those of its containers.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size
    """
    overrides = overrides or {}
    by_container = {each.get("name"): each for each in overrides.get("containerOverrides") or ()}
    containers = [
        {**container, **_without_none(by_container.get(container["name"], {}), "cpu", "memory", "memoryReservation")}
        for container in definition.container_definitions
    ]
    cpu, memory = overrides.get("cpu") or definition.cpu, overrides.get("memory") or definition.memory
    of_containers = sum(each.get("memoryReservation") or each.get("memory") or 0 for each in containers)
    return {
        "CPU": cpu_units(cpu) if cpu else sum(each.get("cpu") or 0 for each in containers),
        "MEMORY": mebibytes(memory) if memory else of_containers,
        "PORTS": _host_ports(definition, "tcp"),
        "PORTS_UDP": _host_ports(definition, "udp"),
        "ENI": int(definition.network_mode == "awsvpc"),
        "GPU": sum(
            int(requirement["value"])
            for container in containers
            for requirement in container.get("resourceRequirements") or ()
            if requirement["type"] == "GPU"
        ),
    }


def _host_ports(definition: Any, protocol: str) -> list[int]:
    """Return the fixed host ports of a definition; with `awsvpc`, a task has ports of its own."""
    if definition.network_mode == "awsvpc":
        return []
    is_host_network = definition.network_mode == "host"
    ports = [
        mapping.get("hostPort") or (mapping["containerPort"] if is_host_network else 0)
        for container in definition.container_definitions
        for mapping in container.get("portMappings") or ()
        if mapping.get("protocol", "tcp") == protocol and "containerPort" in mapping
    ]
    return [port for port in ports if port]


def rejection_reason(instance: Any, needed: Needs) -> str | None:
    """Return ECS's reason why a container instance cannot take a task; None if it can.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
    """
    if not instance.agent_connected:
        return "AGENT"
    remaining = _amounts(instance.remaining_resources)
    held = sidecar(instance).get("held", {})
    return _shortage(needed, remaining) or next(
        (
            f"RESOURCE:{name}"
            for name in _COUNTED
            if needed[name] and needed[name] + held.get(name, 0) > _limit(instance, name)
        ),
        None,
    )


def fits_when_empty(instance: Any, needed: Needs) -> bool:
    """Return whether a container instance without other tasks could take a task."""
    within_limits = all(needed[name] <= _limit(instance, name) for name in _COUNTED if needed[name])
    return within_limits and _shortage(needed, _amounts(instance.registered_resources)) is None


def reserve(instance: Any, needed: Needs) -> None:
    """Take what a task needs from the remaining resources of a container instance."""
    _change(instance, needed, 1)


def release(instance: Any, needed: Needs) -> None:
    """Give back what a task took."""
    _change(instance, needed, -1)


def remaining(instance: Any, name: str) -> int:
    """Return the CPU units or MiB that a container instance has left."""
    return int(_amounts(instance.remaining_resources)[name])


def _shortage(needed: Needs, available: Mapping[str, Any]) -> str | None:
    for name in ("CPU", "MEMORY"):
        if needed[name] > available[name]:
            return f"RESOURCE:{name}"
    taken = any({str(port) for port in needed[name]} & set(available[name] or ()) for name in _PORTS)
    return "RESOURCE:PORTS" if taken else None


def _change(instance: Any, needed: Needs, sign: int) -> None:
    for resource in instance.remaining_resources:
        name = resource["name"]
        if name in ("CPU", "MEMORY"):
            resource["integerValue"] -= sign * needed[name]
        elif name in _PORTS and sign > 0:
            resource["stringSetValue"] += map(str, needed[name])
        elif name in _PORTS:
            for port in needed[name]:
                resource["stringSetValue"].remove(str(port))
    held = sidecar(instance).setdefault("held", {})
    for name in _COUNTED:
        held[name] = held.get(name, 0) + sign * needed[name]


def _limit(instance: Any, name: str) -> int:
    """Return how many task interfaces or GPUs an instance has; its own first interface serves no task."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    described = INSTANCE_TYPES.get(instance.attributes.get("ecs.instance-type"), {})
    if name == "ENI":
        return int(described.get("NetworkInfo", {}).get("MaximumNetworkInterfaces", 1)) - 1
    return sum(int(gpu["Count"]) for gpu in described.get("GpuInfo", {}).get("Gpus", ()))


def _amounts(resources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return resource name → amount; for ports, the list of those that are taken."""
    return {
        resource["name"]: resource["stringSetValue"] if resource["name"] in _PORTS else resource["integerValue"]
        for resource in resources
    }


def _without_none(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name) is not None}
