"""Answers of exercises as JSON data, to be handed in: numbers, names, lists, diagrams, variations, architectures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from esaws.errors import EsawsError

if TYPE_CHECKING:
    from esaws.drawing.diagram_graph import DiagramGraph

_ICON = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*\.\w+|")


class NotData(EsawsError):
    """The answer is an object that has no form as data."""


@dataclass(frozen=True)
class DrawnDiagram:
    """The graph of a diagram that was drawn elsewhere."""

    graph: DiagramGraph


def to_data(answer: Any) -> dict[str, Any]:
    """Return an answer as JSON data: `kind` and `value`.

    Raises:
        NotData: it is neither JSON data, nor a diagram, an architecture or a `costs.Variation`.
    """
    from esaws.architecture import Architecture
    from esaws.costs import Variation

    if isinstance(answer, Variation):
        return {"kind": "variation", "value": asdict(answer)}
    if isinstance(answer, Architecture):
        from esaws.course.architecture_data import architecture_to_data

        return {"kind": "architecture", "value": architecture_to_data(answer)}
    if hasattr(getattr(answer, "dot", None), "source"):
        from esaws.drawing.diagram_graph import diagram_graph

        return {"kind": "diagram", "value": graph_to_data(diagram_graph(answer))}
    if isinstance(answer, set | frozenset):
        return {"kind": "set", "value": [_plain(item, answer) for item in sorted(answer, key=repr)]}
    return {"kind": "value", "value": _plain(answer, answer)}


def from_data(data: Mapping[str, Any]) -> Any:
    """Return the answer that `to_data` wrote.

    Raises:
        EsawsError: it is not such data.
    """
    from esaws.costs import Variation

    try:
        kind, value = data["kind"], data["value"]
        if kind == "variation":
            return Variation(**value)
        if kind == "architecture":
            from esaws.course.architecture_data import architecture_from_data

            return architecture_from_data(value)
        if kind == "diagram":
            return DrawnDiagram(graph_from_data(value))
        if kind == "set":
            return set(value)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise EsawsError(f"the answer is not data of a known form ({type(error).__name__}: {error})") from error
    if kind != "value":
        raise EsawsError(f"the answer is of the unknown kind {kind!r:.40}; it was written by another version of esaws")
    return value


def graph_to_data(graph: DiagramGraph) -> dict[str, Any]:
    """Return the graph of a diagram as JSON data: title, nodes and edges."""
    nodes = [{"icon": node.icon, "label": node.label, "groups": list(node.groups)} for node in graph.nodes]
    positions = {node: number for number, node in enumerate(graph.nodes)}
    edges = [
        {"source": positions[edge.source], "target": positions[edge.target], "label": edge.label}
        for edge in graph.edges
    ]
    return {"title": graph.title, "nodes": nodes, "edges": edges}


def graph_from_data(data: Mapping[str, Any]) -> DiagramGraph:
    """Return the graph that `graph_to_data` wrote.

    Raises:
        KeyError, TypeError, ValueError, IndexError: it is not such data.
    """
    from esaws.drawing.diagram_graph import DiagramEdge, DiagramGraph, DiagramNode

    nodes = tuple(
        DiagramNode(_icon(node["icon"]), str(node["label"]), tuple(map(str, node["groups"]))) for node in data["nodes"]
    )
    edges = (DiagramEdge(nodes[edge["source"]], nodes[edge["target"]], str(edge["label"])) for edge in data["edges"])
    return DiagramGraph(str(data.get("title", "")), nodes, tuple(edges))


def _icon(name: str) -> str:
    if not _ICON.fullmatch(name):
        raise ValueError(f"{name!r:.40} is not the name of an icon")
    return name


def _plain(value: Any, answer: Any) -> Any:
    """The value as JSON has it; numbers of NumPy and pandas become Python's."""
    if getattr(value, "ndim", None) == 0:
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, answer) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, answer) for key, item in value.items()}
    raise NotData(f"the answer is of the type {type(answer).__name__}, which has no form as data")
