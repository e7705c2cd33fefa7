"""Who reaches whom, all at once: every service with every other, on several ports, as one frame.

It answers what `reach` answers, in numpy. Interfaces that no rule, ACL or route tells apart form a class, and an answer
is a small number, so that `all_of` is the minimum and `any_of` the maximum.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from esaws.errors import UsageError
from esaws.inspect.answers import Answer
from esaws.inspect.network import acls, routes
from esaws.inspect.network.acls import Entry
from esaws.inspect.network.addresses import Address, Family, Range, is_public
from esaws.inspect.network.ends import Service, named_ranges
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network
from esaws.inspect.network.rules import Direction, Peer, Rule
from esaws.inspect.network.traffic import ECHO_REPLY, Traffic

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Levels = np.ndarray[Any, np.dtype[np.int8]]
    Routes = np.ndarray[Any, np.dtype[np.int16]]

NO, UNKNOWN, YES = 0, 1, 2
GATEWAYS = {"internet gateway", "NAT gateway", "egress-only internet gateway", "gateway endpoint"}
APPLIANCE = 3  # a route through an appliance: unknown, and group references do not match
PEERING = 4  # and more, each of them one peering: it leads on where the way back leads through the same
_LEVELS = {"no": NO, "unknown": UNKNOWN, "yes": YES}
DECISIONS = ["deny", "unknown", "allow"]
CELLS_AT_ONCE = 4_000_000


def matrix(
    network: Network, services: Sequence[Service], ports: Sequence[tuple[str, int]], *, family: Family = 4
) -> pd.DataFrame:
    """Every service with every service on every port: columns source, destination, protocol, port, decision.

    `decision` is allow, deny or unknown as `reach` gives it between the two at their own addresses, with the reason
    left out. Rows are in the order of the services and ports that were given.

    Raises:
        UsageError: a service names an interface that was not described, two have one name, or a port makes no sense.
    """
    import numpy as np
    import pandas as pd

    if len({service.name for service in services}) < len(services):
        raise UsageError("two services have one name, so their rows could not be told apart")
    traffics = [Traffic.of(protocol, port) for protocol, port in ports]
    table = _Table(network, services, family)
    cells = np.stack([table.decisions(traffic) for traffic in traffics], axis=-1)
    names = pd.Index([service.name for service in services])
    count, kinds = len(services), len(traffics)

    def spread(values: Any) -> Any:
        return np.broadcast_to(values, (count, count, kinds)).ravel()

    def column(codes: Any, values: Iterable[Any]) -> pd.Categorical:
        return pd.Categorical.from_codes(spread(codes), categories=pd.Index(values))

    every = np.arange(count, dtype=np.min_scalar_type(-count))
    protocols = list(dict.fromkeys(protocol for protocol, _ in ports))
    spoken = np.array([protocols.index(protocol) for protocol, _ in ports], dtype=np.int8)
    columns = {
        "source": column(every[:, None, None], names),
        "destination": column(every[None, :, None], names),
        "protocol": column(spoken, protocols),
        "port": spread(np.array([port for _, port in ports], dtype=np.int32)),
        "decision": column(cells, DECISIONS),
    }
    return pd.DataFrame(columns, copy=False)


def level(answer: Answer) -> int:
    return _LEVELS[answer.word]


@dataclass(frozen=True)
class _Class:
    """Interfaces of one service that everything treats alike; `only` tells which where it is a single one."""

    service: int
    like: Interface
    address: Address | None
    only: int


class _Table:
    """The classes of a network, in the order of their services, and vectors over them.

    A vector over peers is filled in the order of the peers' addresses, where a range is a slice.
    """

    def __init__(self, network: Network, services: Sequence[Service], family: Family) -> None:
        import numpy as np

        self.network, self.family = network, family
        self._peerings: dict[str | None, int] = {}
        self.classes = [*_classes(network, services, family)]
        self.by_address = sorted(range(len(self.classes)), key=self._number)
        self.numbers = [self._number(index) for index in self.by_address]
        self.in_services = np.argsort(np.array(self.by_address, dtype=np.int64))
        self.starts = np.searchsorted([each.service for each in self.classes], np.arange(len(services)))
        self.subnets, self.subnet = _codes([each.like.subnet for each in self.classes])
        self.vpcs, self.vpc = _codes([each.like.vpc for each in self.classes])
        self.sets, self.set = _codes([(each.like.groups, each.like.vpc) for each in self.classes])
        self.only = np.array([each.only for each in self.classes])
        alive = [each.like.attached and each.address is not None for each in self.classes]
        self.alive = np.where(alive, YES, NO).astype(np.int8)

    def _number(self, index: int) -> int:
        address = self.classes[index].address
        return -1 if address is None else int(address)

    def part(self, some: Range) -> slice:
        """The peers that a range holds."""
        if some.version != self.family:
            return slice(0, 0)
        return slice(bisect_left(self.numbers, int(some[0])), bisect_right(self.numbers, int(some[-1])))

    def vector(self, value: int) -> Levels:
        import numpy as np

        return np.full(len(self.classes), value, dtype=np.int8)

    # The decisions

    def decisions(self, traffic: Traffic) -> Levels:
        """Services × services: the level of each, a service with a part that passes and one that doesn't unknown."""
        import numpy as np

        direct = [self._group_levels(way, traffic, True) for way in ("egress", "ingress")]
        hidden = [self._group_levels(way, traffic, False) for way in ("egress", "ingress")] if self._appliances else []
        lists = [self._acl_levels(egress, traffic) for egress in (True, False)]
        rows = []
        for services, block in self._blocks():
            path = np.minimum(self._route_levels(block), _both(lists, self.subnet, self.subnet, block))
            path = np.where(self._same_subnet(block), np.int8(YES), path)
            allowed = _both(direct, self.set, self.set, block)
            if hidden:
                through = self._through_appliance(block)
                allowed = np.where(through, _both(hidden, self.set, self.set, block), allowed)
            found = np.minimum(path, allowed)
            found = np.minimum(np.minimum(found, self.alive[block, None]), self.alive[None, :])
            rows.append(self._by_service(found, services, block))
        return np.concatenate(rows)

    def _blocks(self) -> Iterator[tuple[slice, slice]]:
        """Services, and their classes, a portion at a time, so that memory stays bounded."""
        count, ends = len(self.classes), [*self.starts[1:], len(self.classes)]
        first = 0
        for service, end in enumerate(ends):
            begin = self.starts[first]
            is_last = service + 1 == len(ends)
            if is_last or (ends[service + 1] - begin) * count > CELLS_AT_ONCE:
                yield slice(first, service + 1), slice(int(begin), int(end))
                first = service + 1

    def _by_service(self, found: Levels, services: slice, block: slice) -> Levels:
        """Allowed where all pairs are, denied where none is; an interface and itself is no pair."""
        import numpy as np

        itself = (self.only[block, None] == self.only[None, :]) & (self.only[block, None] >= 0)
        rows = self.starts[services] - block.start
        least = np.where(itself, np.int8(YES), found)
        most = np.where(itself, np.int8(NO), found)
        least = np.minimum.reduceat(np.minimum.reduceat(least, self.starts, axis=1), rows, axis=0)
        most = np.maximum.reduceat(np.maximum.reduceat(most, self.starts, axis=1), rows, axis=0)
        return np.where(least == YES, np.int8(YES), np.where(most == NO, np.int8(NO), np.int8(UNKNOWN)))

    # Security groups

    def _group_levels(self, direction: Direction, traffic: Traffic, direct: bool) -> Levels:
        """Sets of groups, each in a VPC, × peers: what they say together."""
        import numpy as np

        by_group: dict[tuple[str, str], Levels] = {}
        rows = []
        for groups, vpc in self.sets:
            row = self.vector(UNKNOWN if groups is None else NO if groups else YES)
            for group in groups or ():
                if (group, vpc) not in by_group:
                    by_group[group, vpc] = self._one_group(group, vpc, direction, traffic, direct)
                row = np.maximum(row, by_group[group, vpc])
            rows.append(row)
        return np.stack(rows)

    def _one_group(self, group: str, vpc: str, direction: Direction, traffic: Traffic, direct: bool) -> Levels:
        import numpy as np

        by_address = self.vector(NO)
        in_order = self.vector(NO if group in self.network.groups else UNKNOWN)
        for rule in self.network.rules(group, direction):
            spoken = level(rule.speaks_of(traffic))
            if spoken == NO:
                continue
            if rule.pair is not None:
                if direct:
                    self._references(rule, vpc, spoken, in_order)
            elif rule.ranges is None:
                np.maximum(in_order, UNKNOWN, out=in_order)
            else:
                for some in rule.ranges:
                    part = by_address[self.part(some)]
                    np.maximum(part, spoken, out=part)
        return np.maximum(by_address[self.in_services], in_order)

    def _references(self, rule: Rule, vpc: str, spoken: int, row: Levels) -> None:
        """Raise those who carry the group that a rule names; in each VPC one speaks for all."""
        import numpy as np

        for members in self._carriers.get((rule.pair or {}).get("GroupId"), []):
            one = self.classes[members[0]]
            matched = min(spoken, level(rule.matches(Peer(one.address, one.like), vpc)))
            row[members] = np.maximum(row[members], matched)

    @cached_property
    def _carriers(self) -> Mapping[str | None, list[Any]]:
        """For each group the classes that carry it, or may (their groups are not known), VPC by VPC."""
        import numpy as np

        members: dict[str, dict[str, list[int]]] = {}
        unsure: list[int] = []
        for index, each in enumerate(self.classes):
            if each.like.groups is None:
                unsure.append(index)
            for group in each.like.groups or ():
                members.setdefault(group, {}).setdefault(each.like.vpc, []).append(index)
        named = {(rule.pair or {}).get("GroupId") for rule in self._all_rules() if rule.pair is not None}
        return {
            group: [np.array(some) for some in [*members.get(group or "", {}).values(), unsure] if some]
            for group in named
        }

    def _all_rules(self) -> Iterator[Rule]:
        for group in self.network.groups:
            yield from self.network.rules(group, "ingress")
            yield from self.network.rules(group, "egress")

    # Network ACLs

    def _acl_levels(self, egress: bool, traffic: Traffic) -> Levels:
        """Subnets × peers: whether the traffic passes in one direction and its answers in the other."""
        import numpy as np

        by_acl: dict[str, Levels] = {}
        rows = []
        for subnet in self.subnets:
            acl = acls.acl_of(self.network.network_acls, subnet)
            if acl is None:
                rows.append(self.vector(UNKNOWN))
                continue
            if acl["NetworkAclId"] not in by_acl:
                there, back = acls.entries(acl, egress), acls.entries(acl, not egress)
                found = np.minimum(self._verdicts(there, traffic), self._answers(back, traffic))
                by_acl[acl["NetworkAclId"]] = found[self.in_services]
            rows.append(by_acl[acl["NetworkAclId"]])
        return np.stack(rows)

    def _verdicts(self, entries: Sequence[Entry], traffic: Traffic) -> Levels:
        """What the entries say of each peer: written from the last to the first, so that the first stands."""
        import numpy as np

        found = self.vector(NO)
        for entry in reversed(entries):
            part, said = self.part(entry.cidr), YES if entry.allows else NO
            spoken = entry.speaks_of(traffic)
            if spoken.is_yes:
                found[part] = said
            elif spoken.is_unknown:
                found[part] = np.where(found[part] == said, said, UNKNOWN)
        return found

    def _answers(self, entries: Sequence[Entry], traffic: Traffic) -> Levels:
        import numpy as np

        if traffic.icmp is not None:
            reply = ECHO_REPLY.get((traffic.protocol, traffic.icmp[0]))
            return self._verdicts(entries, Traffic(traffic.protocol, icmp=(reply, 0))) if reply else self.vector(YES)
        if traffic.answer_ports is None:
            return self._verdicts(entries, traffic)
        ports = [low for low, _ in acls.port_pieces(entries, traffic.answer_ports)]
        found = np.stack([self._verdicts(entries, Traffic(traffic.protocol, port)) for port in ports])
        least, most = found.min(axis=0), found.max(axis=0)
        return np.where(least == most, least, np.int8(UNKNOWN))

    # Routes

    @cached_property
    def _routes(self) -> Routes:
        """Subnets × destinations: the level of the route, YES for the local one, or APPLIANCE, or a peering."""
        import numpy as np

        by_table: dict[str, Routes] = {}
        rows = []
        for subnet, vpc in self._subnets_with_vpc():
            table = routes.table_of(self.network, subnet, vpc)
            if table is None:
                rows.append(self.vector(UNKNOWN).astype(np.int16))
                continue
            if table["RouteTableId"] not in by_table:
                by_table[table["RouteTableId"]] = self._one_table(table)
            rows.append(by_table[table["RouteTableId"]])
        return np.stack(rows)

    def _subnets_with_vpc(self) -> Iterator[tuple[str, str]]:
        vpcs = {each.like.subnet: each.like.vpc for each in self.classes}
        return ((subnet, vpcs[subnet]) for subnet in self.subnets)

    def _one_table(self, table: Mapping[str, Any]) -> Routes:
        import numpy as np

        found = self.vector(NO).astype(np.int16)
        for each in routes.ranked(table, self.network.prefixes):
            if each.some is not None:
                part, said = self.part(each.some), self._route_level(each.route)
                over_the_internet = each.route.active and each.route.kind in GATEWAYS
                found[part] = np.where(self.public[part], UNKNOWN, said) if over_the_internet else said
            else:  # a prefix list without entries
                may_hold = self.public.astype(bool) | each.holds_private
                found[may_hold] = UNKNOWN
        return found[self.in_services]

    def _route_level(self, route: routes.Route) -> int:
        if route.kind == "unknown":
            return UNKNOWN
        if not route.active or route.kind == "none":
            return NO
        if route.peering:
            return PEERING + self._peerings.setdefault(route.target, len(self._peerings))
        if route.kind == "elsewhere":
            return APPLIANCE if route.appliance else UNKNOWN
        return YES if route.kind == "local" else NO

    @cached_property
    def public(self) -> Levels:
        """Which peers have addresses that the internet routes, as IPv6 ones do."""
        import numpy as np

        addresses = [self.classes[index].address for index in self.by_address]
        return np.array([address is not None and is_public(address) for address in addresses], dtype=np.int8)

    @cached_property
    def _appliances(self) -> bool:
        return bool((self._routes == APPLIANCE).any())

    def _both_routes(self, block: slice) -> tuple[Routes, Routes]:
        there = self._routes[self.subnet[block]]
        back = self._routes[:, block][self.subnet].T
        return there, back

    def _route_levels(self, block: slice) -> Levels:
        """There and back: a local route leads only to the same VPC, a peering only to the other one."""
        import numpy as np

        near = self.vpc[block, None] == self.vpc[None, :]
        there, back = self._both_routes(block)
        peered = (there == back) & (there >= PEERING) & ~near
        found = [np.where(way >= APPLIANCE, UNKNOWN, np.where((way == YES) & ~near, NO, way)) for way in (there, back)]
        return np.where(peered, np.int8(YES), np.minimum(*found).astype(np.int8))

    def _through_appliance(self, block: slice) -> Any:
        there, back = self._both_routes(block)
        return ((there == APPLIANCE) | (back == APPLIANCE)) & ~self._same_subnet(block)

    def _same_subnet(self, block: slice) -> Any:
        import numpy as np

        known = np.array([bool(subnet) for subnet in self.subnets])[self.subnet[block]]
        return (self.subnet[block, None] == self.subnet[None, :]) & known[:, None]


