"""resvg_py in a browser: the same renderer, compiled to WebAssembly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from browser_machine import javascript


def svg_to_bytes(
    *, svg_string: str, zoom: float = 1, skip_system_fonts: bool = True, font_files: Sequence[str] = ()
) -> bytes:
    """The PNG of an SVG. There are no fonts but those given. Raises ValueError."""
    return javascript.svg_to_png(svg_string, zoom, [Path(font).read_bytes() for font in font_files])
