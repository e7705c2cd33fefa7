"""The context of checks: an account with its network, named endpoints and running tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from esaws.architecture import Architecture
from esaws.inspect.account import Account
from esaws.inspect.checks.group_users import GroupUser, group_users
from esaws.inspect.fetch import Raw
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.named_endpoints import NamedEndpoint, Port
from esaws.inspect.network.network import Network
from esaws.inspect.port_bindings import RunningTasks

SSH: Port = ("tcp", 22)


@dataclass(frozen=True, eq=False)
class CheckContext:
    """An account, and the declared architecture to compare it with, if any."""

    account: Account
    declared: Architecture | None = None

    @cached_property
    def network(self) -> Network:
        """The network of the account.

        Raises:
            MissingData: AWS did not describe the security groups or interfaces.
        """
        _ = self.account["SecurityGroups"], self.account["NetworkInterfaces"]
        return Network.of(self.account.descriptions)

    @cached_property
    def catalog(self) -> EndpointCatalog:
        return EndpointCatalog.of(self.account)

    @cached_property
    def tasks(self) -> RunningTasks:
        return RunningTasks(self.account)

    @cached_property
    def group_users(self) -> dict[str, list[GroupUser]]:
        """What names each security group without having an interface now."""
        return group_users(self.account)

    @cached_property
    def instances(self) -> dict[str, Raw]:
        return {raw["InstanceId"]: raw for raw in self.account["Instances"]}

    @cached_property
    def _by_interface(self) -> dict[str, list[NamedEndpoint]]:
        by_interface: dict[str, list[NamedEndpoint]] = {}
        for endpoint in self.catalog.endpoints:
            for id in endpoint.interfaces:
                by_interface.setdefault(id, []).append(endpoint)
        return by_interface

    def endpoints_at(self, interfaces: Iterable[Interface]) -> list[NamedEndpoint]:
        """Return the named endpoints that have some of the interfaces."""
        endpoints = [endpoint for interface in interfaces for endpoint in self._by_interface.get(interface.id, ())]
        return list(dict.fromkeys(endpoints))

    def listening_ports(self, interfaces: Iterable[Interface]) -> set[Port] | None:
        """Return the protocols and ports that the interfaces listen on; None where that is unknown for one of them.

        Instances also listen on SSH.
        """
        ports: set[Port] = set()
        for interface in interfaces:
            endpoints = self._by_interface.get(interface.id)
            if not endpoints or any(endpoint.ports is None for endpoint in endpoints):
                return None
            ports |= {port for endpoint in endpoints for port in endpoint.ports or ()}
            if self.catalog.any_on_instance([interface.id]):
                ports.add(SSH)
        return ports

    def group_name(self, id: str) -> str:
        return self.network.group_name(id)
