"""Register the running tasks of ECS services with Cloud Map, and deregister those that stop.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.hooks import after, reconciler
from local_aws_server.not_found import last_part
from local_aws_server.services.ecs.service_state import all_tasks
from local_aws_server.services.ecs.tasks import task_id

BEHAVIOURS = (
    Behaviour(
        service="Cloud Map",
        statement="The running tasks of an ECS service with serviceRegistries are instances of its Cloud Map service, "
        "and DiscoverInstances finds them.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html",),
    ),
)

_KEY = "ecs_service"


@after("ecs", "UpdateService")
def update_registries(call: Call) -> None:
    """Store the registries of an update, which moto ignores."""
    service = call.backends.ecs_service(call.params.get("cluster"), call.params["service"])
    if service is not None and "serviceRegistries" in call.params:
        service.service_registries = call.params["serviceRegistries"]


@reconciler("ecs", "servicediscovery", order=80)
def register_tasks(backends: Backends) -> float | None:
    services = backends.ecs_services
    if not any(service.service_registries for service in services):
        return None
    return each(backends, "service registry", services, lambda service: service.name, lambda s: _register(backends, s))


def _register(backends: Backends, service: Any) -> None:
    """Bring the instances that a service has registered in line with its running tasks."""
    cloud_map = backends.backend("servicediscovery")
    wanted = dict(_instances(backends, service)) if service.status == "ACTIVE" else {}
    registered = {
        (registry.id, instance.instance_id)
        for registry in cloud_map.services.values()
        for instance in registry.instances
        if sidecar(instance).get(_KEY) == service.arn
    }
    for registry_id, id in registered - wanted.keys():
        cloud_map.deregister_instance(registry_id, id)
    for registry_id, id in wanted.keys() - registered:
        registry = cloud_map.services.get(registry_id)
        if registry is None:
            _note_missing(backends, service, registry_id)
            continue
        cloud_map.register_instance(registry_id, id, id, wanted[registry_id, id])
        sidecar(registry.instances[-1])[_KEY] = service.arn


def _instances(backends: Backends, service: Any) -> Iterator[tuple[tuple[str, str], dict[str, str]]]:
    """Yield ((Cloud Map service, instance), attributes) for each running task and each registry."""
    for task in all_tasks(backends, service):
        if task.last_status == "RUNNING":
            for registry in service.service_registries:
                attributes = _attributes(backends, service, task, registry)
                yield (last_part(registry["registryArn"]), task_id(task)), attributes


def _attributes(backends: Backends, service: Any, task: Any, registry: dict[str, Any]) -> dict[str, str]:
    family = task.task_definition_arn.split("/")[-1].split(":")[0]
    attributes = {
        "AWS_INIT_HEALTH_STATUS": "HEALTHY",
        "ECS_CLUSTER_NAME": service.cluster_name,
        "ECS_SERVICE_NAME": service.name,
        "ECS_TASK_DEFINITION_FAMILY": family,
        "REGION": backends.region,
    }
    address, port = _own_address(task), registry.get("port") or registry.get("containerPort")
    host = _host(backends, task)
    if host is not None:
        attributes |= {"EC2_INSTANCE_ID": host.id, "AVAILABILITY_ZONE": host.placement.zone}
        if address is None:
            address, port = host.private_ip, _host_port(task, registry)
    if address is not None:
        attributes["AWS_INSTANCE_IPV4"] = address
    if port:
        attributes["AWS_INSTANCE_PORT"] = str(port)
    return attributes


def _own_address(task: Any) -> str | None:
    for attachment in task.attachments:
        for detail in attachment["details"]:
            if detail["name"] == "privateIPv4Address":
                return str(detail["value"])
    return None


def _host(backends: Backends, task: Any) -> Any | None:
    for _, instance in backends.container_instances:
        if instance.container_instance_arn == task.container_instance_arn:
            return next((each for each in backends.instances if each.id == instance.ec2_instance_id), None)
    return None


def _host_port(task: Any, registry: dict[str, Any]) -> int | None:
    """Return the port of the host that leads to a registry's container and port."""
    for container in task.containers:
        if container.name == registry.get("containerName"):
            for binding in getattr(container, "network_bindings", ()):
                if binding["containerPort"] == registry.get("containerPort"):
                    return int(binding["hostPort"])
    return None


def _note_missing(backends: Backends, service: Any, registry_id: str) -> None:
    missing = sidecar(service).setdefault("missing_registries", [])
    if registry_id not in missing:
        missing.append(registry_id)
        record_event(backends, service.name, "tasks not registered", f"there is no Cloud Map service {registry_id}")
