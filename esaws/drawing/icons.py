"""The icons of AWS, from the diagrams package."""

import base64
from functools import cache
from importlib import import_module
from pathlib import Path

import diagrams


@cache
def data_uri(icon: str) -> str:
    """The data URI of an icon: a node class of diagrams such as `aws.network.VPC`, or a `.png` file of that package."""
    root = Path(diagrams.__file__).parent.parent
    if icon.endswith(".png"):
        path = root / "resources" / icon
    else:
        module, _, name = icon.rpartition(".")
        node = getattr(import_module(f"diagrams.{module}"), name)
        path = root / node._icon_dir / node._icon
    return png_data_uri(path)


@cache
def png_data_uri(path: Path) -> str:
    """The data URI of a PNG file."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
