"""Decide which simulated requests arrive: from the internet at a load balancer's nodes, and from there at a target.

A client has any address of the internet. Each node of a load balancer gets an equal share of the requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.services.ec2.interfaces import interfaces, is_leaving, service_interface
from local_aws_server.services.ec2.internet_access import find_route_obstacle
from local_aws_server.services.elbv2.health_probe import TargetKey
from local_aws_server.services.elbv2.network_path import NetworkPaths

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Simulated requests arrive only where routes, security groups and network ACLs let them through: "
        "from the internet at each node, and from each node at its targets, where others end with 504.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html",
        ),
    ),
)

_CLIENT = IPv4Address("203.0.113.80")
"""An address among those for documentation: rules for the whole internet match it, narrower ones do not."""


class ClientPaths:
    """The nodes of one load balancer, and what reaches what; read once, so use it only for one pass."""

    def __init__(self, backends: Backends, load_balancer: Any) -> None:
        self._backends = backends
        self._load_balancer = load_balancer
        self._paths = NetworkPaths(backends)
        self._nodes = list(_node_interfaces(backends, load_balancer.arn))
        self._instances = {instance.id: instance for instance in backends.instances}

    def arriving(self, port: int) -> float:
        """Return the fraction of requests from the internet that arrive at a node; the others time out there.

        Clients of an internal load balancer are inside its VPC, and arrive.
        """
        if not self._nodes or self._load_balancer.scheme != "internet-facing":
            return 1.0
        return sum(self._arrives(node, port) for node in self._nodes) / len(self._nodes)

    def reaching(self, target: TargetKey) -> float:
        """Return the fraction of the nodes that reach a target; one that is not an instance is always reached."""
        instance = self._instances.get(target[0])
        if instance is None or not self._nodes:
            return 1.0
        destination = self._paths.endpoint(instance.nics[0])
        reached = [
            not self._paths.find_obstacle(node, destination, target[1]) for node in map(self._endpoint, self._nodes)
        ]
        return sum(reached) / len(reached)

    def _endpoint(self, node: Any) -> Any:
        spec = service_interface(node)
        return self._paths.endpoint(node, filtered=spec is not None and bool(spec.groups))

    def _arrives(self, node: Any, port: int) -> bool:
        if find_route_obstacle(self._backends.backend("ec2"), node.subnet, has_address=True, address=_CLIENT):
            return False
        return not self._paths.find_ingress_obstacle(str(_CLIENT), self._endpoint(node), port)


def _node_interfaces(backends: Backends, arn: str) -> Iterator[Any]:
    for interface in interfaces(backends):
        spec = service_interface(interface)
        if spec is not None and spec.requester == "amazon-elb" and spec.owner == arn and not is_leaving(interface):
            yield interface
