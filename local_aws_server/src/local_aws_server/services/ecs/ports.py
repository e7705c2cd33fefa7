"""Bind the ports of containers to ports of their instance."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends

_EPHEMERAL_PORTS = range(32768, 61000)


def bind_ports(backends: Backends, task: Any, container: Any, definition: Any) -> list[dict[str, Any]]:
    """Return the network bindings of a container; a mapping without a host port gets a free ephemeral one.

    A task with an interface of its own, and one on Fargate, binds nothing.
    """
    if definition.network_mode == "awsvpc" or not task.container_instance_arn:
        return []
    described = next(each for each in definition.container_definitions if each.get("name") == container.name)
    taken = {
        (binding["protocol"], binding["hostPort"])
        for other in backends.ecs_tasks
        if other.container_instance_arn == task.container_instance_arn and other.last_status != "STOPPED"
        for other_container in other.containers
        for binding in getattr(other_container, "network_bindings", ())
    }
    bindings = []
    for mapping in described.get("portMappings") or ():
        container_port, protocol = mapping["containerPort"], mapping.get("protocol", "tcp")
        host_port = container_port if definition.network_mode == "host" else mapping.get("hostPort")
        host_port = host_port or next(port for port in _EPHEMERAL_PORTS if (protocol, port) not in taken)
        taken.add((protocol, host_port))
        bindings.append(
            {"bindIP": "0.0.0.0", "containerPort": container_port, "hostPort": host_port, "protocol": protocol}
        )
    return bindings
