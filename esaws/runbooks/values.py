"""The values of a notebook's parameters on a command line and in YAML files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esaws.errors import UsageError
from esaws.notebooks.file import read_cells
from esaws.notebooks.parameters import notebook_parameters, parse_like_default


def read_values(path: Path, given: Sequence[tuple[str, str]], file: Path | None = None) -> dict[str, Any]:
    """Parse and check the parameters of a command line: pairs of name and text, and before them those of a YAML file.

    Raises:
        UsageError: a parameter is unknown, missing or has a bad value, or the file is not YAML with names and values.
    """
    texts: dict[str, Any] = {**(_read_yaml(file) if file else {}), **dict(given)}
    declaring = next((cell.source for cell in read_cells(path) if "parameters" in cell.tags), "")
    if not texts and "Required[" not in declaring:  # pydantic takes a while to import
        return {}
    from esaws.runbooks.declaration import is_declaration, read_declaration

    if is_declaration(declaring):
        declaration = read_declaration(path)
        values = {
            name: declaration.parse(name, value) if isinstance(value, str) else value for name, value in texts.items()
        }
        declaration.validate(values)
        return values
    defaults = notebook_parameters(path)
    if unknown := [name for name in texts if name not in defaults]:
        choices = f"choose from {', '.join(defaults)}" if defaults else "it has no parameters"
        raise UsageError(f"{path}: unknown parameter {', '.join(unknown)}; {choices}")
    return {
        name: parse_like_default(name, value, defaults[name]) if isinstance(value, str) else value
        for name, value in texts.items()
    }


def _read_yaml(file: Path) -> dict[str, Any]:
    """Names and values of a YAML file. Every scalar stays text, so that 007 and no are what they look like."""
    import yaml

    try:
        values = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # it makes texts only
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not YAML ({' '.join(str(error).split())})") from error
    if values in (None, ""):
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"{file}: write one `name: value` a line")
    return values
