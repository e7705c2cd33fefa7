"""A range in pieces: addresses that no rule, ACL, route or interface tells apart are asked about once."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import summarize_address_range
from itertools import pairwise
from typing import Any

from esaws.inspect.network.acls import AclEntry
from esaws.inspect.network.addresses import PUBLIC_BORDERS, Address, Family, Range, family_of, parse_cidr
from esaws.inspect.network.network import Network

AddressClass = tuple[Range, ...]


def address_classes(
    network: Network, ranges: Iterable[Range], groups: frozenset[str] | None = None
) -> list[AddressClass]:
    """The ranges in pieces, each of one or more CIDRs whose addresses are all alike.

    With `groups` only their rules count, and who has an address does not: for what stands outside of the network.
    """
    found: dict[Range | None, list[Range]] = {}
    for some in ranges:
        starts, innermost = _spans(network, family_of(some), groups)
        low, high = int(some[0]), int(some[-1])
        first, last = bisect_right(starts, low) - 1, bisect_right(starts, high)
        borders = [low, *starts[first + 1 : last], high + 1]
        for (begin, end), within in zip(pairwise(borders), innermost[first:last], strict=True):
            found.setdefault(within, []).extend(_as_ranges(some[0], begin, end - 1))
    return [tuple(each) for each in found.values()]


def _as_ranges(like: Address, low: int, high: int) -> Iterator[Range]:
    return summarize_address_range(type(like)(low), type(like)(high))


@lru_cache(maxsize=1024)
def _spans(
    network: Network, family: Family, groups: frozenset[str] | None
) -> tuple[Sequence[int], Sequence[Range | None]]:
    """Where spans of addresses begin, and for each the innermost range that holds it: CIDRs nest, so it tells all."""
    named = {each for each in _telling(network, groups) if each.version == family}
    starts: list[int] = [0]
    innermost: list[Range | None] = [None]
    open_: list[Range] = []

    def close(before: int | None) -> None:
        while open_ and (before is None or int(open_[-1][-1]) < before):
            begin(int(open_.pop()[-1]) + 1)

    def begin(at: int) -> None:
        if starts[-1] == at:
            del starts[-1], innermost[-1]
        starts.append(at)
        innermost.append(open_[-1] if open_ else None)

    for some in sorted(named, key=lambda each: (int(each[0]), each.prefixlen)):
        close(int(some[0]))
        open_.append(some)
        begin(int(some[0]))
    close(None)
    return starts, innermost


def _telling(network: Network, groups: frozenset[str] | None) -> Iterator[Range]:
    yield from PUBLIC_BORDERS
    yield from referenced_ranges(network, groups)
    if groups is None:
        for interface in network.interfaces.values():
            yield from (parse_cidr(str(address)) for address in (*interface.private, *interface.v6))


def referenced_ranges(network: Network, groups: Iterable[str] | None = None) -> Iterator[Range]:
    """Every range that a rule of these groups (of all), a prefix list, an ACL, a route, a VPC or a subnet names."""
    for group in network.groups if groups is None else groups:
        for rule in (*network.rules(group, "ingress"), *network.rules(group, "egress")):
            yield from rule.ranges or ()
    for prefix in network.prefixes.values():
        yield from prefix
    for acl in network.network_acls or ():
        yield from (AclEntry.of(raw).cidr for raw in acl.get("Entries", []))
    for table in network.route_tables or ():
        yield from (parse_cidr(cidr) for raw in table.get("Routes", []) for cidr in _cidrs(raw))
    for ranges in network.vpc_ranges.values():
        yield from ranges
    for _, ranges in network.subnet_ranges.values():
        yield from ranges


def _cidrs(route: Any) -> list[str]:
    found = [route.get("DestinationCidrBlock"), route.get("DestinationIpv6CidrBlock")]
    return [cidr for cidr in found if cidr]
