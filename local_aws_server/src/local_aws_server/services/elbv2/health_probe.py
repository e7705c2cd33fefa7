"""Decide what a load balancer's health check of a target meets at this moment.

A check passes if every node of the load balancer that sends requests to the target reaches it, and the target responds
as the target group requires: in time, and with a status of its matcher. A load balancer has a node in each of its
zones. A node of a Network Load Balancer sends requests to other zones only with cross-zone load balancing.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.services.ec2.interfaces import interfaces, is_leaving, service_interface
from local_aws_server.services.ecs import containers, processes
from local_aws_server.services.elbv2 import probe_results
from local_aws_server.services.elbv2.lookup import target_groups_of
from local_aws_server.services.elbv2.network_path import Endpoint, NetworkPaths

TargetKey = tuple[str, int]
"""The instance or address, and the port, of a target."""

_SERVING = ("RUNNING", "DEACTIVATING")


_GRPC_CODES, _GRPC_UNKNOWN = {200: 0, 404: 12, 503: 14}, 2
"""Status of HTTP → code of gRPC, as where a server of gRPC does not answer itself.

https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
"""


@dataclass(frozen=True)
class CheckFailure:
    """Why a target does not pass its health check."""

    reason: str
    """AWS's reason code."""
    description: str
    """AWS's text."""
    because: str = ""
    """The cause, for the event log."""
    state: str = "unhealthy"
    """The state of such a target: "unhealthy" after several checks, any other state at once."""


NOT_IN_USE = CheckFailure(
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
    "no listener forwards to its target group",
    "unused",
)
ZONE_NOT_ENABLED = CheckFailure(
    "Target.NotInUse",
    "Target is in an Availability Zone that is not enabled for the load balancer",
    "its zone is not enabled for the load balancer",
    "unused",
)
CHECKS_DISABLED = CheckFailure(
    "Target.HealthCheckDisabled", "Health checks are not enabled for this target", state="unavailable"
)
NOT_CHECKED = CheckFailure("Elb.InitialHealthChecking", "Initial health checks in progress", state="initial")
UNKNOWN_ADDRESS = CheckFailure("Target.Timeout", "Request timed out", "no network interface has that address")


def instance_not_running(state: str) -> CheckFailure:
    return CheckFailure("Target.InvalidState", f"Target is in the {state} state", f"the instance is {state}", "unused")


def timed_out(because: str) -> CheckFailure:
    return CheckFailure("Target.Timeout", "Request timed out", because)


def connection_refused(port: int) -> CheckFailure:
    return CheckFailure("Target.FailedHealthChecks", "Health checks failed", f"nothing listens on port {port}")


def unexpected_status(status: int, path: str, matcher: str) -> CheckFailure:
    description = f"Health checks failed with these codes: [{status}]"
    return CheckFailure("Target.ResponseCodeMismatch", description, f"{path} answers {status}, not {matcher}")


def matches_status(matcher: str, status: int) -> bool:
    """Return whether a matcher, such as `200`, `200,302` or `200-299`, contains a status."""
    for part in matcher.split(","):
        first, _, last = part.strip().partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False


def evaluate_response(response: containers.Response, path: str, matcher: str, timeout: float) -> CheckFailure | None:
    """Return why a response fails a check with a timeout in seconds; None if it passes."""
    if response.seconds > timeout:
        return timed_out(f"{path} takes {response.seconds:g} s to answer")
    return None if matches_status(matcher, response.status) else unexpected_status(response.status, path, matcher)


