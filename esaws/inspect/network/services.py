"""ECS services as named endpoints: their interfaces, and the ports that their tasks listen on."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from esaws.inspect.account import Account
from esaws.inspect.network.named_endpoints import NamedEndpoint, Port, Raw

NO_TASK = "it has no running task; the answer is about the instances of its cluster"


def find_services(account: Account) -> list[NamedEndpoint]:
    """Return each service, each family of standalone tasks, and each cluster without either, by name.

    A service has the interfaces of its tasks (awsvpc) or of the instances that run them; where no task runs, those of
    the cluster's instances. A name that exists in several clusters is given as CLUSTER/NAME.

    Raises:
        MissingData: AWS did not describe the clusters, services or tasks.
    """
    found = list(_ServiceFinder(account).endpoints())
    counts = Counter(endpoint.name for _, endpoint in found)
    return [
        replace(endpoint, name=f"{cluster}/{endpoint.name}") if counts[endpoint.name] > 1 else endpoint
        for cluster, endpoint in found
    ]


@dataclass(frozen=True)
class _ServiceFinder:
    account: Account

    def endpoints(self) -> Iterator[tuple[str, NamedEndpoint]]:
        """Yield the name of the cluster and the endpoint."""
        for cluster in self.account["clusters"]:
            arn, name = cluster["clusterArn"], cluster["clusterName"]
            services = {raw["serviceName"]: raw for raw in self.account["services"] if raw["clusterArn"] == arn}
            tasks: dict[str, list[Raw]] = {service: [] for service in services}
            for task in self.account["tasks"]:
                if task["clusterArn"] == arn and task.get("lastStatus") != "STOPPED":
                    tasks.setdefault(task.get("group", "").partition(":")[2], []).append(task)
            for service, own_tasks in tasks.items():
                yield name, self._endpoint(arn, service, services.get(service, {}), own_tasks)
            if not tasks and (instances := self._instances_of(arn)):
                yield name, NamedEndpoint("service", name.removesuffix("-cluster"), instances, None, note=NO_TASK)

    def _endpoint(self, cluster: str, name: str, service: Raw, tasks: list[Raw]) -> NamedEndpoint:
        running = [task for task in tasks if task.get("lastStatus") == "RUNNING"] or tasks
        interfaces = tuple(dict.fromkeys(id for task in running for id in self._interfaces(task)))
        ports = self._ports(service, running)
        if interfaces:
            return NamedEndpoint("service", name, interfaces, ports)
        network = service.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        if network:
            note = "it has no running task; the answer is about where one would run"
            groups, subnets = tuple(network.get("securityGroups", ())), tuple(network.get("subnets", ()))
            public = network.get("assignPublicIp") == "ENABLED"
            return NamedEndpoint("service", name, (), ports, groups, subnets, public, note=note)
        return NamedEndpoint("service", name, self._instances_of(cluster), ports, note=NO_TASK)

    # Interfaces

    def _interfaces(self, task: Raw) -> Iterator[str]:
        """Yield a task's own interface, else that of its instance."""
        own = [
            detail["value"]
            for attachment in task.get("attachments", [])
            if attachment.get("type") in {"ElasticNetworkInterface", "eni"} and attachment.get("status") != "DELETED"
            for detail in attachment.get("details", [])
            if detail.get("name") == "networkInterfaceId"
        ]
        yield from own
        if not own:
            instance = self._instance_ids.get(task.get("containerInstanceArn", ""), "")
            yield from self._primary(instance)

    def _instances_of(self, cluster: str) -> tuple[str, ...]:
        containers = [raw for raw in self.account["containerInstances"] if raw["clusterArn"] == cluster]
        return tuple(id for raw in containers for id in self._primary(raw["ec2InstanceId"]))

    @cached_property
    def _instance_ids(self) -> Mapping[str, str]:
        return {raw["containerInstanceArn"]: raw["ec2InstanceId"] for raw in self.account["containerInstances"]}

    def _primary(self, instance: str) -> tuple[str, ...]:
        return self._primary_interfaces.get(instance, ())

    @cached_property
    def _primary_interfaces(self) -> Mapping[str, tuple[str, ...]]:
        return primary_interfaces(self.account)

    # Ports

    def _ports(self, service: Raw, tasks: list[Raw]) -> frozenset[Port] | None:
        """Return the ports that ECS bound for running tasks, else those that the task definition maps."""
        bound = {
            (binding.get("protocol", "tcp"), binding["hostPort"])
            for task in tasks
            for container in task.get("containers", [])
            for binding in container.get("networkBindings", [])
        }
        if bound:
            return frozenset(bound)
        used = {task["taskDefinitionArn"] for task in tasks} or {service.get("taskDefinition")}
        definitions = [raw for raw in self.account.get("taskDefinitions") or () if raw["taskDefinitionArn"] in used]
        return frozenset(port for raw in definitions for port in _mapped_ports(raw)) if definitions else None


def _mapped_ports(definition: Raw) -> Iterator[Port]:
    without_mapping = definition.get("networkMode") in {"awsvpc", "host"}
    for container in definition.get("containerDefinitions", []):
        for mapping in container.get("portMappings", []):
            port = mapping.get("hostPort") or (mapping.get("containerPort") if without_mapping else None)
            if port:
                yield mapping.get("protocol", "tcp"), port


def primary_interfaces(account: Account) -> dict[str, tuple[str, ...]]:
    """Return the primary interface of each instance, which it sends from, where it is visible."""
    interfaces: dict[str, tuple[str, ...]] = {}
    for raw in account.get("NetworkInterfaces") or ():
        attachment = raw.get("Attachment", {})
        if "InstanceId" in attachment and attachment.get("DeviceIndex", 0) == 0:
            interfaces[attachment["InstanceId"]] = (raw["NetworkInterfaceId"],)
    return interfaces
