"""Where a load balancer is reached from this computer: at its addresses on AWS, or where it listens on this machine."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from esaws.cloud import Cloud
from esaws.inspect.load_balancers import LiveLoadBalancer
from esaws.local_aws import supervision
from esaws.local_aws.state import read_server

START = "esaws local start --run"

LOCAL_CLIENT = "203.0.113.80"
"""The address that a client of this machine has for a load balancer that runs here (docs/load_balancer.md)."""


@dataclass(frozen=True)
class Node:
    """One node of a load balancer: an address and a port; its Availability Zone where that is known."""

    address: str
    port: int
    zone: str = ""

    @property
    def text(self) -> str:
        """Its zone, else its address."""
        return self.zone or self.address


@dataclass(frozen=True)
class Unreachable:
    """Why there is no node to send requests to."""

    reason: str
    next_step: str
    is_simulated: bool = False
    """Whether nothing runs that could answer; else it does not exist for this computer."""


class Nodes:
    """Finds where load balancers are reached."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._nodes: Sequence[dict[str, Any]] = ()
        self.nothing_runs: Unreachable | None = None if cloud.is_aws else self._look()

    def of(self, load_balancer: LiveLoadBalancer, port: int) -> list[Node] | Unreachable:
        """Return the nodes of a listener, or why there are none."""
        if self.nothing_runs:
            return self.nothing_runs
        name = str(load_balancer.raw["DNSName"])
        return _resolve(name, port) if self._cloud.is_aws else self._on_this_machine(name, port)

    def _on_this_machine(self, name: str, port: int) -> list[Node] | Unreachable:
        found = [
            Node(str(node["host"]), int(node["local_port"]), str(node["zone"]))
            for node in self._nodes
            if (node["name"], node["port"]) == (name, port)
        ]
        if found:
            return sorted(found, key=lambda node: (node.zone, node.address))
        reason = f"no process listens on port {port} for it yet"
        return Unreachable(reason, "run again in a minute; then read supervisor.log in the state folder")

    def _look(self) -> Unreachable | None:
        """Read what runs on this machine; return why nothing runs."""
        server = read_server()
        if server is None or self._cloud.endpoint != server.url:
            reason = f"what runs at {self._cloud.endpoint} is not known here, so no request was sent"
            return Unreachable(reason, f"run it on the machine of that local AWS, after `{START}`", is_simulated=True)
        running = supervision.running()
        if running is None:
            reason = "nothing runs: this local AWS simulates its services, so no request was sent"
            return Unreachable(reason, f"start what runs with `{START}`", is_simulated=True)
        account, region = self._cloud.account, self._cloud.region
        self._nodes = [
            node
            for each in running["accounts"]
            if (each["account"], each["region"]) == (account, region)
            for node in each.get("load_balancers", ())
        ]
        return None


def _resolve(name: str, port: int) -> list[Node] | Unreachable:
    """Return the addresses of a DNS name."""
    try:
        # IPv6 only where this computer has it: else no request would get out.
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except OSError as error:
        reason = f"its name does not resolve here ({error.strerror or error})"
        return Unreachable(reason, "check the DNS server of this computer")
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    return [Node(address, port) for address in sorted(addresses)]
