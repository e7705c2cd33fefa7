"""An account as the checks see it: its network, who carries which group, and what listens where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from esaws.architecture import Architecture
from esaws.aws import tag_dict
from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.named_endpoint import NamedEndpoint, Port
from esaws.inspect.network.network import Network
from esaws.inspect.port_bindings import RunningTasks

SSH: Port = ("tcp", 22)


@dataclass(frozen=True, eq=False)
class CheckContext:
    """What was looked at; `declared` is what should be there, where somebody said so."""

    account: Account
    declared: Architecture | None = None

    @cached_property
    def network(self) -> Network:
        """Raises:
        MissingData: AWS did not say which groups or interfaces there are.
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
    def instances(self) -> dict[str, Raw]:
        return {each["InstanceId"]: each for each in self.account["Instances"]}

    @cached_property
    def _by_interface(self) -> dict[str, list[NamedEndpoint]]:
        found: dict[str, list[NamedEndpoint]] = {}
        for place in self.catalog.endpoints:
            for id in place.interfaces:
                found.setdefault(id, []).append(place)
        return found

    def endpoints_at(self, interfaces: Iterable[Interface]) -> list[NamedEndpoint]:
        """The services, load balancers and stores behind some interfaces."""
        found = [place for each in interfaces for place in self._by_interface.get(each.id, ())]
        return list(dict.fromkeys(found))

    def listening_ports(self, interfaces: Iterable[Interface]) -> set[Port] | None:
        """The protocols and ports that answer at some interfaces; None where that is not known of one of them.

        Instances answer on SSH besides.
        """
        found: set[Port] = set()
        for each in interfaces:
            places = self._by_interface.get(each.id)
            if not places or any(place.ports is None for place in places):
                return None
            found |= {port for place in places for port in place.ports or ()}
            if self.catalog.any_on_instance([each.id]):
                found.add(SSH)
        return found

    def group_name(self, id: str) -> str:
        return self.network.group_name(id)


def name_of(raw: Raw, otherwise: str) -> str:
    """The Name tag of something."""
    return tag_dict(raw.get("Tags")).get("Name") or otherwise
