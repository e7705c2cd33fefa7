"""The smallest rules that would allow denied traffic: one port, and the fewest interfaces or addresses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import collapse_addresses
from typing import Any

from esaws.call_log import Call
from esaws.inspect.network.addresses import ANYWHERE, Range, family_of, parse_cidr
from esaws.inspect.network.endpoints import INTERNET
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network
from esaws.inspect.network.path import GroupCheck
from esaws.inspect.network.security_groups import PERMISSIONS, Direction, GroupRule
from esaws.inspect.network.traffic import ALL, PORTS, Traffic


@dataclass(frozen=True)
class MissingRule:
    """One rule to add. `permission` is an IpPermission in boto3's shape, `description` a sentence."""

    direction: Direction
    group: str
    permission: dict[str, Any]
    description: str = field(compare=False, default="")

    @property
    def _parameters(self) -> dict[str, Any]:
        return {"GroupId": self.group, "IpPermissions": [self.permission]}

    def to_dict(self) -> dict[str, Any]:
        """Return {call, parameters}: the call of a boto3 EC2 client that adds the rule."""
        return {"call": f"authorize_security_group_{self.direction}", "parameters": self._parameters}

    def cli(self) -> str:
        """Return the call as an AWS CLI command."""
        operation = f"AuthorizeSecurityGroup{self.direction.capitalize()}"
        return Call("ec2", operation, self._parameters, 0, "").cli()

    def __str__(self) -> str:
        return self.description


def missing_rules(network: Network, denials: Sequence[GroupCheck], traffic: Traffic) -> tuple[MissingRule, ...]:
    """Return the rules whose absence denies the traffic, egress first.

    A rule is added to the group that the fewest interfaces have, preferring one that has rules of its direction. Its
    source is a group where exactly the members of that group need access, so that it survives a change of addresses.
    Otherwise it lists their addresses as /32 or /128, or the range of the question.
    """
    rules = []
    for direction in PERMISSIONS:
        checks = [check for check in denials if check.direction == direction]
        for group, group_checks in _by_group(network, direction, checks).items():
            peers = _peers(network, group, group_checks)
            description = _describe(network, direction, group, peers, traffic)
            rules.append(MissingRule(direction, group, traffic.to_permission() | peers, description))
    return tuple(sorted(rules, key=lambda rule: rule.direction))


def narrower_rules(network: Network, fix: Iterable[MissingRule], traffic: Traffic) -> str:
    """Return a sentence where a fix would open to everywhere what rules of its group open to less, else "".

    Such a port is meant for fewer: opening it to all is a decision, not a fix.
    """
    for rule in fix:
        if not _everywhere(rule):
            continue
        existing = [item for item in network.rules(rule.group, rule.direction) if _is_for(item, traffic)]
        if existing:
            peers = " and ".join(dict.fromkeys(network.group_name(item.peer) for item in existing))
            preposition = "from" if rule.direction == "ingress" else "to"
            return (
                f"no fix is proposed: {network.group_name(rule.group)} allows {traffic} {preposition} {peers} alone, "
                "which is narrower than the internet"
            )
    return ""


def _is_for(rule: GroupRule, traffic: Traffic) -> bool:
    """Return whether a rule is made for this traffic: not one for all protocols or all ports."""
    is_wide = rule.protocol == ALL or (rule.low, rule.high) in {PORTS, (-1, -1)}
    return not is_wide and rule.matches_traffic(traffic).is_yes


def _everywhere(rule: MissingRule) -> bool:
    cidrs = [item["CidrIp"] for item in rule.permission.get("IpRanges", ())]
    cidrs += [item["CidrIpv6"] for item in rule.permission.get("Ipv6Ranges", ())]
    return any(parse_cidr(cidr) in ANYWHERE.values() for cidr in cidrs)


def _describe(network: Network, direction: Direction, group: str, peers: dict[str, Any], traffic: Traffic) -> str:
    names = [value for items in peers.values() for item in items for value in item.values()]
    others, own = " and ".join(network.group_name(name) for name in names), network.group_name(group)
    if direction == "ingress":
        return f"allow {traffic} from {others} into {own}"
    return f"allow {traffic} out of {own} to {others}"


