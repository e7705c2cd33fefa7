"""Whether one interface reaches another of its VPC: by the security groups of both, and the network ACLs between them.

Within a VPC there is always a route. Groups let replies pass, network ACLs don't, and are asked between subnets only.

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

REPLIES = (1024, 65535)
"""The ports that answers go to; a network ACL that stops some of them stops some of the answers."""

_TCP = ("-1", "tcp", "6")
_ALL = (0, 65535)


@dataclass(frozen=True)
class Rule:
    """A rule of a security group, for TCP: which ports of whom it opens."""

    ports: tuple[int, int]
    cidr: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Entry:
    """An entry of a network ACL, for TCP."""

    number: int
    allows: bool
    ports: tuple[int, int]
    cidr: str


@dataclass(frozen=True)
class End:
    """One end of a connection."""

    address: str
    vpc: str
    subnet: str
    groups: tuple[str, ...] | None
    """Its security groups; None where none filters, as at a load balancer that was made without."""


def admits(rules: Iterable[Rule], peer: End, port: int) -> bool:
    """Whether a security group's rules of one direction open a port for a peer; a rule may name the peer's group."""
    return any(
        rule.ports[0] <= port <= rule.ports[1]
        and (rule.group in (peer.groups or ()) if rule.group else _within(peer.address, rule.cidr))
        for rule in rules
    )


def lets_pass(entries: Iterable[Entry], peer: str, ports: tuple[int, int]) -> bool:
    """Whether a network ACL lets every one of these ports pass, one way: the first entry for a port decides on it."""
    undecided = [ports]
    for entry in sorted(entries, key=lambda entry: entry.number):
        if not _within(peer, entry.cidr):
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


class Network:
    """The groups and network ACLs of a world, each read once: for one look, not to be kept."""

    def __init__(self, world: Backends) -> None:
        self._ec2 = world.backend("ec2")
        self._rules: dict[tuple[str, bool], list[Rule]] = {}
        self._entries: dict[tuple[str, bool], list[Entry]] = {}
        self._acls: dict[str, Any] | None = None

    def end(self, interface: Any, *, filtered: bool = True) -> End:
        """An interface as an end of connections."""
        groups = tuple(sorted(group.id for group in interface.group_set)) if filtered else None
        return End(interface.private_ip_address, interface.subnet.vpc_id, interface.subnet.id, groups)

    def obstacle(self, source: End, target: End, port: int) -> str:
        """What keeps the source from a TCP port of the target, in words; "" if nothing does."""
        if source.vpc != target.vpc:
            return "they are in different VPCs"
        if not self._opens(source.groups, target, port, egress=True):
            return f"no rule of {self._named(source)} lets it out to port {port}"
        if not self._opens(target.groups, source, port, egress=False):
            return f"no rule of {self._named(target)} lets it in on port {port}"
        if source.subnet != target.subnet:
            if not self._crosses(source, target, (port, port)):
                return f"a network ACL stops the requests to port {port}"
            if not self._crosses(target, source, REPLIES):
                return "a network ACL stops the answers, which go to the ports {}-{}".format(*REPLIES)
        return ""

    def _opens(self, groups: tuple[str, ...] | None, peer: End, port: int, *, egress: bool) -> bool:
        return groups is None or any(admits(self._rules_of(group, egress), peer, port) for group in groups)

    def _crosses(self, source: End, target: End, ports: tuple[int, int]) -> bool:
        """Out of the source's subnet, into the target's."""
        leaves = lets_pass(self._entries_of(source.subnet, egress=True), target.address, ports)
        return leaves and lets_pass(self._entries_of(target.subnet, egress=False), source.address, ports)

    def _named(self, end: End) -> str:
        found = [self._ec2.get_security_group_from_id(group) for group in end.groups or ()]
        names = sorted(group.name for group in found if group is not None)
        return f"security group{'s' * (len(names) > 1)} {' and '.join(names)}"

    def _rules_of(self, group: str, egress: bool) -> list[Rule]:
        if (group, egress) not in self._rules:
            found = self._ec2.get_security_group_from_id(group)
            kept = () if found is None else found.egress_rules if egress else found.ingress_rules
            self._rules[group, egress] = [rule for each in kept for rule in self._read(each)]
        return self._rules[group, egress]

    def _read(self, rule: Any) -> Iterable[Rule]:
        """A rule of moto's; one for each entry of a prefix list."""
        if str(rule.ip_protocol).lower() not in _TCP:
            return
        ports = _ALL if rule.from_port in (None, -1) else (int(rule.from_port), int(rule.to_port))
        if group := rule.source_group.get("GroupId"):
            yield Rule(ports, group=group)
        elif cidr := rule.ip_range.get("CidrIp"):
            yield Rule(ports, cidr)
        elif listed := self._ec2.managed_prefix_lists.get(rule.prefix_list_id):
            for entry in listed.entries.get(listed.version) or ():
                yield Rule(ports, entry["Cidr"])

    def _entries_of(self, subnet: str, egress: bool) -> list[Entry]:
        if self._acls is None:
            acls = self._ec2.network_acls.values()
            self._acls = {association.subnet_id: acl for acl in acls for association in acl.associations}
        if (subnet, egress) not in self._entries:
            self._entries[subnet, egress] = [
                _entry(each)
                for each in self._acls[subnet].network_acl_entries
                if _true(each.egress) == egress and str(each.protocol) in _TCP and each.cidr_block
            ]
        return self._entries[subnet, egress]


def _entry(entry: Any) -> Entry:
    named = entry.port_range_from is not None and str(entry.protocol) != "-1"
    ports = (int(entry.port_range_from), int(entry.port_range_to)) if named else _ALL
    return Entry(int(entry.rule_number), entry.rule_action == "allow", ports, entry.cidr_block)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def _within(address: str, cidr: str | None) -> bool:
    block = _network(cidr or "")
    return block is not None and _address(address) in block


@lru_cache(maxsize=10_000)
def _address(address: str) -> IPv4Address:
    return IPv4Address(address)


@lru_cache(maxsize=10_000)
def _network(cidr: str) -> IPv4Network | None:
    """None for a block of IPv6, or none at all."""
    try:
        return IPv4Network(cidr, strict=False)
    except ValueError:
        return None
