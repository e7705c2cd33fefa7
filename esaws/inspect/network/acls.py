"""Network ACLs: stateless; the matching entry with the lowest rule number decides, and the default is deny."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from esaws.inspect.answers import NO, YES, Answer, Decision, all_of, from_bool, unknown
from esaws.inspect.network.addresses import Address, Family, Range, parse_cidr
from esaws.inspect.network.security_groups import range_contains
from esaws.inspect.network.traffic import ALL, ECHO_REPLY, ICMP, ICMPV6, PORTS, TCP, UDP, Traffic, protocol_number

DEFAULT_RULE_NUMBER: dict[Family, int] = {4: 32767, 6: 32768}
"""The number of the entry that the console shows as `*`: it denies what no other entry matches."""


@dataclass(frozen=True)
class AclEntry:
    """One entry of a network ACL; `ports` are all ports where the protocol has none."""

    number: int
    allows: bool
    egress: bool
    protocol: int | None
    cidr: Range
    ports: tuple[int, int]
    icmp: tuple[int, int]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "AclEntry":
        """Build an entry from one item of Entries."""
        ports, icmp = raw.get("PortRange", {}), raw.get("IcmpTypeCode", {})
        protocol = protocol_number(raw["Protocol"])
        return cls(
            number=raw["RuleNumber"],
            allows=raw["RuleAction"] == "allow",
            egress=raw["Egress"],
            protocol=protocol,
            cidr=parse_cidr(raw.get("CidrBlock") or raw["Ipv6CidrBlock"]),
            ports=(ports.get("From", 0), ports.get("To", 65535)) if protocol in {TCP, UDP} else PORTS,
            icmp=(icmp.get("Type", -1), icmp.get("Code", -1)),
        )

    def matches_traffic(self, traffic: Traffic) -> Answer:
        """Return whether the entry matches the traffic, whatever its peer; traffic without a port matches any port."""
        if self.protocol is None:
            return unknown(f"entry {self.number} has a protocol that esaws does not support")
        if self.protocol == ALL:
            return YES
        if self.protocol != traffic.protocol:
            return NO
        if self.protocol in {ICMP, ICMPV6} and self.icmp[0] != -1:
            if traffic.icmp is None:
                return unknown(f"entry {self.number} matches ICMP type {self.icmp[0]}, and the question names no type")
            return from_bool(self.icmp[0] == traffic.icmp[0] and self.icmp[1] in {-1, traffic.icmp[1]})
        return from_bool(traffic.port is None or self.ports[0] <= traffic.port <= self.ports[1])


@dataclass(frozen=True)
class AclVerdict:
    """What an ACL decides for one kind of packet, and the number of the entry that decides."""

    action: Decision
    rule_number: int | None
    reason: str = ""

    @property
    def answer(self) -> Answer:
        return unknown(self.reason) if self.action == "unknown" else from_bool(self.action == "allow")


def sorted_entries(acl: Mapping[str, Any], egress: bool) -> list[AclEntry]:
    """Return the entries of one direction in the order in which AWS evaluates them."""
    entries = [AclEntry.of(raw) for raw in acl.get("Entries", []) if raw["Egress"] == egress]
    return sorted(entries, key=lambda entry: entry.number)


def evaluate_acl(acl: Mapping[str, Any], egress: bool, peer: Address | None, traffic: Traffic) -> AclVerdict:
    """Evaluate traffic to (egress) or from (ingress) a peer; None stands for an unknown public address.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
    """
    uncertain: list[tuple[AclEntry, str]] = []
    for entry in sorted_entries(acl, egress):
        matches = all_of([entry.matches_traffic(traffic), range_contains(entry.cidr, peer)])
        if matches.is_unknown:
            uncertain.append((entry, matches.reason))
        elif matches.is_yes:
            return _verdict(entry.allows, entry.number, uncertain)
    return _verdict(False, DEFAULT_RULE_NUMBER[6 if peer is not None and peer.version == 6 else 4], uncertain)


def _verdict(allows: bool, number: int, uncertain: list[tuple[AclEntry, str]]) -> AclVerdict:
    """The decision of an entry, unknown where an earlier entry may match and decides the opposite."""
    reason = next((reason for entry, reason in uncertain if entry.allows != allows), None)
    if reason is not None:
        return AclVerdict("unknown", None, reason)
    return AclVerdict("allow" if allows else "deny", number)


def replies_pass(acl: Mapping[str, Any], egress: bool, peer: Address | None, traffic: Traffic) -> Answer:
    """Return whether replies to the traffic pass. They go to a port that the client chooses, 1024–65535.

    The answer is unknown where only some of these ports pass. An ICMP echo is answered by an echo reply; other ICMP
    messages have no reply.
    Source: https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
    """
    if traffic.icmp is not None:
        reply = ECHO_REPLY.get((traffic.protocol, traffic.icmp[0]))
        if reply is None:
            return YES
        return evaluate_acl(acl, egress, peer, Traffic(traffic.protocol, icmp=(reply, 0))).answer
    if traffic.reply_ports is None:
        return evaluate_acl(acl, egress, peer, traffic).answer
    intervals = [*split_ports(sorted_entries(acl, egress), traffic.reply_ports)]
    verdicts = [evaluate_acl(acl, egress, peer, Traffic(traffic.protocol, low)) for low, _ in intervals]
    actions = {verdict.action for verdict in verdicts}
    if len(actions) == 1:
        return verdicts[0].answer
    passing = [ports for ports, verdict in zip(intervals, verdicts, strict=True) if verdict.action == "allow"]
    names = ", ".join(f"{low}–{high}" for low, high in merge_ranges(passing)) or "none for certain"
    return unknown(f"only some reply ports pass ({names}); the client chooses the port")


def split_ports(entries: Iterable[AclEntry], ports: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Split a port range at the bounds of the entries: no entry distinguishes two ports of one interval."""
    low, end = ports[0], ports[1] + 1
    bounds = {low, end}
    for entry in entries:
        bounds |= {entry.ports[0], entry.ports[1] + 1}
    for begin, next_begin in pairwise(sorted(bound for bound in bounds if low <= bound <= end)):
        yield begin, next_begin - 1


def merge_ranges(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge adjacent intervals; they are given in order."""
    merged: list[tuple[int, int]] = []
    for low, high in intervals:
        if merged and merged[-1][1] + 1 == low:
            merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return merged


def acl_of_subnet(acls: Iterable[Mapping[str, Any]] | None, subnet: str) -> Mapping[str, Any] | None:
    """Return the ACL of a subnet (each has exactly one), or None where it was not described."""
    for acl in acls or ():
        if any(association.get("SubnetId") == subnet for association in acl.get("Associations", [])):
            return acl
    return None


def acl_applies(source_subnet: str, destination_subnet: str) -> bool:
    """Return whether ACLs filter traffic between two subnets: they don't filter what stays inside one."""
    return source_subnet != destination_subnet
