"""What groups, network ACLs and routes say of every peer at once, as rows of levels over the classes of a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from esaws.inspect.network import acls, route_tables
from esaws.inspect.network.acls import AclEntry
from esaws.inspect.network.group_rules import Direction, GroupRule, Peer
from esaws.inspect.network.peer_classes import NO, UNKNOWN, YES, PeerClasses, level_of
from esaws.inspect.network.traffic import Traffic

if TYPE_CHECKING:
    import numpy as np

    from esaws.inspect.network.peer_classes import Levels

    Routes = np.ndarray[Any, np.dtype[np.int16]]

GATEWAYS = {"internet gateway", "NAT gateway", "egress-only internet gateway", "gateway endpoint"}
APPLIANCE = 3  # a route through an appliance: unknown, and group references do not match
PEERING = 4  # and more, each of them one peering: it leads on where the way back leads through the same


class GroupLayer:
    """What security groups say."""

    def __init__(self, classes: PeerClasses) -> None:
        self.classes, self.network = classes, classes.network

    def levels(self, direction: Direction, traffic: Traffic, direct: bool) -> Levels:
        """Sets of groups, each in a VPC, × peers: what they say together; references only where the way is direct."""
        import numpy as np

        by_group: dict[tuple[str, str], Levels] = {}
        rows = []
        for groups, vpc in self.classes.group_sets:
            row = self.classes.vector(UNKNOWN if groups is None else NO if groups else YES)
            for group in groups or ():
                if (group, vpc) not in by_group:
                    by_group[group, vpc] = self._one(group, vpc, direction, traffic, direct)
                np.maximum(row, by_group[group, vpc], out=row)
            rows.append(row)
        return np.stack(rows)

    def _one(self, group: str, vpc: str, direction: Direction, traffic: Traffic, direct: bool) -> Levels:
        import numpy as np

        by_address = self.classes.vector(NO)
        in_order = self.classes.vector(NO if group in self.network.groups else UNKNOWN)
        for rule in self.network.rules(group, direction):
            spoken = level_of(rule.matches_traffic(traffic))
            if spoken == NO:
                continue
            if rule.pair is not None:
                if direct:
                    self._references(rule, vpc, spoken, in_order)
            elif rule.ranges is None:
                np.maximum(in_order, UNKNOWN, out=in_order)
            else:
                for some in rule.ranges:
                    part = by_address[self.classes.slice_of(some)]
                    np.maximum(part, spoken, out=part)
        return np.maximum(by_address[self.classes.service_order], in_order)

    def _references(self, rule: GroupRule, vpc: str, spoken: int, row: Levels) -> None:
        """Raise those who carry the group that a rule names; in each VPC one speaks for all."""
        import numpy as np

        for members in self._carriers.get((rule.pair or {}).get("GroupId"), []):
            one = self.classes.members[members[0]]
            matched = min(spoken, level_of(rule.matches_peer(Peer(one.address, one.like), vpc)))
            row[members] = np.maximum(row[members], matched)

    @cached_property
    def _carriers(self) -> Mapping[str | None, list[Any]]:
        """For each group the classes that carry it, or may (their groups are not known), VPC by VPC."""
        import numpy as np

        members: dict[str, dict[str, list[int]]] = {}
        unsure: list[int] = []
        for index, each in enumerate(self.classes.members):
            if each.representative.groups is None:
                unsure.append(index)
            for group in each.representative.groups or ():
                members.setdefault(group, {}).setdefault(each.representative.vpc, []).append(index)
        named = {(rule.pair or {}).get("GroupId") for rule in self._all_rules() if rule.pair is not None}
        return {
            group: [np.array(some) for some in [*members.get(group or "", {}).values(), unsure] if some]
            for group in named
        }

    def _all_rules(self) -> Iterator[GroupRule]:
        for group in self.network.groups:
            yield from self.network.rules(group, "ingress")
            yield from self.network.rules(group, "egress")


class AclLayer:
    """What network ACLs say."""

    def __init__(self, classes: PeerClasses) -> None:
        self.classes, self.network = classes, classes.network

    def levels(self, egress: bool, traffic: Traffic) -> Levels:
        """Subnets × peers: whether the traffic passes in one direction and its answers in the other."""
        import numpy as np

        by_acl: dict[str, Levels] = {}
        rows = []
        for subnet in self.classes.subnets:
            acl = acls.acl_of_subnet(self.network.network_acls, subnet)
            if acl is None:
                rows.append(self.classes.vector(UNKNOWN))
                continue
            if acl["NetworkAclId"] not in by_acl:
                there, back = acls.sorted_entries(acl, egress), acls.sorted_entries(acl, not egress)
                found = np.minimum(self._verdicts(there, traffic), self._answers(back, traffic))
                by_acl[acl["NetworkAclId"]] = found[self.classes.service_order]
            rows.append(by_acl[acl["NetworkAclId"]])
        return np.stack(rows)

    def _verdicts(self, entries: Sequence[AclEntry], traffic: Traffic) -> Levels:
        """What the entries say of each peer: written from the last to the first, so that the first stands."""
        import numpy as np

        found = self.classes.vector(NO)
        for entry in reversed(entries):
            part, said = self.classes.slice_of(entry.cidr), YES if entry.allows else NO
            spoken = entry.matches_traffic(traffic)
            if spoken.is_yes:
                found[part] = said
            elif spoken.is_unknown:
                found[part] = np.where(found[part] == said, said, UNKNOWN)
        return found

    def _answers(self, entries: Sequence[AclEntry], traffic: Traffic) -> Levels:
        import numpy as np

        if traffic.reply_ports is None:
            return self._verdicts(entries, traffic)
        ports = [low for low, _ in acls.split_ports(entries, traffic.reply_ports)]
        found = np.stack([self._verdicts(entries, Traffic(traffic.protocol, port)) for port in ports])
        least, most = found.min(axis=0), found.max(axis=0)
        return np.where(least == most, least, np.int8(UNKNOWN))


class RouteLayer:
    """What route tables say."""

    def __init__(self, classes: PeerClasses) -> None:
        self.classes, self.network = classes, classes.network
        self._peerings: dict[str | None, int] = {}

    @cached_property
    def levels(self) -> Routes:
        """Subnets × destinations: the level of the route, YES for the local one, or APPLIANCE, or a peering."""
        import numpy as np

        vpcs = {each.representative.subnet: each.representative.vpc for each in self.classes.members}
        by_table: dict[str, Routes] = {}
        rows = []
        for subnet in self.classes.subnets:
            table = route_tables.table_of_subnet(self.network, subnet, vpcs[subnet])
            if table is None:
                rows.append(self.classes.vector(UNKNOWN).astype(np.int16))
                continue
            if table["RouteTableId"] not in by_table:
                by_table[table["RouteTableId"]] = self._one(table)
            rows.append(by_table[table["RouteTableId"]])
        return np.stack(rows)

    def _one(self, table: Mapping[str, Any]) -> Routes:
        import numpy as np

        public = self.classes.public
        found = self.classes.vector(NO).astype(np.int16)
        for each in route_tables.ranked_routes(table, self.network.prefixes):
            if each.destination is not None:
                part, said = self.classes.slice_of(each.destination), self._level(each.route)
                over_the_internet = each.route.active and each.route.kind in GATEWAYS
                found[part] = np.where(public[part], UNKNOWN, said) if over_the_internet else said
            else:  # a prefix list without entries
                may_hold = public.astype(bool) | each.may_contain_private
                found[may_hold] = UNKNOWN
        return found[self.classes.service_order]

    def _level(self, route: route_tables.Route) -> int:
        if route.kind == "unknown":
            return UNKNOWN
        if not route.active or route.kind == "none":
            return NO
        if route.peering:
            return PEERING + self._peerings.setdefault(route.target, len(self._peerings))
        if route.kind == "elsewhere":
            return APPLIANCE if route.appliance else UNKNOWN
        return YES if route.kind == "local" else NO
