"""What a load balancer does with requests, read once from a snapshot of its account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from esaws.data_plane.load_balancer.arrival import Arrival, arrival_at
from esaws.inspect.account import Account
from esaws.inspect.answers import Decision
from esaws.inspect.load_balancers import LiveLoadBalancer, health_by_target_group, list_load_balancers
from esaws.inspect.network.endpoint_catalog import KEYS as NETWORK_KEYS
from esaws.inspect.request_path import KEYS as TRACE_KEYS
from esaws.inspect.request_path import target_reached
from esaws.inspect.routing.rules import RoutingRule
from esaws.inspect.routing.targets import EligibleTargets, TargetKey, eligible_targets, target_key

_NOT_NEEDED = {"clusters", "services", "tasks", "taskDefinitions", "containerInstances", "Brokers", "Functions"}
"""What a trace describes beside the way of a request: two thirds of the calls."""

KEYS = (*(key for key in TRACE_KEYS if key not in _NOT_NEEDED), "LoadBalancerAttributes")
"""What a snapshot needs for the proxy."""

_ACTIVE = ("active", "active_impaired")


@dataclass(frozen=True)
class Node:
    """One node of the load balancer, with its private address in a zone."""

    zone: str
    address: str
    public_address: str = ""
    """Its address on the internet; empty where it has none."""


@dataclass(frozen=True)
class Target:
    """One registered target: where it listens on AWS, and its state."""

    id: str
    port: int | None
    address: str
    """Its private address; empty where the account has none for it."""
    state: str

    @property
    def key(self) -> TargetKey:
        return self.id, self.port


@dataclass(frozen=True)
class TargetGroup:
    """A target group with its targets and attributes."""

    raw: Mapping[str, Any]
    settings: Mapping[str, str]
    targets: Mapping[TargetKey, Target]
    health: tuple[Mapping[str, Any], ...]
    attributes: tuple[Mapping[str, str], ...]
    _eligible: dict[str, tuple[Target, ...]] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return str(self.raw["TargetGroupArn"])

    @property
    def type(self) -> str:
        """instance, ip, lambda or alb."""
        return str(self.raw.get("TargetType", "instance"))

    @property
    def protocol(self) -> str:
        return str(self.raw.get("Protocol", "HTTP"))

    @property
    def protocol_version(self) -> str:
        """HTTP1, HTTP2 or GRPC."""
        return str(self.raw.get("ProtocolVersion", "HTTP1"))

    def setting(self, key: str, default: str) -> str:
        return self.settings.get(key, default)

    def eligible(self, zone: str) -> tuple[Target, ...]:
        """Return the targets that a node in a zone may choose.

        Where AWS does not document whether targets receive requests, those do that are healthy.
        """
        if zone not in self._eligible:
            found: EligibleTargets = eligible_targets(self.health, self.attributes, zone=zone)
            keys = found.keys
            if keys is None:
                healthy = (target.key for target in self.targets.values() if target.state == "healthy")
                keys = tuple(healthy)
            self._eligible[zone] = tuple(self.targets[key] for key in keys)
        return self._eligible[zone]


@dataclass(frozen=True)
class Listener:
    """A listener with its rules in evaluation order."""

    raw: Mapping[str, Any]
    rules: tuple[RoutingRule, ...]

    @property
    def port(self) -> int:
        return int(self.raw["Port"])

    @property
    def protocol(self) -> str:
        return str(self.raw.get("Protocol", "HTTP"))

    @property
    def certificate(self) -> str:
        """The ARN of its default certificate; empty without one."""
        certificates = self.raw.get("Certificates") or ()
        return str(certificates[0].get("CertificateArn", "")) if certificates else ""


@dataclass(frozen=True)
class Configuration:
    """A load balancer with everything that a request needs; what the network allows is evaluated when it is needed."""

    account: Account
    load_balancer: LiveLoadBalancer
    settings: Mapping[str, str]
    nodes: tuple[Node, ...]
    listeners: Mapping[int, Listener]
    groups: Mapping[str, TargetGroup]
    _reached: dict[TargetKey, Decision] = field(default_factory=dict)
    _arrivals: dict[tuple[str | None, Node, int], Arrival] = field(default_factory=dict)

    @classmethod
    def of(cls, account: Account, arn: str, previous: Configuration | None = None) -> Configuration | None:
        """Return the configuration of a load balancer; None where the account has none that is active.

        What the network allowed in the previous configuration is kept where nothing of the network changed.
        """
        found = [balancer for balancer in list_load_balancers(account) if balancer.raw["LoadBalancerArn"] == arn]
        if not found or found[0].raw.get("State", {}).get("Code", "active") not in _ACTIVE:
            return None
        balancer = found[0]
        unchanged = previous is not None and _same_network(account, previous.account)
        return cls(
            account,
            balancer,
            _load_balancer_settings(account, arn),
            _nodes(account, arn),
            {int(raw["Port"]): Listener(raw, tuple(balancer.rules(raw))) for raw in balancer.listeners()},
            _groups(account),
            previous._reached if unchanged and previous else {},
            previous._arrivals if unchanged and previous else {},
        )

    @cached_property
    def id(self) -> str:
        """Its name in access logs, such as `app/my-alb/50dc6c495c0c9188`."""
        return str(self.load_balancer.raw["LoadBalancerArn"]).partition("loadbalancer/")[2]

    @property
    def dns_name(self) -> str:
        return str(self.load_balancer.raw.get("DNSName", self.load_balancer.name))

    def setting(self, key: str, default: str) -> str:
        return self.settings.get(key, default)

    def is_on(self, key: str) -> bool:
        """Return whether an attribute is `true`."""
        return self.settings.get(key) == "true"

    @property
    def is_http2(self) -> bool:
        """Return whether clients of HTTPS listeners may use HTTP/2."""
        return self.setting("routing.http2.enabled", "true") == "true"

    @property
    def idle_timeout(self) -> float:
        """How many seconds a connection may be silent."""
        return float(self.setting("idle_timeout.timeout_seconds", "60"))

    def reaches(self, group: TargetGroup, target: Target) -> bool:
        """Return whether packets of the load balancer arrive at a target; true where that is unknown."""
        if target.key not in self._reached:
            args = self.account, self.load_balancer, target.id, target.port, group.type
            self._reached[target.key] = target_reached(*args)
        return self._reached[target.key] != "deny"

    def arrival(self, client: str | None, node: Node, port: int) -> Arrival:
        """Return how a client arrives at a listener: the task with this private address, or None for the internet."""
        key = client, node, port
        if key not in self._arrivals:
            self._arrivals[key] = arrival_at(self.account, self.load_balancer, client, node.public_address, port)
        return self._arrivals[key]


def _load_balancer_settings(account: Account, arn: str) -> dict[str, str]:
    described = (raw for raw in account.get("LoadBalancerAttributes") or () if raw["LoadBalancerArn"] == arn)
    return {item["Key"]: item["Value"] for raw in described for item in raw["Attributes"]}


def _nodes(account: Account, arn: str) -> tuple[Node, ...]:
    """Return one node for each interface of the load balancer, whose description is `ELB app/NAME/ID`."""
    description = f"ELB {arn.partition('loadbalancer/')[2]}"
    found = [
        Node(raw.get("AvailabilityZone", ""), raw["PrivateIpAddress"], raw.get("Association", {}).get("PublicIp", ""))
        for raw in account.get("NetworkInterfaces") or ()
        if raw.get("Description") == description and "PrivateIpAddress" in raw
    ]
    return tuple(sorted(found, key=lambda node: (node.zone, node.address)))


def _groups(account: Account) -> dict[str, TargetGroup]:
    health = health_by_target_group(account)
    addresses = {raw["InstanceId"]: raw.get("PrivateIpAddress", "") for raw in account.get("Instances") or ()}
    groups = {}
    for raw in account["TargetGroups"]:
        described = health[raw["TargetGroupArn"]]
        attributes = tuple(described.get("Attributes", ()))
        is_address = raw.get("TargetType") == "ip"
        targets = {}
        for item in described["TargetHealthDescriptions"]:
            id, port = target_key(item["Target"])
            address = id if is_address else addresses.get(id, "")
            targets[id, port] = Target(id, port, address, item["TargetHealth"]["State"])
        groups[raw["TargetGroupArn"]] = TargetGroup(
            raw,
            {item["Key"]: item["Value"] for item in attributes},
            targets,
            tuple(described["TargetHealthDescriptions"]),
            attributes,
        )
    return groups


def _same_network(one: Account, other: Account) -> bool:
    return all(one.get(key) == other.get(key) for key in (*NETWORK_KEYS, "LoadBalancers", "Listeners"))
