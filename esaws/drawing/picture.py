"""A drawing as SVG, as PNG, and in a notebook."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from esaws.architecture import Architecture
from esaws.cloud import DEFAULT_REGION, Cloud
from esaws.drawing.fonts import font_files
from esaws.drawing.from_account import KEYS, OVERLAYS, scene_of_account
from esaws.drawing.from_architecture import scene_of
from esaws.drawing.layout import lay_out
from esaws.drawing.scene import Scene
from esaws.drawing.shapes import Sheet
from esaws.drawing.svg import to_svg
from esaws.errors import UsageError
from esaws.inspect.account import snapshot

PIXELS_PER_UNIT = 2


@dataclass(frozen=True)
class Drawing:
    """A scene as a picture, laid out and rendered when it is first asked for.

    A notebook keeps the PNG: JupyterLab shows no SVG before a notebook is trusted, and GitHub takes SVGs apart.
    """

    scene: Scene

    @property
    def title(self) -> str:
        """What it is a drawing of."""
        return f"Architecture {self.scene.name} in {self.scene.region}"

    @property
    def nodes(self) -> int:
        """How many icons with a name it has."""
        return self.scene.node_count

    @property
    def edges(self) -> int:
        """How many arrows it has."""
        return len(self.scene.edges)

    @cached_property
    def sheet(self) -> Sheet:
        """Its shapes, each with its place."""
        return lay_out(self.scene)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG, with everything that it needs inside."""
        return to_svg(self.sheet, self.title, self.scene.description())

    @cached_property
    def png(self) -> bytes:
        """The picture as PNG, two pixels for each of the SVG's, with no font of the machine."""
        import resvg_py

        with font_files() as fonts:
            return bytes(
                resvg_py.svg_to_bytes(
                    svg_string=self.svg, zoom=PIXELS_PER_UNIT, skip_system_fonts=True, font_files=fonts
                )
            )

    def save(self, path: str | Path) -> Path:
        """Write it to `path`, whose suffix says how; returns the path.

        Raises:
            UsageError: the suffix is neither .svg nor .png, or there is no such folder.
        """
        path = Path(path)
        if path.suffix not in (".svg", ".png"):
            raise UsageError(f"a drawing can't be saved as {path.name}: name it .svg or .png")
        content = self.png if path.suffix == ".png" else self.svg.encode()
        try:
            path.write_bytes(content)
        except OSError as error:
            raise UsageError(f"{path} can't be written: {error.strerror}") from None
        return path

    def __repr__(self) -> str:
        return f"<Drawing {self.scene.name}: {self.nodes} nodes, {self.edges} edges>"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        size = {"width": round(self.sheet.width), "height": round(self.sheet.height)}
        return {"image/png": self.png, "text/plain": repr(self)}, {"image/png": {**size, "alt": self.title}}


def draw_live(cloud: Cloud, declared: Architecture | None = None, *, overlays: Collection[str] = OVERLAYS) -> Drawing:
    """The drawing of what is there in an account, ours or not, with its health, open ports and price.

    With `declared` what it has and the account lacks is marked, and the other way round. What AWS does not let us see
    is said below the picture.

    Raises:
        LocalNotRunning: the target is the local AWS and none runs.
        UsageError: there is no such overlay.
    """
    return Drawing(scene_of_account(snapshot(cloud, *KEYS), declared, overlays))


def draw(architecture: Architecture, *, region: str = DEFAULT_REGION) -> Drawing:
    """The drawing of an architecture; `region` names its zones.

    Returns the picture: shown by a notebook as it is, saved with `save`, counted by `nodes` and `edges`.
    """
    return Drawing(scene_of(architecture, region))
