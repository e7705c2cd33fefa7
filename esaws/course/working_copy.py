"""The learner's copy of the notebooks: without outputs, with empty cells to fill; an update keeps what was written.

Each notebook of the copy records a hash of every cell as it was given. So an update can distinguish a cell that the
learner changed, which it keeps, from one that it replaces by its new text.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esaws.course.folder import COPY_MARK
from esaws.course.worlds import command_path
from esaws.errors import UsageError
from esaws.files import write_atomically
from esaws.notebooks.folder import NUMBERED, notebooks_folder

YOURS = "yours"
"""The tag of a cell that the learner writes."""
STARTER = "starter"
"""Its metadata: the text that the learner finds in it."""
_COPIED = {".svg", ".png", ".csv", ".json", ".gz", ".parquet", ".md"}
_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
}
"""No question about news, no pop-up about new versions; links to the glossary show it as text, not as Markdown."""

_Notebook = dict[str, Any]


@dataclass(frozen=True)
class WorkingCopy:
    """A copy of the course: its folder, the notebooks in it, and how many cells of the learner an update kept."""

    folder: str
    notebooks: tuple[str, ...]
    kept: int

    def to_dict(self) -> dict[str, Any]:
        """folder, notebooks (paths in it), kept."""
        return {"folder": self.folder, "notebooks": list(self.notebooks), "kept": self.kept}

    def __str__(self) -> str:
        kept = f"; {self.kept} cells of yours were kept" if self.kept else ""
        return (
            f"{self.folder}: {len(self.notebooks)} notebooks{kept}\n\n"
            f"Next step:\n  esaws course lab {self.folder}      # opens JupyterLab on the first notebook"
        )


def make_working_copy(folder: Path) -> WorkingCopy:
    """Copy the notebooks with their pictures and pages into a new folder, or update such a copy.

    Raises:
        UsageError: the folder has other content, or can't be written.
    """
    source = notebooks_folder()
    mark = folder / COPY_MARK
    if folder.exists() and not mark.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: already exists and is not a copy of the course. Choose a new folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text("{}\n", encoding="utf-8")
        notebooks, kept = _copy_notebooks(source, folder / "notebooks")
        for name in ("notebooks", "diagrams", "docs"):
            _copy_files(source.parent / name, folder / name)
        _write_settings(folder)
    except OSError as error:
        raise UsageError(f"{folder}: can't be written ({error.strerror}).") from error
    return WorkingCopy(str(folder), tuple(notebooks), kept)


def jupyter_environment(folder: Path) -> dict[str, str]:
    """The variables with which JupyterLab runs on a copy: its settings, and `esaws` and `aws` on the path."""
    configured = [str((folder / ".jupyter").resolve()), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    return {"PATH": command_path(), "JUPYTER_CONFIG_PATH": os.pathsep.join(configured)}


def first_notebook(folder: Path) -> str:
    """The path of the first notebook of a copy, in it."""
    return min((folder / "notebooks" / "course").glob(NUMBERED)).relative_to(folder).as_posix()


def as_given(original: _Notebook) -> _Notebook:
    """Return a notebook as a learner gets it: no outputs, and the learner's cells as they start. Pure."""
    given = copy.deepcopy(original)
    for cell in given["cells"]:
        if cell["cell_type"] != "code":
            continue
        cell["outputs"], cell["execution_count"] = [], None
        if YOURS in cell["metadata"].get("tags", ()):
            cell["source"] = cell["metadata"].pop(STARTER, "")
    given["metadata"]["esaws"] = {"given": {cell["id"]: _hash(cell) for cell in given["cells"]}}
    return given


def merge(given: _Notebook, mine: _Notebook) -> tuple[_Notebook, int]:
    """Return a new version of a notebook with the learner's cells of the old one, and how many these are. Pure.

    Cells that the learner changed keep their text. Cells that the learner added stay behind those that they followed.
    What has no place in the new version any more comes at the end.
    """
    recorded = mine["metadata"].get("esaws", {}).get("given", {})
    merged = copy.deepcopy(given)
    places = {cell["id"]: cell for cell in merged["cells"]}
    behind: dict[str, list[Any]] = {}
    homeless, previous, kept = [], "", 0
    for cell in mine["cells"]:
        identity = cell["id"]
        if identity not in recorded:
            behind.setdefault(previous, []).append(cell)
            kept += 1
            continue
        previous = identity if identity in places else previous
        is_changed = _hash(cell) != recorded[identity]
        if identity in places and (is_changed or _hash(cell) == _hash(places[identity])):
            places[identity].update({key: cell[key] for key in ("source", "outputs", "execution_count") if key in cell})
        elif is_changed:
            homeless.append(cell)
        kept += is_changed
    cells = [*behind.get("", [])]
    for cell in merged["cells"]:
        cells += [cell, *behind.get(cell["id"], [])]
    merged["cells"] = cells + homeless
    return merged, kept


def _copy_notebooks(source: Path, target: Path) -> tuple[list[str], int]:
    """Copy the notebooks, and return their paths and the number of cells that were kept."""
    names, kept = [], 0
    for path in sorted(source.rglob("*.ipynb")):
        relative = path.relative_to(source)
        if any(part.startswith(".") for part in relative.parts):
            continue
        copied = target / relative
        copied.parent.mkdir(parents=True, exist_ok=True)
        names.append(f"notebooks/{relative.as_posix()}")
        notebook = as_given(_read(path))
        if copied.exists():
            notebook, count = merge(notebook, _read(copied))
            kept += count
        write_atomically(copied, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return names, kept


def _copy_files(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        relative = path.relative_to(source)
        if path.suffix in _COPIED and not any(part.startswith(".") for part in relative.parts):
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / relative)


def _write_settings(folder: Path) -> None:
    """Write settings of JupyterLab that only apply to this copy."""
    file = folder / ".jupyter" / "labconfig" / "default_setting_overrides.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(_SETTINGS, indent=1))


def _read(path: Path) -> _Notebook:
    """Read a notebook whose cells have ids and whose sources are text."""
    try:
        notebook: _Notebook = json.loads(path.read_text("utf-8"))
        for cell in notebook["cells"]:
            cell["source"] = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
            if not isinstance(cell["id"], str) or not isinstance(cell["metadata"], dict):
                raise TypeError("a cell has no id")
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: not a notebook ({error}). Move it away, and update the copy again.") from error
    return notebook


def _hash(cell: _Notebook) -> str:
    return hashlib.sha256(cell["source"].encode()).hexdigest()[:16]