class HealthProbe:
    """Health checks against the current state; what they depend on is read once, so use it only for one pass."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._paths = NetworkPaths(backends)

    def check(self, group: Any, key: TargetKey) -> CheckFailure | None:
        """Return why a target fails its health check now; None if it passes."""
        if str(group.health_check_enabled).lower() == "false":
            return CHECKS_DISABLED
        load_balancer = self._load_balancers.get(group.arn)
        if load_balancer is None:
            return NOT_IN_USE
        if group.target_type not in ("instance", "ip"):
            return None
        interface = self._instances[key[0]].nics[0] if key[0] in self._instances else self._addresses.get(key[0])
        if interface is None:
            return UNKNOWN_ADDRESS
        if interface.instance is not None and interface.instance.state != "running":
            return instance_not_running(interface.instance.state)
        zone = interface.subnet.availability_zone
        if zone not in {subnet.availability_zone for subnet in load_balancer.subnets}:
            return ZONE_NOT_ENABLED
        port = key[1] if group.health_check_port in (None, "traffic-port") else int(group.health_check_port)
        failure = self._check_network(load_balancer, interface, zone, port)
        return failure or self._check_response(group, key, interface, port)

    def probed(self, group: Any, key: TargetKey) -> tuple[str, int, Any] | None:
        """Return (private address, port, task) of the process that is checked at a target; None if there is none."""
        interface = self._instances[key[0]].nics[0] if key[0] in self._instances else self._addresses.get(key[0])
        if interface is None or group.arn not in self._load_balancers:
            return None
        port = key[1] if group.health_check_port in (None, "traffic-port") else int(group.health_check_port)
        task, container = self._listeners.get(((interface.instance or interface).id, port), (None, None))
        if container is None or not processes.runs_as_process(task, container["name"]):
            return None
        return str(interface.private_ip_address), port, task

    def service_of(self, group: Any, key: TargetKey) -> str | None:
        """Return the name of a target's ECS service, found by its task, or else by its target group."""
        task, _ = self._listeners.get(key, (None, {}))
        kind, _, name = str(task.group if task is not None else "").partition(":")
        if kind == "service":
            return name
        for service in self._backends.ecs_services:
            if any(each.get("targetGroupArn") == group.arn for each in service.load_balancers or ()):
                return str(service.name)
        return None

    def _check_network(self, load_balancer: Any, interface: Any, zone: str, port: int) -> CheckFailure | None:
        """Return why a node of the load balancer does not reach an interface; None if all do."""
        if interface.instance is not None and sidecar(interface.instance).get("failed"):
            return timed_out("the instance does not answer")
        target = self._paths.endpoint(interface)
        for node, node_zone in self._nodes.get(load_balancer.arn, ()):
            sends_requests = _is_cross_zone(load_balancer) or node_zone == zone
            if sends_requests and (obstacle := self._paths.find_obstacle(node, target, port)):
                return timed_out(f"the load balancer can't reach it: {obstacle}")
        return None

    def _check_response(self, group: Any, key: TargetKey, interface: Any, port: int) -> CheckFailure | None:
        """Return why the response on a port fails the check; None if it passes."""
        holder = interface.instance or interface
        task, container = self._listeners.get((holder.id, port), (None, None))
        if container is None:
            return connection_refused(port)
        is_http = group.health_check_protocol in ("HTTP", "HTTPS")
        path = group.health_check_path or "/"
        matcher = _codes(getattr(group, "matcher", None) or {})
        timeout = float(group.health_check_timeout_seconds)
        if processes.runs_as_process(task, container["name"]):
            result = probe_results.result(group, *key, task)
            if result is None:
                return NOT_CHECKED
            if isinstance(result, str):
                return timed_out(f"{path} does not answer") if result == "timeout" else connection_refused(port)
            return evaluate_response(result, path, matcher, timeout) if is_http else None
        if not is_http:
            return None
        response = containers.respond(containers.as_it_runs(self._backends, container), path)
        if group.protocol_version == "GRPC":
            response = replace(response, status=_GRPC_CODES.get(response.status, _GRPC_UNKNOWN))
        return evaluate_response(response, path, matcher, timeout)

    @cached_property
    def _instances(self) -> dict[str, Any]:
        return {instance.id: instance for instance in self._backends.instances}

    @cached_property
    def _interfaces(self) -> list[Any]:
        return interfaces(self._backends)

    @cached_property
    def _addresses(self) -> dict[str, Any]:
        return {interface.private_ip_address: interface for interface in self._interfaces}

    @cached_property
    def _load_balancers(self) -> dict[str, Any]:
        """Target group's ARN → the load balancer that forwards to it."""
        load_balancers: dict[str, Any] = {}
        for load_balancer in self._backends.backend("elbv2").load_balancers.values():
            for arn in target_groups_of(load_balancer):
                load_balancers.setdefault(arn, load_balancer)
        return load_balancers

    @cached_property
    def _nodes(self) -> dict[str, list[tuple[Endpoint, str]]]:
        """Load balancer's ARN → its nodes, each with its zone."""
        nodes: dict[str, list[tuple[Endpoint, str]]] = {}
        for interface in self._interfaces:
            spec = service_interface(interface)
            if spec is not None and spec.requester == "amazon-elb" and not is_leaving(interface):
                node = self._paths.endpoint(interface, filtered=bool(spec.groups))
                nodes.setdefault(spec.owner, []).append((node, interface.subnet.availability_zone))
        return nodes

    @cached_property
    def _listeners(self) -> dict[TargetKey, tuple[Any, dict[str, Any]]]:
        """(instance or interface, port) → the task and the definition of the container that listens there."""
        return {key: (task, container) for task in self._backends.ecs_tasks for key, container in self._ports_of(task)}

    def _ports_of(self, task: Any) -> Iterator[tuple[TargetKey, dict[str, Any]]]:
        """Yield each (instance or interface, port) of a task, with the definition of its container."""
        if task.last_status not in _SERVING:
            return
        definition = self._backends.backend("ecs").describe_task_definition(task.task_definition_arn)
        definitions = {container["name"]: container for container in definition.container_definitions}
        interface_ids = [
            detail["value"]
            for attachment in task.attachments
            for detail in attachment["details"]
            if detail["name"] == "networkInterfaceId"
        ]
        instance = self._instance_ids.get(task.container_instance_arn, "")
        for container in task.containers:
            described = definitions.get(container.name)
            if described is None or container.last_status == "STOPPED":
                continue
            for mapping in described.get("portMappings") or () if interface_ids else ():
                yield (interface_ids[0], int(mapping["containerPort"])), described
            for binding in getattr(container, "network_bindings", ()) if instance and not interface_ids else ():
                yield (instance, int(binding["hostPort"])), described

    @cached_property
    def _instance_ids(self) -> dict[str, str]:
        """Container instance's ARN → id of the EC2 instance."""
        return {
            instance.container_instance_arn: instance.ec2_instance_id
            for _, instance in self._backends.container_instances
        }


def _codes(matcher: Mapping[str, str]) -> str:
    return matcher.get("GrpcCode") or matcher.get("HttpCode") or "200"


def _is_cross_zone(load_balancer: Any) -> bool:
    """Return whether nodes send requests to other zones, as those of an Application Load Balancer always do."""
    if load_balancer.type == "application":
        return True
    return bool(load_balancer.attrs.get("load_balancing.cross_zone.enabled") == "true")
