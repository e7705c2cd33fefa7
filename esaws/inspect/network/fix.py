"""The smallest rules that would let traffic through: one port, and the fewest interfaces or addresses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import collapse_addresses
from typing import Any

from esaws.inspect.network.addresses import ANYWHERE, Range, family_of, range_of
from esaws.inspect.network.ends import INTERNET
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network
from esaws.inspect.network.path import Met
from esaws.inspect.network.rules import PERMISSIONS, Direction
from esaws.inspect.network.traffic import Traffic


@dataclass(frozen=True)
class MissingRule:
    """One rule to add: `permission` is an IpPermission in boto3's shape."""

    direction: Direction
    group: str
    permission: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The boto3 call that adds it, and its parameters."""
        parameters = {"GroupId": self.group, "IpPermissions": [self.permission]}
        return {"call": f"authorize_security_group_{self.direction}", "parameters": parameters}


def missing_rules(network: Network, denials: Sequence[Met], traffic: Traffic) -> tuple[MissingRule, ...]:
    """The rules whose lack denies the traffic, egress first.

    A rule goes to the groups that the fewest interfaces carry. It names a group where exactly those carry it that
    have to get through, so that it holds when addresses change; else their addresses, each as a /32 or /128, or the
    range that was asked for.
    """
    found = []
    for direction in PERMISSIONS:
        mine = [met for met in denials if met.direction == direction]
        for group, mets in _by_group(network, mine).items():
            permission = traffic.permission() | _peers(network, group, mets)
            found.append(MissingRule(direction, group, permission))
    return tuple(sorted(found, key=lambda rule: rule.direction))


def applied(network: Network, rules: Iterable[MissingRule]) -> Network:
    """The network as it would be with these rules; the given one stays as it is."""
    groups = {id: dict(raw) for id, raw in network.groups.items()}
    for rule in rules:
        key = PERMISSIONS[rule.direction]
        groups[rule.group][key] = [*groups[rule.group].get(key, []), rule.permission]
    return replace(network, security_groups=[*groups.values()])


def _by_group(network: Network, mets: Sequence[Met]) -> dict[str, list[Met]]:
    """Which group is to get the rule: one for all where that reaches no more interfaces than one for each."""
    if not mets:
        return {}
    interfaces = [met.interface for met in mets]
    each = {met.interface.id: _rarest(network, met.interface.groups or ()) for met in mets}
    common = _common(interfaces)
    if common:
        one = _rarest(network, common)
        if len(network.carriers[one]) <= len(_carried(network, each.values())):
            return {one: [*mets]}
    found: dict[str, list[Met]] = {}
    for met in mets:
        found.setdefault(each[met.interface.id], []).append(met)
    return found


def _common(interfaces: Sequence[Interface]) -> list[str]:
    """The groups that all of them carry, in the order of the first."""
    rest = [set(interface.groups or ()) for interface in interfaces]
    return [group for group in interfaces[0].groups or () if all(group in groups for groups in rest)]


def _rarest(network: Network, groups: Iterable[str]) -> str:
    return min(groups, key=lambda group: len(network.carriers[group]))


def _carried(network: Network, groups: Iterable[str]) -> set[str]:
    return {interface.id for group in groups for interface in network.carriers[group]}


def _peers(network: Network, group: str, mets: Sequence[Met]) -> dict[str, Any]:
    """The sources (or destinations) of the permission."""
    interfaces = list(dict.fromkeys(met.peer.interface for met in mets))
    seen = [interface for interface in interfaces if interface]
    if len(seen) == len(interfaces):
        near = all(met.peer.interface and met.peer.interface.vpc == met.interface.vpc for met in mets)
        for candidate in _common(seen):
            if near and len(network.carriers[candidate]) == len(seen) and _may_name(network, group, candidate):
                return {"UserIdGroupPairs": [{"GroupId": candidate}]}
    return _ranges(dict.fromkeys(_range(met) for met in mets))


def _may_name(network: Network, group: str, other: str) -> bool:
    """Without a peering AWS takes a reference only to a group of the same VPC."""
    mine = network.groups[group].get("VpcId", "")
    return bool(mine == network.groups.get(other, {}).get("VpcId", mine))


def _range(met: Met) -> Range:
    """The range that was asked for, whose other parts get through as it is; else the one address."""
    if met.far.covers:
        return ANYWHERE[family_of(met.far.covers)] if met.far.name == INTERNET else range_of(met.far.name)
    return range_of(str(met.peer.address))


def _ranges(ranges: Iterable[Range]) -> dict[str, Any]:
    v4 = collapse_addresses(each for each in ranges if each.version == 4)
    v6 = collapse_addresses(each for each in ranges if each.version == 6)
    found = {
        "IpRanges": [{"CidrIp": str(each)} for each in v4],
        "Ipv6Ranges": [{"CidrIpv6": str(each)} for each in v6],
    }
    return {key: value for key, value in found.items() if value}
