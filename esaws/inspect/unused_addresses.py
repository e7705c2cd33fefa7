"""Addresses in a VPC that no network interface has, such as that of a task that has stopped."""

from collections.abc import Iterator

from esaws.inspect.account import Account
from esaws.inspect.fetch import Raw
from esaws.inspect.network.addresses import Range, parse_address, parse_cidr
from esaws.inspect.network.network import Network


def is_unused_address(account: Account, network: Network, text: str, vpc: str) -> bool:
    """Return whether an IPv4 address is in a subnet of a VPC and no interface has it; false where that is unknown.

    A shared subnet has interfaces of other accounts, which are not described. Of a prefix of an interface, any address
    may be in use: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-prefix-eni.html
    """
    interfaces, address = account.get("NetworkInterfaces"), parse_address(text)
    subnet = network.subnet_at(address, vpc)
    if not interfaces or address.version == 6 or not subnet:
        return False
    owners = {raw.get("OwnerId") for raw in account.get("Subnets") or () if raw["SubnetId"] == subnet}
    is_shared = any(owner not in (None, account.id) for owner in owners)
    return not is_shared and not any(address in cidr for raw in interfaces for cidr in _ranges(raw))


def _ranges(interface: Raw) -> Iterator[Range]:
    """Yield the IPv4 addresses and prefixes of an interface as described."""
    for item in (interface, *interface.get("PrivateIpAddresses", ())):
        if address := item.get("PrivateIpAddress"):
            yield parse_cidr(address)
    yield from (parse_cidr(item["Ipv4Prefix"]) for item in interface.get("Ipv4Prefixes", ()))
