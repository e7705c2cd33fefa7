"""The public face: eight places to import from, lazy, documented, and the only ones that notebooks use."""

import ast
import inspect
import json
import pkgutil
import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "runbooks.py"))
API: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "api.py"))
FACES: tuple[str, ...] = API["FACES"]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
LIBRARIES = {"pandas", "pathlib", "tempfile", "datetime", "dataclasses", "json", "os", "diagrams", "base64"}
LIBRARIES |= {"requests", "time"}  # a loop that asks what runs
IMPORT_LINES = 4


@pytest.mark.parametrize("face", FACES)
def test_every_public_name_exists_and_has_a_docstring(face: str) -> None:
    module = import_module(face)
    values = {name: getattr(module, name) for name in module.__all__}
    undocumented = [name for name, value in values.items() if not inspect.getdoc(value)]
    assert not undocumented
    assert set(module.__all__) <= set(dir(module))
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize("face", FACES)
def test_a_public_name_is_never_hidden_by_a_submodule(face: str) -> None:
    module = import_module(face)
    submodules = {info.name for info in pkgutil.iter_modules(getattr(module, "__path__", []))}
    values = {name for name in module.__all__ if not isinstance(getattr(module, name), ModuleType)}
    assert not submodules & values, "importing the submodule would replace the public name"


@pytest.mark.parametrize("face", FACES)
def test_the_docstring_shows_the_use_in_five_lines(face: str) -> None:
    docstring = inspect.getdoc(import_module(face)) or ""
    code = [line for line in docstring.splitlines() if line.startswith("    ") or line.startswith(">>> ")]
    uses = [line for line in code if not line.strip().startswith(("from ", "import "))]
    assert 1 <= len(uses) <= 5, docstring
    ast.parse(inspect.cleandoc("\n".join(line.removeprefix(">>> ") for line in code)))


def test_an_unknown_name_is_an_attribute_error() -> None:
    for face in FACES:
        with pytest.raises(AttributeError):
            getattr(import_module(face), "no_such_name")  # noqa: B009


def test_the_reference_lists_every_public_name() -> None:
    assert API["PAGE"].read_text(encoding="utf-8") == API["page"](), "run python docs/api.py"


def test_importing_the_public_face_imports_nothing_heavy() -> None:
    heavy = ["moto", "pandas", "ibis", "duckdb", "pyarrow", "diagrams", "matplotlib", "papermill", "nbformat"]
    code = f"""
import sys, esaws
print([name for name in [*{heavy}, "boto3"] if name in sys.modules])
import {", ".join(FACES)}
print([name for name in {heavy} if name in sys.modules])
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).split() == ["[]", "[]"]


def import_statements(notebook: Path) -> list[ast.Import | ast.ImportFrom]:
    """Every import in the code cells of a notebook."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    plain = [TransformerManager().transform_cell(text) for text in code]  # lines with ! and % become calls
    return [
        node for text in plain for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def modules_of(statement: ast.Import | ast.ImportFrom) -> list[str]:
    return [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else [statement.module or ""]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_imports_from_the_public_face_in_four_lines(notebook: Path) -> None:
    ours = [each for each in import_statements(notebook) if modules_of(each)[0].split(".")[0] == "esaws"]
    assert {name for each in ours for name in modules_of(each)} <= set(FACES)
    assert 1 <= sum((each.end_lineno or 0) - each.lineno + 1 for each in ours) <= IMPORT_LINES
    public = {(face, name) for face in FACES for name in import_module(face).__all__}
    private = [(each.module, alias.name) for each in ours if isinstance(each, ast.ImportFrom) for alias in each.names]
    assert set(private) <= public


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_other_imports_of_a_notebook_are_few_libraries(notebook: Path) -> None:
    names = {name.split(".")[0] for each in import_statements(notebook) for name in modules_of(each)}
    assert names <= LIBRARIES | {"esaws"}


def test_the_catalogue_lists_every_runbook_with_its_parameters():
    assert CATALOGUE["PAGE"].read_text(encoding="utf-8") == CATALOGUE["page"](), "run python docs/runbooks.py"
