"""The ends of a path: an interface, an address, a range, the internet, or a service with its interfaces."""

from dataclasses import dataclass

from esaws.errors import UsageError
from esaws.inspect.network import addresses
from esaws.inspect.network.address_classes import AddressClass, address_classes
from esaws.inspect.network.addresses import (
    Address,
    Family,
    aws_service_at,
    is_public,
    parse_address,
    parse_cidr,
)
from esaws.inspect.network.group_rules import Peer
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network

INTERNET = "internet"
INTERNET_SPECS: dict[str, Family | None] = {INTERNET: None, "0.0.0.0/0": 4, "::/0": 6}


@dataclass(frozen=True)
class InterfaceSet:
    """Several interfaces under one name, at least one: a service, a load balancer, a database, a cache."""

    name: str
    interfaces: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.interfaces:
            raise UsageError(f"{self.name} has no network interface, so there is nobody to reach")


@dataclass(frozen=True)
class Endpoint:
    """One end of one path. `address` is what the source writes on its packets, or None where the end has none.

    `outside` says that the address is one of the internet's: the interface's public one, or anybody's.
    """

    name: str
    address: Address | None
    interface: Interface | None = None
    external: bool = False
    address_class: AddressClass = ()  # the piece of a range that this address speaks for

    @property
    def vpc(self) -> str:
        return self.interface.vpc if self.interface else ""

    @property
    def subnet(self) -> str:
        return self.interface.subnet if self.interface else ""


EndpointSpec = str | InterfaceSet


def as_peer(end: Endpoint, direct: bool = True) -> Peer:
    """An end as the other side sees its own address; behind an appliance it is only an address."""
    return Peer(end.address, end.interface if direct else None, hidden=not direct)


def unfiltered_service(network: Network, source: Endpoint, destination: Endpoint) -> str | None:
    """What AWS runs at the destination, as the source's VPC and subnet see it, or None."""
    if destination.address is None or destination.interface:
        return None
    vpc = network.vpc_ranges.get(source.vpc, ())
    _, subnet = network.subnet_ranges.get(source.subnet, ("", ()))
    return aws_service_at(destination.address, vpc, subnet)


def endpoints_of(network: Network, asked: EndpointSpec, other: EndpointSpec, family: Family) -> list[Endpoint]:
    """Every end that a name stands for: one for an interface or address, several for a service or a range.

    A range comes in pieces of which no rule, ACL, route or interface tells two addresses apart; the internet in those
    that are not alike to the other end.

    Raises:
        UsageError: it is no interface that was described, no address and no CIDR.
    """
    if isinstance(asked, InterfaceSet):
        return [_interface(network, id, family, asked.name) for id in dict.fromkeys(asked.interfaces)]
    if asked.startswith("eni-"):
        return [_interface(network, asked, family, network.interface(asked).name)]
    vpc = _vpc(network, other)
    if asked in INTERNET_SPECS:
        family = INTERNET_SPECS[asked] or family
        every = address_classes(network, addresses.internet_ranges(family), _groups(network, other))
        return [_piece(network, INTERNET, each, vpc, False) for each in every]
    if "/" in asked:
        parts = [_piece(network, asked, each, vpc, True) for each in address_classes(network, [parse_cidr(asked)])]
        return [part for part in parts if _somebody_can_be_at(network, part, vpc)] or parts
    return [endpoint_at(network, parse_address(asked), vpc)]


def endpoint_at(network: Network, address: Address, vpc: str) -> Endpoint:
    """The end at an address: the interface that has it, as seen from a VPC, or whoever it may be."""
    interface = network.interface_at(address, vpc)
    if interface and interface.vpc != vpc and network.in_vpc(address, vpc):
        interface = None
    if interface is None:
        return Endpoint(str(address), address, external=is_public(address) and not network.in_vpc(address, vpc))
    outside = address in interface.public or (address.version == 6 and interface.vpc != vpc)
    return Endpoint(str(address), address, interface, outside)


def _interfaces(network: Network, asked: EndpointSpec) -> list[Interface]:
    """The interfaces of an end that names them, or one of their addresses."""
    if isinstance(asked, InterfaceSet):
        return [network.interface(id) for id in asked.interfaces]
    if asked.startswith("eni-"):
        return [network.interface(asked)]
    whose = None if asked == INTERNET or "/" in asked else network.interface_at(parse_address(asked), "")
    return [whose] if whose else []


def _vpc(network: Network, asked: EndpointSpec) -> str:
    """The VPC of the other end, which says whose a private address is."""
    return next((interface.vpc for interface in _interfaces(network, asked)), "")


def _groups(network: Network, asked: EndpointSpec) -> frozenset[str]:
    return frozenset(group for interface in _interfaces(network, asked) for group in interface.groups or ())


def _interface(network: Network, id: str, family: Family, name: str) -> Endpoint:
    interface = network.interface(id)
    return Endpoint(name, interface.private_address(family), interface)


def _piece(network: Network, name: str, piece: AddressClass, vpc: str, private: bool) -> Endpoint:
    """One piece of a range: a public one is whoever is out there, never one of our own interfaces."""
    address = piece[0][0]
    outside = is_public(address) and not network.in_vpc(address, vpc)
    interface = network.interface_at(address, vpc) if private and not outside else None
    if interface and interface.vpc != vpc:
        interface = None
    return Endpoint(name, address, interface, outside, piece)


def _somebody_can_be_at(network: Network, piece: Endpoint, vpc: str) -> bool:
    """Not at an address of a VPC that none of its subnets holds."""
    if piece.address is None or network.subnets is None or not network.in_vpc(piece.address, vpc):
        return True
    return bool(network.subnet_at(piece.address, vpc))
