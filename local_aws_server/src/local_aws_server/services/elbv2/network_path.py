"""Decide whether one network interface reaches another of its VPC, by security groups and network ACLs.

A VPC always has a route between its subnets. Security groups are stateful. Network ACLs are not, and apply only
between subnets.

`esaws.inspect.network` implements the same rules independently, and a test holds the two against each other. Keep them
separate: if both used the same code, an error in it would go unnoticed (docs/adr/0008).

https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from local_aws_server.backends import Backends

REPLY_PORTS = (1024, 65535)
"""The ephemeral ports of clients; a network ACL that blocks some of them blocks some of the replies."""

_TCP = ("-1", "tcp", "6")
_ALL_PORTS = (0, 65535)


@dataclass(frozen=True)
class GroupRule:
    """A TCP rule of a security group: it opens ports to a CIDR block or to members of a group."""

    ports: tuple[int, int]
    cidr: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class AclEntry:
    """A TCP entry of a network ACL."""

    number: int
    allows: bool
    ports: tuple[int, int]
    cidr: str


@dataclass(frozen=True)
class Endpoint:
    """A network interface as the source or destination of a connection."""

    address: str
    vpc: str
    subnet: str
    groups: tuple[str, ...] | None
    """Its security groups; None if none filters, as at a load balancer without groups."""


def group_allows(rules: Iterable[GroupRule], peer: Endpoint, port: int) -> bool:
    """Return whether a security group's rules of one direction allow a port for a peer, by its address or group."""
    return any(
        rule.ports[0] <= port <= rule.ports[1]
        and (rule.group in (peer.groups or ()) if rule.group else _contains(rule.cidr, peer.address))
        for rule in rules
    )


def acl_allows(entries: Iterable[AclEntry], peer: str, ports: tuple[int, int]) -> bool:
    """Return whether a network ACL allows all of these ports in one direction; the lowest matching entry decides."""
    undecided = [ports]
    for entry in sorted(entries, key=lambda entry: entry.number):
        if not _contains(entry.cidr, peer):
            continue
        first, last = entry.ports
        if not entry.allows and any(low <= last and first <= high for low, high in undecided):
            return False
        undecided = [
            (start, end)
            for low, high in undecided
            for start, end in ((low, min(high, first - 1)), (max(low, last + 1), high))
            if start <= end
        ]
    return not undecided


