"""The order of work: dependency graphs of a deploy and of a teardown, and the longest path through them."""

from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from typing import Literal, NamedTuple

from esaws.deploy.change import Change
from esaws.resource import KINDS, Live, Ref


class Node(NamedTuple):
    """One piece of work: make or delete a resource. `key` is (kind, name) to make it, (kind, id) to delete it."""

    work: Literal["make", "delete"]
    key: tuple[str, str]


def node_of(change: Change) -> Node:
    """Return the piece of work of a change: to make what is declared, to delete anything else."""
    if change.resource:
        return Node("make", change.resource.key)
    assert change.live
    return Node("delete", change.live.ref)


Graph = dict[Node, tuple[Change, set[Node]]]
"""Each node with its change and the nodes that must be done before it."""


def delete_edges(lives: Iterable[Live]) -> dict[Ref, set[Ref]]:
    """Map each resource to those that must be gone before it: its children, and the kinds in its `delete_after`."""
    by_ref = {live.ref: live for live in lives}
    edges: dict[Ref, set[Ref]] = {ref: set() for ref in by_ref}
    for ref, live in by_ref.items():
        for parent in live.parents & by_ref.keys():
            edges[parent].add(ref)
        for other in by_ref:
            if other.kind in KINDS[live.kind].delete_after:
                edges[ref].add(other)
    return edges


def topological_order(edges: dict[Ref, set[Ref]], lives: dict[Ref, Live]) -> Iterator[Ref]:
    """Yield each reference after those that must be gone before it.

    Kind and name decide where the edges leave the order open, because ids differ between runs.
    """
    sorter = TopologicalSorter(edges)
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda ref: lives[ref].key)
        yield from ready
        sorter.done(*ready)


def delete_graph(changes: Iterable[Change]) -> Graph:
    """Return the graph that deletes the resources of `changes`, children first."""
    by_ref = {change.live.ref: change for change in changes if change.live}
    edges = delete_edges(change.live for change in by_ref.values() if change.live)
    return {
        Node("delete", ref): (by_ref[ref], {Node("delete", child) for child in children})
        for ref, children in edges.items()
    }


def deploy_graph(changes: Iterable[Change]) -> Graph:
    """Return the graph that makes the declared resources after their dependencies, and deletes the pruned ones.

    A pruned resource is deleted before an update of the resources that it depends on, and after the resources that
    refer to it have been updated.
    """
    changes = list(changes)
    graph = delete_graph(change for change in changes if change.action == "delete")
    declared: dict[Ref, tuple[Node, Change]] = {}
    for change in changes:
        if change.resource:
            node = node_of(change)
            graph[node] = (change, {Node("make", dependency.key) for dependency in change.resource.dependencies})
            if change.live:
                declared[change.live.ref] = (node, change)
    for change in changes:
        if change.action != "delete" or not change.live:
            continue
        node = Node("delete", change.live.ref)
        for ref, (declared_node, declared_change) in declared.items():
            depends_on_it = ref in change.live.parents or change.live.kind in KINDS[ref.kind].delete_after
            if depends_on_it and declared_change.action == "update":
                graph[declared_node][1].add(node)
        for declared_node, declared_change in declared.values():
            if declared_change.live and change.live.ref in declared_change.live.parents:
                graph[node][1].add(declared_node)
    return graph


def critical_path(graph: Graph) -> dict[Node, float]:
    """Return, for each node, roughly the seconds from its start until all nodes that depend on it are done."""
    dependents: dict[Node, list[Node]] = {node: [] for node in graph}
    for node, (_, dependencies) in graph.items():
        for dependency in dependencies:
            dependents[dependency].append(node)
    length: dict[Node, float] = {}
    for node in TopologicalSorter(dependents).static_order():  # dependents come first
        length[node] = KINDS[node.key[0]].seconds + max((length[later] for later in dependents[node]), default=0)
    return length
