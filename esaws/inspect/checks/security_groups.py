"""Checks of security groups: open to the world, ports without a listener or a client, redundant rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws.inspect.checks import group_findings
from esaws.inspect.checks.context import SSH, CheckContext
from esaws.inspect.checks.finding import Finding
from esaws.inspect.checks.registry import check
from esaws.inspect.fixes import ApiCall, Fix
from esaws.inspect.network.addresses import covers_internet
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.named_endpoints import NamedEndpoint, Port
from esaws.inspect.network.security_groups import PERMISSIONS, Direction, GroupRule
from esaws.inspect.network.traffic import PORT_NAMES, TCP

_GROUP_KEYS = group_findings.KEYS
_SERVICE_KEYS = ("Instances", "clusters", "services", "tasks", "taskDefinitions", "containerInstances", "LoadBalancers")
_STORE_KEYS = ("Listeners", "DBInstances", "CacheClusters", "CacheSubnetGroups", "Brokers")
_SOURCE_KEYS = {
    "IpRanges": "CidrIp",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
    "UserIdGroupPairs": "GroupId",
}
_MAX_PORTS = 16
"""A wider range is meant for any port, so an unused port in it is not a finding."""


@check(
    *_GROUP_KEYS,
    OPEN_ALL="everything is open to the world",
    OPEN_ADMIN_PORT="SSH or RDP is open to the world",
    OPEN_DATA_PORT="the port of a database, cache or broker is open to the world",
    OPEN_ALL_PORTS_PROTOCOL="every port of a protocol is open to the world",
    UNATTACHED_GROUP="no network interface has the group, and nothing that starts would get it",
    RULE_QUOTA="the group is at its quota of rules",
)
def open_to_the_world(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"""
    for finding in group_findings.network_group_findings(context.network, context.group_users):
        calls = _closing_calls(context, finding) if finding.cidr else _deleting_calls(context, finding)
        name = context.group_name(finding.group)
        yield Finding(finding.code, finding.severity, name, finding.detail, Fix(finding.fix, calls))


def _closing_calls(context: CheckContext, finding: group_findings.GroupFinding) -> tuple[ApiCall, ...]:
    """Return the calls that revoke the ranges that cover the internet."""
    ranges = set((finding.cidr or "").split("+"))
    calls: list[ApiCall] = []
    for permission in context.network.groups[finding.group].get("IpPermissions", ()):
        if not _concerns(permission, finding.code):
            continue
        if open_permission := _restricted_to(permission, ranges):
            if finding.code == "OPEN_DATA_PORT" and (
                own_permission := _permission_from_vpc(context, finding.group, permission)
            ):
                params = {"GroupId": finding.group, "IpPermissions": [own_permission]}
                calls.append(("ec2", "AuthorizeSecurityGroupIngress", params))
            calls.append(_revoke(finding.group, open_permission))
    return tuple(calls)


def _permission_from_vpc(context: CheckContext, group: str, permission: Mapping[str, Any]) -> dict[str, Any]:
    """Return the permission for the VPC only, for clients of a store behind the group; empty where nothing listens."""
    listening = context.listening_ports(context.network.interfaces_by_group.get(group, ()))
    low, high = permission.get("FromPort", 0), permission.get("ToPort", 65535)
    if listening is not None and not any(low <= port <= high for protocol, port in listening if protocol == "tcp"):
        return {}
    ranges = context.network.vpc_ranges.get(str(context.network.groups[group].get("VpcId", "")), ())
    cidrs = [{"CidrIp": str(cidr)} for cidr in ranges if cidr.version == 4]
    ports = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
    return {**ports, "IpRanges": cidrs} if cidrs else {}


def _concerns(permission: Mapping[str, Any], code: str) -> bool:
    ports = {"OPEN_ADMIN_PORT": group_findings.ADMIN_PORTS, "OPEN_DATA_PORT": group_findings.DATA_PORTS}.get(code)
    if ports is None or permission.get("IpProtocol") == "-1":
        return True
    low, high = permission.get("FromPort", 0), permission.get("ToPort", 65535)
    return any(low <= port <= high for ports_by_name in ports.values() for port in ports_by_name)


def _restricted_to(permission: Mapping[str, Any], ranges: set[str]) -> dict[str, Any]:
    """Return a permission with only these ranges; empty where it has none of them."""
    sources = {
        key: [{name: item[name]} for item in permission.get(key, ()) if item[name] in ranges]
        for key, name in _SOURCE_KEYS.items()
        if key != "UserIdGroupPairs"
    }
    sources = {key: items for key, items in sources.items() if items}
    ports = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
    return {**ports, **sources} if sources else {}


