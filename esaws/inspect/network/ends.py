"""The ends of a path: an interface, an address, a range, the internet, or a service with its interfaces."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import summarize_address_range
from typing import Any

from esaws.errors import UsageError
from esaws.inspect.network import addresses
from esaws.inspect.network.acls import Entry
from esaws.inspect.network.addresses import (
    Address,
    Family,
    Range,
    address_of,
    family_of,
    is_public,
    range_of,
    service_at,
)
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network
from esaws.inspect.network.rules import Peer

INTERNET = "internet"
INTERNET_TOO: dict[str, Family | None] = {INTERNET: None, "0.0.0.0/0": 4, "::/0": 6}


@dataclass(frozen=True)
class Service:
    """Several interfaces under one name, at least one: a service, a load balancer, a database, a cache."""

    name: str
    interfaces: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.interfaces:
            raise UsageError(f"{self.name} has no network interface, so there is nobody to reach")


@dataclass(frozen=True)
class End:
    """One end of one path. `address` is what the source writes on its packets, or None where the end has none.

    `outside` says that the address is one of the internet's: the interface's public one, or anybody's.
    """

    name: str
    address: Address | None
    interface: Interface | None = None
    outside: bool = False
    covers: Range | None = None  # the piece of a range that this address speaks for

    @property
    def vpc(self) -> str:
        return self.interface.vpc if self.interface else ""

    @property
    def subnet(self) -> str:
        return self.interface.subnet if self.interface else ""


Asked = str | Service


def own_peer(end: End, direct: bool = True) -> Peer:
    """An end as the other side sees its own address; behind an appliance it is only an address."""
    return Peer(end.address, end.interface if direct else None, hidden=not direct)


def not_filtered(network: Network, source: End, destination: End) -> str | None:
    """What AWS runs at the destination, as the source's VPC and subnet see it, or None."""
    if destination.address is None or destination.interface:
        return None
    vpc = network.vpc_ranges.get(source.vpc, ())
    _, subnet = network.subnet_ranges.get(source.subnet, ("", ()))
    return service_at(destination.address, vpc, subnet)


def ends_of(network: Network, asked: Asked, other: Asked, family: Family) -> list[End]:
    """Every end that a name stands for: one for an interface or address, several for a service or a range.

    A range comes in pieces of which no rule, ACL, route or interface tells two addresses apart.

    Raises:
        UsageError: it is no interface that was described, no address and no CIDR.
    """
    if isinstance(asked, Service):
        return [_interface(network, id, family, asked.name) for id in dict.fromkeys(asked.interfaces)]
    if asked.startswith("eni-"):
        return [_interface(network, asked, family, network.interface(asked).name)]
    vpc = _vpc(network, other)
    if asked in INTERNET_TOO:
        family = INTERNET_TOO[asked] or family
        return [_piece(network, INTERNET, each, vpc, False) for each in cut(network, addresses.internet(family))]
    if "/" in asked:
        pieces = [_piece(network, asked, each, vpc, True) for each in cut(network, [range_of(asked)])]
        return [piece for piece in pieces if _somebody_can_be_at(network, piece, vpc)] or pieces
    return [at(network, address_of(asked), vpc)]


def at(network: Network, address: Address, vpc: str) -> End:
    """The end at an address: the interface that has it, as seen from a VPC, or whoever it may be."""
    interface = network.whose(address, vpc)
    if interface and interface.vpc != vpc and network.in_vpc(address, vpc):
        interface = None
    if interface is None:
        return End(str(address), address, outside=is_public(address) and not network.in_vpc(address, vpc))
    outside = address in interface.public or (address.version == 6 and interface.vpc != vpc)
    return End(str(address), address, interface, outside)


def _vpc(network: Network, asked: Asked) -> str:
    """The VPC of the other end, which says whose a private address is."""
    if isinstance(asked, Service):
        return network.interface(asked.interfaces[0]).vpc if asked.interfaces else ""
    if asked.startswith("eni-"):
        return network.interface(asked).vpc
    if asked == INTERNET or "/" in asked:
        return ""
    whose = network.whose(address_of(asked), "")
    return whose.vpc if whose else ""


def _interface(network: Network, id: str, family: Family, name: str) -> End:
    interface = network.interface(id)
    return End(name, interface.own(family), interface)


def _piece(network: Network, name: str, some: Range, vpc: str, private: bool) -> End:
    """One piece of a range: a public one is whoever is out there, never one of our own interfaces."""
    outside = is_public(some[0]) and not network.in_vpc(some[0], vpc)
    interface = network.whose(some[0], vpc) if private and not outside else None
    if interface and interface.vpc != vpc:
        interface = None
    return End(name, some[0], interface, outside, some)


def _somebody_can_be_at(network: Network, piece: End, vpc: str) -> bool:
    """Not at an address of a VPC that none of its subnets holds."""
    if piece.address is None or network.subnets is None or not network.in_vpc(piece.address, vpc):
        return True
    return bool(network.subnet_at(piece.address, vpc))


def cut(network: Network, ranges: Iterable[Range]) -> Iterator[Range]:
    """Ranges in pieces, each a CIDR whose addresses are all alike."""
    for some in ranges:
        borders = _borders(network, family_of(some))
        low, high = int(some[0]), int(some[-1])
        inside = borders[bisect_right(borders, low) : bisect_left(borders, high + 1)]
        for begin, end in zip([low, *inside], [*inside, high + 1], strict=True):
            yield from _as_ranges(some, begin, end - 1)


def _as_ranges(like: Range, low: int, high: int) -> Iterator[Range]:
    kind = type(like[0])
    return summarize_address_range(kind(low), kind(high))


@lru_cache(maxsize=16)
def _borders(network: Network, family: Family) -> list[int]:
    """Where something that tells addresses apart begins, or has just ended."""
    found: set[int] = set()
    own = (each for interface in network.interfaces.values() for each in (*interface.private, *interface.v6))
    for some in {each for each in (*named_ranges(network), *map(range_of, map(str, own))) if each.version == family}:
        found |= {int(some[0]), int(some[-1]) + 1}
    return sorted(found)


def named_ranges(network: Network) -> Iterator[Range]:
    """Every range that a rule, a prefix list, an ACL, a route, a VPC or a subnet names."""
    for group in network.groups:
        for rule in (*network.rules(group, "ingress"), *network.rules(group, "egress")):
            yield from rule.ranges or ()
    for prefix in network.prefixes.values():
        yield from prefix
    for acl in network.network_acls or ():
        yield from (Entry.of(raw).cidr for raw in acl.get("Entries", []))
    for table in network.route_tables or ():
        yield from (range_of(cidr) for raw in table.get("Routes", []) for cidr in _cidrs(raw))
    for ranges in network.vpc_ranges.values():
        yield from ranges
    for _, ranges in network.subnet_ranges.values():
        yield from ranges


def _cidrs(route: Any) -> list[str]:
    found = [route.get("DestinationCidrBlock"), route.get("DestinationIpv6CidrBlock")]
    return [cidr for cidr in found if cidr]
