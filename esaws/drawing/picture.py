"""Drawings as SVG, as PNG, and in notebooks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from esaws.architecture import Architecture
from esaws.cloud import DEFAULT_REGION, Cloud
from esaws.drawing.fonts import font_files
from esaws.drawing.from_account import KEYS, OVERLAYS, account_scene
from esaws.drawing.from_architecture import architecture_scene
from esaws.drawing.layout import render_scene
from esaws.drawing.scene import Scene
from esaws.drawing.shapes import Sheet
from esaws.drawing.svg import to_svg
from esaws.errors import UsageError
from esaws.inspect.account import Account, snapshot

PIXELS_PER_UNIT = 2


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
        import resvg_py

        with font_files() as fonts:
            return bytes(
                resvg_py.svg_to_bytes(
                    svg_string=self.svg, zoom=PIXELS_PER_UNIT, skip_system_fonts=True, font_files=fonts
                )
            )

    def save(self, path: str | Path) -> Path:
        """Write it to a .svg or .png file and return the path.

        Raises:
            UsageError: the suffix is another one, or the file can't be written.
        """
        path = Path(path)
        if path.suffix not in (".svg", ".png"):
            raise UsageError(f"{path.name}: a drawing is saved as .svg or .png")
        content = self.png if path.suffix == ".png" else self.svg.encode()
        try:
            path.write_bytes(content)
        except OSError as error:
            raise UsageError(f"{path}: can't be written ({error.strerror})") from None
        return path

    def __repr__(self) -> str:
        return f"<Drawing {self.scene.name}: {self.nodes} nodes, {self.edges} edges>"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        size = {"width": round(self.sheet.width), "height": round(self.sheet.height)}
        return {"image/png": self.png, "text/plain": repr(self)}, {"image/png": {**size, "alt": self.title}}


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