def _deleting_calls(context: CheckContext, finding: group_findings.GroupFinding) -> tuple[ApiCall, ...]:
    """Return the calls that delete an unattached group, and before it the rules of others that reference it."""
    if finding.code != "UNATTACHED_GROUP" or context.group_name(finding.group) == "default":
        return ()
    calls = [
        _revoke(rule.group, _permission(rule), direction)
        for direction in PERMISSIONS
        for group in context.network.groups
        for rule in context.network.rules(group, direction)
        if rule.pair and rule.peer == finding.group != group
    ]
    return (*calls, ("ec2", "DeleteSecurityGroup", {"GroupId": finding.group}))


# Ports without a listener, and listeners without a client


@check(
    *_GROUP_KEYS,
    *_SERVICE_KEYS,
    *_STORE_KEYS,
    WRONG_PORT="a group has access to a port on which nothing listens, and not to the one in use",
    UNSERVED_PORT="nothing listens on an open port",
    INBOUND_OF_A_CLIENT="a client of a data store has the store's port open inbound, which has no effect",
)
def ports_without_listener(context: CheckContext) -> Iterator[Finding]:
    """Only rules for a few ports, and only groups of which all listening ports are known."""
    for group in context.network.groups:
        interfaces = context.network.interfaces_by_group.get(group, [])
        listening = context.listening_ports(interfaces) if interfaces else None
        if listening is None:
            continue
        for rule in context.network.rules(group, "ingress"):
            if _is_unserved(rule, listening):
                yield _unserved_port(context, rule, interfaces, listening)


def _is_unserved(rule: GroupRule, listening: set[Port]) -> bool:
    if rule.protocol not in PORT_NAMES or rule.low is None or rule.high is None or rule.high - rule.low > _MAX_PORTS:
        return False
    return not any(
        protocol == PORT_NAMES[rule.protocol] and rule.low <= port <= rule.high for protocol, port in listening
    )


def _unserved_port(
    context: CheckContext, rule: GroupRule, interfaces: list[Interface], listening: set[Port]
) -> Finding:
    name, ports = context.group_name(rule.group), _ports(rule)
    source = context.group_name(rule.peer) if rule.pair else rule.peer
    what = f"port {ports} is open to {source}, and nothing with {name} listens on it"
    revoke = _revoke(rule.group, _permission(rule))
    served = sorted(port for protocol, port in listening - {SSH} if protocol == "tcp")
    missing = [port for port in served if not _allows(context, rule, port)]
    if rule.pair and len(served) == 1 and missing:
        port = served[0]
        permission = _permission(rule) | {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        calls = (
            ("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": rule.group, "IpPermissions": [permission]}),
            revoke,
        )
        detail = f"{what}: the listening port is {port}, which is not open to {source}"
        return Finding("WRONG_PORT", "high", name, detail, Fix(f"open {port} to {source} instead of {ports}", calls))
    fix = Fix(f"revoke the rule for port {ports} from {source}", (revoke,))
    if (
        rule.low in group_findings.DATA_PORTS[TCP]
        and rule.low == rule.high
        and _is_client(context.endpoints_at(interfaces))
    ):
        service = group_findings.DATA_PORTS[TCP][rule.low]
        detail = f"{what}: a client of {service} needs egress, not ingress"
        return Finding("INBOUND_OF_A_CLIENT", "low", name, detail, fix)
    return Finding("UNSERVED_PORT", "low", name, what, fix)


def _is_client(endpoints: list[NamedEndpoint]) -> bool:
    return bool(endpoints) and all(endpoint.kind == "service" for endpoint in endpoints)


def _allows(context: CheckContext, rule: GroupRule, port: int) -> bool:
    """Return whether another rule of the same interfaces' groups allows the same source on a port."""
    groups = {
        group
        for interface in context.network.interfaces_by_group.get(rule.group, ())
        for group in interface.groups or ()
    }
    return any(
        other.peer == rule.peer and other.protocol in (TCP, -1) and (other.low or 0) <= port <= (other.high or 65535)
        for group in groups
        for other in context.network.rules(group, "ingress")
    )


@check(
    *_GROUP_KEYS,
    *_SERVICE_KEYS,
    *_STORE_KEYS,
    OPEN_SERVICE_PORT="a service is open to the world on its own address, bypassing any load balancer",
    UNREACHED_PORT="no rule allows traffic to a listening port",
)
def services_not_behind_a_load_balancer(context: CheckContext) -> Iterator[Finding]:
    """Only services and stores: a load balancer is meant to be open."""
    for endpoint in context.catalog.endpoints:
        interfaces = [context.network.interface(id) for id in endpoint.interfaces if id in context.network.interfaces]
        if endpoint.kind == "alb" or not interfaces or not endpoint.ports:
            continue
        for protocol, port in sorted(endpoint.ports):
            rules = [
                rule
                for interface in interfaces
                for group in interface.groups or ()
                for rule in _rules_into(context, group, protocol, port)
            ]
            if not rules:
                detail = f"it listens on {protocol} {port}, and no rule of its groups allows that"
                yield Finding(
                    "UNREACHED_PORT",
                    "medium",
                    endpoint.name,
                    detail,
                    Fix("open the port to its clients, or stop listening"),
                )
            elif endpoint.kind == "service":
                yield from _open_service(context, endpoint, port, list(dict.fromkeys(rules)))


