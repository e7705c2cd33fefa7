"""The graph of a scene, in the nodes, groups and edges that a diagram of the `diagrams` package can show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from esaws.drawing.diagram_graph import DiagramEdge, DiagramGraph, DiagramNode
from esaws.drawing.labels import card_lines
from esaws.drawing.scene import USERS, Fleet, Key, Scene
from esaws.drawing.style import INSTANCE_ICON, USERS_ICON


def scene_graph(scene: Scene) -> DiagramGraph:
    """Return the graph of a scene. Pure.

    Groups of `diagrams` nest and can't cross. So the groups are region, VPC and subnets. The instances of a cluster are
    one node in each of their subnets; what has several subnets otherwise is in the VPC's group.
    """
    places = _Places(scene)
    nodes: defaultdict[Key, list[DiagramNode]] = defaultdict(list)
    if scene.has_users:
        nodes[USERS].append(DiagramNode(USERS_ICON, "Users"))
    for item in scene.nodes:
        groups = places.region if item in scene.regional else places.of(item.subnets)
        nodes[item.key].append(DiagramNode(item.icon, "\n".join((item.name, *item.lines)), groups))
    for fleet in scene.fleets:
        for node in _fleet_nodes(fleet, places):
            is_second = any(node in others for others in nodes.values())
            nodes[fleet.key].append(replace(node, label=f"{node.label}\n{fleet.name}") if is_second else node)
    edges = [
        DiagramEdge(source, target, "\n".join(filter(None, (edge.label, edge.detail))))
        for edge in scene.edges
        for source in nodes[edge.source]
        for target in nodes[edge.target]
    ]
    title = f"Architecture {scene.name} in {scene.region}"
    return DiagramGraph(title, tuple(node for some in nodes.values() for node in some), tuple(edges))


class _Places:
    """The groups of a scene: the region, its VPC, and the VPC's subnets."""

    def __init__(self, scene: Scene) -> None:
        self.region: tuple[str, ...] = (f"Region {scene.region}",)
        self.vpc = (*self.region, scene.vpc) if scene.vpc else self.region
        self.subnets = {
            subnet.name: (*self.vpc, f"{subnet.name}: {'public' if subnet.public else 'private'}, {subnet.cidr}")
            for subnet in scene.subnets
        }

    def of(self, subnets: tuple[str, ...]) -> tuple[str, ...]:
        """The group of something in these subnets: the subnet if it is one, else the VPC."""
        return self.subnets.get(subnets[0], self.vpc) if len(subnets) == 1 else self.vpc


def _fleet_nodes(fleet: Fleet, places: _Places) -> Iterator[DiagramNode]:
    icon = fleet.card_icon or INSTANCE_ICON
    if not fleet.instances:
        yield DiagramNode(fleet.icon, f"{fleet.name}\n{fleet.placeholder}", places.vpc)
    for subnet, count in fleet.instances:
        lines = [" ".join(text for text, _, _ in line) for line in card_lines(fleet, subnet, count)]
        if not fleet.workloads:
            lines.insert(0, fleet.name)
        yield DiagramNode(icon, "\n".join(line.strip() for line in lines), places.of((subnet,)))
