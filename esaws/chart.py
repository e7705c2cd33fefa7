"""A chart for notebooks: a PNG and an SVG that are the same bytes on every run, and colours for charts."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


COLOURS = ("#d55e00", "#0072b2", "#cc79a7", "#009e73", "#56b4e9")
"""Vermillion, blue, purple, green and sky blue of Okabe and Ito: people with colour blindness tell them apart."""

WIDTH = 9.6
"""Inches of a chart that is as wide as a notebook on a small laptop: 1366 pixels, with JupyterLab's file browser."""

_PIXELS_PER_INCH = 96


@cache
def _use_own_font() -> None:
    """Let matplotlib take its own font, and not one of the system with the same name and other glyphs."""
    from matplotlib import get_data_path
    from matplotlib.font_manager import fontManager

    files = sorted(Path(get_data_path(), "fonts", "ttf").glob("DejaVuSans*.ttf"))
    names = {entry.name for entry in fontManager.ttflist if Path(entry.fname).name in {file.name for file in files}}
    fontManager.ttflist = [entry for entry in fontManager.ttflist if entry.name not in names]
    for file in files:
        fontManager.addfont(file)


class Chart:
    """A matplotlib figure. Notebooks show it as SVG, or as PNG where they are not trusted; the title describes it."""

    def __init__(self, figure: Figure, title: str):
        self.figure, self.title = figure, title

    def __repr__(self) -> str:
        return f"<Chart {self.title}>"

    def _repr_svg_(self) -> str:
        return self._render("svg").decode()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        width, height = (round(inches * _PIXELS_PER_INCH) for inches in self.figure.get_size_inches())
        look = {"width": width, "height": height, "alt": self.title}
        data = {"image/png": self._render("png"), "image/svg+xml": self._repr_svg_(), "text/plain": repr(self)}
        return data, {"image/png": look, "image/svg+xml": {"alt": self.title}}

    def save(self, path: str | Path) -> None:
        """Write a PNG file if the path ends in `.png`, else an SVG file."""
        path = Path(path)
        path.write_bytes(self._render("png" if path.suffix == ".png" else "svg"))

    def _render(self, format: str) -> bytes:
        import matplotlib

        _use_own_font()
        # matplotlib's default metadata has a date, and its default SVG ids are random.
        metadata = {"Date": None} if format == "svg" else {"Software": None}
        content = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "esaws"}):
            self.figure.savefig(content, format=format, metadata=metadata, dpi=150)
        return content.getvalue()
