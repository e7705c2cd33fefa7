"""The layout engine Graphviz: the one in pygraphviz's wheel, else the program `dot`."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
from contextlib import ExitStack
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from esaws.drawing.fonts import font_files
from esaws.errors import UsageError

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}</dir><cachedir>{folder}/cache</cachedir></fontconfig>
"""
_POINTS = re.compile(r'\b(width|height)="([\d.]+)p[tx]"')


def lay_out(source: str) -> str:
    """Return the SVG of a graph in the DOT language, with texts measured in the font of the drawings.

    Raises:
        UsageError: neither pygraphviz nor `dot` is installed, or Graphviz can't read the source.
    """
    fonts = _font_configuration()
    if find_spec("pygraphviz"):
        svg = _with_pygraphviz(source, fonts)
    elif dot := shutil.which("dot"):
        svg = _with_dot(dot, source, fonts)
    else:
        raise UsageError(
            'Graphviz is not installed: pip install "esaws[draw]" brings pygraphviz, which contains it; '
            "or install your system's package graphviz, which has the program dot"
        )
    return _POINTS.sub(r'\1="\2"', svg)


def read_graph(source: str) -> Any:
    """Parse a graph in the DOT language, as an `AGraph` of pygraphviz.

    Raises:
        UsageError: pygraphviz is not installed, or the text is not in the DOT language.
    """
    try:
        import pygraphviz
    except ModuleNotFoundError:
        raise UsageError('pygraphviz is not installed, which reads diagrams: pip install "esaws[draw]"') from None
    try:
        return pygraphviz.AGraph(string=source)
    except ValueError as error:
        raise UsageError(f"Graphviz can't read the diagram: {error}") from None


@cache
def _font_configuration() -> str:
    """The path of a configuration whose only font is the one of the drawings, so that every machine gives the same."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(font_files())[0]).parent
    path = folder / "fonts.conf"
    path.write_text(FONTS.format(folder=folder), encoding="utf-8")
    return str(path)


def _with_pygraphviz(source: str, fonts: str) -> str:
    _load_fonts(fonts)
    svg: bytes = read_graph(source).draw(format="svg", prog="dot")
    return svg.decode()


@cache
def _load_fonts(fonts: str) -> None:
    """Let the engine of this process read its fonts, which it does once.

    It also reads the system's files about fonts, without using them; what it warns of them goes nowhere.
    """
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = fonts
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        read_graph("digraph { a [label=text] }").draw(format="svg", prog="dot")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
        os.environ.pop("FONTCONFIG_FILE")
        if before is not None:
            os.environ["FONTCONFIG_FILE"] = before


def _with_dot(dot: str, source: str, fonts: str) -> str:
    environment = os.environ | {"FONTCONFIG_FILE": fonts}
    done = subprocess.run(
        [dot, "-Tsvg"], input=source, capture_output=True, text=True, encoding="utf-8", env=environment, check=False
    )
    if done.returncode:
        raise UsageError(f"Graphviz can't read the diagram: {done.stderr.strip()}")
    return done.stdout
