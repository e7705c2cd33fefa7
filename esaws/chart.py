"""A chart as notebooks show it: an SVG that is the same bytes on every run."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Chart:
    """A figure of matplotlib that draws itself in a notebook."""

    def __init__(self, figure: Figure, title: str):
        self.figure, self.title = figure, title

    def __repr__(self) -> str:
        return f"<Chart {self.title}>"

    def _repr_svg_(self) -> str:
        return self._drawn("svg").decode()

    def save(self, path: str | Path) -> None:
        """Write it as SVG or PNG, by the ending of the name."""
        path = Path(path)
        path.write_bytes(self._drawn("png" if path.suffix == ".png" else "svg"))

    def _drawn(self, kind: str) -> bytes:
        import matplotlib

        # Otherwise the date and random ids make each run another file.
        always_the_same = {"Date": None} if kind == "svg" else {"Software": None}
        written = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "esaws"}):
            self.figure.savefig(written, format=kind, metadata=always_the_same, dpi=150)
        return written.getvalue()
