"""A network interface: its addresses, its groups and where it is, read from describe_network_interfaces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from esaws.inspect.network.addresses import Address, Family, parse_address


@dataclass(frozen=True)
class Interface:
    """What a network interface is to packets.

    `groups` are ids in order: empty where AWS filters nothing (a NAT gateway's), None where describe told nothing;
    `private` are its own IPv4 addresses, the primary one first; `public` those that an internet gateway translates to
    them, and `leaves_as` the one of the primary address.
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
    name: str = field(compare=False, default="")

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Interface":
        """From one of NetworkInterfaces."""
        tags = {tag["Key"]: tag["Value"] for tag in raw.get("TagSet", [])}
        groups = raw.get("Groups")
        more = raw.get("PrivateIpAddresses", [])
        owns = [raw.get("PrivateIpAddress"), *(each.get("PrivateIpAddress") for each in more)]
        primary = raw.get("Association", {}).get("PublicIp")
        public = [primary, *(each.get("Association", {}).get("PublicIp") for each in more)]
        return cls(
            id=raw["NetworkInterfaceId"],
            vpc=raw.get("VpcId", ""),
            subnet=raw.get("SubnetId", ""),
            groups=None if groups is None else tuple(dict.fromkeys(group["GroupId"] for group in groups)),
            private=_addresses(owns),
            public=_addresses(public),
            v6=_addresses(each["Ipv6Address"] for each in raw.get("Ipv6Addresses", [])),
            attached=raw.get("Status") != "available",
            primary_public=parse_address(primary) if primary else None,
            name=tags.get("Name") or raw.get("Description") or raw["NetworkInterfaceId"],
        )

    def private_address(self, family: Family) -> Address | None:
        """Its primary address inside the VPC, or None where it has none of that family."""
        return next(iter(self.private if family == 4 else self.v6), None)

    def public_address(self, family: Family) -> Address | None:
        """An address by which the internet finds it, or None."""
        return next(iter(self.public if family == 4 else self.v6), None)

    def source_on_internet(self, family: Family) -> Address | None:
        """The address by which the internet sees what its primary address sends, or None."""
        return self.primary_public if family == 4 else self.private_address(6)


def _addresses(texts: Any) -> tuple[Address, ...]:
    return tuple(parse_address(text) for text in dict.fromkeys(texts) if text)
