"""The places of an account by their names, and the network in which they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from esaws.cloud import DEPLOYMENT_TAG
from esaws.errors import UsageError
from esaws.inspect.account import Account, MissingData
from esaws.inspect.network import managed_services, services
from esaws.inspect.network.address_classes import address_classes
from esaws.inspect.network.addresses import parse_cidr
from esaws.inspect.network.endpoints import INTERNET, EndpointSpec, InterfaceSet
from esaws.inspect.network.named_endpoint import KINDS, Kind, NamedEndpoint, Raw
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
"""What has to be looked at for the places and the network between them."""

_FINDERS = {
    "service": services.find_services,
    "alb": managed_services.find_load_balancers,
    "db": managed_services.find_databases,
    "cache": managed_services.find_caches,
    "broker": managed_services.find_brokers,
}


@dataclass(frozen=True, eq=False)
class EndpointCatalog:
    """Every place, in order of kind and name; `unknown` says of a kind why AWS did not tell."""

    account: Account
    endpoints: tuple[NamedEndpoint, ...]
    unavailable: Mapping[Kind, str]

    @classmethod
    def of(cls, account: Account) -> Self:
        every: list[NamedEndpoint] = []
        unknown: dict[Kind, str] = {}
        for kind in KINDS:
            try:
                every += sorted(_FINDERS[kind](account), key=lambda place: place.name)
            except MissingData as error:
                unknown[kind] = str(error)
        return cls(account, tuple(every), unknown)

    # Names

    def find(self, kind: Kind, name: str) -> NamedEndpoint:
        """The place of this name, with or without its deployment's prefix.

        Raises:
            MissingData: AWS did not say what there is of this kind.
            UsageError: there is none, or several.
        """
        if kind in self.unavailable:
            raise MissingData(self.unavailable[kind])
        mine = [place for place in self.endpoints if place.kind == kind]
        found = [place for place in mine if place.name == name] or [
            place for place in mine if re.fullmatch(rf"(.*/)?([a-z][a-z0-9]{{0,7}}-)?{re.escape(name)}", place.name)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            told = " and ".join(f"{kind}/{place.name}" for place in found)
            raise UsageError(f"{kind}/{name} may be {told}: name one of them")
        raise UsageError(f"there is no {kind}/{name}; {self.known_names()}")

    def known_names(self) -> str:
        """What there is to name, in a sentence."""
        titles = [self.title(place) for place in self.endpoints]
        return f"there are {', '.join(titles) or 'no services, load balancers or stores'}"

    def title(self, place: NamedEndpoint) -> str:
        """Its kind and name, without the prefix of the deployment where the account has only one."""
        return f"{place.kind}/{self._short.get(place.name, place.name)}"

    @cached_property
    def _short(self) -> Mapping[str, str]:
        tagged = [*(self.account.get("SecurityGroups") or ()), *(self.account.get("Vpcs") or ())]
        deployments = {tag["Value"] for raw in tagged for tag in raw.get("Tags", []) if tag["Key"] == DEPLOYMENT_TAG}
        if len(deployments) != 1:
            return {}
        prefix = f"{deployments.pop()}-"
        short = {place.name: place.name.removeprefix(prefix) for place in self.endpoints}
        counts = Counter((place.kind, short[place.name]) for place in self.endpoints)
        return short if all(count == 1 for count in counts.values()) else {}

    # The network

    @cached_property
    def network(self) -> Network:
        """The network of the account, its interfaces named after what they belong to."""
        answers = {key: self.account[key] for key in NETWORK_KEYS if self.account.get(key) is not None}
        named = self._named
        interfaces = [
            {**raw, "TagSet": [{"Key": "Name", "Value": named[raw["NetworkInterfaceId"]]}]}
            if raw["NetworkInterfaceId"] in named
            else raw
            for raw in answers.get("NetworkInterfaces", ())
        ]
        return Network.of({**answers, "NetworkInterfaces": interfaces})

    @cached_property
    def _named(self) -> Mapping[str, str]:
        """Each interface as PLACE in ZONE, or as the instance that it belongs to."""
        instances = {raw["InstanceId"]: _tag(raw, "Name") or raw["InstanceId"] for raw in self._instances.values()}
        whose = {id: self.title(place) for place in self.endpoints for id in place.interfaces if not place.is_member}
        found = {}
        for raw in self.account.get("NetworkInterfaces") or ():
            id = raw["NetworkInterfaceId"]
            name = whose.get(id) or instances.get(self._owners.get(id, ""))
            if name:
                zone = raw.get("AvailabilityZone")
                found[id] = f"{name} in {zone}" if zone else name
        return found

    @cached_property
    def _instances(self) -> Mapping[str, Raw]:
        return {raw["InstanceId"]: raw for raw in self.account.get("Instances") or ()}

    def instance_interfaces(self, id: str) -> tuple[str, ...]:
        """The primary interface of an instance.

        Raises:
            UsageError: there is no such instance among those that were described.
        """
        if found := services.primary_interfaces(self.account).get(id):
            return found
        names = ", ".join(sorted(self._instances)) or "none"
        raise UsageError(f"there is no instance {id} with a network interface; the instances are: {names}")

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        """For each interface that is an instance's that instance."""
        return {
            raw["NetworkInterfaceId"]: raw["Attachment"]["InstanceId"]
            for raw in self.account.get("NetworkInterfaces") or ()
            if "InstanceId" in raw.get("Attachment", {})
        }

    def not_running(self, interfaces: Iterable[str]) -> list[str]:
        """Of these interfaces those whose instance does not run, and so answers nobody."""
        states = {id: self._state(self._owners[id]) for id in interfaces if id in self._owners}
        return [id for id, state in states.items() if state not in {"", "running"}]

    def any_on_instance(self, interfaces: Iterable[str]) -> bool:
        """Whether one of these interfaces is an instance's."""
        return any(id in self._owners for id in interfaces)

    def zone_of(self, interface: str) -> str:
        """The Availability Zone of an interface, or "" where it is not known."""
        return self._zones.get(interface, "")

    @cached_property
    def _zones(self) -> Mapping[str, str]:
        return {
            raw["NetworkInterfaceId"]: raw.get("AvailabilityZone", "")
            for raw in self.account.get("NetworkInterfaces") or ()
        }

    def _state(self, instance: str) -> str:
        return str(self._instances.get(instance, {}).get("State", {}).get("Name", ""))

    def with_inferred_interfaces(self, places: Sequence[NamedEndpoint]) -> tuple[Network, list[EndpointSpec]]:
        """A network that has an interface wherever one of these places may stand, and the places as ends in it.

        Raises:
            UsageError: a place has no interface, and nothing says where one would be.
        """
        guesses = {place: [*self._guesses(place)] for place in places if place.inferred}
        more = [raw for some in guesses.values() for raw in some]
        network = replace(self.network, network_interfaces=[*self.network.network_interfaces, *more])
        ends: list[EndpointSpec] = []
        for place in places:
            ids = [raw["NetworkInterfaceId"] for raw in guesses.get(place, [])]
            ends.append(INTERNET if place.external else InterfaceSet(self.title(place), (*place.interfaces, *ids)))
        return network, ends

    def _guesses(self, place: NamedEndpoint) -> Iterator[dict[str, Any]]:
        """An interface in each part of its subnets of which no rule, ACL or route tells two addresses apart."""
        for raw in self.account.get("Subnets") or ():
            if raw["SubnetId"] not in place.subnets:
                continue
            for piece in address_classes(self.network, [parse_cidr(raw["CidrBlock"])]):
                address = piece[0][0]
                if self.network.interface_at(address, raw["VpcId"]):
                    continue
                name = f"{self.title(place)} in {_tag(raw, 'Name') or raw['SubnetId']}"
                yield {
                    "NetworkInterfaceId": f"eni-guessed-{place.kind}-{place.name}-{address}",
                    "VpcId": raw["VpcId"],
                    "SubnetId": raw["SubnetId"],
                    "PrivateIpAddress": str(address),
                    "TagSet": [{"Key": "Name", "Value": name}],
                    **({"Groups": [{"GroupId": group} for group in place.groups]} if place.groups else {}),
                }


def _tag(raw: Raw, key: str) -> str:
    return next((str(tag["Value"]) for tag in raw.get("Tags", []) if tag["Key"] == key), "")
