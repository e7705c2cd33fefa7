"""Security groups: open to the world, opened where nothing listens, closed where somebody should get in, unused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.inspect.checks.context import SSH, CheckContext
from esaws.inspect.checks.finding import Finding, Fix
from esaws.inspect.checks.registry import check
from esaws.inspect.network import group_findings as of_groups
from esaws.inspect.network.addresses import covers_internet
from esaws.inspect.network.group_rules import GroupRule
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.named_endpoint import NamedEndpoint, Port
from esaws.inspect.network.traffic import TCP, UDP

_KEYS = ("SecurityGroups", "NetworkInterfaces", "PrefixLists")
_PLACES = ("Instances", "clusters", "services", "tasks", "taskDefinitions", "containerInstances", "LoadBalancers")
_STORES = ("Listeners", "DBInstances", "CacheClusters", "CacheSubnetGroups", "Brokers")
_NAMES = {TCP: "tcp", UDP: "udp"}
_LISTS = {
    "IpRanges": "CidrIp",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
    "UserIdGroupPairs": "GroupId",
}
_MOST_PORTS = 16
"""A wider range is meant for whatever comes, so that nothing can be said of a single port in it."""


@check(
    *_KEYS,
    OPEN_ALL="everything is open to the world",
    OPEN_ADMIN_PORT="SSH or RDP is open to the world",
    OPEN_DATA_PORT="the port of a database, a cache or a broker is open to the world",
    OPEN_ALL_PORTS_PROTOCOL="every port of a protocol is open to the world",
    UNATTACHED_GROUP="no interface carries the group",
    RULE_QUOTA="the group is at its quota of rules",
)
def open_to_the_world(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"""
    for found in of_groups.network_group_findings(seen.network):
        calls = _closing(seen, found) if found.cidr else _deleting(seen, found)
        name = seen.group_name(found.group)
        yield Finding(found.code, found.severity, name, found.detail, Fix(found.fix, calls))


def _closing(seen: CheckContext, found: of_groups.GroupFinding) -> tuple[tuple[str, str, Mapping[str, Any]], ...]:
    """Revokes what opens it: of each rule to blame the ranges that are the world."""
    blamed = set((found.cidr or "").split("+"))
    calls: list[tuple[str, str, Mapping[str, Any]]] = []
    for permission in seen.network.groups[found.group].get("IpPermissions", ()):
        if not _is_about(permission, found.code):
            continue
        if world := _only(permission, blamed):
            if found.code == "OPEN_DATA_PORT" and (inside := _inside(seen, found.group, permission)):
                opened = {"GroupId": found.group, "IpPermissions": [inside]}
                calls.append(("ec2", "AuthorizeSecurityGroupIngress", opened))
            calls.append(_revoke(found.group, world))
    return tuple(calls)


def _inside(seen: CheckContext, group: str, permission: Mapping[str, Any]) -> dict[str, Any]:
    """The same for the VPC alone, where a store behind the group may have clients; empty where nothing listens."""
    listening = seen.listening_ports(seen.network.interfaces_by_group.get(group, ()))
    low, high = permission.get("FromPort", 0), permission.get("ToPort", 65535)
    if listening is not None and not any(low <= port <= high for protocol, port in listening if protocol == "tcp"):
        return {}
    ranges = seen.network.vpc_ranges.get(str(seen.network.groups[group].get("VpcId", "")), ())
    cidrs = [{"CidrIp": str(each)} for each in ranges if each.version == 4]
    ports = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
    return {**ports, "IpRanges": cidrs} if cidrs else {}


def _is_about(permission: Mapping[str, Any], code: str) -> bool:
    known = {"OPEN_ADMIN_PORT": of_groups.ADMIN_PORTS, "OPEN_DATA_PORT": of_groups.DATA_PORTS}.get(code)
    if known is None or permission.get("IpProtocol") == "-1":
        return True
    low, high = permission.get("FromPort", 0), permission.get("ToPort", 65535)
    return any(low <= port <= high for some in known.values() for port in some)


def _only(permission: Mapping[str, Any], peers: set[str]) -> dict[str, Any]:
    """A permission with these ranges alone; empty where it has none of them."""
    kept = {
        key: [{name: each[name]} for each in permission.get(key, ()) if each[name] in peers]
        for key, name in _LISTS.items()
        if key != "UserIdGroupPairs"
    }
    kept = {key: some for key, some in kept.items() if some}
    ports = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
    return {**ports, **kept} if kept else {}


def _deleting(seen: CheckContext, found: of_groups.GroupFinding) -> tuple[tuple[str, str, Mapping[str, Any]], ...]:
    if found.code != "UNATTACHED_GROUP" or seen.group_name(found.group) == "default":
        return ()
    return (("ec2", "DeleteSecurityGroup", {"GroupId": found.group}),)


