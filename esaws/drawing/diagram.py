"""The `Diagram` of the diagrams package, drawn without an installed Graphviz, and shown by notebooks."""

from __future__ import annotations

import re
import webbrowser
from html import escape, unescape
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import diagrams

from esaws.drawing.diagram_graph import DiagramGraph, diagram_graph
from esaws.drawing.fonts import FAMILY, font_faces, text_width
from esaws.drawing.graphviz_engine import lay_out, read_graph
from esaws.drawing.icons import png_data_uri
from esaws.drawing.raster import pixel_size, save_picture, svg_to_png
from esaws.drawing.style import GREY, INK

ICON = 60.0  # its size in points
LABEL = 12.0
LINE = 15.0  # from one line of a label to the next
_NODE = re.compile(r"<title>([^<]*)</title>\s*<image ([^>]*)/>")
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
_FAMILY = re.compile(r'font-family="[^"]*"')
_NAMES = re.compile(r"<title>[^<]*</title>\n?|<!--.*?-->\n?", re.DOTALL)
_ROOT = re.compile(r"<svg [^>]*>")


class Diagram(diagrams.Diagram):
    """A diagram as the diagrams package describes it: nodes of `diagrams.aws`, `Cluster` and `Edge` work unchanged.

    It differs from the stock class in three points. It needs no program `dot`: the engine comes with pygraphviz. A
    notebook shows it as a picture with a description. It writes a file only if `filename` is given, as .png or .svg by
    `outformat`, and opens no window unless `show` is true. Node labels get the room they need.

        with Diagram("Sites API") as diagram:
            RDS("database")
        diagram
    """

    _default_graph_attrs: ClassVar[dict[str, str]] = diagrams.Diagram._default_graph_attrs | {
        "pad": "0.2",
        "nodesep": "0.3",
        "ranksep": "0.6",
        "fontcolor": INK,
    }
    _default_edge_attrs: ClassVar[dict[str, str]] = {"color": GREY}

    def __init__(
        self, name: str = "", filename: str = "", direction: str = "LR", curvestyle: str = "curved", **options: Any
    ) -> None:
        """Take the arguments of the stock class."""
        self._writes = bool(filename)
        super().__init__(name, filename, direction, curvestyle, **({"show": False} | options))
        if curvestyle == "curved":
            self.dot.graph_attr["splines"] = options.get("graph_attr", {}).get("splines", "spline")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the diagram, and write its files if a filename was given. After an error nothing is written."""
        diagrams.setdiagram(None)
        if kind is not None:
            diagrams.setcluster(None)
        elif self._writes:
            self.render()

    def render(self) -> None:
        """Write the files of `outformat`."""
        formats = [self.outformat] if isinstance(self.outformat, str) else self.outformat
        for suffix in formats:
            path = self.save(f"{self.filename}.{suffix}")
            if self.show:
                webbrowser.open(path.resolve().as_uri())

    @property
    def graph(self) -> DiagramGraph:
        """Its nodes, groups and edges."""
        return diagram_graph(self)

    @property
    def svg(self) -> str:
        """The picture as SVG, with icons and font embedded."""
        graph = read_graph(self.dot.source)
        heights = {}
        for node in graph.nodes():
            if node.attr["image"]:
                lines = (node.attr["label"] or "").replace(r"\n", "\n").split("\n")
                heights[str(node)] = height = ICON + LINE * len(lines) + 4
                width = max(ICON, *(text_width(line, LABEL) for line in lines)) + 8
                node.attr.update(fontsize=f"{LABEL:g}", width=f"{width / 72:.3f}", height=f"{height / 72:.3f}")
        return _embed(lay_out(graph.to_string()), heights, self.graph)

    @property
    def png(self) -> bytes:
        """The picture as PNG at twice the size of the SVG."""
        return svg_to_png(self.svg)

    def save(self, path: str | Path) -> Path:
        """Write it to a .svg or .png file and return the path.

        Raises:
            UsageError: the suffix is another one, or the file can't be written.
        """
        return save_picture(self, path)

    def __str__(self) -> str:
        return repr(self)

    def __repr__(self) -> str:
        graph = self.graph
        return f"<Diagram {self.name}: {len(graph.nodes)} nodes, {len(graph.edges)} edges>"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        svg = self.svg
        size = pixel_size(svg)
        alt = self.graph.description()
        return {"image/png": svg_to_png(svg), "text/plain": repr(self)}, {"image/png": {**size, "alt": alt}}


def _embed(svg: str, heights: dict[str, float], graph: DiagramGraph) -> str:
    """Put icons, font and description into the SVG that Graphviz wrote; icons move to the top of their nodes."""
    ids: dict[str, str] = {}

    def place(match: re.Match[str]) -> str:
        image = dict(_ATTRIBUTE.findall(match[2]))
        path = unescape(image["xlink:href"])
        id = ids.setdefault(path, f"i{len(ids)}")
        x = float(image["x"]) + (float(image["width"]) - ICON) / 2
        y = float(image["y"]) + float(image["height"]) / 2 - heights[unescape(match[1])] / 2
        return f'<use xlink:href="#{id}" x="{x:.2f}" y="{y:.2f}" width="{ICON:g}" height="{ICON:g}"/>'

    svg = _NODE.sub(place, svg)
    svg = re.sub(
        r"<title>[^<]*</title>\n?|<!--.*?-->\n?", "", _FAMILY.sub(f'font-family="{FAMILY}"', svg), flags=re.DOTALL
    )
    head = (
        f'<title id="title">{escape(graph.title)}</title>\n<desc id="desc">{escape(graph.description())}</desc>\n'
        f"<defs><style>{font_faces()}</style>{''.join(_symbol(path, id) for path, id in ids.items())}</defs>\n"
    )
    return _ROOT.sub(lambda root: root[0][:-1] + ' role="img" aria-labelledby="title desc">\n' + head, svg, count=1)


def _symbol(path: str, id: str) -> str:
    image = f'<image width="100" height="100" xlink:href="{png_data_uri(Path(path))}"/>'
    return f'<symbol id="{id}" viewBox="0 0 100 100">{image}</symbol>'
