"""The folder of the course: where its notebooks are."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from esaws.errors import UsageError
from esaws.notebooks.folder import NUMBERED, notebooks_folder

COPY_MARK = ".esaws-course.json"
"""The file that marks a learner's copy."""


def find_course() -> Path:
    """The folder of the course's numbered notebooks: in the working directory, else the one that comes with esaws.

    A learner's copy does not count: its cells are empty until the learner fills them.
    """
    here = Path.cwd()
    for folder in (here / "course", here / "notebooks" / "course", here):
        is_copy = any((parent / COPY_MARK).exists() for parent in folder.parents)
        if folder.name == "course" and any(folder.glob(NUMBERED)) and not is_copy:
            return folder
    return notebooks_folder() / "course"


def course_notebooks(folder: Path) -> list[Path]:
    """The numbered notebooks of a course in order. Raises UsageError if there are none."""
    if not (paths := sorted(folder.glob(NUMBERED))) and (folder / "course").is_dir():
        paths = sorted((folder / "course").glob(NUMBERED))
    if not paths:
        raise UsageError(f"{folder}: no notebooks of a course. Create one with `esaws course new FOLDER`.")
    return paths


def is_installed(folder: Path) -> bool:
    """Whether a folder is part of the installed package, where nothing may be written."""
    return folder.resolve().is_relative_to(Path(str(resources.files("esaws"))).resolve())
