"""Network interfaces: their addresses, security groups and subnets, read from describe_network_interfaces."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from esaws.aws import tag_dict
from esaws.errors import UsageError
from esaws.inspect.network.addresses import Address, Family, parse_address
from esaws.inspect.network.interface_types import interface_type, is_unfiltered


@dataclass(frozen=True)
class Interface:
    """One network interface.

    `groups` are group ids in order: empty where AWS filters nothing (as for a NAT gateway), None where they are
    unknown, as for an interface without groups whose type should have some. `private` are its own IPv4 addresses, the
    primary one first. `public` are those that an internet gateway translates to them, and `primary_public` is the one
    of the primary address.
    """

    id: str
    vpc: str
    subnet: str
    groups: tuple[str, ...] | None
    private: tuple[Address, ...]
    public: tuple[Address, ...]
    v6: tuple[Address, ...]
    attached: bool
    primary_public: Address | None = None
    type: str = "interface"
    description: str = field(compare=False, default="")
    name: str = field(compare=False, default="")

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Interface":
        """Build an interface from one item of NetworkInterfaces."""
        type_ = interface_type(raw)
        groups = raw.get("Groups") or ([] if "Groups" in raw and is_unfiltered(type_) else None)
        details = raw.get("PrivateIpAddresses", [])
        private = [raw.get("PrivateIpAddress"), *(detail.get("PrivateIpAddress") for detail in details)]
        primary = raw.get("Association", {}).get("PublicIp")
        public = [primary, *(detail.get("Association", {}).get("PublicIp") for detail in details)]
        return cls(
            id=raw["NetworkInterfaceId"],
            vpc=raw.get("VpcId", ""),
            subnet=raw.get("SubnetId", ""),
            groups=None if groups is None else tuple(dict.fromkeys(group["GroupId"] for group in groups)),
            private=_parse_addresses(private),
            public=_parse_addresses(public),
            v6=_parse_addresses(item["Ipv6Address"] for item in raw.get("Ipv6Addresses", [])),
            attached=raw.get("Status") != "available",
            primary_public=parse_address(primary) if primary else None,
            type=type_,
            description=raw.get("Description", ""),
            name=tag_dict(raw.get("TagSet")).get("Name") or raw.get("Description") or raw["NetworkInterfaceId"],
        )

    def private_address(self, family: Family) -> Address | None:
        """Its primary address inside the VPC, or None where it has none of that family."""
        return next(iter(self.private if family == 4 else self.v6), None)

    def public_address(self, family: Family) -> Address | None:
        """An address at which the internet reaches it, or None."""
        return next(iter(self.public if family == 4 else self.v6), None)

    def source_on_internet(self, family: Family) -> Address | None:
        """The source address that the internet sees on packets from its primary address, or None."""
        return self.primary_public if family == 4 else self.private_address(6)


def _parse_addresses(texts: Iterable[str | None]) -> tuple[Address, ...]:
    return tuple(parse_address(text) for text in dict.fromkeys(texts) if text)


@dataclass(frozen=True)
class InterfaceSet:
    """Several interfaces under one name, at least one: those of a service, a load balancer, a database, a cache."""

    name: str
    interfaces: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.interfaces:
            raise UsageError(f"{self.name}: it has no network interface, so it cannot be reached")


@dataclass(frozen=True)
class Peer:
    """The other side of a connection, as the address on its packets identifies it.

    `address` is None for a public address that is unknown. `interface` is the interface that has the address as its
    own; it is None where group references cannot match: for a public address, or behind an appliance.
    """

    address: Address | None
    interface: Interface | None = None
    hidden: bool = False
    """Whether an appliance is in between, so that only ranges match."""

    def __str__(self) -> str:
        return str(self.address) if self.address else "an unknown public address"