def _both(levels: Sequence[Levels], rows: Any, columns: Any, block: slice) -> Levels:
    """Out of the source's side and into the destination's: sources of a block × destinations."""
    import numpy as np

    out, into = levels
    return np.minimum(out[rows[block]], into[:, block][columns].T)


def _classes(network: Network, services: Sequence[Service], family: Family) -> Iterator[_Class]:
    """The classes of each service in turn."""
    borders = sorted({border for some in named_ranges(network) if some.version == family for border in _ends(some)})
    often = _in_several(services)
    numbers = {id: number for number, id in enumerate(network.interfaces)}
    for index, service in enumerate(services):
        found: dict[tuple[Any, ...], list[Interface]] = {}
        for id in dict.fromkeys(service.interfaces):
            each = network.interface(id)
            own = each.own(family)
            place = None if own is None else bisect_right(borders, int(own))
            apart = id if id in often else None
            key = (each.groups, each.vpc, each.subnet, each.attached, place, apart)
            found.setdefault(key, []).append(each)
        for some in found.values():
            only = numbers[some[0].id] if len(some) == 1 else -1
            yield _Class(index, some[0], some[0].own(family), only)


def _ends(some: Range) -> tuple[int, int]:
    return int(some[0]), int(some[-1]) + 1


def _in_several(services: Iterable[Service]) -> set[str]:
    counts = Counter(id for service in services for id in set(service.interfaces))
    return {id for id, count in counts.items() if count > 1}


def _codes(values: Sequence[Any]) -> tuple[list[Any], Any]:
    """The different values in order of appearance, and which of them each value is."""
    import numpy as np

    different = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return [*different], np.array([different[value] for value in values])