# --- opened where nothing listens, and closed where somebody should get in


@check(
    *_KEYS,
    *_PLACES,
    *_STORES,
    WRONG_PORT="a group is let into a port on which nothing listens, and not into the one that does",
    UNSERVED_PORT="a port is open on which nothing listens",
    INBOUND_OF_A_CLIENT="the port of a store is open into one of its clients, where it does nothing",
)
def opened_for_nothing(seen: CheckContext) -> Iterator[Finding]:
    """Of rules for a few ports; nothing is said where it is not known what listens behind a group."""
    for group in seen.network.groups:
        carriers = seen.network.interfaces_by_group.get(group, [])
        listening = seen.listening_ports(carriers) if carriers else None
        if listening is None:
            continue
        for rule in seen.network.rules(group, "ingress"):
            if _is_unserved(rule, listening):
                yield _unserved(seen, rule, carriers, listening)


def _is_unserved(rule: GroupRule, listening: set[Port]) -> bool:
    if rule.protocol not in _NAMES or rule.low is None or rule.high is None or rule.high - rule.low > _MOST_PORTS:
        return False
    return not any(protocol == _NAMES[rule.protocol] and rule.low <= port <= rule.high for protocol, port in listening)


def _unserved(seen: CheckContext, rule: GroupRule, carriers: list[Interface], listening: set[Port]) -> Finding:
    name, ports = seen.group_name(rule.group), _ports(rule)
    source = seen.group_name(rule.peer) if rule.pair else rule.peer
    what = f"port {ports} is open to {source}, and nothing that carries {name} listens on it"
    close = _revoke(rule.group, _permission(rule))
    served = sorted(port for protocol, port in listening - {SSH} if protocol == "tcp")
    missing = [port for port in served if not _lets_in(seen, rule, port)]
    if rule.pair and len(served) == 1 and missing:
        port = served[0]
        opened = _permission(rule) | {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        calls = (("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": rule.group, "IpPermissions": [opened]}), close)
        detail = f"{what}: it listens on {port}, which {source} is not let into"
        return Finding("WRONG_PORT", "high", name, detail, Fix(f"open {port} to {source} instead of {ports}", calls))
    fix = Fix(f"revoke the rule for port {ports} from {source}", (close,))
    if rule.low in of_groups.DATA_PORTS[TCP] and rule.low == rule.high and _is_client(seen.endpoints_at(carriers)):
        service = of_groups.DATA_PORTS[TCP][rule.low]
        detail = f"{what}: who calls {service} needs egress of its own, and no ingress"
        return Finding("INBOUND_OF_A_CLIENT", "low", name, detail, fix)
    return Finding("UNSERVED_PORT", "low", name, what, fix)


def _is_client(places: list[NamedEndpoint]) -> bool:
    return bool(places) and all(place.kind == "service" for place in places)


def _lets_in(seen: CheckContext, rule: GroupRule, port: int) -> bool:
    """Whether another rule of a group that the same interfaces carry lets the same source into a port."""
    groups = {group for each in seen.network.interfaces_by_group.get(rule.group, ()) for group in each.groups or ()}
    return any(
        other.peer == rule.peer and other.protocol in (TCP, -1) and (other.low or 0) <= port <= (other.high or 65535)
        for group in groups
        for other in seen.network.rules(group, "ingress")
    )


@check(
    *_KEYS,
    *_PLACES,
    *_STORES,
    OPEN_SERVICE_PORT="a service is open to the world on its own address, past any load balancer",
    UNREACHED_PORT="something listens on a port into which no rule lets anybody",
)
def services_past_the_load_balancer(seen: CheckContext) -> Iterator[Finding]:
    """Of services alone: a load balancer is there to be open."""
    for place in seen.catalog.endpoints:
        interfaces = [seen.network.interface(id) for id in place.interfaces if id in seen.network.interfaces]
        if place.kind == "alb" or not interfaces or not place.ports:
            continue
        for protocol, port in sorted(place.ports):
            rules = [
                rule
                for each in interfaces
                for group in each.groups or ()
                for rule in _into(seen, group, protocol, port)
            ]
            if not rules:
                detail = f"it listens on {protocol} {port}, and no rule of its groups lets anybody in"
                yield Finding("UNREACHED_PORT", "medium", place.name, detail, Fix("open it to its clients, or stop it"))
            elif place.kind == "service":
                yield from _open_past(seen, place, port, list(dict.fromkeys(rules)))


