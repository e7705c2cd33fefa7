"""Services: what ECS runs under a name, through which interfaces it is reached, and on which ports it listens."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from esaws.inspect.account import Account
from esaws.inspect.network.named_endpoint import NamedEndpoint, Port, Raw

NO_TASK = "no task of it runs: this is about the instances of its cluster"


def find_services(account: Account) -> list[NamedEndpoint]:
    """Each service, each family of tasks that no service runs, and each cluster that runs neither, by name.

    A service goes by the interfaces of its tasks (awsvpc) or of the instances that run them; where no task runs, by
    the instances of its cluster. A name that stands in several clusters is told as CLUSTER/NAME.

    Raises:
        MissingData: AWS did not say what runs.
    """
    found = list(_Running(account).places())
    counts = Counter(place.name for _, place in found)
    return [
        replace(place, name=f"{cluster}/{place.name}") if counts[place.name] > 1 else place for cluster, place in found
    ]


@dataclass(frozen=True)
class _Running:
    account: Account

    def places(self) -> Iterator[tuple[str, NamedEndpoint]]:
        """Each with the name of its cluster."""
        for cluster in self.account["clusters"]:
            arn, name = cluster["clusterArn"], cluster["clusterName"]
            declared = {each["serviceName"]: each for each in self.account["services"] if each["clusterArn"] == arn}
            tasks: dict[str, list[Raw]] = {service: [] for service in declared}
            for task in self.account["tasks"]:
                if task["clusterArn"] == arn and task.get("lastStatus") != "STOPPED":
                    tasks.setdefault(task.get("group", "").partition(":")[2], []).append(task)
            for service, running in tasks.items():
                yield name, self._place(arn, service, declared.get(service, {}), running)
            if not tasks and (instances := self._instances_of(arn)):
                yield name, NamedEndpoint("service", name.removesuffix("-cluster"), instances, None, note=NO_TASK)

    def _place(self, cluster: str, name: str, service: Raw, tasks: list[Raw]) -> NamedEndpoint:
        running = [task for task in tasks if task.get("lastStatus") == "RUNNING"] or tasks
        interfaces = tuple(dict.fromkeys(id for task in running for id in self._interfaces(task)))
        listens = self._listens(service, running)
        if interfaces:
            return NamedEndpoint("service", name, interfaces, listens)
        network = service.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        if network:
            remark = "no task of it runs: this is about where one would be"
            groups, subnets = tuple(network.get("securityGroups", ())), tuple(network.get("subnets", ()))
            public = network.get("assignPublicIp") == "ENABLED"
            return NamedEndpoint("service", name, (), listens, groups, subnets, public, note=remark)
        return NamedEndpoint("service", name, self._instances_of(cluster), listens, note=NO_TASK)

    # Interfaces

    def _interfaces(self, task: Raw) -> Iterator[str]:
        """A task's own interface, or that of the instance that it runs on."""
        own = [
            each["value"]
            for attachment in task.get("attachments", [])
            if attachment.get("type") in {"ElasticNetworkInterface", "eni"} and attachment.get("status") != "DELETED"
            for each in attachment.get("details", [])
            if each.get("name") == "networkInterfaceId"
        ]
        yield from own
        if not own:
            instance = self._instance_ids.get(task.get("containerInstanceArn", ""), "")
            yield from self._primary(instance)

    def _instances_of(self, cluster: str) -> tuple[str, ...]:
        arns = [each["ec2InstanceId"] for each in self.account["containerInstances"] if each["clusterArn"] == cluster]
        return tuple(id for instance in arns for id in self._primary(instance))

    @cached_property
    def _instance_ids(self) -> Mapping[str, str]:
        return {each["containerInstanceArn"]: each["ec2InstanceId"] for each in self.account["containerInstances"]}

    def _primary(self, instance: str) -> tuple[str, ...]:
        return self._primaries.get(instance, ())

    @cached_property
    def _primaries(self) -> Mapping[str, tuple[str, ...]]:
        return primary_interfaces(self.account)

    # Ports

    def _listens(self, service: Raw, tasks: list[Raw]) -> frozenset[Port] | None:
        """Of running tasks what ECS bound; else, and for tasks with interfaces, what the definition maps."""
        bound = {
            (each.get("protocol", "tcp"), each["hostPort"])
            for task in tasks
            for container in task.get("containers", [])
            for each in container.get("networkBindings", [])
        }
        if bound:
            return frozenset(bound)
        used = {task["taskDefinitionArn"] for task in tasks} or {service.get("taskDefinition")}
        definitions = [each for each in self.account.get("taskDefinitions") or () if each["taskDefinitionArn"] in used]
        return frozenset(port for each in definitions for port in _mapped(each)) if definitions else None


def _mapped(definition: Raw) -> Iterator[Port]:
    own = definition.get("networkMode") in {"awsvpc", "host"}
    for container in definition.get("containerDefinitions", []):
        for mapping in container.get("portMappings", []):
            port = mapping.get("hostPort") or (mapping.get("containerPort") if own else None)
            if port:
                yield mapping.get("protocol", "tcp"), port


def primary_interfaces(account: Account) -> dict[str, tuple[str, ...]]:
    """For each instance its primary interface, by which it sends, where that is visible."""
    found: dict[str, tuple[str, ...]] = {}
    for each in account.get("NetworkInterfaces") or ():
        attachment = each.get("Attachment", {})
        if "InstanceId" in attachment and attachment.get("DeviceIndex", 0) == 0:
            found[attachment["InstanceId"]] = (each["NetworkInterfaceId"],)
    return found
