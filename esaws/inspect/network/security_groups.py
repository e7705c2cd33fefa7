"""Security groups: allow-only rules, and the union of the rules of all groups of an interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from esaws.inspect.answers import NO, YES, Answer, all_of, any_of, from_bool, unknown
from esaws.inspect.network.addresses import Address, Range, contains_public, is_public, parse_cidr
from esaws.inspect.network.interfaces import Interface, Peer
from esaws.inspect.network.traffic import Traffic, protocol_number, rule_matches_traffic

if TYPE_CHECKING:
    from esaws.inspect.network.network import Network

Direction = Literal["ingress", "egress"]
PERMISSIONS: dict[Direction, str] = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}
_KNOWN = {"IpProtocol", "FromPort", "ToPort", "IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"}


@dataclass(frozen=True)
class GroupRule:
    """One IpPermission of a group for one of its sources (or destinations); `peer` is that one as AWS writes it.

    `ranges` are the addresses that it names, or None for a prefix list whose entries are unknown. `pair` is the group
    reference (UserIdGroupPair). `index` is the place of the permission in the group.
    """

    group: str
    owner: str
    vpc: str
    direction: Direction
    index: int
    protocol: int | None
    low: int | None
    high: int | None
    peer: str
    ranges: tuple[Range, ...] | None = ()
    pair: Mapping[str, Any] | None = field(default=None, hash=False)

    def matches_traffic(self, traffic: Traffic) -> Answer:
        return rule_matches_traffic(self.protocol, self.low, self.high, traffic)

    def matches_peer(self, peer: Peer, vpc: str) -> Answer:
        """Return whether it names the peer, evaluated for an interface in `vpc`: groups can be shared between VPCs."""
        if self.pair is not None:
            return self._references(self.pair, peer, vpc or self.vpc)
        if self.ranges is None:
            return unknown(f"{self.group} names {self.peer}, whose entries are unknown")
        return any_of(range_contains(cidr, peer.address) for cidr in self.ranges)

    def matches(self, peer: Peer, vpc: str, traffic: Traffic) -> Answer:
        by_traffic = self.matches_traffic(traffic)
        return NO if by_traffic.is_no else all_of([by_traffic, self.matches_peer(peer, vpc)])

    def covers(self, other: GroupRule) -> bool:
        """Return whether it allows all that another rule of its direction allows."""
        if self.protocol not in (other.protocol, -1) or (self.pair is None) != (other.pair is None):
            return False
        ports = self.protocol == -1 or ((self.low or 0) <= (other.low or 0) and (other.high or 0) <= (self.high or 0))
        includes_ranges = bool(self.ranges and other.ranges) and all(
            any(own.version == cidr.version and cidr.subnet_of(own) for own in self.ranges or ())  # type: ignore[arg-type]
            for cidr in other.ranges or ()
        )
        return ports and (self.peer == other.peer or includes_ranges)

    def _references(self, pair: Mapping[str, Any], peer: Peer, vpc: str) -> Answer:
        """Return whether a group reference names the peer: it stands for the private addresses of the group's members.

        They are in the same VPC, or in a peered one whose peering is active; a stale reference matches nothing. Source:
        https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
        """
        if peer.interface is None:
            return self._references_address(pair, peer)
        groups = peer.interface.groups
        if groups is None:
            return unknown(f"the groups of {peer.interface.id} are unknown")
        if "GroupId" not in pair:
            return unknown(f"{self.group} references a group without an id")
        return self._references_vpc(pair, vpc, peer.interface.vpc) if pair["GroupId"] in groups else NO

    def _references_vpc(self, pair: Mapping[str, Any], own_vpc: str, peer_vpc: str) -> Answer:
        if "VpcPeeringConnectionId" in pair:
            if "PeeringStatus" not in pair:
                return unknown(f"the status of the peering to {pair['GroupId']} is unknown")
            return from_bool(pair["PeeringStatus"] == "active")
        if not own_vpc or not peer_vpc or own_vpc == peer_vpc:
            return YES
        # A transit gateway can carry references between VPCs; the reference then has a VPC but no peering.
        if pair.get("VpcId") == peer_vpc:
            return unknown(f"{pair['GroupId']} is in another VPC, without a peering")
        return NO

    def _references_address(self, pair: Mapping[str, Any], peer: Peer) -> Answer:
        is_foreign = pair.get("UserId", self.owner) != self.owner
        is_stale = pair.get("PeeringStatus", "active") != "active"
        is_private = peer.address is not None and (peer.address.version == 6 or not is_public(peer.address))
        if is_foreign and is_private and not is_stale and not peer.hidden:
            return unknown(f"{peer.address} may belong to an interface of account {pair['UserId']}")
        return NO


def range_contains(cidr: Range, address: Address | None) -> Answer:
    """Return whether a range contains an address; None stands for an unknown public IPv4 address."""
    if address is not None:
        return from_bool(cidr.version == address.version and address in cidr)
    if cidr.version == 6:
        return NO
    if cidr.prefixlen == 0:
        return YES
    if contains_public(cidr):
        return unknown(f"the public address is unknown, and {cidr} may contain it")
    return NO


def parse_group_rules(group: Mapping[str, Any], prefix_lists: Mapping[str, tuple[Range, ...]]) -> Iterator[GroupRule]:
    """Yield every rule of a group from describe_security_groups, ingress first, in order.

    `prefix_lists` has the ranges of the prefix lists whose entries are known. A kind of source that this module does
    not know becomes a rule that may match anything.
    """
    for direction, key in PERMISSIONS.items():
        for index, permission in enumerate(group.get(key, [])):
            for peer, fields in _peers(permission, prefix_lists):
                yield GroupRule(
                    group=group["GroupId"],
                    owner=group.get("OwnerId", ""),
                    vpc=group.get("VpcId", ""),
                    direction=direction,
                    index=index,
                    protocol=protocol_number(permission.get("IpProtocol", "")),
                    low=permission.get("FromPort"),
                    high=permission.get("ToPort"),
                    peer=peer,
                    **fields,
                )


def _peers(
    permission: Mapping[str, Any], prefix_lists: Mapping[str, tuple[Range, ...]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for text in [
        *(item["CidrIp"] for item in permission.get("IpRanges", [])),
        *(item["CidrIpv6"] for item in permission.get("Ipv6Ranges", [])),
    ]:
        cidr = parse_cidr(text)
        yield str(cidr), {"ranges": (cidr,)}
    for item in permission.get("PrefixListIds", []):
        yield item["PrefixListId"], {"ranges": prefix_lists.get(item["PrefixListId"])}
    for pair in permission.get("UserIdGroupPairs", []):
        yield pair.get("GroupId", pair.get("GroupName", "")), {"pair": pair}
    for kind in sorted(key for key, value in permission.items() if key not in _KNOWN and isinstance(value, list)):
        if permission[kind]:
            yield kind, {"ranges": None}


@dataclass(frozen=True)
class GroupVerdict:
    """What the groups of one side decide: the answer, and the rules that allow, by group and permission."""

    direction: Direction
    answer: Answer
    rules: tuple[GroupRule, ...] = ()


def evaluate_groups(
    network: Network, direction: Direction, interface: Interface, peer: Peer, traffic: Traffic
) -> GroupVerdict | None:
    """Evaluate the groups of an interface for traffic to or from a peer; None where no group filters it.

    A group that was not described may allow anything, so it makes the answer unknown. Source:
    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
    """
    if interface.groups is None:
        return GroupVerdict(
            direction, unknown(f"what filters {interface.name} is unknown: AWS described no groups of it")
        )
    if not interface.groups:
        return None
    answers = []
    allowing = []
    for group in interface.groups:
        if group not in network.groups:
            answers.append(unknown(f"the rules of {group} are unknown"))
        for rule in network.rules(group, direction):
            answer = rule.matches(peer, interface.vpc, traffic)
            answers.append(answer)
            if answer.is_yes:
                allowing.append(rule)
    return GroupVerdict(direction, any_of(answers), tuple(allowing))
