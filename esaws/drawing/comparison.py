"""Compare the scene of an account with that of a declared architecture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from esaws.drawing.scene import Node, Scene

NOT_THERE, NOT_DECLARED = "declared, not there", "not declared"


def compare_scenes(live: Scene, declared: Scene) -> Scene:
    """The live scene with undeclared nodes marked, missing ones added and marked, and both listed in footnotes."""
    declared_names, live_names = _names(declared), _names(live)

    def mark(nodes: Iterable[Node]) -> tuple[Node, ...]:
        return tuple(
            node if (node.key[0], node.name) in declared_names else replace(node, lines=(*node.lines, NOT_DECLARED))
            for node in nodes
        )

    missing = [
        replace(node, lines=(NOT_THERE,), subnets=())
        for node in declared.nodes
        if (node.key[0], node.name) not in live_names
    ]
    missing += [
        Node(fleet.key, fleet.name, fleet.icon, (NOT_THERE,))
        for fleet in declared.fleets
        if ("Cluster", fleet.name) not in live_names
    ]
    extra_fleets = [fleet.name for fleet in live.fleets if ("Cluster", fleet.name) not in declared_names]
    declared_subnets = {subnet.name for subnet in declared.subnets}
    live_subnets = {subnet.name for subnet in live.subnets}
    differences = {
        NOT_THERE: {*(node.name for node in missing), *(declared_subnets - live_subnets)},
        NOT_DECLARED: {*extra_fleets, *(live_subnets - declared_subnets)},
    }
    footnotes = [
        f"compared with {declared.name}, {difference}: {', '.join(sorted(names)) or 'nothing'}"
        for difference, names in differences.items()
    ]
    return replace(
        live,
        load_balancers=mark(live.load_balancers),
        stores=mark(live.stores),
        regional=(*mark(live.regional), *missing),
        footnotes=(*live.footnotes, *footnotes),
    )


def _names(scene: Scene) -> set[tuple[str, str]]:
    """Kind and name of every node and fleet."""
    return {(node.key[0], node.name) for node in scene.nodes} | {("Cluster", fleet.name) for fleet in scene.fleets}
