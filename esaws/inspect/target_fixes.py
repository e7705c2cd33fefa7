"""Fixes of unhealthy targets, derived from the cause, so that they also hold for the next task and the next address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw
from esaws.inspect.fixes import ApiCall, Fix
from esaws.inspect.load_balancers import LiveLoadBalancer
from esaws.inspect.network.addresses import parse_address
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.missing_rules import MissingRule
from esaws.inspect.network.network import Network
from esaws.inspect.network.route_tables import lookup_route
from esaws.inspect.network.services import primary_interfaces
from esaws.inspect.port_bindings import PortBinding, RunningTasks

DYNAMIC_PORTS = (32768, 65535)
"""The host ports that Docker chooses from on an ECS instance.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
"""

_OUTSIDE = parse_address("198.51.100.1")
_CODES = re.compile(r"\[([\d, ]+)\]")
_ACCEPTABLE_ERRORS = (401, 403)
"""A container that requires a login answers these and works."""


def open_path(
    network: Network,
    load_balancer: LiveLoadBalancer,
    rules: Iterable[MissingRule],
    ports: tuple[int, int],
    target_groups: Iterable[str] = (),
) -> Fix:
    """Return the fix that opens ports from a load balancer to its targets, by group where both are in one VPC.

    `rules` are the missing ones for one target and port, `target_groups` the groups of the target.
    """
    rules = list(rules)
    if not rules:
        return Fix("check the routes and network ACLs of both subnets")
    peers = {
        "ingress": [group for group in load_balancer.raw.get("SecurityGroups", ()) if group in network.groups],
        "egress": [group for group in target_groups if group in network.groups],
    }
    calls: list[ApiCall] = []
    for rule in rules:
        permission = {"IpProtocol": "tcp", "FromPort": ports[0], "ToPort": ports[1]}
        permission |= _peer(network, rule, peers[rule.direction], load_balancer)
        operation = f"AuthorizeSecurityGroup{rule.direction.capitalize()}"
        calls.append(("ec2", operation, {"GroupId": rule.group, "IpPermissions": [permission]}))
    text = f"port {ports[0]}" if ports[0] == ports[1] else f"ports {ports[0]}–{ports[1]}"
    return Fix(f"open {text} from {load_balancer.name} to its targets", tuple(calls))


def _peer(network: Network, rule: MissingRule, groups: list[str], load_balancer: LiveLoadBalancer) -> dict[str, Any]:
    """Return the source (or destination): a group of the same VPC, else the subnets of the load balancer.

    The addresses of its nodes change. A missing egress rule alone names what the question named.
    """
    vpc = network.groups[rule.group].get("VpcId")
    same_vpc = [group for group in groups if network.groups[group].get("VpcId") == vpc]
    if same_vpc:
        return {"UserIdGroupPairs": [{"GroupId": same_vpc[0]}]}
    if rule.direction == "ingress":
        subnets = [zone["SubnetId"] for zone in load_balancer.raw.get("AvailabilityZones", ()) if "SubnetId" in zone]
        ranges = [
            str(cidr) for id in subnets for cidr in network.subnet_ranges.get(id, ("", ()))[1] if cidr.version == 4
        ]
        if ranges:
            return {"IpRanges": [{"CidrIp": cidr} for cidr in ranges]}
    ports = ("IpProtocol", "FromPort", "ToPort")
    return {key: value for key, value in rule.permission.items() if key not in ports}


def check_traffic_port(group: Raw) -> Fix:
    """Return the fix that lets the health check use the port of each target."""
    return Fix("let the health check use the port of the target", (_modify(group, HealthCheckPort="traffic-port"),))


def check_path(group: Raw, path: str) -> Fix:
    """Return the fix that sets the path of the health check."""
    return Fix(f"set the health check's path to {path}", (_modify(group, HealthCheckPath=path),))


def accept_status(group: Raw, description: str) -> Fix:
    """Return the fix for a status that the health check does not accept, from the description of the target's health.

    Only a status that a working container answers is added to the matcher: an Application Load Balancer takes 200–499.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html
    """
    found = _CODES.search(description)
    codes = [int(code) for code in found[1].split(",") if code.strip()] if found else []
    if not codes or group.get("ProtocolVersion") == "GRPC":
        return Fix("change the health check's path or matcher to what the container answers")
    if any(code >= 500 for code in codes):
        return Fix("look at the container and its log: it answers an error, which no health check should accept")
    if any(code >= 400 and code not in _ACCEPTABLE_ERRORS for code in codes):
        return Fix("set the health check's path to one that the container serves")
    accepted = ",".join([(group.get("Matcher") or {}).get("HttpCode", "200"), *map(str, codes)])
    return Fix(f"accept {accepted} in the health check", (_modify(group, Matcher={"HttpCode": accepted}),))


def deregister(group: Raw, target: Raw) -> Fix:
    """Return the fix that removes a target from its group. The port of a function is absent or 0, which AWS refuses."""
    targets = [{key: target[key] for key in ("Id", "Port", "AvailabilityZone") if target.get(key)}]
    call = ("elbv2", "DeregisterTargets", {"TargetGroupArn": group["TargetGroupArn"], "Targets": targets})
    return Fix("deregister the target", (call,))


def leave_or_start(group: Raw, target: Raw, state: str) -> Fix:
    """Return the fix for an instance that does not run: start a stopped one, deregister one that is terminated."""
    if state in ("stopping", "pending"):
        return Fix("wait until the instance is stopped or runs, and look again")
    if state == "stopped":
        params = {"InstanceIds": [target["Id"]]}
        return Fix("start the instance, or deregister it", (("ec2", "StartInstances", params),))
    return deregister(group, target)


@dataclass(frozen=True)
class TargetFixes:
    """Fixes that follow from the network, the services and the running tasks of an account."""

    account: Account
    catalog: EndpointCatalog
    tasks: RunningTasks

    def path(
        self, group: Raw, target: Raw, load_balancer: LiveLoadBalancer, port: int, rules: Iterable[MissingRule]
    ) -> Fix:
        """Return the fix for a load balancer that does not reach a target on a port; `rules` would allow it."""
        if self.is_wrong_check_port(group, target, port):
            return check_traffic_port(group)
        ports = DYNAMIC_PORTS if self._is_dynamic(group, target, port) else (port, port)
        return open_path(self.catalog.network, load_balancer, rules, ports, self.groups_of(target["Id"]))

    def is_wrong_check_port(self, group: Raw, target: Raw, port: int) -> bool:
        """Return whether nothing listens on the port of the health check, and something on that of the target."""
        if group.get("HealthCheckPort", "traffic-port") == "traffic-port" or not self.tasks.known:
            return False
        on_check_port, on_own_port = (self.tasks.listening_on(target["Id"], n) for n in (port, target.get("Port")))
        return on_check_port is None and on_own_port is not None

    def _is_dynamic(self, group: Raw, target: Raw, port: int) -> bool:
        """Return whether ECS chooses the host port of each task behind the target."""
        if binding := self.tasks.listening_on(target["Id"], port):
            return self.tasks.is_dynamic(binding)
        return any(
            self.tasks.is_dynamic(PortBinding("", item["containerPort"], raw["taskDefinition"], item["containerName"]))
            for raw in self.account.get("services") or ()
            for item in raw.get("loadBalancers", ())
            if item.get("targetGroupArn") == group["TargetGroupArn"]
        )

    def groups_of(self, target: str) -> tuple[str, ...]:
        """Return the security groups of a target, an instance or an address; empty where they are unknown."""
        network = self.catalog.network
        ids = primary_interfaces(self.account).get(target, ())
        interfaces = [network.interface(id) for id in ids]
        interfaces += [item for item in network.interfaces.values() if target in map(str, item.private)]
        return interfaces[0].groups or () if interfaces else ()

    def zone(self, load_balancer: LiveLoadBalancer, zone: str, subnet: str) -> Fix:
        """Return the fix that adds a subnet of a zone to a load balancer: `subnet` where it fits, else another one."""
        description = f"add a subnet of {zone} to {load_balancer.name}"
        own = [raw["SubnetId"] for raw in load_balancer.raw.get("AvailabilityZones", ()) if "SubnetId" in raw]
        fitting = [*self._subnets(load_balancer, zone)]
        if not own or not fitting:
            return Fix(description)
        subnets = [*own, subnet if subnet in fitting else fitting[0]]
        params = {"LoadBalancerArn": load_balancer.raw["LoadBalancerArn"], "Subnets": subnets}
        return Fix(description, (("elbv2", "SetSubnets", params),))

    def _subnets(self, load_balancer: LiveLoadBalancer, zone: str) -> Iterator[str]:
        """Yield the subnets of a zone that a load balancer can use: a public one needs a route to the internet."""
        vpc = load_balancer.raw.get("VpcId")
        for raw in self.account.get("Subnets") or ():
            if (raw.get("VpcId"), raw.get("AvailabilityZone")) == (vpc, zone):
                route = lookup_route(self.catalog.network, raw["SubnetId"], raw["VpcId"], _OUTSIDE)
                if not load_balancer.is_public or route.kind == "internet gateway":
                    yield str(raw["SubnetId"])


def _modify(group: Raw, **settings: Any) -> ApiCall:
    return "elbv2", "ModifyTargetGroup", {"TargetGroupArn": group["TargetGroupArn"], **settings}
