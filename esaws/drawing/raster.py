"""Pictures as PNG, and as files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

from esaws.drawing.fonts import font_files
from esaws.errors import UsageError

PIXELS_PER_UNIT = 2


class Picture(Protocol):
    """What is saved: a picture as SVG and as PNG."""

    @property
    def svg(self) -> str: ...

    @property
    def png(self) -> bytes: ...


def svg_to_png(svg: str) -> bytes:
    """A picture as PNG at twice the size of the SVG, independent of installed fonts."""
    import resvg_py

    with font_files() as fonts:
        return bytes(
            resvg_py.svg_to_bytes(svg_string=svg, zoom=PIXELS_PER_UNIT, skip_system_fonts=True, font_files=fonts)
        )


def pixel_size(svg: str) -> dict[str, int]:
    """The width and height of an SVG in pixels at 100 %."""
    found = re.search(r'<svg [^>]*?width="([\d.]+)"\s+height="([\d.]+)"', svg)
    assert found, "the drawings have a size"
    return {"width": round(float(found[1])), "height": round(float(found[2]))}


def save_picture(picture: Picture, path: str | Path) -> Path:
    """Write a picture to a .svg or .png file and return the path.

    Raises:
        UsageError: the suffix is another one, or the file can't be written.
    """
    path = Path(path)
    if path.suffix not in (".svg", ".png"):
        raise UsageError(f"{path.name}: a picture is saved as .svg or .png")
    return write_file(path, picture.png if path.suffix == ".png" else picture.svg)


def write_file(path: str | Path, content: bytes | str) -> Path:
    """Write a file and return its path.

    Raises:
        UsageError: the file can't be written.
    """
    path = Path(path)
    try:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror})") from None
    return path
