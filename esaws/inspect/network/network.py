"""A network as describe calls return it, with indexes over interfaces, groups, ranges and subnets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from esaws.errors import UsageError
from esaws.inspect.account import name_tag
from esaws.inspect.network.addresses import Address, Range, parse_cidr
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.security_groups import Direction, GroupRule, parse_group_rules

Raw = Mapping[str, Any]

_BOTO3 = {
    "security_groups": "SecurityGroups",
    "network_interfaces": "NetworkInterfaces",
    "prefix_lists": "PrefixLists",
    "network_acls": "NetworkAcls",
    "route_tables": "RouteTables",
    "subnets": "Subnets",
    "vpcs": "Vpcs",
    "nat_gateways": "NatGateways",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Network:
    """The results of describe calls, each a list in boto3's shape; None means not fetched, so unknown.

    A prefix list is {PrefixListId, Entries: [{Cidr}]}, with Entries of get_managed_prefix_list_entries (and MaxEntries
    where known). The interfaces are assumed to be all that the account has in these VPCs.
    """

    security_groups: Sequence[Raw]
    network_interfaces: Sequence[Raw]
    prefix_lists: Sequence[Raw] = ()
    network_acls: Sequence[Raw] | None = None
    route_tables: Sequence[Raw] | None = None
    subnets: Sequence[Raw] | None = None
    vpcs: Sequence[Raw] | None = None
    nat_gateways: Sequence[Raw] | None = None

    @classmethod
    def of(cls, results: Mapping[str, Sequence[Raw]]) -> "Network":
        """Build a network from results under boto3's keys (SecurityGroups, …); other keys are ignored."""
        descriptions = {item.name: results[_BOTO3[item.name]] for item in fields(cls) if _BOTO3[item.name] in results}
        return cls(**{"security_groups": (), "network_interfaces": (), **descriptions})

    @cached_property
    def interfaces(self) -> dict[str, Interface]:
        return {raw["NetworkInterfaceId"]: Interface.of(raw) for raw in self.network_interfaces}

    @cached_property
    def groups(self) -> dict[str, Raw]:
        return {raw["GroupId"]: raw for raw in self.security_groups}

    @cached_property
    def prefixes(self) -> dict[str, tuple[Range, ...]]:
        """The ranges of each prefix list whose entries are known."""
        return {
            raw["PrefixListId"]: tuple(parse_cidr(entry["Cidr"]) for entry in raw["Entries"])
            for raw in self.prefix_lists
            if "Entries" in raw
        }

    @cached_property
    def _rules(self) -> dict[tuple[str, Direction], list[GroupRule]]:
        grouped: dict[tuple[str, Direction], list[GroupRule]] = {}
        for group in self.security_groups:
            for rule in parse_group_rules(group, self.prefixes):
                grouped.setdefault((rule.group, rule.direction), []).append(rule)
        return grouped

    def rules(self, group: str, direction: Direction) -> list[GroupRule]:
        return self._rules.get((group, direction), [])

    @cached_property
    def interfaces_by_group(self) -> dict[str, list[Interface]]:
        """The interfaces that have each group."""
        grouped: dict[str, list[Interface]] = {}
        for interface in self.interfaces.values():
            for group in interface.groups or ():
                grouped.setdefault(group, []).append(interface)
        return grouped

    @cached_property
    def _by_address(self) -> dict[Address, list[Interface]]:
        grouped: dict[Address, list[Interface]] = {}
        for interface in self.interfaces.values():
            for address in {*interface.private, *interface.public, *interface.v6}:
                grouped.setdefault(address, []).append(interface)
        return grouped

    def interface(self, id: str) -> Interface:
        """Return an interface by its id.

        Raises:
            UsageError: no such interface was described.
        """
        if id not in self.interfaces:
            raise UsageError(f"{id}: not one of the {len(self.interfaces)} interfaces of this network")
        return self.interfaces[id]

    def interface_at(self, address: Address, vpc: str) -> Interface | None:
        """Return the interface that has an address: the one in this VPC, else the only one anywhere, else None."""
        candidates = self._by_address.get(address, [])
        local = [interface for interface in candidates if interface.vpc == vpc]
        return (local or candidates)[0] if len(local or candidates) == 1 else None

    @cached_property
    def vpc_ranges(self) -> dict[str, tuple[Range, ...]]:
        """The ranges of each VPC, from its own description and from local routes."""
        grouped: dict[str, dict[Range, None]] = {}
        for vpc in self.vpcs or ():
            cidrs = [vpc.get("CidrBlock"), *(item["CidrBlock"] for item in vpc.get("CidrBlockAssociationSet", []))]
            cidrs += [item["Ipv6CidrBlock"] for item in vpc.get("Ipv6CidrBlockAssociationSet", [])]
            grouped.setdefault(vpc["VpcId"], {}).update((parse_cidr(cidr), None) for cidr in cidrs if cidr)
        for table in self.route_tables or ():
            for route in table.get("Routes", []):
                cidr = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
                if route.get("GatewayId") == "local" and cidr:
                    grouped.setdefault(table.get("VpcId", ""), {})[parse_cidr(cidr)] = None
        return {vpc: tuple(ranges) for vpc, ranges in grouped.items()}

    @cached_property
    def subnet_ranges(self) -> dict[str, tuple[str, tuple[Range, ...]]]:
        """The VPC and the ranges of each subnet."""
        grouped = {}
        for raw in self.subnets or ():
            v6 = [item["Ipv6CidrBlock"] for item in raw.get("Ipv6CidrBlockAssociationSet", [])]
            cidrs = [cidr for cidr in [raw.get("CidrBlock"), *v6] if cidr]
            grouped[raw["SubnetId"]] = (raw.get("VpcId", ""), tuple(parse_cidr(cidr) for cidr in cidrs))
        return grouped

    def subnet_at(self, address: Address, vpc: str) -> str:
        """Return the subnet of a VPC that contains an address, or "" where none is known."""
        return next(
            (
                id
                for id, (its_vpc, ranges) in self.subnet_ranges.items()
                if its_vpc == vpc and _contains(address, ranges)
            ),
            "",
        )

    def in_vpc(self, address: Address, vpc: str) -> bool:
        return _contains(address, self.vpc_ranges.get(vpc, ()))

    def acl_name(self, acl: Raw) -> str:
        """Return the Name tag of an ACL, else that it is the VPC's default, else its id."""
        default = "the VPC's default ACL" if acl.get("IsDefault") else acl["NetworkAclId"]
        return name_tag(acl, str(default))

    def group_name(self, id: str) -> str:
        return str(self.groups.get(id, {}).get("GroupName", id))


def _contains(address: Address, ranges: Iterable[Range]) -> bool:
    return any(cidr.version == address.version and address in cidr for cidr in ranges)
