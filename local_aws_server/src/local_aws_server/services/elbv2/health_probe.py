"""What a load balancer's health check of a target meets, as the world is at this moment.

A check passes when every node of the load balancer that sends the target requests reaches it, and it answers as the
target group wants: in time, with a status of its matcher. Each zone of a load balancer has a node; a Network Load
Balancer's sends to other zones only if cross-zone load balancing is on.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.services.ec2.interfaces import interfaces, requester
from local_aws_server.services.ecs import containers
from local_aws_server.services.elbv2.network_path import End, Network

Key = tuple[str, int]
"""(instance or address, port) of a target."""

_ANSWERING = ("RUNNING", "DEACTIVATING")


@dataclass(frozen=True)
class Trouble:
    """Why a target does not pass: in AWS's words, and in words that say what to do about it."""

    reason: str
    description: str
    because: str = ""
    state: str = "unhealthy"
    """What a target becomes that meets it: at once, unless it is "unhealthy"."""


NOT_USED = Trouble(
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
    "no listener forwards to its target group",
    "unused",
)
OTHER_ZONE = Trouble(
    "Target.NotInUse",
    "Target is in an Availability Zone that is not enabled for the load balancer",
    "its zone is not enabled for the load balancer",
    "unused",
)
NOT_CHECKED = Trouble(
    "Target.HealthCheckDisabled", "Health checks are not enabled for this target", state="unavailable"
)
UNKNOWN_ADDRESS = Trouble("Target.Timeout", "Request timed out", "nobody has that address")


def stopped(state: str) -> Trouble:
    return Trouble("Target.InvalidState", f"Target is in the {state} state", f"the instance is {state}", "unused")


def timeout(because: str) -> Trouble:
    return Trouble("Target.Timeout", "Request timed out", because)


def refused(port: int) -> Trouble:
    return Trouble("Target.FailedHealthChecks", "Health checks failed", f"nothing listens on port {port}")


def mismatch(status: int, path: str, wanted: str) -> Trouble:
    described = f"Health checks failed with these codes: [{status}]"
    return Trouble("Target.ResponseCodeMismatch", described, f"{path} answers {status}, not {wanted}")


def matches(matcher: str, status: int) -> bool:
    """Whether a matcher, like `200`, `200,302` or `200-299`, takes a status."""
    for part in matcher.split(","):
        first, _, last = part.strip().partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False


def judged(answer: containers.Answer, path: str, matcher: str, seconds: float) -> Trouble | None:
    """What a check makes of an answer; None if it passes."""
    if answer.seconds > seconds:
        return timeout(f"{path} takes {answer.seconds:g} s to answer")
    return None if matches(matcher, answer.status) else mismatch(answer.status, path, matcher)


