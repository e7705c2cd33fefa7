"""Which task listens where: a port of an instance, or of an address of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw


@dataclass(frozen=True)
class PortBinding:
    """What listens on a port."""

    name: str
    """`service NAME`, or `task FAMILY` of a task that no service runs."""
    container_port: int
    definition: str
    """The ARN of its task definition."""
    container: str


class RunningTasks:
    """The running tasks of an account by where they listen; `known` is false where AWS does not tell of them."""

    def __init__(self, account: Account) -> None:
        self.known = account.get("tasks") is not None and account.get("containerInstances") is not None
        self._instances = {
            each["containerInstanceArn"]: each.get("ec2InstanceId", "")
            for each in account.get("containerInstances") or ()
        }
        self._definitions = {each["taskDefinitionArn"]: each for each in account.get("taskDefinitions") or ()}
        self._found: dict[tuple[str, int], PortBinding] = {}
        for task in account.get("tasks") or ():
            if task.get("lastStatus") == "RUNNING":
                self._found |= dict(self._ports(task))

    def listening_on(self, target: str, port: int | None) -> PortBinding | None:
        """What listens on a port of an instance (by its id) or of a private address."""
        return None if port is None else self._found.get((target, port))

    def _ports(self, task: Raw) -> Iterator[tuple[tuple[str, int], PortBinding]]:
        instance = self._instances.get(task.get("containerInstanceArn", ""), "")
        for container in task.get("containers", ()):
            for binding in container.get("networkBindings", ()):
                if instance and "hostPort" in binding:
                    at = instance, int(binding["hostPort"])
                    yield at, self._listens(task, container, int(binding["containerPort"]))
            for interface in container.get("networkInterfaces", ()):
                for port in self._mapped(task, container):
                    if address := interface.get("privateIpv4Address"):
                        yield (address, port), self._listens(task, container, port)

    def _mapped(self, task: Raw, container: Raw) -> Iterator[int]:
        """With an interface of its own a container listens on the ports of its definition."""
        definition = self._definitions.get(task["taskDefinitionArn"], {})
        for each in definition.get("containerDefinitions", ()):
            if each.get("name") == container.get("name"):
                yield from (int(mapping["containerPort"]) for mapping in each.get("portMappings", ()))

    def _listens(self, task: Raw, container: Raw, port: int) -> PortBinding:
        return PortBinding(task_name(task), port, task["taskDefinitionArn"], container.get("name", ""))


def task_name(task: Raw) -> str:
    """The service that a task is of, or the family of its definition."""
    group = task.get("group", "")
    if group.startswith("service:"):
        return f"service {group.removeprefix('service:')}"
    return f"task {task['taskDefinitionArn'].rpartition('/')[2].split(':')[0]}"
