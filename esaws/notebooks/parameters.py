"""The parameters of a notebook: read them without running it, parse their values, insert them as papermill does."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.errors import UsageError
from esaws.notebooks.file import read_cells

if TYPE_CHECKING:
    from nbformat import NotebookNode

INJECTED = "injected-parameters"
"""The tag of the cell that sets the given values; papermill's."""


def notebook_parameters(path: Path | str) -> dict[str, Any]:
    """The parameters that the cell tagged `parameters` sets, in order: name → default, `...` if not a literal.

    They are parsed as Python: papermill's own inspection skips every line with a second "=", as in a URL or a comment.

    Raises:
        UsageError: the file is not a notebook, or the cell is not Python.
    """
    path = Path(path)
    source = next((cell.source for cell in read_cells(path) if "parameters" in cell.tags), "")
    return _parse(source, path)


def check_names(path: Path, values: Mapping[str, Any]) -> None:
    """Raise UsageError if the notebook does not declare a parameter of one of these names."""
    known = notebook_parameters(path)
    if unknown := [name for name in values if name not in known]:
        choices = f"choose from {', '.join(known)}" if known else "it has no parameters"
        raise UsageError(f"{path}: unknown parameter {', '.join(unknown)}; {choices}")


def parse_like_default(name: str, text: str, default: Any) -> Any:
    """Return a value of a command line in the type of the parameter's default.

    Of a text it is the text, so that 007 stays 007. Where the default is None or not a literal, a number, true, false
    and null are read as such.

    Raises:
        UsageError: the text is not of that type.
    """
    if isinstance(default, str):
        return text
    try:
        value = json.loads(text.lower() if text.lower() in ("true", "false") else text)
    except ValueError:
        value = text
    if default is None or default is ...:
        return value
    allowed = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, allowed) or isinstance(value, bool) != isinstance(default, bool):
        raise UsageError(f"{name}={text!r}: not a value like its default {default!r}")
    return value


def inject_parameters(nb: NotebookNode, path: Path, values: Mapping[str, Any]) -> None:
    """Insert a cell that sets the values after the cell of their defaults, or in place of an earlier such cell.

    Raises:
        UsageError: a value is not JSON.
    """
    if not values:
        return
    from nbformat.v4 import new_code_cell

    try:
        plain = json.loads(json.dumps(dict(values)))
    except TypeError as error:
        raise UsageError(f"{path}: parameter values must be JSON-serialisable ({error})") from error
    source = "\n".join(["# Parameters", *(f"{name} = {_to_python(value)}" for name, value in plain.items())])
    cell = new_code_cell(source + "\n", metadata={"tags": [INJECTED]})
    nb.cells = [cell for cell in nb.cells if INJECTED not in cell.metadata.get("tags", ())]
    index = next((index for index, each in enumerate(nb.cells) if "parameters" in each.metadata.get("tags", ())), -1)
    nb.cells.insert(index + 1, cell)


def _parse(source: str, path: Path) -> dict[str, Any]:
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise UsageError(f"{path}: the parameters cell is not Python ({error})") from error
    parameters: dict[str, Any] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                parameters[target.id] = _literal(statement.value)
    return parameters


def _literal(value: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(value) if value is not None else ...
    except ValueError:
        return ...


def _to_python(value: Any) -> str:
    """JSON data as a Python literal, with text in double quotes as papermill writes it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return f"float({str(value)!r})"
    if isinstance(value, list):
        return f"[{', '.join(map(_to_python, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_to_python(key)}: {_to_python(item)}' for key, item in value.items())}}}"
    return repr(value)
