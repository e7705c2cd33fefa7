"""A chart for notebooks: an SVG that is the same bytes on every run."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Chart:
    """A matplotlib figure that notebooks show as SVG."""

    def __init__(self, figure: Figure, title: str):
        self.figure, self.title = figure, title

    def __repr__(self) -> str:
        return f"<Chart {self.title}>"

    def _repr_svg_(self) -> str:
        return self._render("svg").decode()

    def save(self, path: str | Path) -> None:
        """Write a PNG file if the path ends in `.png`, else an SVG file."""
        path = Path(path)
        path.write_bytes(self._render("png" if path.suffix == ".png" else "svg"))

    def _render(self, format: str) -> bytes:
        import matplotlib

        # matplotlib's default metadata has a date, and its default SVG ids are random.
        metadata = {"Date": None} if format == "svg" else {"Software": None}
        content = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "esaws"}):
            self.figure.savefig(content, format=format, metadata=metadata, dpi=150)
        return content.getvalue()