def _into(seen: CheckContext, group: str, protocol: str, port: int) -> list[GroupRule]:
    wanted = {name: number for number, name in _NAMES.items()}.get(protocol)
    return [
        rule
        for rule in seen.network.rules(group, "ingress")
        if rule.protocol == -1 or (rule.protocol == wanted and (rule.low or 0) <= port <= (rule.high or 0))
    ]


def _open_past(seen: CheckContext, place: NamedEndpoint, port: int, rules: list[GroupRule]) -> Iterator[Finding]:
    for rule in rules:
        if rule.ranges and covers_internet(rule.ranges, 4) and rule.low == rule.high == port:
            inside = [str(each) for each in seen.network.vpc_ranges.get(rule.vpc, ()) if each.version == 4]
            narrow = _permission(rule) | {"IpRanges": [{"CidrIp": cidr} for cidr in inside]}
            opened = {"GroupId": rule.group, "IpPermissions": [narrow]}
            calls = (("ec2", "AuthorizeSecurityGroupIngress", opened), _revoke(rule.group, _permission(rule)))
            detail = f"{place.name} is open to the world on its own address, port {port}"
            told = "open it to the VPC alone, unless people are meant to reach it there"
            yield Finding(
                "OPEN_SERVICE_PORT", "medium", seen.group_name(rule.group), detail, Fix(told, calls if inside else ())
            )


# --- rules that do nothing


@check(
    *_KEYS,
    DUPLICATE_RULE="another rule of the same group lets in the same, or more",
    UNUSED_RULE="a rule names a group that no interface carries",
)
def rules_that_do_nothing(seen: CheckContext) -> Iterator[Finding]:
    """A rule that is inside of another one of its group, and one for a group that nobody carries."""
    for group in seen.network.groups:
        rules = seen.network.rules(group, "ingress")
        for place, rule in enumerate(rules):
            source = seen.group_name(rule.peer) if rule.pair else rule.peer
            fix = Fix(f"revoke the rule for port {_ports(rule)} from {source}", (_revoke(group, _permission(rule)),))
            if any(_holds(other, rule, later=place < n) for n, other in enumerate(rules) if n != place):
                detail = f"port {_ports(rule)} from {source} is open by another rule, too"
                yield Finding("DUPLICATE_RULE", "info", seen.group_name(group), detail, fix)
            elif _names_nobody(seen, rule):
                detail = f"port {_ports(rule)} is open to {source}, which no interface carries"
                yield Finding("UNUSED_RULE", "info", seen.group_name(group), detail, fix)


def _names_nobody(seen: CheckContext, rule: GroupRule) -> bool:
    """Whether it names a group of this account that no interface carries; those of a peered VPC nobody sees."""
    if not rule.pair or rule.pair.get("VpcPeeringConnectionId") or rule.peer not in seen.network.groups:
        return False
    return bool(seen.network.interfaces) and not seen.network.interfaces_by_group.get(rule.peer)


def _holds(other: GroupRule, rule: GroupRule, *, later: bool) -> bool:
    """Whether another rule lets in all of this one; of two equal ones the later one is too many."""
    if other.protocol not in (rule.protocol, -1) or (rule.pair is None) != (other.pair is None):
        return False
    if rule.protocol == -1 and other.protocol != -1:
        return False
    ports = other.protocol == -1 or ((other.low or 0) <= (rule.low or 0) and (rule.high or 0) <= (other.high or 0))
    same = other.peer == rule.peer
    wider = bool(rule.ranges and other.ranges) and all(
        any(one.version == mine.version and mine.subnet_of(one) for one in other.ranges or ())  # type: ignore[arg-type]
        for mine in rule.ranges or ()
    )
    if not ports or not (same or wider):
        return False
    equal = same and (other.protocol, other.low, other.high) == (rule.protocol, rule.low, rule.high)
    return not (equal and later)


# --- words and calls


def _ports(rule: GroupRule) -> str:
    if rule.low is None or rule.protocol not in _NAMES:
        return "any"
    return str(rule.low) if rule.low == rule.high else f"{rule.low}–{rule.high}"


def _permission(rule: GroupRule) -> dict[str, Any]:
    """The rule as an IpPermission with its one source."""
    key = "UserIdGroupPairs" if rule.pair else "PrefixListIds" if rule.peer.startswith("pl-") else None
    if key is None:
        key = "Ipv6Ranges" if ":" in rule.peer else "IpRanges"
    peer = {_LISTS[key]: rule.peer}
    protocol = _NAMES.get(rule.protocol or 0, str(rule.protocol))
    ports = {} if rule.low is None else {"FromPort": rule.low, "ToPort": rule.high}
    return {"IpProtocol": protocol, **ports, key: [peer]}


def _revoke(group: str, permission: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    return "ec2", "RevokeSecurityGroupIngress", {"GroupId": group, "IpPermissions": [permission]}
