"""The `Diagram` of the diagrams package, drawn without an installed Graphviz, and shown by notebooks."""

from __future__ import annotations

import re
import webbrowser
from html import escape, unescape
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import diagrams

from esaws.drawing.diagram_graph import DiagramGraph, diagram_graph, plain_text
from esaws.drawing.fonts import FAMILY, font_faces
from esaws.drawing.graphviz_engine import lay_out, read_graph
from esaws.drawing.icons import png_data_uri
from esaws.drawing.raster import pixel_size, save_picture, svg_to_png
from esaws.drawing.style import GREY, INK

ICON = 60.0  # its size in points
LABEL = 12.0
_IMAGE = re.compile(r"<image ([^>]*)/>")
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
_FAMILY = re.compile(r'font-family="[^"]*"')
_NAMES = re.compile(r"<title>[^<]*</title>\n?|<!--.*?-->\n?", re.DOTALL)
_ROOT = re.compile(r"<svg [^>]*>")


class Diagram(diagrams.Diagram):
    """A diagram as the diagrams package describes it: nodes of `diagrams.aws`, `Cluster` and `Edge` work unchanged.

    It needs no program `dot`: the engine comes with pygraphviz. A notebook shows it as a picture with a description. It
    writes a file only if `filename` is given, as .png or .svg by `outformat`; only `show=True` opens a window.
    Node labels get the room they need, and edges end at icons.

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
        for node in graph.nodes():
            if node.attr["image"]:
                label = _icon_above_text(node.attr["image"], node.attr["label"] or "")
                node.attr.update(label=label, image="", shape="plain", fixedsize="false", fontsize=f"{LABEL:g}")
        with_icon = {node for node in graph.nodes() if node.attr["shape"] == "plain"}
        for edge in graph.edges():
            # An edge ends at the icon, not at the text below it, which may be wider.
            edge.attr["tailport"] = "icon" if edge[0] in with_icon else ""
            edge.attr["headport"] = "icon" if edge[1] in with_icon else ""
        return _embed(lay_out(graph.to_string()), self.graph)

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


def _icon_above_text(image: str, label: str) -> str:
    """A label in Graphviz's HTML: the icon, whose cell is the port `icon`, and the text below."""
    text = escape(plain_text(label)).replace("\n", "<BR/>")
    size = f'FIXEDSIZE="TRUE" WIDTH="{ICON:g}" HEIGHT="{ICON:g}"'
    cell = f'<TD PORT="icon" {size}><IMG SRC="{escape(image)}"/></TD>'
    # A table of its own: a cell of the outer table would be as wide as the text.
    icon = f'<TD><TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0" {size}><TR>{cell}</TR></TABLE></TD>'
    below = f"<TR><TD>{text}</TD></TR>" if text else ""
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="2"><TR>{icon}</TR>{below}</TABLE>>'


def _embed(svg: str, graph: DiagramGraph) -> str:
    """Put icons, font and description into the SVG that Graphviz wrote."""
    ids: dict[str, str] = {}

    def place(match: re.Match[str]) -> str:
        image = dict(_ATTRIBUTE.findall(match[1]))
        id = ids.setdefault(unescape(image["xlink:href"]), f"i{len(ids)}")
        where = " ".join(f'{name}="{image[name]}"' for name in ("x", "y", "width", "height"))
        return f'<use xlink:href="#{id}" {where}/>'

    svg = _NAMES.sub("", _FAMILY.sub(f'font-family="{FAMILY}"', _IMAGE.sub(place, svg)))
    head = (
        f'<title id="title">{escape(graph.title)}</title>\n<desc id="desc">{escape(graph.description())}</desc>\n'
        f"<defs><style>{font_faces()}</style>{''.join(_symbol(path, id) for path, id in ids.items())}</defs>\n"
    )
    return _ROOT.sub(lambda root: root[0][:-1] + ' role="img" aria-labelledby="title desc">\n' + head, svg, count=1)


def _symbol(path: str, id: str) -> str:
    image = f'<image width="100" height="100" xlink:href="{png_data_uri(Path(path))}"/>'
    return f'<symbol id="{id}" viewBox="0 0 100 100">{image}</symbol>'
