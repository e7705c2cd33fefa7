"""Evaluate groups, network ACLs and routes for all peers at once, as rows of levels over the classes of a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from esaws.inspect.network import acls, route_tables
from esaws.inspect.network.acls import AclEntry
from esaws.inspect.network.equivalence_classes import NO, UNKNOWN, YES, PeerClasses, level_of
from esaws.inspect.network.interfaces import Peer
from esaws.inspect.network.security_groups import Direction, GroupRule
from esaws.inspect.network.traffic import Traffic

if TYPE_CHECKING:
    import numpy as np

    from esaws.inspect.network.equivalence_classes import Levels

    Routes = np.ndarray[Any, np.dtype[np.int16]]

GATEWAYS = {"internet gateway", "NAT gateway", "egress-only internet gateway", "gateway endpoint"}
APPLIANCE = 3
"""The level of a route through an appliance: unknown, and group references do not match."""
PEERING = 4
"""The first level of peerings, each of which has its own: it leads on where the route back uses the same."""


class GroupLayer:
    """The decisions of security groups."""

    def __init__(self, classes: PeerClasses) -> None:
        self.classes, self.network = classes, classes.network

    def levels(self, direction: Direction, traffic: Traffic, direct: bool) -> Levels:
        """Return sets of groups (each in a VPC) × peers; references match only where the path is direct."""
        import numpy as np

        by_group: dict[tuple[str, str], Levels] = {}
        rows = []
        for groups, vpc in self.classes.group_sets:
            row = self.classes.vector(UNKNOWN if groups is None else NO if groups else YES)
            for group in groups or ():
                if (group, vpc) not in by_group:
                    by_group[group, vpc] = self._of_group(group, vpc, direction, traffic, direct)
                np.maximum(row, by_group[group, vpc], out=row)
            rows.append(row)
        return np.stack(rows)

    def _of_group(self, group: str, vpc: str, direction: Direction, traffic: Traffic, direct: bool) -> Levels:
        import numpy as np

        by_address = self.classes.vector(NO)
        by_service = self.classes.vector(NO if group in self.network.groups else UNKNOWN)
        for rule in self.network.rules(group, direction):
            level = level_of(rule.matches_traffic(traffic))
            if level == NO:
                continue
            if rule.pair is not None:
                if direct:
                    self._apply_reference(rule, vpc, level, by_service)
            elif rule.ranges is None:
                np.maximum(by_service, UNKNOWN, out=by_service)
            else:
                for cidr in rule.ranges:
                    part = by_address[self.classes.slice_of(cidr)]
                    np.maximum(part, level, out=part)
        return np.maximum(by_address[self.classes.service_order], by_service)

    def _apply_reference(self, rule: GroupRule, vpc: str, level: int, row: Levels) -> None:
        """Raise the levels of the members of the referenced group; in each VPC one member stands for all."""
        import numpy as np

        for members in self._members.get((rule.pair or {}).get("GroupId"), []):
            example = self.classes.members[members[0]]
            peer = Peer(example.address, example.representative)
            row[members] = np.maximum(row[members], min(level, level_of(rule.matches_peer(peer, vpc))))

    @cached_property
    def _members(self) -> Mapping[str | None, list[Any]]:
        """For each referenced group the classes that have it, or may have it (groups unknown), by VPC."""
        import numpy as np

        members: dict[str, dict[str, list[int]]] = {}
        uncertain: list[int] = []
        for index, peer in enumerate(self.classes.members):
            if peer.representative.groups is None:
                uncertain.append(index)
            for group in peer.representative.groups or ():
                members.setdefault(group, {}).setdefault(peer.representative.vpc, []).append(index)
        referenced = {(rule.pair or {}).get("GroupId") for rule in self._all_rules() if rule.pair is not None}
        return {
            group: [np.array(indices) for indices in [*members.get(group or "", {}).values(), uncertain] if indices]
            for group in referenced
        }

    def _all_rules(self) -> Iterator[GroupRule]:
        for group in self.network.groups:
            yield from self.network.rules(group, "ingress")
            yield from self.network.rules(group, "egress")


class AclLayer:
    """The decisions of network ACLs."""

    def __init__(self, classes: PeerClasses) -> None:
        self.classes, self.network = classes, classes.network

    def levels(self, egress: bool, traffic: Traffic) -> Levels:
        """Return subnets × peers: whether the traffic passes in one direction and its replies in the other."""
        import numpy as np

        by_acl: dict[str, Levels] = {}
        rows = []
        for subnet in self.classes.subnets:
            acl = acls.acl_of_subnet(self.network.network_acls, subnet)
            if acl is None:
                rows.append(self.classes.vector(UNKNOWN))
                continue
            if acl["NetworkAclId"] not in by_acl:
                request, reply = acls.sorted_entries(acl, egress), acls.sorted_entries(acl, not egress)
                levels = np.minimum(self._verdicts(request, traffic), self._replies(reply, traffic))
                by_acl[acl["NetworkAclId"]] = levels[self.classes.service_order]
            rows.append(by_acl[acl["NetworkAclId"]])
        return np.stack(rows)

    def _verdicts(self, entries: Sequence[AclEntry], traffic: Traffic) -> Levels:
        """Return the decision for each peer: entries are applied from the last to the first, so that the first wins."""
        import numpy as np

        levels = self.classes.vector(NO)
        for entry in reversed(entries):
            part, level = self.classes.slice_of(entry.cidr), YES if entry.allows else NO
            matches = entry.matches_traffic(traffic)
            if matches.is_yes:
                levels[part] = level
            elif matches.is_unknown:
                levels[part] = np.where(levels[part] == level, level, UNKNOWN)
        return levels

    def _replies(self, entries: Sequence[AclEntry], traffic: Traffic) -> Levels:
        import numpy as np

        if traffic.reply_ports is None:
            return self._verdicts(entries, traffic)
        ports = [low for low, _ in acls.split_ports(entries, traffic.reply_ports)]
        levels = np.stack([self._verdicts(entries, Traffic(traffic.protocol, port)) for port in ports])
        least, most = levels.min(axis=0), levels.max(axis=0)
        return np.where(least == most, least, np.int8(UNKNOWN))


class RouteLayer:
    """The decisions of route tables."""

    def __init__(self, classes: PeerClasses) -> None:
        self.classes, self.network = classes, classes.network
        self._peerings: dict[str | None, int] = {}

    @cached_property
    def levels(self) -> Routes:
        """Subnets × destinations: the level of the route, YES for the local one, or APPLIANCE, or a peering."""
        import numpy as np

        vpcs = {peer.representative.subnet: peer.representative.vpc for peer in self.classes.members}
        by_table: dict[str, Routes] = {}
        rows = []
        for subnet in self.classes.subnets:
            table = route_tables.table_of_subnet(self.network, subnet, vpcs[subnet])
            if table is None:
                rows.append(self.classes.vector(UNKNOWN).astype(np.int16))
                continue
            if table["RouteTableId"] not in by_table:
                by_table[table["RouteTableId"]] = self._of_table(table)
            rows.append(by_table[table["RouteTableId"]])
        return np.stack(rows)

    def _of_table(self, table: Mapping[str, Any]) -> Routes:
        import numpy as np

        public = self.classes.public
        levels = self.classes.vector(NO).astype(np.int16)
        for ranked in route_tables.ranked_routes(table, self.network.prefixes):
            if ranked.destination is not None:
                part, level = self.classes.slice_of(ranked.destination), self._level(ranked.route)
                over_the_internet = ranked.route.active and ranked.route.kind in GATEWAYS
                levels[part] = np.where(public[part], UNKNOWN, level) if over_the_internet else level
            else:  # a prefix list without entries
                may_contain = public.astype(bool) | ranked.may_contain_private
                levels[may_contain] = UNKNOWN
        return levels[self.classes.service_order]

    def _level(self, route: route_tables.Route) -> int:
        if route.kind == "unknown":
            return UNKNOWN
        if not route.active or route.kind == "none":
            return NO
        if route.peering:
            return PEERING + self._peerings.setdefault(route.target, len(self._peerings))
        if route.kind == "elsewhere":
            return APPLIANCE if route.appliance else UNKNOWN
        if route.kind == "NAT gateway" and route_tables.nat_routes_onwards(self.network, route):
            return UNKNOWN
        return YES if route.kind == "local" else NO
