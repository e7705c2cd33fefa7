"""The font of the drawings: Arimo, which is part of the package, so that no installed font is needed.

Programs that ignore embedded fonts use Arial or Helvetica, which have the same widths.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FAMILY = "Arimo, 'Liberation Sans', Arial, Helvetica, sans-serif"


@cache
def _font_data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((files("esaws.drawing") / "fonts.json").read_text("utf-8"))
    return data


def _weight(bold: bool) -> str:
    return "700" if bold else "400"


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a text at a font size, in the drawing's units. A character that the font lacks counts as wide."""
    widths = _font_data()["faces"][_weight(bold)]["widths"]
    units: float = sum(widths.get(character, 2048) for character in text)
    return units * size / float(_font_data()["units_per_em"])


def wrap(text: str, size: float, room: float, *, bold: bool = False) -> list[str]:
    """Wrap a text between words to lines that fit into `room`. A word that is too wide gets a line of its own."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", size, bold=bold) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def font_faces() -> str:
    """Both weights as embedded CSS fonts."""
    return "".join(
        f"@font-face{{font-family:Arimo;font-weight:{weight};src:url(data:font/ttf;base64,{face['ttf']})}}"
        for weight, face in _font_data()["faces"].items()
    )


@contextmanager
def font_files() -> Iterator[list[str]]:
    """Both weights as temporary files, for programs that read fonts from files only."""
    with TemporaryDirectory() as folder:
        paths = []
        for weight, face in _font_data()["faces"].items():
            path = Path(folder) / f"Arimo-{weight}.ttf"
            path.write_bytes(base64.b64decode(face["ttf"]))
            paths.append(str(path))
        yield paths
