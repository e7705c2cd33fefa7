"""Addresses and ranges: which are private, which are nobody's to filter, and what covers the world."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from esaws.errors import UsageError

Address = IPv4Address | IPv6Address
Range = IPv4Network | IPv6Network
Family = Literal[4, 6]

ANYWHERE: dict[Family, Range] = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}

# https://www.iana.org/assignments/iana-ipv4-special-registry/ without the ranges for documentation, which stand for
# public ones in examples.
_NOT_PUBLIC_V4 = [
    IPv4Network(cidr)
    for cidr in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
]
_PUBLIC_V6 = IPv6Network("2000::/3")
PUBLIC_BORDERS: Sequence[Range] = [*_NOT_PUBLIC_V4, _PUBLIC_V6]
"""Ranges at whose borders the addresses that the internet routes begin or end."""

# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html: what security groups do not filter.
_SERVICES: dict[Address, str] = {
    ip_address("169.254.169.253"): "the Route 53 Resolver",
    ip_address("fd00:ec2::253"): "the Route 53 Resolver",
    ip_address("169.254.169.254"): "the instance metadata service",
    ip_address("fd00:ec2::254"): "the instance metadata service",
    ip_address("169.254.170.2"): "the ECS task metadata endpoint",
    ip_address("169.254.169.123"): "the Time Sync Service",
    ip_address("fd00:ec2::123"): "the Time Sync Service",
    ip_address("169.254.169.250"): "Windows licence activation",
    ip_address("169.254.169.251"): "Windows licence activation",
    ip_address("255.255.255.255"): "DHCP",
}


@lru_cache(maxsize=65_536)
def parse_cidr(cidr: str) -> Range:
    """A CIDR as AWS canonicalises it: 100.68.0.18/18 is 100.68.0.0/18.

    Raises:
        UsageError: it is no CIDR.
    """
    try:
        return ip_network(cidr, strict=False)
    except ValueError as error:
        raise UsageError(f"{cidr} is no CIDR: {error}") from None


@lru_cache(maxsize=65_536)
def parse_address(text: str) -> Address:
    """An address, version 4 or 6.

    Raises:
        UsageError: it is no address.
    """
    try:
        return ip_address(text)
    except ValueError as error:
        raise UsageError(f"{text} is no address: {error}") from None


def family_of(it: Address | Range) -> Family:
    return 4 if it.version == 4 else 6


def is_public(address: Address) -> bool:
    """Whether the internet routes it; a VPC can hold such a range all the same."""
    if isinstance(address, IPv6Address):
        return address in _PUBLIC_V6
    return not any(address in some for some in _NOT_PUBLIC_V4)


def contains_public(some: Range) -> bool:
    """Whether a range holds any address that the internet routes."""
    if isinstance(some, IPv6Network):
        return some.overlaps(_PUBLIC_V6)
    return not any(some.subnet_of(private) for private in _NOT_PUBLIC_V4)


@lru_cache
def internet_ranges(family: Family) -> tuple[Range, ...]:
    """Every address that the internet routes, as ranges in order."""
    if family == 6:
        return (_PUBLIC_V6,)
    left: list[IPv4Network] = [IPv4Network("0.0.0.0/0")]
    for private in _NOT_PUBLIC_V4:
        left = [
            piece for some in left for piece in (some.address_exclude(private) if private.subnet_of(some) else [some])
        ]
    return tuple(sorted(left))


def aws_service_at(address: Address, vpc_ranges: Sequence[Range], subnet_ranges: Sequence[Range]) -> str | None:
    """What AWS runs at an address that no security group filters, or None.

    The resolver answers at the base of a VPC's ranges plus two, the router at the base of a subnet plus one.
    Source: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
    """
    if address in _SERVICES:
        return _SERVICES[address]
    if any(some.version == address.version == 4 and address == some[2] for some in vpc_ranges):
        return "the Route 53 Resolver"
    if any(some.version == address.version == 4 and address == some[1] for some in subnet_ranges):
        return "the VPC router"
    return None


def covers_internet(ranges: Iterable[Range], family: Family) -> bool:
    """Whether ranges of one family together hold every address that the internet routes."""
    mine = sorted((int(some[0]), int(some[-1])) for some in ranges if some.version == family)
    reached = 0
    for public in internet_ranges(family):
        reached = max(reached, int(public[0]))
        for low, high in mine:
            if low <= reached <= high:
                reached = high + 1
        if reached <= int(public[-1]):
            return False
    return True


def minimal_internet_cover(ranges: Sequence[Range], family: Family) -> list[Range]:
    """Those of the ranges that it takes to cover the world, in order; each one that can be left out is left out."""
    kept = sorted({some for some in ranges if some.version == family}, key=lambda some: (int(some[0]), some.prefixlen))
    for some in sorted(kept, key=lambda some: -some.prefixlen):
        without = [other for other in kept if other != some]
        if covers_internet(without, family):
            kept = without
    return kept
