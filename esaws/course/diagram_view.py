"""A learner's diagram as a check looks at it: its graph, never its pixels."""

from __future__ import annotations

import re
from typing import Any

from esaws.course.exercises import Attempt, Point
from esaws.errors import UsageError

CLASSES: dict[str, tuple[str, ...]] = {
    "users": ("Users", "User", "Client", "InternetAlt1", "InternetAlt2"),
    "internet gateway": ("InternetGateway",),
    "load balancer": ("ElbApplicationLoadBalancer", "ElasticLoadBalancing"),
    "service": (
        "ElasticContainerService",
        "ElasticContainerServiceService",
        "ElasticContainerServiceTask",
        "ElasticContainerServiceContainer",
        "EC2",
        "EC2Instance",
        "EC2Instances",
    ),
    "database": ("RDS", "RDSInstance", "RDSPostgresqlInstance", "Aurora", "AuroraInstance"),
    "cache": ("Elasticache", "ElasticacheForRedis", "ElasticacheCacheNode"),
    "broker": ("MQ",),
    "bucket": (
        "SimpleStorageServiceS3",
        "SimpleStorageServiceS3Bucket",
        "SimpleStorageServiceS3BucketWithObjects",
    ),
}
"""The classes of the diagrams package that show each part of a system; aliases such as `ECS` and `ALB` have these."""

EXAMPLES = {
    "users": "general.Users or general.Client",
    "internet gateway": "network.InternetGateway",
    "load balancer": "network.ALB or network.ELB",
    "service": "compute.ECS or compute.EC2",
    "database": "database.RDS or database.Aurora",
    "cache": "database.ElastiCache",
    "broker": "integration.MQ",
    "bucket": "storage.S3",
}
"""What a learner writes for each part, by module of `diagrams.aws`."""


class DiagramView:
    """The graph of the diagram that a learner handed in. Names are compared without case, spaces and punctuation."""

    def __init__(self, attempt: Attempt) -> None:
        self.problem = ""
        self.graph: Any = None
        try:
            self.graph = attempt.answer.graph if hasattr(attempt.answer, "graph") else _read(attempt.answer)
        except UsageError as error:
            self.problem = str(error)

    def title_point(self, exercise: str, title: str) -> Point:
        """Return whether there is a diagram with this title."""
        found = self.problem or f"the title is {self.graph.title!r}"
        return Point(
            f"The diagram has the title {title!r}",
            ok=self.graph is not None and self.graph.title == title,
            found=found,
            look_at=f'course.check("{exercise}", diagram), and Diagram(mine.title)',
            is_needed=True,
        )

    def nodes(self, name: str, part: str | None = None) -> list[Any]:
        """Return the nodes of a name, of the classes of a part if one is given."""
        nodes = self.graph.nodes if self.graph else ()
        allowed = CLASSES.get(part or "", ())
        return [
            node for node in nodes if _plain(node.name) == _plain(name) and (not part or node.class_name in allowed)
        ]

    def node_point(self, name: str, part: str) -> Point:
        """Return whether there is one node of this name, of a class that shows the part."""
        named = self.nodes(name)
        classes = ", ".join(node.class_name or "no class" for node in named)
        others = ", ".join(repr(node.name) for node in self.graph.nodes) if self.graph else ""
        return Point(
            f"{name} is drawn as {_with_article(part)}",
            ok=len(self.nodes(name, part)) == 1,
            found=(f"{len(named)} nodes with it: {classes}" if named else f"the labels are {others or 'none'}"),
            look_at=f"the first line of its label, and its class, such as {EXAMPLES[part]}",
        )

    def group_point(self, name: str, *words: str) -> Point:
        """Return whether a node is in nested groups whose labels contain these words, from the outside in."""
        nodes = self.nodes(name)
        is_in = any(_contains_in_order(node.groups, words) for node in nodes)
        places = "; ".join(" > ".join(node.groups) or "no group" for node in nodes)
        return Point(
            f"{name} is in the group {' > '.join(words)}",
            ok=is_in,
            found=f"it is in {places}" if nodes else "there is no node with this label",
            look_at="with Cluster(…): and the indentation of the node's line",
        )

    def edge_point(self, source: str, target: str, label: str = "") -> Point:
        """Return whether exactly one edge goes from one name to the other, with the label if one is given."""
        edges = self.graph.edges if self.graph else ()
        between = [
            edge for edge in edges if {_plain(edge.source.name), _plain(edge.target.name)} == _pair(source, target)
        ]
        forward = [edge for edge in between if _plain(edge.source.name) == _plain(source)]
        labels = [edge.label for edge in forward]
        if forward:
            found = f"the labels of its edges are {labels}" if len(forward) == 1 else f"{len(forward)} edges"
        else:
            found = f"the edge goes from {target} to {source}" if between else "there is no edge between them"
        return Point(
            f"An edge goes from {source} to {target}" + (f", with the label {label}" if label else ""),
            ok=len(between) == len(forward) == 1 and (not label or label in re.findall(r"\w+", labels[0])),
            found=found,
            look_at=f'{source} >> Edge(label="…") >> {target}' if label else f"{source} >> {target}",
        )

    def edge_count_point(self, expected: int) -> Point:
        """Return whether the diagram has this number of edges."""
        count = len(self.graph.edges) if self.graph else 0
        return Point(f"It has {expected} edges", count == expected, f"it has {count}", "diagram.graph.edges")


def _read(answer: Any) -> Any:
    from esaws.drawing.diagram_graph import diagram_graph

    if not hasattr(answer, "dot"):
        raise UsageError("no diagram was handed in" if answer is None else f"a {type(answer).__name__} was handed in")
    return diagram_graph(answer)


def _with_article(part: str) -> str:
    article = "" if part.endswith("s") else "an " if part[0] in "aeiou" else "a "
    return f"{article}{part}"


def _pair(one: str, other: str) -> set[str]:
    return {_plain(one), _plain(other)}


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _contains_in_order(groups: tuple[str, ...], words: tuple[str, ...]) -> bool:
    remaining = iter(groups)
    return all(any(word.lower() in group.lower() for group in remaining) for word in words)
