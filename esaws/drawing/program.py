"""Write a graph as a program for the stock `diagrams` package."""

from __future__ import annotations

import json
import keyword
import re
from collections import defaultdict
from collections.abc import Collection, Iterator

from esaws.drawing.diagram_graph import DiagramGraph, DiagramNode

INDENT = "    "


def write_program(graph: DiagramGraph, filename: str, notes: Collection[str] = ()) -> str:
    """Return a program that draws `graph` to `filename`.png with the diagrams package and Graphviz's `dot`.

    `notes` become comments at its head.
    """
    names = _variables(graph.nodes)
    lines = [
        f"# {_one_line(graph.title)}. Written by esaws; change it as you like.",
        "# Install the package diagrams and the program dot of Graphviz, then run this file: it draws a picture.",
        *(f"# {_one_line(note)}" for note in notes),
        "",
        *_imports(graph),
        "",
        'look = {"splines": "spline"}  # the default, ortho, misplaces the labels of edges',
        f"with Diagram({_literal(graph.title)}, filename={_literal(filename)}, show=False, graph_attr=look):",
        *_group((), list(range(len(graph.nodes))), graph, names),
        *_edges(graph, names),
    ]
    if not graph.nodes:
        lines.append(f"{INDENT}pass")
    return "\n".join([*lines, ""])


def _imports(graph: DiagramGraph) -> Iterator[str]:
    core = ["Diagram"]
    core += ["Cluster"] if graph.groups else []
    core += ["Edge"] if any(edge.label for edge in graph.edges) else []
    yield f"from diagrams import {', '.join(sorted(core))}"
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for node in graph.nodes:
        module, _, name = node.icon.rpartition(".")
        classes[module].add(name)
    for module, kinds in sorted(classes.items()):
        yield f"from diagrams.{module} import {', '.join(sorted(kinds))}"


def _group(path: tuple[str, ...], members: list[int], graph: DiagramGraph, names: list[str]) -> Iterator[str]:
    """The nodes of a group, then the groups in it, in the order of the graph. Nodes are given by their positions."""
    indent = INDENT * (len(path) + 1)
    inner: defaultdict[str, list[int]] = defaultdict(list)
    for number in members:
        node = graph.nodes[number]
        if node.groups == path:
            yield f"{indent}{names[number]} = {node.class_name}({_literal(node.label)})"
        else:
            inner[node.groups[len(path)]].append(number)
    for label, inside in inner.items():
        yield f"{indent}with Cluster({_literal(label)}):"
        yield from _group((*path, label), inside, graph, names)


def _edges(graph: DiagramGraph, names: list[str]) -> Iterator[str]:
    by_node = dict(zip(graph.nodes, names, strict=True))
    for edge in graph.edges:
        middle = f" >> Edge(label={_literal(edge.label)})" if edge.label else ""
        yield f"{INDENT}{by_node[edge.source]}{middle} >> {by_node[edge.target]}"


def _variables(nodes: Collection[DiagramNode]) -> list[str]:
    """A variable for each node, from its name; the second of a name gets a number."""
    taken: set[str] = set()
    names = []
    for node in nodes:
        base = re.sub(r"\W+", "_", node.name.lower(), flags=re.ASCII).strip("_") or "node"
        base = f"node_{base}" if base[0].isdigit() or keyword.iskeyword(base) else base
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        names.append(name)
    return names


def _literal(text: str) -> str:
    r"""A Python literal of a label. Graphviz reads `\` as an escape, and `<…>` as HTML."""
    text = text.replace("\\", "\\\\")
    return json.dumps(f" {text}" if text.startswith("<") and text.endswith(">") else text, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
