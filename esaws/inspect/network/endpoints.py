"""Endpoints of a path: an interface, an address, a range, the internet, or a set of interfaces."""

from dataclasses import dataclass

from esaws.inspect.network import addresses
from esaws.inspect.network.addresses import (
    Address,
    Family,
    aws_service_at,
    is_public,
    parse_address,
    parse_cidr,
)
from esaws.inspect.network.equivalence_classes import AddressClass, address_classes
from esaws.inspect.network.interfaces import Interface, InterfaceSet, Peer
from esaws.inspect.network.network import Network

INTERNET = "internet"
INTERNET_SPECS: dict[str, Family | None] = {INTERNET: None, "0.0.0.0/0": 4, "::/0": 6}
"""What stands for the whole internet, and the family of its addresses."""

EndpointSpec = str | InterfaceSet
"""An endpoint in a question: an interface id, an address, a CIDR, "internet" or a set of interfaces."""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of one path. `address` is the one that the source puts on its packets, None where it has none.

    `external` means that the address is on the internet: the interface's public one, or one outside the account.
    `address_class` is the part of a range that the address represents.
    """

    name: str
    address: Address | None
    interface: Interface | None = None
    external: bool = False
    address_class: AddressClass = ()

    @property
    def vpc(self) -> str:
        return self.interface.vpc if self.interface else ""

    @property
    def subnet(self) -> str:
        return self.interface.subnet if self.interface else ""


def as_peer(endpoint: Endpoint, direct: bool = True) -> Peer:
    """Return an endpoint as the other side sees it by its own address; behind an appliance it is only an address."""
    return Peer(endpoint.address, endpoint.interface if direct else None, hidden=not direct)


def unfiltered_service(network: Network, source: Endpoint, destination: Endpoint) -> str | None:
    """Return the AWS service at the destination's address, as the source's VPC and subnet see it, or None."""
    if destination.address is None or destination.interface:
        return None
    vpc_ranges = network.vpc_ranges.get(source.vpc, ())
    _, subnet_ranges = network.subnet_ranges.get(source.subnet, ("", ()))
    return aws_service_at(destination.address, vpc_ranges, subnet_ranges)


def endpoints_of(network: Network, spec: EndpointSpec, other: EndpointSpec, family: Family) -> list[Endpoint]:
    """Return every endpoint that a spec stands for: one for an interface or address, several for a set or a range.

    A range is split into classes of addresses that no rule, ACL, route or interface distinguishes; the internet, which
    is outside the other endpoint's VPC, into those that differ for it.

    Raises:
        UsageError: the spec is not a described interface, an address or a CIDR.
    """
    if isinstance(spec, InterfaceSet):
        return [_of_interface(network, id, family, spec.name) for id in dict.fromkeys(spec.interfaces)]
    if spec.startswith("eni-"):
        return [_of_interface(network, spec, family, network.interface(spec).name)]
    vpc = _vpc(network, other)
    if spec in INTERNET_SPECS:
        family = INTERNET_SPECS[spec] or family
        classes = address_classes(network, addresses.internet_ranges(family), _groups(network, other))
        outside = [members for members in classes if not network.in_vpc(members[0][0], vpc)]
        return [_of_class(network, INTERNET, members, vpc, False) for members in outside or classes]
    if "/" in spec:
        parts = [
            _of_class(network, spec, members, vpc, True) for members in address_classes(network, [parse_cidr(spec)])
        ]
        return [part for part in parts if _is_assignable(network, part, vpc)] or parts
    return [endpoint_at(network, parse_address(spec), vpc)]


def endpoint_at(network: Network, address: Address, vpc: str) -> Endpoint:
    """Return the endpoint at an address as seen from a VPC: the interface that has it, or an unknown host."""
    interface = network.interface_at(address, vpc)
    if interface and interface.vpc != vpc and network.in_vpc(address, vpc):
        interface = None
    if interface is None:
        return Endpoint(str(address), address, external=is_public(address) and not network.in_vpc(address, vpc))
    external = address in interface.public or (address.version == 6 and interface.vpc != vpc)
    return Endpoint(str(address), address, interface, external)


def _interfaces(network: Network, spec: EndpointSpec) -> list[Interface]:
    """Return the interfaces that a spec names, or whose address it names."""
    if isinstance(spec, InterfaceSet):
        return [network.interface(id) for id in spec.interfaces]
    if spec.startswith("eni-"):
        return [network.interface(spec)]
    interface = None if spec == INTERNET or "/" in spec else network.interface_at(parse_address(spec), "")
    return [interface] if interface else []


def _vpc(network: Network, spec: EndpointSpec) -> str:
    """Return the VPC of the other endpoint: it decides who has a private address."""
    return next((interface.vpc for interface in _interfaces(network, spec)), "")


def _groups(network: Network, spec: EndpointSpec) -> frozenset[str]:
    return frozenset(group for interface in _interfaces(network, spec) for group in interface.groups or ())


def _of_interface(network: Network, id: str, family: Family, name: str) -> Endpoint:
    interface = network.interface(id)
    return Endpoint(name, interface.private_address(family), interface)


def _of_class(network: Network, name: str, members: AddressClass, vpc: str, private: bool) -> Endpoint:
    """Return the endpoint of one class of addresses: a public one is an unknown host, never an own interface."""
    address = members[0][0]
    external = is_public(address) and not network.in_vpc(address, vpc)
    interface = network.interface_at(address, vpc) if private and not external else None
    if interface and interface.vpc != vpc:
        interface = None
    return Endpoint(name, address, interface, external, members)


def _is_assignable(network: Network, endpoint: Endpoint, vpc: str) -> bool:
    """Return whether a host can have the address: not inside a VPC but outside all of its subnets."""
    if endpoint.address is None or network.subnets is None or not network.in_vpc(endpoint.address, vpc):
        return True
    return bool(network.subnet_at(endpoint.address, vpc))
