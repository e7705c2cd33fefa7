"""The learner's own diagram, which grows from chapter to chapter."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from esaws.course.answers import graph_from_data, graph_to_data
from esaws.course.progress import Progress
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.drawing.diagram_graph import DiagramGraph


@dataclass(frozen=True)
class SoFar:
    """The diagram of a learner as the chapters before this one left it; call it to continue it."""

    learner: str
    chapter: str
    title: str

    @property
    def graph(self) -> DiagramGraph:
        """What the learner drew last and a check accepted; the course's own where the learner skipped a chapter."""
        return _graph_before(self.learner, self.chapter)

    def __call__(self) -> Any:
        """Return a new `Diagram` with everything in it, to be continued in a `with` block.

        `diagram["alb"]` is a node of it, `diagram.group("VPC")` one of its groups, as a `Cluster`, and
        `diagram.edge(label="80")` an `Edge` to put between nodes.
        """
        return _continue(self.graph, self.title)


def keep_diagram(progress: Progress, chapter: str, diagram: Any) -> None:
    """Keep the diagram that a check has accepted."""
    from esaws.drawing.diagram_graph import diagram_graph

    progress.record_diagram(chapter, graph_to_data(diagram_graph(diagram)))


def _graph_before(learner: str, chapter: str) -> DiagramGraph:
    from esaws.course.chapters import chapters

    drawn = [
        (number, exercise)
        for number, each in chapters().items()
        for exercise in each.exercises
        if exercise.is_diagram and number < chapter
    ]
    number, exercise = drawn[-1]
    if kept := Progress(learner).diagram(number):
        return graph_from_data({**kept, "title": ""})
    # Its solution continues what the learner drew in earlier chapters, if anything.
    graph: DiagramGraph = exercise.solutions[0](None, exercise.values_of(learner)).graph  # type: ignore[arg-type]
    return graph


def _continue(graph: DiagramGraph, title: str) -> Any:
    from diagrams import Cluster, Edge, Node

    from esaws.drawing.diagram import Diagram

    class GrowingDiagram(Diagram):
        """A diagram whose first nodes are already there."""

        named: dict[str, Node]

        def __getitem__(self, name: str) -> Node:
            if name not in self.named:
                raise UsageError(f"your diagram has no node {name!r} so far; it has {', '.join(sorted(self.named))}")
            return self.named[name]

        @staticmethod
        def group(label: str) -> Cluster:
            """A group of this label: the nodes of equal groups are in one box."""
            return Cluster(label)

        @staticmethod
        def edge(label: str) -> Edge:
            """An edge with a label."""
            return Edge(label=label)

    diagram = GrowingDiagram(title)
    diagram.named = {}
    with diagram:
        for node in graph.nodes:
            with ExitStack() as groups:
                for label in node.groups:
                    groups.enter_context(Cluster(label))
                diagram.named[node.name] = _class_of(node.icon)(node.label)
        for edge in graph.edges:
            diagram.named[edge.source.name] >> Edge(label=edge.label) >> diagram.named[edge.target.name]
    return diagram


def _class_of(icon: str) -> Any:
    """The class of an icon such as `aws.network.InternetGateway`; that of plain nodes if it has none."""
    from diagrams import Node

    module, _, name = icon.rpartition(".")
    return getattr(import_module(f"diagrams.{module}"), name) if module else Node
