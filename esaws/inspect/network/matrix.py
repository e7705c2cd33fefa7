"""The reachability matrix of an account: named endpoints, instances and the internet, on the ports that matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from esaws.cloud import Cloud
from esaws.inspect.account import Account, account_of
from esaws.inspect.answers import Decision
from esaws.inspect.network.endpoint_catalog import KEYS, EndpointCatalog
from esaws.inspect.network.endpoints import INTERNET
from esaws.inspect.network.interface_matrix import DECISIONS, interface_matrix
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.named_endpoints import Port
from esaws.inspect.network.network import Network
from esaws.inspect.network.other_endpoints import left_out, other_instances
from esaws.inspect.network.reach import reach_interfaces
from esaws.inspect.network.resolve import ResolvedEndpoint, caveats, prechecks, resolve_endpoints
from esaws.inspect.network.traffic import PORT_NAMES, Traffic

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart

COLUMNS = ("source", "destination", "port", "protocol", "decision")


@dataclass(frozen=True, eq=False, repr=False)
class ReachabilityMatrix:
    """Who reaches whom on which port.

    `missing` has the reason for each kind of endpoint that is unknown. `left_out` counts what has no rows: interfaces
    by kind, instances that don't run, rules that open ranges of ports. In a notebook it shows itself as a pivot table.
    """

    _frame: pandas.DataFrame
    missing: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each question: source, destination, port, protocol, decision.

        `decision` is allow, deny or unknown. Rows are in the order of destinations (by kind and name), ports and
        sources, the internet first.
        """
        return self._frame.copy()

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the rows for JSON."""
        return self._frame.to_dict("records")

    def pivot(self) -> pandas.DataFrame:
        """Return one row for each destination and port, and one column for each source.

        A denial is an empty cell. Destinations that nothing reaches, and sources that reach nothing, are left out.
        """
        frame = self._frame
        passing = frame[frame.decision != "deny"].assign(
            port=frame.protocol.astype(str) + " " + frame.port.astype(str), decision=frame.decision.astype(str)
        )
        order = passing[["destination", "port"]].drop_duplicates()
        wide = passing.astype({"source": str, "destination": str}).pivot(
            index=["destination", "port"], columns="source", values="decision"
        )
        sources = [name for name in frame.source.cat.categories if name in wide.columns]
        rows = [*order.itertuples(index=False, name=None)]
        return wide.reindex(index=rows, columns=sources).fillna("").rename_axis(columns="from")

    def draw(self) -> Chart:
        """Draw one row for each destination and port, and one column for each source, as `pivot` has them."""
        from esaws.inspect.network.matrix_chart import draw_matrix

        return draw_matrix(self)

    def by_port(self) -> list[dict[str, str]]:
        """Return one dictionary for each destination and port: destination, port, reached from, unknown."""
        return [
            {
                "destination": str(destination),
                "port": f"{protocol} {port}",
                "reached from": ", ".join(rows.source[rows.decision == "allow"]),
                "unknown": ", ".join(rows.source[rows.decision == "unknown"]),
            }
            for (destination, port, protocol), rows in self._frame.groupby(
                ["destination", "port", "protocol"], observed=True
            )
        ]

    def __len__(self) -> int:
        return len(self._frame)

    def notes(self) -> list[str]:
        """Return a sentence for each kind of endpoint that is unknown, and one for what is left out."""
        notes = [f"{kind} is unknown: {reason}" for kind, reason in self.missing.items()]
        return notes + ([f"not in the matrix: {'; '.join(self.left_out)}"] if self.left_out else [])

    def __repr__(self) -> str:
        return "\n".join([repr(self.pivot()), *self.notes()])

    def _repr_html_(self) -> str | None:
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes())
        # A name may be broken after its kind: nine sources would be wider than a notebook.
        table = re.sub(r"(<th\b[^>]*>\w+/)", r"\1<wbr>", self.pivot()._repr_html_() or "")
        return f"{table}{notes}"


def matrix(account: Account | Cloud) -> ReachabilityMatrix:
    """Return which named endpoints, instances and the internet reach which of them, as `reach` decides.

    Instances that belong to no named endpoint are `instance/NAME`, together where name and groups are the same.

    The ports of a destination are those that it listens on, and single ports that its groups open. An endpoint with
    itself means any two of its interfaces; with a single interface there is no row.

    Raises:
        MissingData: AWS did not describe the network interfaces.
    """
    import pandas

    account = account_of(account, *KEYS)
    _ = account["NetworkInterfaces"]
    catalog = EndpointCatalog.of(account)
    named = [endpoint for endpoint in catalog.endpoints if not endpoint.is_member]
    covered = [id for endpoint in catalog.endpoints for id in endpoint.interfaces]
    instances = other_instances(catalog, covered)
    network, (internet, *endpoints) = resolve_endpoints(catalog, [INTERNET, *named, *instances])
    present = [endpoint for endpoint in endpoints if not endpoint.absence]
    builder = _MatrixBuilder(catalog, network, internet, present)
    frame = pandas.concat([builder.inside(), builder.outside()], ignore_index=True)
    names = [INTERNET, *(endpoint.name for endpoint in present)]
    frame = frame.astype(
        {
            "source": pandas.CategoricalDtype(names),
            "destination": pandas.CategoricalDtype(names),
            "decision": pandas.CategoricalDtype(DECISIONS),
        }
    )
    frame = frame.sort_values(["destination", "port", "protocol", "source"], ignore_index=True)[[*COLUMNS]]
    missing = {str(kind): reason for kind, reason in catalog.unavailable.items()}
    if account.get("Instances") is None:
        missing["instance"] = f"Instances of account {account.id} are unknown: {account.missing.get('Instances')}"
    return ReachabilityMatrix(frame, missing, tuple(left_out(catalog, endpoints, present, {*frame.destination})))


def compare_matrices(before: ReachabilityMatrix, after: ReachabilityMatrix) -> pandas.DataFrame:
    """Return the differences of two matrices: source, destination, port, protocol, before, after; by name.

    A decision is empty where only the other matrix has that port or endpoint.
    """
    keys = [*COLUMNS[:-1]]
    frames = [
        matrix.to_frame().astype({"source": str, "destination": str, "decision": str}) for matrix in (before, after)
    ]
    merged = frames[0].merge(frames[1], on=keys, how="outer", sort=False).fillna("")
    merged = merged.rename(columns={"decision_x": "before", "decision_y": "after"})
    return merged[merged.before != merged.after].reset_index(drop=True)


@dataclass(frozen=True)
class _MatrixBuilder:
    catalog: EndpointCatalog
    network: Network
    internet: ResolvedEndpoint
    endpoints: Sequence[ResolvedEndpoint]

    @cached_property
    def ports(self) -> Mapping[str, list[Port]]:
        """The ports to evaluate for each endpoint, in order."""
        return {endpoint.name: sorted({*_ports(self.network, endpoint)}) for endpoint in self.endpoints}

    def inside(self) -> pandas.DataFrame:
        """Return the rows between endpoints that have interfaces."""
        import numpy as np
        import pandas

        endpoints = [endpoint for endpoint in self.endpoints if endpoint.interfaces]
        ports = sorted({port for endpoint in endpoints for port in self.ports[endpoint.name]})
        if not ports:
            return pandas.DataFrame(columns=[*COLUMNS])
        sets = [InterfaceSet(endpoint.name, endpoint.interfaces) for endpoint in endpoints]
        frame = interface_matrix(self.network, sets, ports)
        relevant = [[port in self.ports[endpoint.name] for port in ports] for endpoint in endpoints]
        mask = np.array([relevant] * len(endpoints))
        single = [index for index, endpoint in enumerate(endpoints) if len(endpoint.interfaces) == 1]
        mask[single, single] = False
        frame = frame[mask.ravel()].copy()
        for here in endpoints:
            for there in endpoints:
                self._apply_prechecks(frame, here, there)
        return frame

    def _apply_prechecks(self, frame: pandas.DataFrame, here: ResolvedEndpoint, there: ResolvedEndpoint) -> None:
        """Overwrite the network's decisions where a precheck or a caveat decides."""
        with_alb = any(endpoint.named and endpoint.named.kind == "alb" for endpoint in (here, there))
        uncertain = any(caveats(self.catalog, here, there))
        if not with_alb and not uncertain:
            return
        rows = frame.index[(frame.source == here.name) & (frame.destination == there.name)]
        for row, protocol, port, decision in frame.loc[rows, ["protocol", "port", "decision"]].itertuples(name=None):
            traffic = Traffic.of(str(protocol), int(port))
            if precheck := next(prechecks(self.catalog, here, there, traffic), None):
                frame.loc[row, "decision"] = precheck.decision
            elif decision == "allow" and uncertain:
                frame.loc[row, "decision"] = "unknown"

    def outside(self) -> pandas.DataFrame:
        """Return the rows from the internet, and those to endpoints that are on the internet."""
        import pandas

        inside = [endpoint for endpoint in self.endpoints if endpoint.interfaces]
        external = [endpoint for endpoint in self.endpoints if not endpoint.interfaces]
        pairs = [(self.internet, there) for there in inside]
        pairs += [(here, there) for here in inside for there in external]
        rows = [
            (here.name, there.name, port, protocol, self._decision(here, there, Traffic.of(protocol, port)))
            for here, there in pairs
            for protocol, port in self.ports[there.name]
        ]
        return pandas.DataFrame(rows, columns=[*COLUMNS])

    def _decision(self, here: ResolvedEndpoint, there: ResolvedEndpoint, traffic: Traffic) -> Decision:
        if precheck := next(prechecks(self.catalog, here, there, traffic), None):
            return precheck.decision
        if here is self.internet and not any(self.network.interface(id).public for id in there.interfaces):
            return "deny"
        protocol = PORT_NAMES[traffic.protocol]
        decision = reach_interfaces(self.network, here.spec, there.spec, protocol, traffic.port).decision
        return "unknown" if decision == "allow" and any(caveats(self.catalog, here, there)) else decision


def _ports(network: Network, endpoint: ResolvedEndpoint) -> Iterator[Port]:
    yield from (endpoint.named.ports if endpoint.named else None) or ()
    groups: dict[str, None] = {}
    for id in endpoint.interfaces:
        groups |= dict.fromkeys(network.interface(id).groups or ())
    for group in groups:
        for rule in network.rules(group, "ingress"):
            if rule.protocol in PORT_NAMES and rule.low is not None and rule.low == rule.high:
                yield PORT_NAMES[rule.protocol], rule.low
