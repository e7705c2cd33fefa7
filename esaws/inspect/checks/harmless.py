"""The proof that a fix is harmless: all that is answered now, or may be after a scale-out or a resume, still is.

Only changes of ingress rules can be proven, and the default encryption of a bucket. A fix that deletes or stops
something, changes a listener rule or opens a port never is: it needs its code. Nothing is proven of a group that
nothing has: scheduled tasks, builds and people name groups where no description shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.group_users import KEYS as USER_KEYS
from esaws.inspect.fixes import Fix
from esaws.inspect.network.named_endpoints import Port
from esaws.inspect.network.security_groups import GroupRule, parse_group_rules
from esaws.inspect.network.traffic import PORT_NAMES

KEYS = (*USER_KEYS, "SecurityGroups", "NetworkInterfaces", "Instances", "Listeners", "Vpcs", "RouteTables")
"""What a snapshot needs for a proof; where one is unknown, only a rule that another one covers is unneeded."""

_MANAGED = ("alb", "db", "cache", "broker")
"""Kinds of endpoints that AWS runs, and that listen on no other port than those it describes."""

_WITHOUT_LISTENER = ("lambda", "nat_gateway")
"""Types of interfaces that accept no connection."""

_OWN_ROUTES = ("local", "igw-", "vpce-")
_NUMBERS = {name: number for number, name in PORT_NAMES.items()}


@dataclass(frozen=True)
class _Holder:
    """Something that has, or gets when it starts, security groups.

    `ports` are those it listens on, None where it may listen on any. An `inside` one is reached from its VPC alone.
    """

    groups: frozenset[str]
    ports: frozenset[Port] | None = None
    inside: bool = False


class HarmlessChanges:
    """Fixes that are proven one after another, each on the account as the ones before it leave it."""

    def __init__(self, context: CheckContext) -> None:
        self._context = context
        self._rules: dict[str, list[GroupRule]] = {}

    def accept(self, fix: Fix) -> bool:
        """Return whether a fix is harmless after those that were accepted before."""
        after: dict[str, list[GroupRule]] = {}
        removed: list[GroupRule] = []
        added: list[GroupRule] = []
        for service, operation, params in fix.calls:
            if (service, operation) == ("s3", "PutBucketEncryption"):
                continue
            change = {"AuthorizeSecurityGroupIngress": added, "RevokeSecurityGroupIngress": removed}.get(operation)
            if service != "ec2" or change is None or "SecurityGroups" not in self._context.account.descriptions:
                return False
            group, rules = params["GroupId"], self._parse(params)
            change += rules
            current = after.get(group, self._rules_of(group))
            kept = [rule for rule in current if not any(_same(rule, other) for other in rules)]
            after[group] = kept + (rules if change is added else [])
        narrows = all(any(old.covers(new) for old in self._rules_of(new.group)) for new in added)
        if not fix.calls or not narrows or not all(self._is_unneeded(rule, after) for rule in removed):
            return False
        self._rules |= after
        return True

    def _rules_of(self, group: str) -> list[GroupRule]:
        return self._rules.get(group, self._context.network.rules(group, "ingress"))

    def _parse(self, params: Any) -> list[GroupRule]:
        raw = {**self._context.network.groups.get(params["GroupId"], {}), **params, "IpPermissionsEgress": []}
        return list(parse_group_rules(raw, self._context.network.prefixes))

    def _is_unneeded(self, rule: GroupRule, after: dict[str, list[GroupRule]]) -> bool:
        """Return whether the rules that are left allow all that it does, wherever something may listen."""

        def remaining(groups: Iterable[str]) -> list[GroupRule]:
            return [other for group in groups for other in after.get(group, self._rules_of(group))]

        if _is_covered(rule, remaining([rule.group])):
            return True
        if any(self._context.account.get(key) is None for key in KEYS):
            return False
        holders = [holder for holder in self._holders if rule.group in holder.groups]
        return bool(holders) and all(
            _is_covered(part, remaining(holder.groups)) for holder in holders for part in self._parts(rule, holder)
        )

    def _parts(self, rule: GroupRule, holder: _Holder) -> Iterator[GroupRule]:
        """Yield what a rule allows to what a holder listens on, from where it can be reached."""
        for part in _of_ports(rule, holder.ports):
            if not holder.inside or not part.ranges or not self._is_isolated(rule.vpc):
                yield part
                continue
            for own in self._context.network.vpc_ranges.get(rule.vpc, ()):
                for cidr in part.ranges:
                    if own.version == cidr.version and own.overlaps(cidr):
                        narrower = max(own, cidr, key=lambda item: item.prefixlen)
                        yield replace(part, peer=str(narrower), ranges=(narrower,))

    def _is_isolated(self, vpc: str) -> bool:
        """Return whether no other network has a route back from the VPC: no peering, transit gateway, VPN or appliance.

        An internet gateway only leads to public addresses.
        """
        tables = [table for table in self._context.account["RouteTables"] if table.get("VpcId") == vpc]
        routes = [route for table in tables for route in table.get("Routes", ())]
        return bool(tables and self._context.network.vpc_ranges.get(vpc)) and all(
            str(route.get("GatewayId", "")).startswith(_OWN_ROUTES)
            or "NatGatewayId" in route
            or "EgressOnlyInternetGatewayId" in route
            for route in routes
        )

    @cached_property
    def _holders(self) -> list[_Holder]:
        return [*self._managed, *self._from_interfaces(), *self._from_names()]

    @cached_property
    def _managed(self) -> list[_Holder]:
        """Load balancers and stores, whose ports AWS describes."""
        holders = []
        for endpoint in self._context.catalog.endpoints:
            if endpoint.kind in _MANAGED:
                interfaces = [self._context.network.interface(id) for id in endpoint.interfaces]
                groups = [endpoint.groups, *(interface.groups or () for interface in interfaces)]
                has_address = endpoint.public or any(interface.public or interface.v6 for interface in interfaces)
                inside = endpoint.kind != "alb" and not has_address
                holders += [_Holder(frozenset(own), endpoint.ports, inside) for own in groups if own]
        return holders

    def _from_interfaces(self) -> Iterator[_Holder]:
        managed = {
            id
            for endpoint in self._context.catalog.endpoints
            if endpoint.kind in _MANAGED
            for id in endpoint.interfaces
        }
        for raw in self._context.account["NetworkInterfaces"]:
            if raw["NetworkInterfaceId"] not in managed:
                groups = frozenset(group["GroupId"] for group in raw.get("Groups", ()))
                ports = frozenset[Port]() if raw.get("InterfaceType") in _WITHOUT_LISTENER else None
                yield _Holder(groups, ports)

    def _from_names(self) -> Iterator[_Holder]:
        """What gets its interface when it starts; load balancers and stores are managed ones already."""
        balancers = {endpoint.name for endpoint in self._context.catalog.endpoints if endpoint.kind == "alb"}
        for group, users in self._context.group_users.items():
            for user in users:
                is_balancer = user.kind == "load balancer" and user.name in balancers
                if not is_balancer and user.kind not in ("database", "cache", "broker"):
                    yield _Holder(frozenset([group]), frozenset() if user.kind == "function" else None)


def _same(rule: GroupRule, other: GroupRule) -> bool:
    return rule.peer == other.peer and (rule.protocol, rule.low, rule.high) == (other.protocol, other.low, other.high)


def _is_covered(rule: GroupRule, others: Iterable[GroupRule]) -> bool:
    """Return whether one rule allows all of it; a prefix list only covers itself, because its entries may change."""
    return any(
        other.covers(rule) and not (other.peer.startswith("pl-") and other.peer != rule.peer) for other in others
    )


def _of_ports(rule: GroupRule, ports: frozenset[Port] | None) -> Iterator[GroupRule]:
    """Yield the rule for each of the ports that it allows; the whole rule where any port may be listened on."""
    if ports is None:
        yield rule
        return
    for name, port in sorted(ports):
        number = _NUMBERS.get(name)
        in_range = rule.low is None or (rule.low <= port <= (rule.high or rule.low))
        if rule.protocol == -1 or (rule.protocol == number and in_range):
            yield replace(rule, protocol=number, low=port, high=port)
