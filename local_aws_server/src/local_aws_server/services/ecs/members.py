"""Members that AWS's descriptions of ECS resources have and moto's objects lack: one table by shape.

Each becomes a property of moto's class, so that every operation that returns the resource has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import after, patch
from local_aws_server.services.cloudtrail.recorder import identity
from local_aws_server.services.ecs.health_checks import worst_health
from local_aws_server.services.ecs.required_attributes import required_attributes

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="Services, tasks, container instances and task definitions are described with the members that AWS "
        "always returns, such as when and by whom they were created, versions, sizes and attributes.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html",
        ),
    ),
)

_FARGATE_STORAGE_GIB = 20


def _note(name: str, default: Any = None) -> Callable[[Any], Any]:
    """Return a function that reads a note beside one of moto's objects."""
    return lambda resource: sidecar(resource).get(name, default)


def _instance_attribute(name: str) -> Callable[[Any], Any]:
    """Return a function that reads an attribute of the container instance that a task is on."""

    def read(task: Any) -> Any:
        instances = task._backend.container_instances.get(task.cluster_name, {})
        instance = instances.get(str(task.container_instance_arn).split("/")[-1])
        return None if instance is None else instance.attributes.get(name)

    return read


def _task_attributes(task: Any) -> list[dict[str, str]]:
    architecture = _instance_attribute("ecs.cpu-architecture")(task)
    platform = sidecar(task).get("platform") or {}
    fargate = "arm64" if platform.get("cpuArchitecture") == "ARM64" else "x86_64"
    value = architecture or (fargate if _on_fargate(task) else None)
    return [{"name": "ecs.cpu-architecture", "value": value}] if value else []


def _on_fargate(resource: Any) -> bool:
    return bool(resource.launch_type == "FARGATE")


def _zone(task: Any) -> str | None:
    return _instance_attribute("ecs.availability-zone")(task) or sidecar(task).get("zone")


def _health_of_task(task: Any) -> str:
    return worst_health(each.health_status for each in task.containers if sidecar(each).get("essential"))


_MEMBERS: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "Service": {
        "created_at": _note("created_at"),
        "created_by": _note("created_by"),
        "platform_family": lambda service: "Linux" if _on_fargate(service) else None,
    },
    "Task": {
        "cpu": lambda task: str(task.resource_requirements["CPU"]),
        "memory": lambda task: str(task.resource_requirements["MEMORY"]),
        "attributes": _task_attributes,
        "availability_zone": _zone,
        "version": _note("version", 1),
        "health_status": _health_of_task,
        "enable_execute_command": _note("enable_execute_command", False),
        "inference_accelerators": lambda task: [],
        "platform_family": lambda task: "Linux" if _on_fargate(task) else None,
        "ephemeral_storage": lambda task: {"sizeInGiB": _FARGATE_STORAGE_GIB} if _on_fargate(task) else None,
    },
    "ContainerInstance": {
        "version": _note("version", 1),
        "attachments": lambda instance: [],
    },
    "TaskDefinition": {
        "registered_at": _note("registered_at"),
        "registered_by": _note("registered_by"),
        "deregistered_at": _note("deregistered_at"),
        "delete_requested_at": _note("delete_requested_at"),
        "requires_attributes": required_attributes,
    },
}
"""moto's class → member → function that returns its value; a value of None is left out."""

for _class, _members in _MEMBERS.items():
    for _member, _value in _members.items():
        patch("moto.ecs.models", f"{_class}.{_member}", new=True, attribute=True)(_value)


# --- notes that the members read


def _now() -> datetime:
    return datetime.fromtimestamp(CLOCK.now(), UTC)


@after("ecs", "CreateService")
def note_creation(call: Call) -> None:
    service = call.backends.ecs_service(call.params.get("cluster"), call.params["serviceName"])
    notes = sidecar(service)
    if "created_at" not in notes:
        notes.update(created_at=_now(), created_by=identity(call)["arn"])
    call.result["service"].update(createdAt=notes["created_at"], createdBy=notes["created_by"])


@after("ecs", "RegisterTaskDefinition")
def note_registration(call: Call) -> None:
    described = call.result["taskDefinition"]
    definition = call.backends.backend("ecs").task_definitions[described["family"]][described["revision"]]
    sidecar(definition).update(registered_at=_now(), registered_by=identity(call)["arn"])
    described.update(registeredAt=_now(), registeredBy=identity(call)["arn"])


@after("ecs", "CreateCluster", "DescribeClusters", "UpdateCluster", "PutClusterCapacityProviders")
def complete_clusters(call: Call) -> None:
    """A cluster without capacity providers has empty lists of them.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html (example response)
    """
    described = [call.result["cluster"]] if call.result.get("cluster") else call.result.get("clusters", [])
    for cluster in described:
        for name in ("capacityProviders", "defaultCapacityProviderStrategy", "statistics", "tags"):
            cluster.setdefault(name, [])


@after("ecs", "DeregisterTaskDefinition", "DeleteTaskDefinitions")
def note_deregistration(call: Call) -> None:
    member = "deregisteredAt" if call.operation == "DeregisterTaskDefinition" else "deleteRequestedAt"
    note = "deregistered_at" if call.operation == "DeregisterTaskDefinition" else "delete_requested_at"
    families = call.backends.backend("ecs").task_definitions
    described = call.result.get("taskDefinitions") or [call.result.get("taskDefinition", {})]
    for definition in described:
        if "revision" not in definition:
            continue
        definition[member] = _now()
        stored = families.get(definition["family"], {}).get(definition["revision"])
        if stored is not None:
            sidecar(stored)[note] = definition[member]
