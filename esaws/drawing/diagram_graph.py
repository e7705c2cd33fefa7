"""What a diagram of the `diagrams` package says, without its looks: nodes with their classes and groups, and edges."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from esaws.drawing.graphviz_engine import read_graph


@dataclass(frozen=True)
class DiagramNode:
    """A node: its class as `aws.network.InternetGateway`, its label, and the labels of its groups, outermost first."""

    icon: str
    label: str
    groups: tuple[str, ...] = ()

    @property
    def class_name(self) -> str:
        """The name of its class, such as `InternetGateway`; empty if it has none."""
        return self.icon.rpartition(".")[2]

    @property
    def name(self) -> str:
        """The first line of its label."""
        return self.label.partition("\n")[0].strip()


@dataclass(frozen=True)
class DiagramEdge:
    """An edge from a node to another one. One without a direction counts as `source` to `target`."""

    source: DiagramNode
    target: DiagramNode
    label: str = ""


@dataclass(frozen=True)
class DiagramGraph:
    """The graph of a diagram, in the order of its source."""

    title: str
    nodes: tuple[DiagramNode, ...]
    edges: tuple[DiagramEdge, ...]

    @property
    def groups(self) -> set[tuple[str, ...]]:
        """Every group with a node in it, as the labels of the groups from the outermost to it."""
        return {node.groups[:depth] for node in self.nodes for depth in range(1, len(node.groups) + 1)}

    def description(self) -> str:
        """The diagram as text, for screen readers."""
        sentences = [f"Diagram {self.title}." if self.title else "Diagram."]
        for groups in dict.fromkeys(node.groups for node in self.nodes):
            names = ", ".join(_words(node.label) for node in self.nodes if node.groups == groups)
            sentences.append(f"{' > '.join(map(_words, groups))}: {names}." if groups else f"{names}.")
        for edge in self.edges:
            label = f" ({_words(edge.label)})" if edge.label else ""
            sentences.append(f"{edge.source.name} to {edge.target.name}{label}.")
        return " ".join(sentences)

    def differences(self, other: DiagramGraph) -> list[str]:
        """What only one of two graphs has, one line each, sorted; empty if nodes, groups and edges are the same."""
        pairs = ((self.nodes, other.nodes), (self.edges, other.edges))
        return sorted(line for mine, theirs in pairs for line in (*_only("-", mine, theirs), *_only("+", theirs, mine)))


def _only(sign: str, one: Iterable[DiagramNode | DiagramEdge], other: Iterable[Any]) -> Iterator[str]:
    for item, count in (Counter(one) - Counter(other)).items():
        if isinstance(item, DiagramNode):
            text = f"node {item.class_name} {_words(item.label)!r} in {' > '.join(item.groups) or 'no group'}"
        else:
            text = f"edge {item.source.name} to {item.target.name}, label {_words(item.label)!r}"
        yield f"{sign} {text}" + (f" ({count} times)" if count > 1 else "")


def _words(label: str) -> str:
    return ", ".join(line.strip() for line in label.split("\n") if line.strip())


def diagram_graph(diagram: Any) -> DiagramGraph:
    """Read the graph of a diagram: of `esaws.Diagram`, of the stock class, or of a text in the DOT language.

    Raises:
        UsageError: pygraphviz is not installed, or the text is not in the DOT language.
    """
    graph = read_graph(diagram if isinstance(diagram, str) else diagram.dot.source)
    groups: dict[str, tuple[str, ...]] = {}
    for path, members in _groups(graph, ()):
        groups |= dict.fromkeys(members, path)  # the inner group comes later
    nodes = {
        str(node): DiagramNode(
            _icon_class(node.attr["image"]), plain_text(node.attr["label"]), groups.get(str(node), ())
        )
        for node in graph.nodes()
    }
    edges = []
    for edge in graph.edges():
        ends = (edge[1], edge[0]) if edge.attr["dir"] == "back" else (edge[0], edge[1])
        edges.append(DiagramEdge(nodes[ends[0]], nodes[ends[1]], plain_text(edge.attr["label"])))
    return DiagramGraph(plain_text(graph.graph_attr["label"]), tuple(nodes.values()), tuple(edges))


def _groups(graph: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Every cluster with its path and its nodes, those of inner clusters included."""
    for part in graph.subgraphs():
        inner = (*path, plain_text(part.graph_attr["label"]))
        yield inner, [str(node) for node in part.nodes()]
        yield from _groups(part, inner)


def plain_text(label: str | None) -> str:
    """A label of Graphviz with its escapes resolved."""
    if not label or label == r"\N":
        return ""
    lines = label.replace("\\\\", "\0").replace(r"\n", "\n").replace(r"\l", "\n").replace(r"\r", "\n")
    return lines.replace("\\", "").replace("\0", "\\")


def _icon_class(image: str | None) -> str:
    """The class of an icon's file; empty if no class of diagrams has it."""
    match = re.search(r"resources/(\w+)/(\w+)/([^/]+)$", (image or "").replace("\\", "/"))
    return _classes(match[1], match[2]).get(match[3], "") if match else ""


@cache
def _classes(provider: str, kind: str) -> dict[str, str]:
    """The classes of a module of diagrams by the name of their icon's file."""
    try:
        module = import_module(f"diagrams.{provider}.{kind}")
    except ImportError:
        return {}
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    return {
        vars(value)["_icon"]: f"{provider}.{kind}.{value.__name__}"
        for value in classes
        if value.__module__ == module.__name__ and vars(value).get("_icon")
    }
