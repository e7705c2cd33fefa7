"""Who reaches whom on an account, all at once, on the ports that something listens on or that are open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from esaws.inspect.account import Account
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.endpoints import INTERNET, InterfaceSet
from esaws.inspect.network.matrix import DECISIONS, interface_matrix
from esaws.inspect.network.named_endpoint import Port
from esaws.inspect.network.network import Network
from esaws.inspect.network.reach import Decision, reach_interfaces
from esaws.inspect.network.resolve import ResolvedEndpoint, caveats, prechecks, resolve_endpoints
from esaws.inspect.network.traffic import TCP, UDP, Traffic

if TYPE_CHECKING:
    import pandas

COLUMNS = ("source", "destination", "port", "protocol", "decision")
_NAMES = {TCP: "tcp", UDP: "udp"}


def matrix(account: Account) -> pandas.DataFrame:
    """Every place, and the internet, with every place: columns source, destination, port, protocol, decision.

    The ports of a destination are those on which something of it listens, and the single ones that its groups open.
    `decision` is allow, deny or unknown as `reach_between` gives it; a place and itself are any two of its interfaces,
    and no row where it has one. Rows are in the order of destinations (by kind and name), ports and sources, the
    internet first. `frame.attrs["missing"]` says of a kind of place why AWS did not tell.

    Raises:
        MissingData: AWS did not say which interfaces there are.
    """
    import pandas

    _ = account["NetworkInterfaces"]
    places = EndpointCatalog.of(account)
    network, (internet, *ends) = resolve_endpoints(
        places, [INTERNET, *(place for place in places.endpoints if not place.is_member)]
    )
    found = _MatrixBuilder(places, network, internet, [end for end in ends if not end.absence])
    frame = pandas.concat([found.inside(), found.outside()], ignore_index=True)
    names = [INTERNET, *(end.name for end in found.ends)]
    frame = frame.astype(
        {
            "source": pandas.CategoricalDtype(names),
            "destination": pandas.CategoricalDtype(names),
            "decision": pandas.CategoricalDtype(DECISIONS),
        }
    )
    frame = frame.sort_values(["destination", "port", "protocol", "source"], ignore_index=True)[[*COLUMNS]]
    frame.attrs["missing"] = dict(places.unavailable)
    return frame


def pivot(frame: pandas.DataFrame) -> pandas.DataFrame:
    """A matrix for the eye: a row for each destination and port, a column for each source.

    A denial is an empty cell; a destination and port that nobody reaches, and a source that reaches nothing, have none.
    """
    told = frame[frame.decision != "deny"].assign(
        port=frame.protocol.astype(str) + " " + frame.port.astype(str), decision=frame.decision.astype(str)
    )
    order = told[["destination", "port"]].drop_duplicates()
    wide = told.astype({"source": str, "destination": str}).pivot(
        index=["destination", "port"], columns="source", values="decision"
    )
    sources = [name for name in frame.source.cat.categories if name in wide.columns]
    rows = [*order.itertuples(index=False, name=None)]
    return wide.reindex(index=rows, columns=sources).fillna("").rename_axis(columns="from")


def compare_matrices(before: pandas.DataFrame, after: pandas.DataFrame) -> pandas.DataFrame:
    """What differs between two matrices: columns source, destination, port, protocol, before, after.

    A decision is empty where only the other matrix asks about that port, or knows that place. Sorted by name.
    """
    keys = [*COLUMNS[:-1]]
    plain = [frame.astype({"source": str, "destination": str, "decision": str}) for frame in (before, after)]
    both = plain[0].merge(plain[1], on=keys, how="outer", sort=False).fillna("")
    told = both.rename(columns={"decision_x": "before", "decision_y": "after"})
    return told[told.before != told.after].reset_index(drop=True)


def by_port(frame: pandas.DataFrame) -> list[dict[str, str]]:
    """A matrix in lines: of each destination and port who reaches it, and of whom it is not known."""
    return [
        {
            "destination": str(destination),
            "port": f"{protocol} {port}",
            "reached from": ", ".join(rows.source[rows.decision == "allow"]),
            "unknown": ", ".join(rows.source[rows.decision == "unknown"]),
        }
        for (destination, port, protocol), rows in frame.groupby(["destination", "port", "protocol"], observed=True)
    ]


@dataclass(frozen=True)
class _MatrixBuilder:
    places: EndpointCatalog
    network: Network
    internet: ResolvedEndpoint
    ends: Sequence[ResolvedEndpoint]

    @cached_property
    def ports(self) -> Mapping[str, list[Port]]:
        """Of each end the ports to ask about, in order."""
        return {end.name: sorted({*_ports(self.network, end)}) for end in self.ends}

    def inside(self) -> pandas.DataFrame:
        """The places that have interfaces, with each other."""
        import numpy as np
        import pandas

        ends = [end for end in self.ends if end.interfaces]
        ports = sorted({port for end in ends for port in self.ports[end.name]})
        if not ports:
            return pandas.DataFrame(columns=[*COLUMNS])
        frame = interface_matrix(self.network, [InterfaceSet(end.name, end.interfaces) for end in ends], ports)
        asked = np.array([[[port in self.ports[end.name] for port in ports] for end in ends]] * len(ends))
        alone = [index for index, end in enumerate(ends) if len(end.interfaces) == 1]
        asked[alone, alone] = False
        frame = frame[asked.ravel()].copy()
        for here in ends:
            for there in ends:
                self._hinder(frame, here, there)
        return frame

    def _hinder(self, frame: pandas.DataFrame, here: ResolvedEndpoint, there: ResolvedEndpoint) -> None:
        """What decides before the network does, or leaves it open."""
        balanced = any(end.named and end.named.kind == "alb" for end in (here, there))
        unsure = any(caveats(self.places, here, there))
        if not balanced and not unsure:
            return
        rows = frame.index[(frame.source == here.name) & (frame.destination == there.name)]
        for row, protocol, port, said in frame.loc[rows, ["protocol", "port", "decision"]].itertuples(name=None):
            traffic = Traffic.of(str(protocol), int(port))
            if first := next(prechecks(self.places, here, there, traffic), None):
                frame.loc[row, "decision"] = first.decision
            elif said == "allow" and unsure:
                frame.loc[row, "decision"] = "unknown"

    def outside(self) -> pandas.DataFrame:
        """The internet with every place that has interfaces, and those with the places that stand on the internet."""
        import pandas

        inside = [end for end in self.ends if end.interfaces]
        away = [end for end in self.ends if not end.interfaces]
        pairs = [*((self.internet, there) for there in inside), *((here, there) for here in inside for there in away)]
        rows = [
            (here.name, there.name, port, protocol, self._decision(here, there, Traffic.of(protocol, port)))
            for here, there in pairs
            for protocol, port in self.ports[there.name]
        ]
        return pandas.DataFrame(rows, columns=[*COLUMNS])

    def _decision(self, here: ResolvedEndpoint, there: ResolvedEndpoint, traffic: Traffic) -> Decision:
        if first := next(prechecks(self.places, here, there, traffic), None):
            return first.decision
        if here is self.internet and not any(self.network.interface(id).public for id in there.interfaces):
            return "deny"
        said = reach_interfaces(self.network, here.spec, there.spec, _NAMES[traffic.protocol], traffic.port).decision
        return "unknown" if said == "allow" and any(caveats(self.places, here, there)) else said


def _ports(network: Network, end: ResolvedEndpoint) -> Iterator[Port]:
    yield from (end.named.ports if end.named else None) or ()
    groups: dict[str, Any] = {}
    for id in end.interfaces:
        groups |= dict.fromkeys(network.interface(id).groups or ())
    for group in groups:
        for rule in network.rules(group, "ingress"):
            if rule.protocol in _NAMES and rule.low is not None and rule.low == rule.high:
                yield _NAMES[rule.protocol], rule.low