class Look:
    """One look at everything that checks depend on, each part read once: not to be kept."""

    def __init__(self, world: Backends) -> None:
        self._world = world
        self._network = Network(world)

    def probe(self, group: Any, key: Key) -> Trouble | None:
        """What a check of a target meets at this moment; None if it passes."""
        if str(group.health_check_enabled).lower() == "false":
            return NOT_CHECKED
        balancer = self._balancers.get(group.arn)
        if balancer is None:
            return NOT_USED
        if group.target_type not in ("instance", "ip"):
            return None
        interface = self._instances[key[0]].nics[0] if key[0] in self._instances else self._addresses.get(key[0])
        if interface is None:
            return UNKNOWN_ADDRESS
        if interface.instance is not None and interface.instance.state != "running":
            return stopped(interface.instance.state)
        zone = interface.subnet.availability_zone
        if zone not in {subnet.availability_zone for subnet in balancer.subnets}:
            return OTHER_ZONE
        port = key[1] if group.health_check_port in (None, "traffic-port") else int(group.health_check_port)
        return self._unreachable(balancer, interface, zone, port) or self._answer(group, interface, port)

    def service_of(self, group: Any, key: Key) -> str | None:
        """The ECS service that a target belongs to, by its task, else by its target group."""
        task, _ = self._listening.get(key, (None, {}))
        kind, _, name = str(task.group if task is not None else "").partition(":")
        if kind == "service":
            return name
        for service in self._world.services:
            if any(each.get("targetGroupArn") == group.arn for each in service.load_balancers or ()):
                return str(service.name)
        return None

    def _unreachable(self, balancer: Any, interface: Any, zone: str, port: int) -> Trouble | None:
        if interface.instance is not None and remembered(interface.instance).get("failed"):
            return timeout("the instance does not answer")
        target = self._network.end(interface)
        for node, node_zone in self._nodes.get(balancer.arn, ()):
            sends = _cross_zone(balancer) or node_zone == zone
            if sends and (obstacle := self._network.obstacle(node, target, port)):
                return timeout(f"the load balancer can't reach it: {obstacle}")
        return None

    def _answer(self, group: Any, interface: Any, port: int) -> Trouble | None:
        holder = interface.instance or interface
        _, container = self._listening.get((holder.id, port), (None, None))
        if container is None:
            return refused(port)
        if group.health_check_protocol not in ("HTTP", "HTTPS"):
            return None
        path = group.health_check_path or "/"
        matcher = (getattr(group, "matcher", None) or {}).get("HttpCode") or "200"
        return judged(containers.answer(container, path), path, matcher, float(group.health_check_timeout_seconds))

    @cached_property
    def _instances(self) -> dict[str, Any]:
        return {instance.id: instance for instance in self._world.instances}

    @cached_property
    def _interfaces(self) -> list[Any]:
        return interfaces(self._world)

    @cached_property
    def _addresses(self) -> dict[str, Any]:
        return {interface.private_ip_address: interface for interface in self._interfaces}

    @cached_property
    def _balancers(self) -> dict[str, Any]:
        """Target group's ARN → the load balancer that forwards to it."""
        found: dict[str, Any] = {}
        for balancer in self._world.backend("elbv2").load_balancers.values():
            for listener in balancer.listeners.values():
                for rule in listener.rules.values():
                    for action in rule.actions:
                        for arn in _target_groups(action.data):
                            found.setdefault(arn, balancer)
        return found

    @cached_property
    def _nodes(self) -> dict[str, list[tuple[End, str]]]:
        """Load balancer's ARN → its nodes, each with its zone."""
        found: dict[str, list[tuple[End, str]]] = {}
        for interface in self._interfaces:
            if requester(interface) == "amazon-elb" and "leaves" not in remembered(interface):
                kept = remembered(interface)["kept"]
                node = self._network.end(interface, filtered=bool(kept.groups))
                found.setdefault(kept.owner, []).append((node, interface.subnet.availability_zone))
        return found

    @cached_property
    def _listening(self) -> dict[tuple[str, int], tuple[Any, dict[str, Any]]]:
        """(instance or interface, port) → the task and the definition of the container that listens there."""
        return {place: (task, container) for task in self._world.tasks for place, container in self._served(task)}

    def _served(self, task: Any) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
        if task.last_status not in _ANSWERING:
            return
        defined = self._world.backend("ecs").describe_task_definition(task.task_definition_arn)
        described = {each["name"]: each for each in defined.container_definitions}
        own = [
            detail["value"]
            for attachment in task.attachments
            for detail in attachment["details"]
            if detail["name"] == "networkInterfaceId"
        ]
        host = self._hosts.get(task.container_instance_arn, "")
        for container in task.containers:
            definition = described.get(container.name)
            if definition is None or container.last_status == "STOPPED":
                continue
            for mapping in definition.get("portMappings") or () if own else ():
                yield (own[0], int(mapping["containerPort"])), definition
            for binding in getattr(container, "network_bindings", ()) if host and not own else ():
                yield (host, int(binding["hostPort"])), definition

    @cached_property
    def _hosts(self) -> dict[str, str]:
        """Container instance's ARN → the EC2 instance."""
        return {each.container_instance_arn: each.ec2_instance_id for _, each in self._world.container_instances}


def _target_groups(action: dict[str, Any]) -> list[str]:
    several = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    return [each["TargetGroupArn"] for each in (action, *several) if each.get("TargetGroupArn")]


def _cross_zone(balancer: Any) -> bool:
    """Application load balancers can't be without."""
    return balancer.type == "application" or balancer.attrs.get("load_balancing.cross_zone.enabled") == "true"
