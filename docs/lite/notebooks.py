"""The notebooks of the page: the course without outputs, each with a note where a part of it can't run there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell

NOTEBOOKS = Path(__file__).parent.parent.parent / "notebooks"
TRY_IT = Path(__file__).with_name("try_it.ipynb")

SHOWS = {"matplotlib": "charts", "numpy": "the matrix of who reaches whom", "pandas": "tables"}
"""Package → what of the course it shows."""

NEEDS_PROGRAMS = {
    "04": "builds and pushes an image",
    "07": "runs the load balancer and its services as programs, in its last section",
    "08": "runs a service as a program, in its last section",
}
"""Chapter → what it does that no page can do."""

_KERNEL = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}


def write(folder: Path, missing: Collection[str]) -> None:
    """Write the notebooks into a new folder; `missing` are the packages that the page does not have."""
    folder.mkdir(parents=True)
    for path in (TRY_IT, *sorted((NOTEBOOKS / "course").glob("[0-9]*.ipynb"))):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        if text := note(path.name, missing):
            notebook.cells.insert(1, new_markdown_cell(text, id="in-a-browser"))
        notebook.metadata.kernelspec = _KERNEL
        nbformat.write(notebook, folder / path.name)


def note(name: str, missing: Collection[str]) -> str:
    """The note at the top of a notebook, in Markdown; empty if all of it runs in the page."""
    sentences = []
    shown = [SHOWS[package] for package in sorted(missing) if package in SHOWS]
    if shown and name != TRY_IT.name:
        packages = _listed([package for package in sorted(missing) if package in SHOWS])
        sentences.append(
            f"This page was built without {packages}. A cell that would show {_listed(shown, 'or')} says so "
            "instead; the cells after it run."
        )
    if work := NEEDS_PROGRAMS.get(name[:2]):
        sentences.append(f"This chapter {work}. A page has no programs, so those cells do nothing here or say so.")
    return f"> **In a browser.** {' '.join(sentences)}" if sentences else ""


def _listed(words: list[Any], last: str = "and") -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]
