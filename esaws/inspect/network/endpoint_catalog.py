"""The catalog of an account's named endpoints, and the network they are in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from esaws.cloud import DEPLOYMENT_TAG
from esaws.errors import UsageError
from esaws.inspect.account import Account, MissingData, name_tag
from esaws.inspect.network import named_endpoints, services
from esaws.inspect.network.addresses import parse_cidr
from esaws.inspect.network.endpoints import INTERNET, EndpointSpec
from esaws.inspect.network.equivalence_classes import address_classes
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.named_endpoints import KINDS, Kind, NamedEndpoint, Raw
from esaws.inspect.network.network import Network

NETWORK_KEYS = (
    "NetworkInterfaces",
    "SecurityGroups",
    "PrefixLists",
    "NetworkAcls",
    "RouteTables",
    "Subnets",
    "Vpcs",
    "NatGateways",
)
KEYS = (
    *NETWORK_KEYS,
    "Instances",
    *("clusters", "services", "tasks", "taskDefinitions", "containerInstances"),
    *("LoadBalancers", "Listeners"),
    "DBInstances",
    *("CacheClusters", "CacheSubnetGroups"),
    "Brokers",
)
"""What a snapshot needs for the named endpoints and the network between them."""

_FINDERS = {
    "service": services.find_services,
    "alb": named_endpoints.find_load_balancers,
    "db": named_endpoints.find_databases,
    "cache": named_endpoints.find_caches,
    "broker": named_endpoints.find_brokers,
}


@dataclass(frozen=True, eq=False)
class EndpointCatalog:
    """All named endpoints by kind and name; `unavailable` has the reason for each kind that is unknown."""

    account: Account
    endpoints: tuple[NamedEndpoint, ...]
    unavailable: Mapping[Kind, str]

    @classmethod
    def of(cls, account: Account) -> Self:
        endpoints: list[NamedEndpoint] = []
        unavailable: dict[Kind, str] = {}
        for kind in KINDS:
            try:
                endpoints += sorted(_FINDERS[kind](account), key=lambda endpoint: endpoint.name)
            except MissingData as error:
                unavailable[kind] = str(error)
        return cls(account, tuple(endpoints), unavailable)

    # Names

    def find(self, kind: Kind, name: str) -> NamedEndpoint:
        """Return the endpoint of this name, with or without the prefix of its deployment.

        Raises:
            MissingData: AWS did not describe this kind.
            UsageError: none or several have the name.
        """
        if kind in self.unavailable:
            raise MissingData(self.unavailable[kind])
        of_kind = [endpoint for endpoint in self.endpoints if endpoint.kind == kind]
        prefixed = re.compile(rf"(.*/)?([a-z][a-z0-9]{{0,7}}-)?{re.escape(name)}")
        matches = [endpoint for endpoint in of_kind if endpoint.name == name] or [
            endpoint for endpoint in of_kind if prefixed.fullmatch(endpoint.name)
        ]
        if len(matches) == 1:
            return matches[0]
        if matches:
            names = " and ".join(f"{kind}/{endpoint.name}" for endpoint in matches)
            raise UsageError(f"{kind}/{name}: several match, {names}. Use one of these names")
        raise UsageError(f"{kind}/{name}: not found; {self.known_names()}")

    def known_names(self) -> str:
        """Return the names that can be used, as part of a sentence."""
        titles = [self.title(endpoint) for endpoint in self.endpoints]
        return f"there are {', '.join(titles) or 'no services, load balancers or data stores'}"

    def title(self, endpoint: NamedEndpoint) -> str:
        """Return kind and name, without the prefix of the deployment where the account has only one."""
        return f"{endpoint.kind}/{self._short_names.get(endpoint.name, endpoint.name)}"

    @cached_property
    def _short_names(self) -> Mapping[str, str]:
        tagged = [*(self.account.get("SecurityGroups") or ()), *(self.account.get("Vpcs") or ())]
        deployments = {tag["Value"] for raw in tagged for tag in raw.get("Tags", []) if tag["Key"] == DEPLOYMENT_TAG}
        if len(deployments) != 1:
            return {}
        prefix = f"{deployments.pop()}-"
        names = {endpoint.name: endpoint.name.removeprefix(prefix) for endpoint in self.endpoints}
        counts = Counter((endpoint.kind, names[endpoint.name]) for endpoint in self.endpoints)
        return names if all(count == 1 for count in counts.values()) else {}

    # Network

    @cached_property
    def network(self) -> Network:
        """The network of the account, with interfaces named after their endpoint or instance."""
        described = {key: self.account[key] for key in NETWORK_KEYS if self.account.get(key) is not None}
        names = self._interface_names
        interfaces = [
            {**raw, "TagSet": [{"Key": "Name", "Value": names[raw["NetworkInterfaceId"]]}]}
            if raw["NetworkInterfaceId"] in names
            else raw
            for raw in described.get("NetworkInterfaces", ())
        ]
        return Network.of({**described, "NetworkInterfaces": interfaces})

    @cached_property
    def _interface_names(self) -> Mapping[str, str]:
        """The name of each interface: ENDPOINT in ZONE, or the name of its instance."""
        instances = {id: name_tag(raw, id) for id, raw in self._instances.items()}
        titles = {
            id: self.title(endpoint)
            for endpoint in self.endpoints
            for id in endpoint.interfaces
            if not endpoint.is_member
        }
        names = {}
        for raw in self.account.get("NetworkInterfaces") or ():
            id = raw["NetworkInterfaceId"]
            if name := titles.get(id) or instances.get(self._instance_of.get(id, "")):
                zone = raw.get("AvailabilityZone")
                names[id] = f"{name} in {zone}" if zone else name
        return names

    @cached_property
    def _instances(self) -> Mapping[str, Raw]:
        return {raw["InstanceId"]: raw for raw in self.account.get("Instances") or ()}

    def instance_interfaces(self, id: str) -> tuple[str, ...]:
        """Return the primary interface of an instance.

        Raises:
            UsageError: no such instance was described.
        """
        if interfaces := services.primary_interfaces(self.account).get(id):
            return interfaces
        names = ", ".join(sorted(self._instances)) or "none"
        raise UsageError(f"{id}: no such instance with a network interface. The instances are: {names}")

    @cached_property
    def _instance_of(self) -> Mapping[str, str]:
        """The instance of each interface that belongs to one."""
        return {
            raw["NetworkInterfaceId"]: raw["Attachment"]["InstanceId"]
            for raw in self.account.get("NetworkInterfaces") or ()
            if "InstanceId" in raw.get("Attachment", {})
        }

    def not_running(self, interfaces: Iterable[str]) -> list[str]:
        """Return the interfaces whose instance is not running, and so does not respond."""
        states = {id: self._state(self._instance_of[id]) for id in interfaces if id in self._instance_of}
        return [id for id, state in states.items() if state not in {"", "running"}]

    def any_on_instance(self, interfaces: Iterable[str]) -> bool:
        """Return whether one of the interfaces belongs to an instance."""
        return any(id in self._instance_of for id in interfaces)

    def zone_of(self, interface: str) -> str:
        """Return the Availability Zone of an interface, or "" where it is unknown."""
        return self._zones.get(interface, "")

    @cached_property
    def _zones(self) -> Mapping[str, str]:
        return {
            raw["NetworkInterfaceId"]: raw.get("AvailabilityZone", "")
            for raw in self.account.get("NetworkInterfaces") or ()
        }

    def _state(self, instance: str) -> str:
        return str(self._instances.get(instance, {}).get("State", {}).get("Name", ""))

    def with_inferred_interfaces(self, endpoints: Sequence[NamedEndpoint]) -> tuple[Network, list[EndpointSpec]]:
        """Return a network with an interface wherever one of the endpoints may be, and the endpoints' specs in it.

        Raises:
            UsageError: an endpoint has no interface, and its subnets are unknown.
        """
        inferred = {endpoint: [*self._inferred_interfaces(endpoint)] for endpoint in endpoints if endpoint.inferred}
        more = [raw for interfaces in inferred.values() for raw in interfaces]
        network = replace(self.network, network_interfaces=[*self.network.network_interfaces, *more])
        specs: list[EndpointSpec] = []
        for endpoint in endpoints:
            ids = [raw["NetworkInterfaceId"] for raw in inferred.get(endpoint, [])]
            title = self.title(endpoint)
            specs.append(INTERNET if endpoint.external else InterfaceSet(title, (*endpoint.interfaces, *ids)))
        return network, specs

    def _inferred_interfaces(self, endpoint: NamedEndpoint) -> Iterator[dict[str, Any]]:
        """Yield one interface for each class of addresses in its subnets that no rule, ACL or route distinguishes."""
        for raw in self.account.get("Subnets") or ():
            if raw["SubnetId"] not in endpoint.subnets:
                continue
            for address_class in address_classes(self.network, [parse_cidr(raw["CidrBlock"])]):
                address = address_class[0][0]
                if self.network.interface_at(address, raw["VpcId"]):
                    continue
                name = f"{self.title(endpoint)} in {name_tag(raw, raw['SubnetId'])}"
                yield {
                    "NetworkInterfaceId": f"eni-inferred-{endpoint.kind}-{endpoint.name}-{address}",
                    "VpcId": raw["VpcId"],
                    "SubnetId": raw["SubnetId"],
                    "PrivateIpAddress": str(address),
                    "TagSet": [{"Key": "Name", "Value": name}],
                    **({"Groups": [{"GroupId": group} for group in endpoint.groups]} if endpoint.groups else {}),
                }
