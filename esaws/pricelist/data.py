"""The files of `esaws/data/`."""

import json
from importlib.resources import files
from typing import Any


def data(name: str) -> Any:
    """What a JSON file of `esaws/data/` holds."""
    return json.loads((files("esaws") / "data" / name).read_text("utf-8"))