class NetworkPaths:
    """The security groups and network ACLs of an account, each read once; valid until one of them changes."""

    def __init__(self, backends: Backends) -> None:
        self._ec2 = backends.backend("ec2")
        self._rules: dict[tuple[str, bool], list[GroupRule]] = {}
        self._entries: dict[tuple[str, bool], list[AclEntry]] = {}
        self._acls: dict[str, Any] | None = None

    def endpoint(self, interface: Any, *, filtered: bool = True) -> Endpoint:
        """Return the endpoint of moto's network interface."""
        groups = tuple(sorted(group.id for group in interface.group_set)) if filtered else None
        return Endpoint(interface.private_ip_address, interface.subnet.vpc_id, interface.subnet.id, groups)

    def find_obstacle(self, source: Endpoint, target: Endpoint, port: int) -> str:
        """Describe what blocks a TCP connection from the source to a port of the target; "" if nothing does."""
        if source.vpc != target.vpc:
            return "they are in different VPCs"
        if not self._groups_allow(source.groups, target, port, egress=True):
            return f"no rule of {self._group_names(source)} lets it out to port {port}"
        if not self._groups_allow(target.groups, source, port, egress=False):
            return f"no rule of {self._group_names(target)} lets it in on port {port}"
        if source.subnet != target.subnet:
            if not self._acls_allow(source, target, (port, port)):
                return f"a network ACL stops the requests to port {port}"
            if not self._acls_allow(target, source, REPLY_PORTS):
                return "a network ACL stops the answers, which go to the ports {}-{}".format(*REPLY_PORTS)
        return ""

    def find_ingress_obstacle(self, address: str, target: Endpoint, port: int) -> str:
        """Describe what keeps an address outside of the VPC from a port of the target; "" if nothing does."""
        outside = Endpoint(address, "", "", groups=())
        if not self._groups_allow(target.groups, outside, port, egress=False):
            return f"no rule of {self._group_names(target)} lets it in on port {port}"
        if not acl_allows(self._entries_of(target.subnet, egress=False), address, (port, port)):
            return f"a network ACL stops the requests to port {port}"
        if not acl_allows(self._entries_of(target.subnet, egress=True), address, REPLY_PORTS):
            return "a network ACL stops the answers, which go to the ports {}-{}".format(*REPLY_PORTS)
        return ""

    def find_egress_obstacle(self, source: Endpoint, address: str, port: int) -> str:
        """Describe what of the security groups keeps the source from a port of an address outside of its VPC."""
        outside = Endpoint(address, "", "", groups=())
        if self._groups_allow(source.groups, outside, port, egress=True):
            return ""
        return f"no rule of {self._group_names(source)} lets it out to port {port}"

    def _groups_allow(self, groups: tuple[str, ...] | None, peer: Endpoint, port: int, *, egress: bool) -> bool:
        return groups is None or any(group_allows(self._rules_of(group, egress), peer, port) for group in groups)

    def _acls_allow(self, source: Endpoint, target: Endpoint, ports: tuple[int, int]) -> bool:
        """Return whether the ACLs let packets leave the source's subnet and enter the target's."""
        leaves = acl_allows(self._entries_of(source.subnet, egress=True), target.address, ports)
        return leaves and acl_allows(self._entries_of(target.subnet, egress=False), source.address, ports)

    def _group_names(self, endpoint: Endpoint) -> str:
        groups = [self._ec2.get_security_group_from_id(group) for group in endpoint.groups or ()]
        names = sorted(group.name for group in groups if group is not None)
        return f"security group{'s' * (len(names) > 1)} {' and '.join(names)}"

    def _rules_of(self, group_id: str, egress: bool) -> list[GroupRule]:
        if (group_id, egress) not in self._rules:
            group = self._ec2.get_security_group_from_id(group_id)
            rules = () if group is None else group.egress_rules if egress else group.ingress_rules
            self._rules[group_id, egress] = [converted for rule in rules for converted in self._convert_rule(rule)]
        return self._rules[group_id, egress]

    def _convert_rule(self, rule: Any) -> Iterable[GroupRule]:
        """Convert moto's rule; a prefix list gives one rule for each of its entries."""
        if str(rule.ip_protocol).lower() not in _TCP:
            return
        ports = _ALL_PORTS if rule.from_port in (None, -1) else (int(rule.from_port), int(rule.to_port))
        if group := rule.source_group.get("GroupId"):
            yield GroupRule(ports, group=group)
        elif cidr := rule.ip_range.get("CidrIp"):
            yield GroupRule(ports, cidr)
        elif prefix_list := self._ec2.managed_prefix_lists.get(rule.prefix_list_id):
            for entry in prefix_list.entries.get(prefix_list.version) or ():
                yield GroupRule(ports, entry["Cidr"])

    def _entries_of(self, subnet: str, egress: bool) -> list[AclEntry]:
        if self._acls is None:
            acls = self._ec2.network_acls.values()
            self._acls = {association.subnet_id: acl for acl in acls for association in acl.associations}
        if (subnet, egress) not in self._entries:
            self._entries[subnet, egress] = [
                _convert_entry(entry)
                for entry in self._acls[subnet].network_acl_entries
                if _is_true(entry.egress) == egress and str(entry.protocol) in _TCP and entry.cidr_block
            ]
        return self._entries[subnet, egress]


def _convert_entry(entry: Any) -> AclEntry:
    has_ports = entry.port_range_from is not None and str(entry.protocol) != "-1"
    ports = (int(entry.port_range_from), int(entry.port_range_to)) if has_ports else _ALL_PORTS
    return AclEntry(int(entry.rule_number), entry.rule_action == "allow", ports, entry.cidr_block)


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _contains(cidr: str | None, address: str) -> bool:
    block = _network(cidr or "")
    return block is not None and _address(address) in block


@lru_cache(maxsize=10_000)
def _address(address: str) -> IPv4Address:
    return IPv4Address(address)


@lru_cache(maxsize=10_000)
def _network(cidr: str) -> IPv4Network | None:
    """Return the IPv4 block, or None for an IPv6 block and for ""."""
    try:
        return IPv4Network(cidr, strict=False)
    except ValueError:
        return None
