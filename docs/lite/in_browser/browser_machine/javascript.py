"""Libraries of the page that are JavaScript and WebAssembly: Graphviz (Viz.js) and the renderer resvg.

Their files are in this package, so that the page fetches them with its wheels.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

_libraries: dict[str, Any] = {}

_IMPORT = "(source) => import(/* webpackIgnore: true */ source)"
_IMAGES = re.compile(r'(?:SRC|image)="([^"]+)"')


async def load() -> None:
    """Load the libraries, once. JavaScript can't load a module without waiting."""
    if _libraries:
        return
    from js import Uint8Array
    from pyodide.code import run_js

    import_module = run_js(_IMPORT)
    viz = await import_module(_data_url("viz.js"))
    resvg = await import_module(_data_url("resvg.mjs"))
    await resvg.initWasm(Uint8Array.new(_content("resvg.wasm")))
    _libraries.update(viz=await viz.instance(), resvg=resvg)


def lay_out(source: str) -> str:
    """The SVG of a graph in the DOT language. Raises ValueError."""
    sizes = [{"name": image, **_size(image)} for image in sorted(set(_IMAGES.findall(source)))]
    return _render_graph(source, {"format": "svg", "engine": "dot", "images": sizes})


def read_graph(source: str) -> dict[str, Any]:
    """A graph in the DOT language as Graphviz's format `dot_json`. Raises ValueError."""
    return dict(json.loads(_render_graph(source, {"format": "dot_json", "engine": "nop"})))


def svg_to_png(svg: str, zoom: float, fonts: Sequence[bytes]) -> bytes:
    """The PNG of an SVG. Raises ValueError."""
    from js import Uint8Array
    from pyodide.ffi import JsException

    options = {
        "fitTo": {"mode": "zoom", "value": zoom},
        "font": {"fontBuffers": [Uint8Array.new(font) for font in fonts], "defaultFontFamily": "Arimo"},
    }
    try:
        renderer = _library("resvg").Resvg.new(svg, _to_js(options))
        picture = renderer.render()
    except JsException as error:
        raise ValueError(error.message) from None
    png: bytes = picture.asPng().to_bytes()
    picture.free()
    renderer.free()  # its memory is not JavaScript's
    return png


def _render_graph(source: str, options: dict[str, Any]) -> str:
    from pyodide.ffi import JsException

    try:
        return str(_library("viz").renderString(source, _to_js(options)))
    except JsException as error:
        raise ValueError(error.message) from None


def _library(name: str) -> Any:
    if name not in _libraries:
        raise ValueError("the libraries of the page are not loaded yet; run the cell again")
    return _libraries[name]


def _to_js(value: Any) -> Any:
    from js import Object
    from pyodide.ffi import to_js

    return to_js(value, dict_converter=Object.fromEntries)


def _content(name: str) -> bytes:
    return files("browser_machine").joinpath(name).read_bytes()


def _data_url(name: str) -> str:
    return f"data:text/javascript;base64,{base64.b64encode(_content(name)).decode()}"


def _size(image: str) -> dict[str, float]:
    """The width and height of a PNG file, in points: Graphviz takes 96 pixels for an inch."""
    with Path(image).open("rb") as file:
        width, height = struct.unpack(">II", file.read(24)[16:])
    return {"width": width * 0.75, "height": height * 0.75}
