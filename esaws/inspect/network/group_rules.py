"""One rule of a security group for one source or destination, and whether it matches who is on the other side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from esaws.inspect.answers import NO, YES, Answer, any_of, from_bool, unknown
from esaws.inspect.network.addresses import Address, Range, contains_public, is_public, parse_cidr
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.traffic import Traffic, protocol_number, rule_matches_traffic

Direction = Literal["ingress", "egress"]
PERMISSIONS: dict[Direction, str] = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}
_KNOWN = {"IpProtocol", "FromPort", "ToPort", "IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"}


@dataclass(frozen=True)
class Peer:
    """The other side, as the address that a packet shows tells it.

    `address` is None where it is a public address that nobody told; `interface` is whose own address it is, and None
    where no group reference can match: a public address, or an appliance between the two.
    """

    address: Address | None
    interface: Interface | None = None
    hidden: bool = False  # an appliance stands between: only ranges match

    def __str__(self) -> str:
        return str(self.address) if self.address else "an unknown public address"


@dataclass(frozen=True)
class GroupRule:
    """One IpPermission of a group, for one of its sources (or destinations): `peer` as AWS writes it.

    `ranges` are the addresses that it names, None where that is a prefix list without entries; `pair` is the group
    reference (UserIdGroupPair).
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

    def reference(self) -> dict[str, Any]:
        """Where it stands: {GroupId, IpPermissionsIndex, source}, or IpPermissionsEgressIndex and destination."""
        side = "source" if self.direction == "ingress" else "destination"
        return {"GroupId": self.group, f"{PERMISSIONS[self.direction]}Index": self.index, side: self.peer}

    def matches_traffic(self, traffic: Traffic) -> Answer:
        return rule_matches_traffic(self.protocol, self.low, self.high, traffic)

    def matches_peer(self, peer: Peer, vpc: str) -> Answer:
        """Whether it names the peer, where it stands for an interface in `vpc`: a group can be used in several."""
        if self.pair is not None:
            return self._refers_to(self.pair, peer, vpc or self.vpc)
        if self.ranges is None:
            return unknown(f"{self.group} names {self.peer}, whose entries are not known")
        return any_of(range_contains(some, peer.address) for some in self.ranges)

    def _refers_to(self, pair: Mapping[str, Any], peer: Peer, vpc: str) -> Answer:
        """A reference stands for the private addresses of the interfaces that carry the group.

        Same VPC, or a peered one whose peering is active; a stale reference matches nothing. Source:
        https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
        """
        if peer.interface is None:
            return self._refers_to_unseen(pair, peer)
        groups = peer.interface.groups
        if groups is None:
            return unknown(f"the groups of {peer.interface.id} are not known")
        if "GroupId" not in pair:
            return unknown(f"{self.group} names a group without its id")
        return self._across(pair, vpc, peer.interface.vpc) if pair["GroupId"] in groups else NO

    def _across(self, pair: Mapping[str, Any], here: str, there: str) -> Answer:
        if "VpcPeeringConnectionId" in pair:
            if "PeeringStatus" not in pair:
                return unknown(f"whether the peering to {pair['GroupId']} is active is not known")
            return from_bool(pair["PeeringStatus"] == "active")
        if not here or not there or here == there:
            return YES
        # A transit gateway can carry references between VPCs; then there is a VPC in the reference, but no peering.
        if pair.get("VpcId") == there:
            return unknown(f"{pair['GroupId']} is in another VPC, without a peering")
        return NO

    def _refers_to_unseen(self, pair: Mapping[str, Any], peer: Peer) -> Answer:
        foreign = pair.get("UserId", self.owner) != self.owner
        stale = pair.get("PeeringStatus", "active") != "active"
        inside = peer.address is not None and (peer.address.version == 6 or not is_public(peer.address))
        if foreign and inside and not stale and not peer.hidden:
            return unknown(f"{peer.address} may belong to an interface of account {pair['UserId']}")
        return NO


def range_contains(some: Range, address: Address | None) -> Answer:
    """Whether a range holds an address; None is an IPv4 address of the internet that nobody told."""
    if address is not None:
        return from_bool(some.version == address.version and address in some)
    if some.version == 6:
        return NO
    if some.prefixlen == 0:
        return YES
    return unknown(f"which public address is used is not known, {some} may hold it") if contains_public(some) else NO


def parse_group_rules(group: Mapping[str, Any], entries: Mapping[str, tuple[Range, ...]]) -> Iterator[GroupRule]:
    """Every rule of a group as describe_security_groups tells it, ingress first, in order.

    `entries` are the ranges of the prefix lists that are known. A kind of source that is newer than this module
    becomes a rule that may match anything.
    """
    for direction, key in PERMISSIONS.items():
        for index, permission in enumerate(group.get(key, [])):
            for peer, more in _peers(permission, entries):
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
                    **more,
                )


def _peers(
    permission: Mapping[str, Any], entries: Mapping[str, tuple[Range, ...]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for cidr in [
        *(each["CidrIp"] for each in permission.get("IpRanges", [])),
        *(each["CidrIpv6"] for each in permission.get("Ipv6Ranges", [])),
    ]:
        some = parse_cidr(cidr)
        yield str(some), {"ranges": (some,)}
    for each in permission.get("PrefixListIds", []):
        yield each["PrefixListId"], {"ranges": entries.get(each["PrefixListId"])}
    for pair in permission.get("UserIdGroupPairs", []):
        yield pair.get("GroupId", pair.get("GroupName", "")), {"pair": pair}
    for kind in sorted(key for key, value in permission.items() if key not in _KNOWN and isinstance(value, list)):
        if permission[kind]:
            yield kind, {"ranges": None}
