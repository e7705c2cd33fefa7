"""Read and write notebook files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.errors import UsageError
from esaws.files import write_atomically
from esaws.notebooks.jupyter import import_without_iri_grammar

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True)
class Cell:
    """What a cell is without its outputs."""

    type: str
    source: str
    metadata: dict[str, Any]

    @property
    def tags(self) -> list[str]:
        return list(self.metadata.get("tags", ()))


def read_cells(path: Path) -> list[Cell]:
    """Read the cells of a notebook without Jupyter's libraries, which take a while to import.

    Raises:
        UsageError: the file does not exist or is not a notebook.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(notebook, dict) and notebook.get("nbformat") != 4:
            notebook = read_notebook(path)
        return [Cell(cell["cell_type"], _text(cell["source"]), cell.get("metadata", {})) for cell in notebook["cells"]]
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"{path}: not found") from None
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not a notebook ({error})") from error


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook of any version of the format.

    Raises:
        UsageError: the file does not exist or is not a notebook.
    """
    import_without_iri_grammar()
    import nbformat

    try:
        nb: NotebookNode = nbformat.read(path, as_version=4)
        for cell in nb.cells:
            cell.setdefault("metadata", nbformat.from_dict({}))
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"{path}: not found") from None
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, nbformat.ValidationError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(f"{path}: not a notebook ({str(error).splitlines()[0]})") from error
    return nb


def write_if_changed(path: Path, text: str) -> None:
    """Write a file in one step, and not at all if its content is the same."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
