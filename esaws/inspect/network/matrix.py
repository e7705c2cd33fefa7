"""Who reaches whom, all at once: every service with every other, on several ports, as one frame.

It answers what `reach` answers, in numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from esaws.errors import UsageError
from esaws.inspect.network.addresses import Family
from esaws.inspect.network.batch_evaluate import APPLIANCE, PEERING, AclLayer, GroupLayer, RouteLayer
from esaws.inspect.network.endpoints import InterfaceSet
from esaws.inspect.network.network import Network
from esaws.inspect.network.peer_classes import NO, UNKNOWN, YES, PeerClasses
from esaws.inspect.network.traffic import Traffic

if TYPE_CHECKING:
    import pandas as pd

    from esaws.inspect.network.peer_classes import Levels

DECISIONS = ["deny", "unknown", "allow"]
CELLS_AT_ONCE = 4_000_000


def interface_matrix(
    network: Network, services: Sequence[InterfaceSet], ports: Sequence[tuple[str, int]], *, family: Family = 4
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
    cells = _Table(PeerClasses(network, services, family)).decisions(traffics)
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


class _Table:
    """The layers over the classes, put together a block of sources at a time so that memory stays bounded."""

    def __init__(self, classes: PeerClasses) -> None:
        self.classes = classes
        self.groups, self.acls, self.routes = GroupLayer(classes), AclLayer(classes), RouteLayer(classes)

    def decisions(self, traffics: Sequence[Traffic]) -> Levels:
        """Services × services × traffics: levels; of a service with a part that passes and one that doesn't unknown."""
        import numpy as np

        count = len(self.classes.starts)
        found = np.empty((count, count, len(traffics)), dtype=np.int8)
        said = [_TrafficLevels(self, traffic) for traffic in traffics]
        for services, block in self._blocks():
            way = _SourceBlock(self, block)
            for index, each in enumerate(said):
                found[services, :, index] = self._by_service(way.levels(each), services, block)
        return found

    def _blocks(self) -> Iterator[tuple[slice, slice]]:
        """Services, and their classes."""
        count, starts = len(self.classes.members), self.classes.starts
        ends, first = [*starts[1:], count], 0
        for service, end in enumerate(ends):
            begin = starts[first]
            is_last = service + 1 == len(ends)
            if is_last or (ends[service + 1] - begin) * count > CELLS_AT_ONCE:
                yield slice(first, service + 1), slice(int(begin), int(end))
                first = service + 1

    def _by_service(self, found: Levels, services: slice, block: slice) -> Levels:
        """Allowed where all pairs are, denied where none is; an interface and itself is no pair."""
        import numpy as np

        only, starts = self.classes.sole_interface, self.classes.starts
        itself = (only[block, None] == only[None, :]) & (only[block, None] >= 0)
        rows = starts[services] - block.start
        most = np.where(itself, np.int8(NO), found)
        least = np.where(itself, np.int8(YES), found)
        least, most = _reduced(np.minimum, least, rows, starts), _reduced(np.maximum, most, rows, starts)
        return np.where(least == YES, np.int8(YES), np.where(most == NO, np.int8(NO), np.int8(UNKNOWN)))


def _reduced(by: Any, found: Levels, rows: Any, columns: Any) -> Levels:
    """Classes × classes to services × services; `rows` and `columns` are where each service begins."""
    import numpy as np

    by_source = _reduced_rows(by, found, rows)
    return np.asarray(_reduced_rows(by, np.ascontiguousarray(by_source.T), columns).T)


def _reduced_rows(by: Any, found: Levels, starts: Any) -> Levels:
    """Rows of services that have equally many classes at once, which `reduceat` would do one by one."""
    import numpy as np

    lengths = np.diff([*starts, len(found)])
    reduced = np.empty((len(starts), found.shape[1]), dtype=np.int8)
    for length in np.unique(lengths):
        mine = np.flatnonzero(lengths == length)
        reduced[mine] = by.reduce(found[starts[mine, None] + np.arange(length)], axis=1)
    return reduced


class _TrafficLevels:
    """What groups and ACLs say of one kind of traffic, out of the source's side and into the destination's."""

    def __init__(self, table: _Table, traffic: Traffic) -> None:
        appliances = bool((table.routes.levels == APPLIANCE).any())
        self.direct = [table.groups.levels(way, traffic, True) for way in ("egress", "ingress")]
        self.hidden = [table.groups.levels(way, traffic, False) for way in ("egress", "ingress")] if appliances else []
        self.acls = [table.acls.levels(egress, traffic) for egress in (True, False)]


class _SourceBlock:
    """What stands between a block of sources and every destination, whatever is sent."""

    def __init__(self, table: _Table, block: slice) -> None:
        import numpy as np

        classes, self.block = table.classes, block
        self.classes = classes
        known = np.array([bool(subnet) for subnet in classes.subnets])[classes.subnet[block]]
        self.near = (classes.subnet[block, None] == classes.subnet[None, :]) & known[:, None]
        there = table.routes.levels[classes.subnet[block]]
        back = table.routes.levels[:, block][classes.subnet].T
        self.through = ((there == APPLIANCE) | (back == APPLIANCE)) & ~self.near
        self.route = self._levels(there, back)
        self.alive = np.minimum(classes.attached[block, None], classes.attached[None, :])

    def _levels(self, there: Any, back: Any) -> Levels:
        """There and back: a local route leads only to the same VPC, a peering only to the other one."""
        import numpy as np

        same = self.classes.vpc[self.block, None] == self.classes.vpc[None, :]
        found = [np.where(way >= APPLIANCE, UNKNOWN, np.where((way == YES) & ~same, NO, way)) for way in (there, back)]
        peered = (there == back) & (there >= PEERING) & ~same
        return np.where(peered, np.int8(YES), np.minimum(*found).astype(np.int8))

    def levels(self, said: _TrafficLevels) -> Levels:
        """Sources of the block × destinations."""
        import numpy as np

        classes = self.classes
        path = np.minimum(self.route, self._both(said.acls, classes.subnet))
        path[self.near] = YES
        allowed = self._both(said.direct, classes.group_set)
        if said.hidden:
            allowed = np.where(self.through, self._both(said.hidden, classes.group_set), allowed)
        return np.minimum(np.minimum(path, allowed), self.alive)

    def _both(self, levels: Sequence[Levels], codes: Any) -> Levels:
        import numpy as np

        out, into = levels
        return np.minimum(out[codes[self.block]], into[:, self.block][codes].T)