def with_rules(network: Network, rules: Iterable[MissingRule]) -> Network:
    """Return a copy of the network with these rules added."""
    groups = {id: dict(raw) for id, raw in network.groups.items()}
    for rule in rules:
        key = PERMISSIONS[rule.direction]
        groups[rule.group][key] = [*groups[rule.group].get(key, []), rule.permission]
    return replace(network, security_groups=[*groups.values()])


def _by_group(network: Network, direction: Direction, checks: Sequence[GroupCheck]) -> dict[str, list[GroupCheck]]:
    """Choose the groups for the rule: one for all interfaces where that opens no more of them than one for each."""
    if not checks:
        return {}
    interfaces = [check.interface for check in checks]
    rarest = {check.interface.id: _rarest(network, direction, check.interface.groups or ()) for check in checks}
    if common := _common_groups(interfaces):
        group = _rarest(network, direction, common)
        if len(network.interfaces_by_group[group]) <= len(_members(network, rarest.values())):
            return {group: [*checks]}
    by_group: dict[str, list[GroupCheck]] = {}
    for check in checks:
        by_group.setdefault(rarest[check.interface.id], []).append(check)
    return by_group


def _common_groups(interfaces: Sequence[Interface]) -> list[str]:
    """Return the groups that all interfaces have, in the order of the first."""
    group_sets = [set(interface.groups or ()) for interface in interfaces]
    return [group for group in interfaces[0].groups or () if all(group in groups for groups in group_sets)]


def _rarest(network: Network, direction: Direction, groups: Iterable[str]) -> str:
    def rank(group: str) -> tuple[int, int, str]:
        members = len(network.interfaces_by_group[group])
        return members, -len(network.rules(group, direction)), network.group_name(group)

    return min(groups, key=rank)


def _members(network: Network, groups: Iterable[str]) -> set[str]:
    return {interface.id for group in groups for interface in network.interfaces_by_group[group]}


def _peers(network: Network, group: str, checks: Sequence[GroupCheck]) -> dict[str, Any]:
    """Return the sources (or destinations) of the permission."""
    peers = list(dict.fromkeys(check.peer.interface for check in checks))
    interfaces = [interface for interface in peers if interface]
    if len(interfaces) == len(peers):
        same_vpc = all(check.peer.interface and check.peer.interface.vpc == check.interface.vpc for check in checks)
        for candidate in sorted(_common_groups(interfaces), key=network.group_name):
            members = len(network.interfaces_by_group[candidate])
            if same_vpc and members == len(interfaces) and _can_reference(network, group, candidate):
                return {"UserIdGroupPairs": [{"GroupId": candidate}]}
    return _ranges(dict.fromkeys(_range(check) for check in checks))


def _can_reference(network: Network, group: str, other: str) -> bool:
    """Return whether AWS accepts a reference: without a peering both groups must be in the same VPC."""
    vpc = network.groups[group].get("VpcId", "")
    return bool(vpc == network.groups.get(other, {}).get("VpcId", vpc))


def _range(check: GroupCheck) -> Range:
    """Return the range of the question, whose other parts pass already; else the single address."""
    if check.other.address_class:
        is_internet = check.other.name == INTERNET
        return ANYWHERE[family_of(check.other.address_class[0])] if is_internet else parse_cidr(check.other.name)
    return parse_cidr(str(check.peer.address))


def _ranges(ranges: Iterable[Range]) -> dict[str, Any]:
    v4 = collapse_addresses(cidr for cidr in ranges if cidr.version == 4)
    v6 = collapse_addresses(cidr for cidr in ranges if cidr.version == 6)
    permission = {
        "IpRanges": [{"CidrIp": str(cidr)} for cidr in v4],
        "Ipv6Ranges": [{"CidrIpv6": str(cidr)} for cidr in v6],
    }
    return {key: value for key, value in permission.items() if value}
