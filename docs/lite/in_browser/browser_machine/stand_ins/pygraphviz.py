"""pygraphviz in a browser: reads a graph, changes attributes of its nodes and edges, and draws it as SVG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from browser_machine import javascript

_STRUCTURE = {"name", "directed", "strict", "_subgraph_cnt", "_gvid", "objects", "edges", "nodes", "subgraphs", "head"}
_STRUCTURE |= {"tail"}
_HTML = re.compile(r"<.*>", re.DOTALL)


class Attributes(dict[str, Any]):
    """The attributes of a graph, a node or an edge; one that is not set is None."""

    def __missing__(self, name: str) -> None:
        return None


class Node(str):
    """The name of a node, with its attributes."""

    __slots__ = ("attr",)
    attr: Attributes


class Edge(tuple[Node, ...]):
    """The two nodes of an edge, with its attributes."""

    attr: Attributes


class _Group:
    """A graph or a subgraph: its attributes, nodes and groups."""

    def __init__(self, content: dict[str, Any], nodes: dict[int, Node], groups: dict[int, _Group]) -> None:
        self.name = str(content["name"])
        self.graph_attr = _attributes(content)
        self._content, self._nodes, self._groups = content, nodes, groups

    def nodes(self) -> list[Node]:
        """The nodes, those of subgraphs included."""
        return [self._nodes[number] for number in self._content.get("nodes", ())]

    def subgraphs(self) -> list[_Group]:
        """The subgraphs directly below."""
        return [self._groups[number] for number in self._content.get("subgraphs", ())]


class AGraph(_Group):
    """A graph in the DOT language."""

    def __init__(self, string: str = "") -> None:
        """Raises ValueError if the text is not in the DOT language."""
        content = javascript.read_graph(string)
        objects = content.get("objects", ())
        count = content.get("_subgraph_cnt", 0)
        groups: dict[int, _Group] = {}
        nodes = {each["_gvid"]: _node(each) for each in objects[count:]}
        for each in objects[:count]:
            groups[each["_gvid"]] = _Group(each, nodes, groups)
        inner = {number for each in objects[:count] for number in each.get("subgraphs", ())}
        outer = [number for number in groups if number not in inner]
        super().__init__({**content, "nodes": [*nodes], "subgraphs": outer}, nodes, groups)
        self._edges = [_edge(each, nodes) for each in content.get("edges", ())]
        self._source, self._as_read = string, self.to_string()

    def edges(self) -> list[Edge]:
        """The edges, those of subgraphs included."""
        return self._edges

    def to_string(self) -> str:
        """The graph in the DOT language, with the attributes that it has now."""
        kind, arrow = ("digraph", "->") if self._content["directed"] else ("graph", "--")
        edges = (f"{_quoted(edge[0])} {arrow} {_quoted(edge[1])} {_listed(edge.attr)}" for edge in self._edges)
        return "\n".join([f"{kind} {_quoted(self.name)} {{", *_lines(self), *edges, "}"])

    def draw(self, *, format: str, prog: str = "dot") -> bytes:
        """The picture. Raises ValueError for a format other than SVG."""
        if format != "svg":
            raise ValueError(f"{format}: a page draws SVG only")
        now = self.to_string()
        # What was read is drawn as it was written: Graphviz reports labels in HTML without what marks them as such.
        return javascript.lay_out(self._source if now == self._as_read else now).encode()


def _attributes(content: dict[str, Any]) -> Attributes:
    return Attributes({name: value for name, value in content.items() if name not in _STRUCTURE})


def _node(content: dict[str, Any]) -> Node:
    node = Node(content["name"])
    node.attr = _attributes(content)
    return node


def _edge(content: dict[str, Any], nodes: dict[int, Node]) -> Edge:
    edge = Edge((nodes[content["tail"]], nodes[content["head"]]))
    edge.attr = _attributes(content)
    return edge


def _lines(group: _Group) -> Iterator[str]:
    """The attributes, nodes and subgraphs of a group, each node in the innermost one that has it."""
    yield f"graph {_listed(group.graph_attr)}"
    below: set[Node] = set()
    for part in group.subgraphs():
        below.update(part.nodes())
        yield f"subgraph {_quoted(part.name)} {{"
        yield from _lines(part)
        yield "}"
    yield from (f"{_quoted(node)} {_listed(node.attr)}" for node in group.nodes() if node not in below)


def _listed(attributes: Attributes) -> str:
    return "[" + ", ".join(f"{_quoted(name)}={_quoted(str(value))}" for name, value in attributes.items()) + "]"


def _quoted(text: str) -> str:
    return text if _HTML.fullmatch(text) else '"' + text.replace('"', '\\"') + '"'
