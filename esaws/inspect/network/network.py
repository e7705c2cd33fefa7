"""What describe calls returned about a network, with what is looked up in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from esaws.errors import UsageError
from esaws.inspect.network.addresses import Address, Range, parse_cidr
from esaws.inspect.network.group_rules import Direction, GroupRule, parse_group_rules
from esaws.inspect.network.interfaces import Interface

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
    """The answers of describe calls, each a list in boto3's shape; None means that nobody asked, so it is unknown.

    A prefix list is {PrefixListId, Entries: [{Cidr}]}, with Entries of get_managed_prefix_list_entries (and MaxEntries
    where known). The interfaces are taken for all that the account has in these VPCs.
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
    def of(cls, answers: Mapping[str, Sequence[Raw]]) -> "Network":
        """From answers under boto3's keys (SecurityGroups, NetworkInterfaces, …); other keys are ignored."""
        given = {each.name: answers[_BOTO3[each.name]] for each in fields(cls) if _BOTO3[each.name] in answers}
        return cls(**{"security_groups": (), "network_interfaces": (), **given})

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
        found: dict[tuple[str, Direction], list[GroupRule]] = {}
        for group in self.security_groups:
            for rule in parse_group_rules(group, self.prefixes):
                found.setdefault((rule.group, rule.direction), []).append(rule)
        return found

    def rules(self, group: str, direction: Direction) -> list[GroupRule]:
        return self._rules.get((group, direction), [])

    @cached_property
    def interfaces_by_group(self) -> dict[str, list[Interface]]:
        """The interfaces that carry each group."""
        found: dict[str, list[Interface]] = {}
        for interface in self.interfaces.values():
            for group in interface.groups or ():
                found.setdefault(group, []).append(interface)
        return found

    @cached_property
    def _by_address(self) -> dict[Address, list[Interface]]:
        found: dict[Address, list[Interface]] = {}
        for interface in self.interfaces.values():
            for address in {*interface.private, *interface.public, *interface.v6}:
                found.setdefault(address, []).append(interface)
        return found

    def interface(self, id: str) -> Interface:
        """Raises:
        UsageError: there is no such interface among those that were described.
        """
        if id not in self.interfaces:
            raise UsageError(f"{id} is none of the {len(self.interfaces)} interfaces of this network")
        return self.interfaces[id]

    def interface_at(self, address: Address, vpc: str) -> Interface | None:
        """The interface that has an address: in this VPC, or else the only one anywhere."""
        having = self._by_address.get(address, [])
        near = [interface for interface in having if interface.vpc == vpc]
        return (near or having)[0] if len(near or having) == 1 else None

    @cached_property
    def vpc_ranges(self) -> dict[str, tuple[Range, ...]]:
        """The ranges of each VPC, of its own description or else of the local routes."""
        found: dict[str, dict[Range, None]] = {}
        for vpc in self.vpcs or ():
            cidrs = [vpc.get("CidrBlock"), *(each["CidrBlock"] for each in vpc.get("CidrBlockAssociationSet", []))]
            cidrs += [each["Ipv6CidrBlock"] for each in vpc.get("Ipv6CidrBlockAssociationSet", [])]
            found.setdefault(vpc["VpcId"], {}).update((parse_cidr(cidr), None) for cidr in cidrs if cidr)
        for table in self.route_tables or ():
            for route in table.get("Routes", []):
                cidr = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
                if route.get("GatewayId") == "local" and cidr:
                    found.setdefault(table.get("VpcId", ""), {})[parse_cidr(cidr)] = None
        return {vpc: tuple(ranges) for vpc, ranges in found.items()}

    @cached_property
    def subnet_ranges(self) -> dict[str, tuple[str, tuple[Range, ...]]]:
        """Each subnet's VPC and ranges."""
        found = {}
        for raw in self.subnets or ():
            v6 = [each["Ipv6CidrBlock"] for each in raw.get("Ipv6CidrBlockAssociationSet", [])]
            cidrs = [cidr for cidr in [raw.get("CidrBlock"), *v6] if cidr]
            found[raw["SubnetId"]] = (raw.get("VpcId", ""), tuple(parse_cidr(cidr) for cidr in cidrs))
        return found

    def subnet_at(self, address: Address, vpc: str) -> str:
        """The subnet of a VPC that holds an address, or "" where none is known."""
        return next(
            (id for id, (its_vpc, ranges) in self.subnet_ranges.items() if its_vpc == vpc and _in(address, ranges)), ""
        )

    def in_vpc(self, address: Address, vpc: str) -> bool:
        return _in(address, self.vpc_ranges.get(vpc, ()))

    def acl_name(self, acl: Raw) -> str:
        """By its tag, or that it is the one that its VPC began with."""
        default = "the VPC's default ACL" if acl.get("IsDefault") else acl["NetworkAclId"]
        return name_tag(acl) or str(default)

    def group_name(self, id: str) -> str:
        return str(self.groups.get(id, {}).get("GroupName", id))


def name_tag(raw: Raw) -> str:
    return next((str(tag["Value"]) for tag in raw.get("Tags", []) if tag["Key"] == "Name"), "")


def _in(address: Address, ranges: Iterable[Range]) -> bool:
    return any(some.version == address.version and address in some for some in ranges)
