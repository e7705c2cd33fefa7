"""The order of work: what must be done before what, in both directions, and what to begin first."""

from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from typing import Literal, NamedTuple

from esaws.deploy.change import Change
from esaws.resource import KINDS, Live, Ref


class Node(NamedTuple):
    """One piece of work: its change, and whether it makes or deletes."""

    work: Literal["make", "delete"]
    key: tuple[str, str]


Graph = dict[Node, tuple[Change, set[Node]]]
"""Each piece of work with its change and the pieces that must be done before it."""


def delete_edges(lives: Iterable[Live]) -> dict[Ref, set[Ref]]:
    """For each live thing those that must be gone before it: its children, and the kinds that it outlives."""
    by_ref = {live.ref: live for live in lives}
    edges: dict[Ref, set[Ref]] = {ref: set() for ref in by_ref}
    for ref, live in by_ref.items():
        for parent in live.parents & by_ref.keys():
            edges[parent].add(ref)
        for other in by_ref:
            if other.kind in KINDS[live.kind].outlives:
                edges[ref].add(other)
    return edges


def by_name(edges: dict[Ref, set[Ref]], lives: dict[Ref, Live]) -> Iterator[Ref]:
    """Everything after what must be gone before it; by kind and name where that is open, as ids differ on every run."""
    sorter = TopologicalSorter(edges)
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda ref: lives[ref].key)
        yield from ready
        sorter.done(*ready)


def delete_graph(changes: Iterable[Change]) -> Graph:
    by_ref = {change.live.ref: change for change in changes if change.live}
    edges = delete_edges(change.live for change in by_ref.values() if change.live)
    return {
        Node("delete", ref): (by_ref[ref], {Node("delete", first) for first in firsts}) for ref, firsts in edges.items()
    }


def deploy_graph(changes: Iterable[Change]) -> Graph:
    """Declared resources after what they need.

    Extra ones go before what they stand on is changed, and after what let go of them.
    """
    changes = list(changes)
    graph = delete_graph(change for change in changes if change.action == "delete")
    made: dict[Ref, tuple[Node, Change]] = {}
    for change in changes:
        if change.resource:
            node = Node("make", change.resource.key)
            graph[node] = (change, {Node("make", needed.key) for needed in change.resource.dependencies})
            if change.live:
                made[change.live.ref] = (node, change)
    for change in changes:
        if change.action != "delete" or not change.live:
            continue
        node = Node("delete", change.live.ref)
        for ref, (changed, its_change) in made.items():
            stands_on_it = ref in change.live.parents or change.live.kind in KINDS[ref.kind].outlives
            if stands_on_it and its_change.action == "update":
                graph[changed][1].add(node)
        for keeper, keeper_change in made.values():
            if keeper_change.live and change.live.ref in keeper_change.live.parents:
                graph[node][1].add(keeper)
    return graph


def critical_path(graph: Graph) -> dict[Node, float]:
    """For each piece of work about how many seconds pass from its start until all that waits for it is done."""
    waiting: dict[Node, list[Node]] = {node: [] for node in graph}
    for node, (_, firsts) in graph.items():
        for first in firsts:
            waiting[first].append(node)
    length: dict[Node, float] = {}
    for node in TopologicalSorter(waiting).static_order():  # what waits comes first
        length[node] = KINDS[node.key[0]].seconds + max((length[later] for later in waiting[node]), default=0)
    return length
