"""Equivalence classes: addresses, and interfaces, that no rule, ACL, route or interface distinguishes.

Each class is evaluated once. `address_classes` splits ranges for single questions; `PeerClasses` groups the interfaces
of a matrix, where an answer is a small number: `all_of` is the minimum and `any_of` the maximum of two.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import summarize_address_range
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from esaws.inspect.answers import Answer
from esaws.inspect.network.acls import AclEntry
from esaws.inspect.network.addresses import (
    PUBLIC_BORDERS,
    Address,
    Family,
    Range,
    family_of,
    is_public,
    parse_cidr,
)
from esaws.inspect.network.interface_types import accepts_connections
from esaws.inspect.network.interfaces import Interface, InterfaceSet
from esaws.inspect.network.network import Network

if TYPE_CHECKING:
    import numpy as np

    Levels = np.ndarray[Any, np.dtype[np.int8]]

AddressClass = tuple[Range, ...]

NO, UNKNOWN, YES = 0, 1, 2
_LEVELS = {"no": NO, "unknown": UNKNOWN, "yes": YES}


# Addresses


def address_classes(
    network: Network, ranges: Iterable[Range], groups: frozenset[str] | None = None
) -> list[AddressClass]:
    """Split ranges into classes of one or more CIDRs whose addresses are evaluated alike.

    With `groups` only the rules of these groups count, and not who has an address: for addresses outside the network.
    """
    classes: dict[Range | None, list[Range]] = {}
    for cidr in ranges:
        starts, innermost = _spans(network, family_of(cidr), groups)
        low, high = int(cidr[0]), int(cidr[-1])
        first, last = bisect_right(starts, low) - 1, bisect_right(starts, high)
        borders = [low, *starts[first + 1 : last], high + 1]
        for (begin, end), enclosing in zip(pairwise(borders), innermost[first:last], strict=True):
            classes.setdefault(enclosing, []).extend(_to_cidrs(cidr[0], begin, end - 1))
    return [tuple(cidrs) for cidrs in classes.values()]


def _to_cidrs(example: Address, low: int, high: int) -> Iterator[Range]:
    return summarize_address_range(type(example)(low), type(example)(high))


@lru_cache(maxsize=1024)
def _spans(
    network: Network, family: Family, groups: frozenset[str] | None
) -> tuple[Sequence[int], Sequence[Range | None]]:
    """Return where spans of addresses begin, and the innermost range around each: CIDRs nest, so it identifies all."""
    ranges = {cidr for cidr in _distinguishing_ranges(network, groups) if cidr.version == family}
    starts: list[int] = [0]
    innermost: list[Range | None] = [None]
    enclosing: list[Range] = []

    def close(before: int | None) -> None:
        while enclosing and (before is None or int(enclosing[-1][-1]) < before):
            begin(int(enclosing.pop()[-1]) + 1)

    def begin(start: int) -> None:
        if starts[-1] == start:
            del starts[-1], innermost[-1]
        starts.append(start)
        innermost.append(enclosing[-1] if enclosing else None)

    for cidr in sorted(ranges, key=lambda cidr: (int(cidr[0]), cidr.prefixlen)):
        close(int(cidr[0]))
        enclosing.append(cidr)
        begin(int(cidr[0]))
    close(None)
    return starts, innermost


def _distinguishing_ranges(network: Network, groups: frozenset[str] | None) -> Iterator[Range]:
    yield from PUBLIC_BORDERS
    yield from referenced_ranges(network, groups)
    if groups is None:
        for interface in network.interfaces.values():
            yield from (parse_cidr(str(address)) for address in (*interface.private, *interface.v6))


def referenced_ranges(network: Network, groups: Iterable[str] | None = None) -> Iterator[Range]:
    """Yield every range of a rule (of these groups, or of all), prefix list, ACL, route, VPC or subnet."""
    for group in network.groups if groups is None else groups:
        for rule in (*network.rules(group, "ingress"), *network.rules(group, "egress")):
            yield from rule.ranges or ()
    for prefix_list in network.prefixes.values():
        yield from prefix_list
    for acl in network.network_acls or ():
        yield from (AclEntry.of(raw).cidr for raw in acl.get("Entries", []))
    for table in network.route_tables or ():
        yield from (parse_cidr(cidr) for raw in table.get("Routes", []) for cidr in _destination_cidrs(raw))
    for ranges in network.vpc_ranges.values():
        yield from ranges
    for _, ranges in network.subnet_ranges.values():
        yield from ranges


def _destination_cidrs(route: Any) -> list[str]:
    cidrs = [route.get("DestinationCidrBlock"), route.get("DestinationIpv6CidrBlock")]
    return [cidr for cidr in cidrs if cidr]


# Interfaces


def level_of(answer: Answer) -> int:
    return _LEVELS[answer.value]


@dataclass(frozen=True)
class PeerClass:
    """Interfaces of one service that are evaluated alike, and one of them as the representative.

    `sole_interface` is the number of the interface where the class has a single one, else -1.
    """

    service: int
    representative: Interface
    address: Address | None
    sole_interface: int


class PeerClasses:
    """The classes of a network in the order of their services, and vectors over them.

    A vector over peers is filled in the order of the peers' addresses, where a range is a slice. Each class has the
    code of its subnet, of its VPC and of its set of groups.
    """

    def __init__(self, network: Network, services: Sequence[InterfaceSet], family: Family) -> None:
        import numpy as np

        self.network, self.family = network, family
        self.members = [*_peer_classes(network, services, family)]
        self.by_address = sorted(range(len(self.members)), key=self._number)
        self.numbers = [self._number(index) for index in self.by_address]
        self.service_order = np.argsort(np.array(self.by_address, dtype=np.int64))
        self.starts = np.searchsorted([member.service for member in self.members], np.arange(len(services)))
        self.subnets, self.subnet = _encode([member.representative.subnet for member in self.members])
        self.vpcs, self.vpc = _encode([member.representative.vpc for member in self.members])
        self.group_sets, self.group_set = _encode(
            [(member.representative.groups, member.representative.vpc) for member in self.members]
        )
        self.sole_interface = np.array([member.sole_interface for member in self.members])
        attached = [member.representative.attached and member.address is not None for member in self.members]
        self.attached = np.where(attached, YES, NO).astype(np.int8)
        accepting = [level_of(accepts_connections(member.representative.type)) for member in self.members]
        self.accepting = np.array(accepting, dtype=np.int8)

    def _number(self, index: int) -> int:
        address = self.members[index].address
        return -1 if address is None else int(address)

    def slice_of(self, cidr: Range) -> slice:
        """Return the peers whose address is in a range."""
        if cidr.version != self.family:
            return slice(0, 0)
        return slice(bisect_left(self.numbers, int(cidr[0])), bisect_right(self.numbers, int(cidr[-1])))

    def vector(self, value: int) -> Levels:
        import numpy as np

        return np.full(len(self.members), value, dtype=np.int8)

    @cached_property
    def public(self) -> Levels:
        """Which peers, by address, have public addresses, as those with IPv6 addresses do."""
        import numpy as np

        addresses = [self.members[index].address for index in self.by_address]
        return np.array([address is not None and is_public(address) for address in addresses], dtype=np.int8)


def _peer_classes(network: Network, services: Sequence[InterfaceSet], family: Family) -> Iterator[PeerClass]:
    """Yield the classes of each service in turn."""
    borders = sorted(
        {border for cidr in referenced_ranges(network) if cidr.version == family for border in _ends(cidr)}
    )
    shared = _in_several(services)
    numbers = {id: number for number, id in enumerate(network.interfaces)}
    for index, service in enumerate(services):
        classes: dict[tuple[Any, ...], list[Interface]] = {}
        for id in dict.fromkeys(service.interfaces):
            interface = network.interface(id)
            address = interface.private_address(family)
            span = None if address is None else bisect_right(borders, int(address))
            own_class = id if id in shared else None
            place = (interface.vpc, interface.subnet, interface.attached, interface.type)
            key = (interface.groups, place, span, own_class)
            classes.setdefault(key, []).append(interface)
        for interfaces in classes.values():
            sole_interface = numbers[interfaces[0].id] if len(interfaces) == 1 else -1
            yield PeerClass(index, interfaces[0], interfaces[0].private_address(family), sole_interface)


def _ends(cidr: Range) -> tuple[int, int]:
    return int(cidr[0]), int(cidr[-1]) + 1


def _in_several(services: Iterable[InterfaceSet]) -> set[str]:
    counts = Counter(id for service in services for id in set(service.interfaces))
    return {id for id, count in counts.items() if count > 1}


def _encode(values: Sequence[Any]) -> tuple[list[Any], Any]:
    """Return the distinct values in order of appearance, and for each value its code."""
    import numpy as np

    codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return [*codes], np.array([codes[value] for value in values])
