"""Network ACLs: stateless, the lowest rule number that matches decides, and what nothing matches is denied."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from esaws.inspect.answers import NO, YES, Answer, all_of, from_bool, unknown
from esaws.inspect.network.addresses import Address, Family, Range, parse_cidr
from esaws.inspect.network.group_rules import range_contains
from esaws.inspect.network.traffic import ALL, ECHO_REPLY, ICMP, ICMPV6, PORTS, TCP, UDP, Traffic, protocol_number

DEFAULT_RULE_NUMBER: dict[Family, int] = {4: 32767, 6: 32768}


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
        """Whether the entry is about the traffic, wherever it goes; a traffic without a port stands for any one."""
        if self.protocol is None:
            return unknown(f"entry {self.number} names a protocol that is not known here")
        if self.protocol == ALL:
            return YES
        if self.protocol != traffic.protocol:
            return NO
        if self.protocol in {ICMP, ICMPV6} and self.icmp[0] != -1:
            if traffic.icmp is None:
                return unknown(f"entry {self.number} is about ICMP type {self.icmp[0]}, and the type was not said")
            return from_bool(self.icmp[0] == traffic.icmp[0] and self.icmp[1] in {-1, traffic.icmp[1]})
        return from_bool(traffic.port is None or self.ports[0] <= traffic.port <= self.ports[1])


@dataclass(frozen=True)
class AclVerdict:
    """What an ACL does with one kind of packet, and which entry decides; 32767 (IPv6: 32768) is the last one, `*`."""

    action: Literal["allow", "deny", "unknown"]
    rule_number: int | None
    reason: str = ""

    @property
    def answer(self) -> Answer:
        return unknown(self.reason) if self.action == "unknown" else from_bool(self.action == "allow")


def sorted_entries(acl: Mapping[str, Any], egress: bool) -> list[AclEntry]:
    """The entries of one direction in the order in which AWS tries them."""
    found = [AclEntry.of(raw) for raw in acl.get("Entries", []) if raw["Egress"] == egress]
    return sorted(found, key=lambda entry: entry.number)


def evaluate_acl(acl: Mapping[str, Any], egress: bool, peer: Address | None, traffic: Traffic) -> AclVerdict:
    """The verdict on traffic to (egress) or from (ingress) a peer; None is a public address that nobody told.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
    """
    doubts: list[tuple[AclEntry, str]] = []
    for entry in sorted_entries(acl, egress):
        matched = all_of([entry.matches_traffic(traffic), range_contains(entry.cidr, peer)])
        if matched.is_unknown:
            doubts.append((entry, matched.reason))
        elif matched.is_yes:
            return _verdict(entry.allows, entry.number, doubts)
    return _verdict(False, DEFAULT_RULE_NUMBER[6 if peer is not None and peer.version == 6 else 4], doubts)


def _verdict(allows: bool, number: int, doubts: list[tuple[AclEntry, str]]) -> AclVerdict:
    other = next((doubt for doubt in doubts if doubt[0].allows != allows), None)
    if other:
        return AclVerdict("unknown", None, other[1])
    return AclVerdict("allow" if allows else "deny", number)


def replies_pass(acl: Mapping[str, Any], egress: bool, peer: Address | None, traffic: Traffic) -> Answer:
    """Whether the answers to traffic get through: to a port of the client's choice, 1024–65535.

    Which port it is depends on the client, so unknown where only some of them pass. An ICMP echo is answered by an
    echo reply; other ICMP messages ask for no answer.
    Source: https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
    """
    if traffic.icmp is not None:
        reply = ECHO_REPLY.get((traffic.protocol, traffic.icmp[0]))
        if reply is None:
            return YES
        return evaluate_acl(acl, egress, peer, Traffic(traffic.protocol, icmp=(reply, 0))).answer
    if traffic.reply_ports is None:
        return evaluate_acl(acl, egress, peer, traffic).answer
    pieces = [*split_ports(sorted_entries(acl, egress), traffic.reply_ports)]
    verdicts = [evaluate_acl(acl, egress, peer, Traffic(traffic.protocol, low)) for low, _ in pieces]
    actions = {verdict.action for verdict in verdicts}
    if len(actions) == 1:
        return verdicts[0].answer
    passing = [piece for piece, verdict in zip(pieces, verdicts, strict=True) if verdict.action == "allow"]
    told = ", ".join(f"{low}–{high}" for low, high in merge_ranges(passing)) or "none for sure"
    return unknown(f"of the ports for answers only these pass: {told}; the client chooses which it uses")


def split_ports(some: Iterable[AclEntry], ports: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """A range of ports cut where an entry begins or ends."""
    low, high = ports
    cuts = {low, high + 1}
    for entry in some:
        cuts |= {cut for cut in (entry.ports[0], entry.ports[1] + 1) if low < cut <= high}
    ordered = sorted(cuts)
    for begin, end in pairwise(ordered):
        yield begin, end - 1


def merge_ranges(pieces: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, with neighbours made one."""
    found: list[tuple[int, int]] = []
    for low, high in pieces:
        if found and found[-1][1] + 1 == low:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found


def acl_of_subnet(acls: Iterable[Mapping[str, Any]] | None, subnet: str) -> Mapping[str, Any] | None:
    """The ACL of a subnet (each has exactly one), or None where it is not among those that were described."""
    for acl in acls or ():
        if any(each.get("SubnetId") == subnet for each in acl.get("Associations", [])):
            return acl
    return None


def acl_applies(from_subnet: str, to_subnet: str) -> bool:
    """ACLs look at what enters or leaves a subnet, not at what stays inside."""
    return from_subnet != to_subnet
