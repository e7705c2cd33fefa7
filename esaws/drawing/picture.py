"""Drawings as SVG, as PNG, and in notebooks."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from esaws.architecture import Architecture
from esaws.cloud import DEFAULT_REGION, Cloud
from esaws.drawing.from_account import KEYS, OVERLAYS, account_scene
from esaws.drawing.from_architecture import architecture_scene
from esaws.drawing.layout import render_scene
from esaws.drawing.program import write_program
from esaws.drawing.raster import save_picture, svg_to_png, write_file
from esaws.drawing.scene import Scene
from esaws.drawing.scene_graph import scene_graph
from esaws.drawing.shapes import Sheet
from esaws.drawing.svg import to_svg
from esaws.inspect.account import Account, snapshot


@dataclass(frozen=True)
class Drawing:
    """A picture of a scene, rendered on first use.

    Notebooks store the PNG: JupyterLab hides the SVG of a notebook that is not trusted, and GitHub strips SVGs.
    """

    scene: Scene

    @property
    def title(self) -> str:
        """The title, with the name and the region."""
        return f"Architecture {self.scene.name} in {self.scene.region}"

    @property
    def nodes(self) -> int:
        """The number of named icons."""
        return self.scene.node_count

    @property
    def edges(self) -> int:
        """The number of arrows."""
        return len(self.scene.edges)

    @cached_property
    def sheet(self) -> Sheet:
        """Its shapes with their positions."""
        return render_scene(self.scene)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG, with icons and fonts embedded."""
        return to_svg(self.sheet, self.title, self.scene.description())

    @cached_property
    def png(self) -> bytes:
        """The picture as PNG at twice the size of the SVG, independent of installed fonts."""
        return svg_to_png(self.svg)

    @property
    def program(self) -> str:
        """A program for the stock diagrams package with the same nodes and edges; see `to_diagrams`."""
        filename = re.sub(r"\W+", "-", self.scene.name).strip("-") or "diagram"
        return write_program(scene_graph(self.scene), filename, self.scene.footnotes)

    def save(self, path: str | Path) -> Path:
        """Write it to a .svg or .png file, or its program to a .py file, and return the path.

        Raises:
            UsageError: the suffix is another one, or the file can't be written.
        """
        if Path(path).suffix == ".py":
            return write_file(path, self.program)
        return save_picture(self, path)

    def __repr__(self) -> str:
        return f"<Drawing {self.scene.name}: {self.nodes} nodes, {self.edges} edges>"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        size = {"width": round(self.sheet.width), "height": round(self.sheet.height)}
        alt = f"{self.title}. {self.scene.description()}"
        return {"image/png": self.png, "text/plain": repr(self)}, {"image/png": {**size, "alt": alt}}


def draw(
    subject: Architecture | Cloud | Account,
    declared: Architecture | None = None,
    *,
    overlays: Collection[str] = OVERLAYS,
    region: str = DEFAULT_REGION,
) -> Drawing:
    """Draw an architecture (without any AWS call), or what is deployed in an account.

    Args:
        subject: an architecture, a cloud, or a snapshot of an account. Of an account everything is drawn, deployed by
            esaws or not; what AWS denies to describe is listed below the picture.
        declared: for an account: mark resources that are missing, or not declared, in comparison.
        overlays: for an account: any of health, ports (open to the internet) and costs (monthly list price).
        region: for an architecture: the region in the names of its zones.

    Returns the picture: a notebook shows it, `save` writes it.

    Raises:
        LocalNotRunning: the cloud targets the local AWS, which does not run.
        UsageError: there is no such overlay.
    """
    if isinstance(subject, Architecture):
        return Drawing(architecture_scene(subject, region))
    if isinstance(subject, Cloud):
        return Drawing(account_scene(snapshot(subject, *KEYS), declared, overlays, subject.prices))
    return Drawing(account_scene(subject, declared, overlays))


def to_diagrams(subject: Architecture | Cloud | Account, *, region: str = DEFAULT_REGION) -> str:
    """Return a program for the stock diagrams package that draws an architecture or an account.

    The program has the nodes and edges of `draw`, in groups for the region, the VPC and its subnets; health, open
    ports and prices are left out. It runs without esaws, with the package diagrams and Graphviz's program `dot`, and
    writes a PNG file that is named after the architecture or the account.

    Args:
        subject: as for `draw`.
        region: for an architecture: the region in the names of its zones.

    Raises:
        LocalNotRunning: the cloud targets the local AWS, which does not run.
    """
    return draw(subject, overlays=(), region=region).program
