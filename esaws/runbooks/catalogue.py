"""The runbooks: those of the working directory, and those that come with esaws."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esaws.errors import UsageError
from esaws.notebooks.folder import notebooks_folder
from esaws.runbooks.declaration import Declaration, read_declaration

FOLDER = "runbooks"
_CHANGING = "act"
"""The tag that only changing runbooks have."""


@dataclass(frozen=True)
class Runbook:
    """A runbook: its file, its title, the sentence below the title, whether it changes anything, its parameters."""

    name: str
    path: Path
    title: str
    summary: str
    changes: bool
    declaration: Declaration

    def to_dict(self) -> dict[str, Any]:
        """Return name, title, summary, changes and parameters."""
        return {
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "changes": self.changes,
            "parameters": self.declaration.to_dict(),
        }


def find_runbook(name: str | Path) -> Path:
    """Return the notebook of a runbook: a path, or a name in `runbooks/` here or among those that come with esaws.

    Raises:
        UsageError: there is no such notebook.
    """
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path
    if path.suffix != ".ipynb" and path.name == str(name):
        for folder in runbook_folders():
            if (found := folder / f"{name}.ipynb").is_file():
                return found
    names = ", ".join(runbook_names())
    raise UsageError(f"{name}: there is no such runbook; give the path of a notebook, or choose from {names}")


def list_runbooks() -> list[Runbook]:
    """Return every runbook by name; one in the working directory hides one of esaws with the same name.

    Raises:
        UsageError: a notebook can't be read, or its parameters are not declared.
    """
    return [read_runbook(find_runbook(name)) for name in runbook_names()]


def runbook_names() -> list[str]:
    """Return the names of all runbooks, sorted, without reading them."""
    return sorted({path.stem for folder in runbook_folders() for path in folder.glob("*.ipynb")})


def read_runbook(path: Path) -> Runbook:
    """Read what a runbook says of itself.

    Raises:
        UsageError: the file is not a notebook, or its parameters are not declared.
    """
    declaration = read_declaration(path)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    head = next(("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"), "")
    lines = [line.strip() for line in head.splitlines() if line.strip()]
    title = lines[0].lstrip("# ") if lines else path.stem
    text = " ".join(line for line in lines[1:] if not line.startswith(("#", "|", "-")))
    summary = re.match(r".*?[.!?](?=\s|$)", text)
    changes = any(_CHANGING in cell["metadata"].get("tags", ()) for cell in cells)
    return Runbook(path.stem, path, title, summary[0] if summary else text, changes, declaration)


def runbook_folders() -> list[Path]:
    """Return the folders with runbooks: those of the working directory first."""
    here = Path.cwd()
    folders = [here / FOLDER, here / "notebooks" / FOLDER]
    with suppress(UsageError):  # an installation without notebooks still runs those of the working directory
        folders.append(notebooks_folder() / FOLDER)
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]