def _rules_into(context: CheckContext, group: str, protocol: str, port: int) -> list[GroupRule]:
    number = {name: number for number, name in PORT_NAMES.items()}.get(protocol)
    return [
        rule
        for rule in context.network.rules(group, "ingress")
        if rule.protocol == -1 or (rule.protocol == number and (rule.low or 0) <= port <= (rule.high or 0))
    ]


def _open_service(
    context: CheckContext, endpoint: NamedEndpoint, port: int, rules: list[GroupRule]
) -> Iterator[Finding]:
    for rule in rules:
        if rule.ranges and covers_internet(rule.ranges, 4) and rule.low == rule.high == port:
            vpc_cidrs = [str(cidr) for cidr in context.network.vpc_ranges.get(rule.vpc, ()) if cidr.version == 4]
            permission = _permission(rule) | {"IpRanges": [{"CidrIp": cidr} for cidr in vpc_cidrs]}
            params = {"GroupId": rule.group, "IpPermissions": [permission]}
            calls = (("ec2", "AuthorizeSecurityGroupIngress", params), _revoke(rule.group, _permission(rule)))
            detail = f"{endpoint.name} is open to the world on its own address, port {port}"
            description = "open it only to the VPC, unless users are meant to reach it there"
            yield Finding(
                "OPEN_SERVICE_PORT",
                "medium",
                context.group_name(rule.group),
                detail,
                Fix(description, calls if vpc_cidrs else ()),
            )


# Redundant rules


@check(
    *_GROUP_KEYS,
    DUPLICATE_RULE="another rule of the same group allows the same or more",
    UNUSED_RULE="a rule references a group that no interface has",
)
def redundant_rules(context: CheckContext) -> Iterator[Finding]:
    """Rules that another rule of the group covers, and rules for a group without an interface."""
    for group in context.network.groups:
        rules = context.network.rules(group, "ingress")
        for index, rule in enumerate(rules):
            source = context.group_name(rule.peer) if rule.pair else rule.peer
            fix = Fix(f"revoke the rule for port {_ports(rule)} from {source}", (_revoke(group, _permission(rule)),))
            if any(_makes_redundant(other, rule, later=index < n) for n, other in enumerate(rules) if n != index):
                detail = f"another rule also opens port {_ports(rule)} to {source}"
                yield Finding("DUPLICATE_RULE", "info", context.group_name(group), detail, fix)
            elif _references_unused_group(context, rule):
                detail = f"port {_ports(rule)} is open to {source}, which no interface has"
                yield Finding("UNUSED_RULE", "info", context.group_name(group), detail, fix)


def _references_unused_group(context: CheckContext, rule: GroupRule) -> bool:
    """Return whether it references a group of this account without an interface; peered VPCs are not visible."""
    if not rule.pair or rule.pair.get("VpcPeeringConnectionId") or rule.peer not in context.network.groups:
        return False
    in_use = context.network.interfaces_by_group.get(rule.peer) or context.group_users.get(rule.peer)
    return bool(context.network.interfaces) and not in_use


def _makes_redundant(other: GroupRule, rule: GroupRule, *, later: bool) -> bool:
    """Return whether another rule allows all that this one does; of two equal ones the later is redundant."""
    equal = other.peer == rule.peer and (other.protocol, other.low, other.high) == (rule.protocol, rule.low, rule.high)
    return other.covers(rule) and not (equal and later)


# Descriptions and calls


def _ports(rule: GroupRule) -> str:
    if rule.low is None or rule.protocol not in PORT_NAMES:
        return "any"
    return str(rule.low) if rule.low == rule.high else f"{rule.low}–{rule.high}"


def _permission(rule: GroupRule) -> dict[str, Any]:
    """Return the rule as an IpPermission with its single source."""
    key = "UserIdGroupPairs" if rule.pair else "PrefixListIds" if rule.peer.startswith("pl-") else None
    if key is None:
        key = "Ipv6Ranges" if ":" in rule.peer else "IpRanges"
    peer = {_SOURCE_KEYS[key]: rule.peer}
    protocol = PORT_NAMES.get(rule.protocol or 0, str(rule.protocol))
    ports = {} if rule.low is None else {"FromPort": rule.low, "ToPort": rule.high}
    return {"IpProtocol": protocol, **ports, key: [peer]}


def _revoke(group: str, permission: Mapping[str, Any], direction: Direction = "ingress") -> ApiCall:
    operation = f"RevokeSecurityGroup{direction.capitalize()}"
    return "ec2", operation, {"GroupId": group, "IpPermissions": [permission]}
