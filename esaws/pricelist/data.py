"""Read the JSON files of `esaws/data/`."""

import json
from importlib.resources import files
from typing import Any


def load_json(name: str) -> Any:
    """The content of a JSON file of `esaws/data/`."""
    return json.loads((files("esaws") / "data" / name).read_text("utf-8"))
