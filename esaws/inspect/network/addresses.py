"""Addresses and CIDR ranges: which are public, which AWS never filters, and what covers the whole internet."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from esaws.errors import UsageError

Address = IPv4Address | IPv6Address
Range = IPv4Network | IPv6Network
Family = Literal[4, 6]

ANYWHERE: dict[Family, Range] = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}

# https://www.iana.org/assignments/iana-ipv4-special-registry/ without the ranges for documentation, which
# examples use as public ones.
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
"""Ranges at whose borders public addresses begin or end."""

# What security groups do not filter: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
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
    """Parse a CIDR and canonicalise it as AWS does: 100.68.0.18/18 is 100.68.0.0/18.

    Raises:
        UsageError: the text is not a CIDR.
    """
    try:
        return ip_network(cidr, strict=False)
    except ValueError as error:
        raise UsageError(f"{cidr}: not a CIDR ({error})") from None


@lru_cache(maxsize=65_536)
def parse_address(text: str) -> Address:
    """Parse an IPv4 or IPv6 address.

    Raises:
        UsageError: the text is not an address.
    """
    try:
        return ip_address(text)
    except ValueError as error:
        raise UsageError(f"{text}: not an address ({error})") from None


def family_of(value: Address | Range) -> Family:
    return 4 if value.version == 4 else 6


def is_public(address: Address) -> bool:
    """Return whether the internet routes an address. A VPC can use such an address as well."""
    if isinstance(address, IPv6Address):
        return address in _PUBLIC_V6
    return not any(address in cidr for cidr in _NOT_PUBLIC_V4)


def contains_public(cidr: Range) -> bool:
    """Return whether a range contains any public address."""
    if isinstance(cidr, IPv6Network):
        return cidr.overlaps(_PUBLIC_V6)
    return not any(cidr.subnet_of(private) for private in _NOT_PUBLIC_V4)


@lru_cache
def internet_ranges(family: Family) -> tuple[Range, ...]:
    """Return all public addresses as ranges in order."""
    if family == 6:
        return (_PUBLIC_V6,)
    remaining: list[IPv4Network] = [IPv4Network("0.0.0.0/0")]
    for private in _NOT_PUBLIC_V4:
        remaining = [
            part
            for cidr in remaining
            for part in (cidr.address_exclude(private) if private.subnet_of(cidr) else [cidr])
        ]
    return tuple(sorted(remaining))


def aws_service_at(address: Address, vpc_ranges: Sequence[Range], subnet_ranges: Sequence[Range]) -> str | None:
    """Return the AWS service at an address that security groups do not filter, or None.

    The resolver has the base address of a VPC range plus two, the router the base address of a subnet plus one.
    Source: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
    """
    if address in _SERVICES:
        return _SERVICES[address]
    if any(cidr.version == address.version == 4 and address == cidr[2] for cidr in vpc_ranges):
        return "the Route 53 Resolver"
    if any(cidr.version == address.version == 4 and address == cidr[1] for cidr in subnet_ranges):
        return "the VPC router"
    return None


def covers_internet(ranges: Iterable[Range], family: Family) -> bool:
    """Return whether the ranges of one family together contain all public addresses."""
    intervals = sorted((int(cidr[0]), int(cidr[-1])) for cidr in ranges if cidr.version == family)
    next_address = 0
    for public in internet_ranges(family):
        next_address = max(next_address, int(public[0]))
        for low, high in intervals:
            if low <= next_address <= high:
                next_address = high + 1
        if next_address <= int(public[-1]):
            return False
    return True


def minimal_internet_cover(ranges: Sequence[Range], family: Family) -> list[Range]:
    """Return a minimal subset of the ranges that contains all public addresses, in order.

    Ranges with the longest prefixes are left out first.
    """
    cover = sorted({cidr for cidr in ranges if cidr.version == family}, key=lambda cidr: (int(cidr[0]), cidr.prefixlen))
    for cidr in sorted(cover, key=lambda cidr: -cidr.prefixlen):
        without = [other for other in cover if other != cidr]
        if covers_internet(without, family):
            cover = without
    return cover
