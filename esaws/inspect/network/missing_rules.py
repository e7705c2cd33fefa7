"""The smallest rules that would let traffic through: one port, and the fewest interfaces or addresses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import collapse_addresses
from typing import Any

from esaws.call_log import Call
from esaws.inspect.network.addresses import ANYWHERE, Range, family_of, parse_cidr
from esaws.inspect.network.endpoints import INTERNET
from esaws.inspect.network.group_rules import PERMISSIONS, Direction
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network
from esaws.inspect.network.path import GroupCheck
from esaws.inspect.network.traffic import Traffic


@dataclass(frozen=True)
class MissingRule:
    """One rule to add: `permission` is an IpPermission in boto3's shape, `told` the rule in words."""

    direction: Direction
    group: str
    permission: dict[str, Any]
    description: str = field(compare=False, default="")

    @property
    def _parameters(self) -> dict[str, Any]:
        return {"GroupId": self.group, "IpPermissions": [self.permission]}

    def to_dict(self) -> dict[str, Any]:
        """The call of a boto3 EC2 client that adds it, and its parameters."""
        return {"call": f"authorize_security_group_{self.direction}", "parameters": self._parameters}

    def cli(self) -> str:
        """The same as a line of the AWS CLI."""
        operation = f"AuthorizeSecurityGroup{self.direction.capitalize()}"
        return Call("ec2", operation, self._parameters, 0, "").cli()


def missing_rules(network: Network, denials: Sequence[GroupCheck], traffic: Traffic) -> tuple[MissingRule, ...]:
    """The rules whose lack denies the traffic, egress first.

    A rule goes to the groups that the fewest interfaces carry, and of such to one that has rules of its kind. It names
    a group where exactly those carry it that have to get through, so that it holds when addresses change; else their
    addresses, each as a /32 or /128, or the range that was asked for.
    """
    found = []
    for direction in PERMISSIONS:
        mine = [met for met in denials if met.direction == direction]
        for group, mets in _by_group(network, direction, mine).items():
            peers = _peers(network, group, mets)
            told = _told(network, direction, group, peers, traffic)
            found.append(MissingRule(direction, group, traffic.to_permission() | peers, told))
    return tuple(sorted(found, key=lambda rule: rule.direction))


def _told(network: Network, direction: Direction, group: str, peers: dict[str, Any], traffic: Traffic) -> str:
    named = [value for some in peers.values() for peer in some for value in peer.values()]
    others, mine = " and ".join(network.group_name(value) for value in named), network.group_name(group)
    if direction == "ingress":
        return f"let {traffic} from {others} into {mine}"
    return f"let {traffic} out of {mine} to {others}"


def with_rules(network: Network, rules: Iterable[MissingRule]) -> Network:
    """The network as it would be with these rules; the given one stays as it is."""
    groups = {id: dict(raw) for id, raw in network.groups.items()}
    for rule in rules:
        key = PERMISSIONS[rule.direction]
        groups[rule.group][key] = [*groups[rule.group].get(key, []), rule.permission]
    return replace(network, security_groups=[*groups.values()])


def _by_group(network: Network, direction: Direction, mets: Sequence[GroupCheck]) -> dict[str, list[GroupCheck]]:
    """Which group is to get the rule: one for all where that reaches no more interfaces than one for each."""
    if not mets:
        return {}
    interfaces = [met.interface for met in mets]
    each = {met.interface.id: _rarest(network, direction, met.interface.groups or ()) for met in mets}
    common = _common(interfaces)
    if common:
        one = _rarest(network, direction, common)
        if len(network.interfaces_by_group[one]) <= len(_carried(network, each.values())):
            return {one: [*mets]}
    found: dict[str, list[GroupCheck]] = {}
    for met in mets:
        found.setdefault(each[met.interface.id], []).append(met)
    return found


def _common(interfaces: Sequence[Interface]) -> list[str]:
    """The groups that all of them carry, in the order of the first."""
    rest = [set(interface.groups or ()) for interface in interfaces]
    return [group for group in interfaces[0].groups or () if all(group in groups for groups in rest)]


def _rarest(network: Network, direction: Direction, groups: Iterable[str]) -> str:
    def rank(group: str) -> tuple[int, int, str]:
        return len(network.interfaces_by_group[group]), -len(network.rules(group, direction)), network.group_name(group)

    return min(groups, key=rank)


def _carried(network: Network, groups: Iterable[str]) -> set[str]:
    return {interface.id for group in groups for interface in network.interfaces_by_group[group]}


def _peers(network: Network, group: str, mets: Sequence[GroupCheck]) -> dict[str, Any]:
    """The sources (or destinations) of the permission."""
    interfaces = list(dict.fromkeys(met.peer.interface for met in mets))
    seen = [interface for interface in interfaces if interface]
    if len(seen) == len(interfaces):
        near = all(met.peer.interface and met.peer.interface.vpc == met.interface.vpc for met in mets)
        for candidate in sorted(_common(seen), key=network.group_name):
            if (
                near
                and len(network.interfaces_by_group[candidate]) == len(seen)
                and _may_name(network, group, candidate)
            ):
                return {"UserIdGroupPairs": [{"GroupId": candidate}]}
    return _ranges(dict.fromkeys(_range(met) for met in mets))


def _may_name(network: Network, group: str, other: str) -> bool:
    """Without a peering AWS takes a reference only to a group of the same VPC."""
    mine = network.groups[group].get("VpcId", "")
    return bool(mine == network.groups.get(other, {}).get("VpcId", mine))


def _range(met: GroupCheck) -> Range:
    """The range that was asked for, whose other parts get through as it is; else the one address."""
    if met.far.address_class:
        return ANYWHERE[family_of(met.far.address_class[0])] if met.far.name == INTERNET else parse_cidr(met.far.name)
    return parse_cidr(str(met.peer.address))


def _ranges(ranges: Iterable[Range]) -> dict[str, Any]:
    v4 = collapse_addresses(each for each in ranges if each.version == 4)
    v6 = collapse_addresses(each for each in ranges if each.version == 6)
    found = {
        "IpRanges": [{"CidrIp": str(each)} for each in v4],
        "Ipv6Ranges": [{"CidrIpv6": str(each)} for each in v6],
    }
    return {key: value for key, value in found.items() if value}
