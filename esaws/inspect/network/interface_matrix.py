"""Reachability of every set of interfaces with every other on several ports, vectorised with numpy.

It gives the decisions of `reach_interfaces`, without reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from esaws.errors import UsageError
from esaws.inspect.network.addresses import Family
from esaws.inspect.network.batch_evaluate import APPLIANCE, PEERING, AclLayer, GroupLayer, RouteLayer
from esaws.inspect.network.equivalence_classes import NO, UNKNOWN, YES, PeerClasses
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.network import Network
from esaws.inspect.network.traffic import Traffic

if TYPE_CHECKING:
    import pandas as pd

    from esaws.inspect.network.equivalence_classes import Levels

DECISIONS = ["deny", "unknown", "allow"]
MAX_BLOCK_CELLS = 4_000_000


def interface_matrix(
    network: Network, services: Sequence[InterfaceSet], ports: Sequence[tuple[str, int]], *, family: Family = 4
) -> pd.DataFrame:
    """Return one row for each source, destination and port: source, destination, protocol, port, decision.

    `decision` is allow, deny or unknown as `reach_interfaces` gives it between the private addresses. Rows are in the
    order of the given services and ports.

    Raises:
        UsageError: an interface was not described, two services have one name, or a port is invalid.
    """
    import numpy as np
    import pandas as pd

    names = [service.name for service in services]
    if len(set(names)) < len(names):
        raise UsageError("two services have the same name, so their rows cannot be distinguished. Rename one of them")
    traffics = [Traffic.of(protocol, port) for protocol, port in ports]
    levels = _LevelTable(PeerClasses(network, services, family)).levels(traffics)
    shape = (len(services), len(services), len(traffics))

    def flatten(values: Any) -> Any:
        return np.broadcast_to(values, shape).ravel()

    def categorical(codes: Any, categories: Iterable[Any]) -> pd.Categorical:
        return pd.Categorical.from_codes(flatten(codes), categories=pd.Index(categories))

    numbers = np.arange(len(services), dtype=np.min_scalar_type(-len(services)))
    protocols = list(dict.fromkeys(protocol for protocol, _ in ports))
    protocol_codes = np.array([protocols.index(protocol) for protocol, _ in ports], dtype=np.int8)
    columns = {
        "source": categorical(numbers[:, None, None], names),
        "destination": categorical(numbers[None, :, None], names),
        "protocol": categorical(protocol_codes, protocols),
        "port": flatten(np.array([port for _, port in ports], dtype=np.int32)),
        "decision": categorical(levels, DECISIONS),
    }
    return pd.DataFrame(columns, copy=False)


class _LevelTable:
    """Combines the layers over the classes, one block of sources at a time so that memory stays bounded."""

    def __init__(self, classes: PeerClasses) -> None:
        self.classes = classes
        self.groups, self.acls, self.routes = GroupLayer(classes), AclLayer(classes), RouteLayer(classes)

    def levels(self, traffics: Sequence[Traffic]) -> Levels:
        """Return services × services × traffics; a service of which only a part is allowed is unknown."""
        import numpy as np

        count = len(self.classes.starts)
        levels = np.empty((count, count, len(traffics)), dtype=np.int8)
        by_traffic = [_TrafficLevels(self, traffic) for traffic in traffics]
        for services, classes in self._blocks():
            block = _SourceBlock(self, classes)
            for index, traffic_levels in enumerate(by_traffic):
                levels[services, :, index] = self._by_service(block.levels(traffic_levels), services, classes)
        return levels

    def _blocks(self) -> Iterator[tuple[slice, slice]]:
        """Yield slices of services, and of their classes."""
        count, starts = len(self.classes.members), self.classes.starts
        ends, first = [*starts[1:], count], 0
        for service, end in enumerate(ends):
            begin = starts[first]
            is_last = service + 1 == len(ends)
            if is_last or (ends[service + 1] - begin) * count > MAX_BLOCK_CELLS:
                yield slice(first, service + 1), slice(int(begin), int(end))
                first = service + 1

    def _by_service(self, levels: Levels, services: slice, block: slice) -> Levels:
        """Allowed where all pairs are, denied where none is; an interface and itself is not a pair."""
        import numpy as np

        sole, starts = self.classes.sole_interface, self.classes.starts
        itself = (sole[block, None] == sole[None, :]) & (sole[block, None] >= 0)
        rows = starts[services] - block.start
        most = np.where(itself, np.int8(NO), levels)
        least = np.where(itself, np.int8(YES), levels)
        least, most = _reduce(np.minimum, least, rows, starts), _reduce(np.maximum, most, rows, starts)
        return np.where(least == YES, np.int8(YES), np.where(most == NO, np.int8(NO), np.int8(UNKNOWN)))


def _reduce(ufunc: Any, levels: Levels, rows: Any, columns: Any) -> Levels:
    """Reduce classes × classes to services × services; `rows` and `columns` are where each service begins."""
    import numpy as np

    by_source = _reduce_rows(ufunc, levels, rows)
    return np.asarray(_reduce_rows(ufunc, np.ascontiguousarray(by_source.T), columns).T)


def _reduce_rows(ufunc: Any, levels: Levels, starts: Any) -> Levels:
    """Reduce services with equally many classes at once, which is faster than `reduceat`."""
    import numpy as np

    lengths = np.diff([*starts, len(levels)])
    reduced = np.empty((len(starts), levels.shape[1]), dtype=np.int8)
    for length in np.unique(lengths):
        same_length = np.flatnonzero(lengths == length)
        reduced[same_length] = ufunc.reduce(levels[starts[same_length, None] + np.arange(length)], axis=1)
    return reduced


class _TrafficLevels:
    """What groups and ACLs decide for one kind of traffic, out of the source and into the destination."""

    def __init__(self, table: _LevelTable, traffic: Traffic) -> None:
        has_appliances = bool((table.routes.levels == APPLIANCE).any())
        self.direct = [table.groups.levels(direction, traffic, True) for direction in ("egress", "ingress")]
        self.hidden = (
            [table.groups.levels(direction, traffic, False) for direction in ("egress", "ingress")]
            if has_appliances
            else []
        )
        self.acls = [table.acls.levels(egress, traffic) for egress in (True, False)]


class _SourceBlock:
    """What lies between a block of sources and every destination, independent of the traffic."""

    def __init__(self, table: _LevelTable, block: slice) -> None:
        import numpy as np

        classes, self.block = table.classes, block
        self.classes = classes
        known = np.array([bool(subnet) for subnet in classes.subnets])[classes.subnet[block]]
        self.same_subnet = (classes.subnet[block, None] == classes.subnet[None, :]) & known[:, None]
        there = table.routes.levels[classes.subnet[block]]
        back = table.routes.levels[:, block][classes.subnet].T
        self.through_appliance = ((there == APPLIANCE) | (back == APPLIANCE)) & ~self.same_subnet
        self.route = self._route_levels(there, back)
        able = np.minimum(classes.attached, classes.accepting)
        self.attached = np.minimum(classes.attached[block, None], able[None, :])

    def _route_levels(self, there: Any, back: Any) -> Levels:
        """Combine both directions: a local route leads only to the same VPC, a peering only to the other one."""
        import numpy as np

        same_vpc = self.classes.vpc[self.block, None] == self.classes.vpc[None, :]
        levels = [
            np.where(route >= APPLIANCE, UNKNOWN, np.where((route == YES) & ~same_vpc, NO, route))
            for route in (there, back)
        ]
        peered = (there == back) & (there >= PEERING) & ~same_vpc
        return np.where(peered, np.int8(YES), np.minimum(*levels).astype(np.int8))

    def levels(self, traffic: _TrafficLevels) -> Levels:
        """Return sources of the block × destinations."""
        import numpy as np

        classes = self.classes
        path = np.minimum(self.route, self._both_sides(traffic.acls, classes.subnet))
        path[self.same_subnet] = YES
        groups = self._both_sides(traffic.direct, classes.group_set)
        if traffic.hidden:
            hidden = self._both_sides(traffic.hidden, classes.group_set)
            groups = np.where(self.through_appliance, hidden, groups)
        return np.minimum(np.minimum(path, groups), self.attached)

    def _both_sides(self, levels: Sequence[Levels], codes: Any) -> Levels:
        import numpy as np

        out_of_source, into_destination = levels
        return np.minimum(out_of_source[codes[self.block]], into_destination[:, self.block][codes].T)
