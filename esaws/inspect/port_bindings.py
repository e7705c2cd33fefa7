"""Ports that running tasks listen on: of an instance, or of the task's own address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw
from esaws.resources._ecs import service_of


@dataclass(frozen=True)
class PortBinding:
    """The container that listens on a port."""

    name: str
    """`service NAME`, or `task FAMILY` for a standalone task."""
    container_port: int
    definition: str
    """The ARN of the task definition."""
    container: str


class RunningTasks:
    """The running tasks of an account by port; `known` is false where AWS did not describe them."""

    def __init__(self, account: Account) -> None:
        self.known = account.get("tasks") is not None and account.get("containerInstances") is not None
        self._instances = {
            raw["containerInstanceArn"]: raw.get("ec2InstanceId", "") for raw in account.get("containerInstances") or ()
        }
        self._definitions = {raw["taskDefinitionArn"]: raw for raw in account.get("taskDefinitions") or ()}
        self._bindings: dict[tuple[str, int], PortBinding] = {}
        for task in account.get("tasks") or ():
            if task.get("lastStatus") == "RUNNING":
                self._bindings |= dict(self._ports(task))

    def listening_on(self, target: str, port: int | None) -> PortBinding | None:
        """Return what listens on a port of an instance (by its id) or of a private address, or None."""
        return None if port is None else self._bindings.get((target, port))

    def ports_of(self, target: str) -> set[int]:
        """Return the ports that tasks listen on of an instance (by its id) or of a private address."""
        return {port for bound, port in self._bindings if bound == target}

    def is_dynamic(self, binding: PortBinding) -> bool:
        """Return whether ECS chooses the host port: the task definition maps the container's port to port 0 or none."""
        definition = self._definitions.get(binding.definition, {})
        if definition.get("networkMode", "bridge") != "bridge":
            return False
        return any(
            not mapping.get("hostPort") and int(mapping.get("containerPort", 0)) == binding.container_port
            for container in definition.get("containerDefinitions", ())
            if container.get("name") == binding.container
            for mapping in container.get("portMappings", ())
        )

    def _ports(self, task: Raw) -> Iterator[tuple[tuple[str, int], PortBinding]]:
        instance = self._instances.get(task.get("containerInstanceArn", ""), "")
        for container in task.get("containers", ()):
            for binding in container.get("networkBindings", ()):
                if instance and "hostPort" in binding:
                    address = instance, int(binding["hostPort"])
                    yield address, self._binding(task, container, int(binding["containerPort"]))
            for interface in container.get("networkInterfaces", ()):
                for port in self._mapped_ports(task, container):
                    if address := interface.get("privateIpv4Address"):
                        yield (address, port), self._binding(task, container, port)

    def _mapped_ports(self, task: Raw, container: Raw) -> Iterator[int]:
        """Yield the ports of the task definition, which a container with its own interface listens on."""
        definition = self._definitions.get(task["taskDefinitionArn"], {})
        for container_definition in definition.get("containerDefinitions", ()):
            if container_definition.get("name") == container.get("name"):
                yield from (int(mapping["containerPort"]) for mapping in container_definition.get("portMappings", ()))

    def _binding(self, task: Raw, container: Raw, port: int) -> PortBinding:
        return PortBinding(task_name(task), port, task["taskDefinitionArn"], container.get("name", ""))


def task_name(task: Raw) -> str:
    """Return `service NAME` of a task, or `task FAMILY` where no service runs it."""
    if service := service_of(task):
        return f"service {service[1]}"
    return f"task {task['taskDefinitionArn'].rpartition('/')[2].split(':')[0]}"
