"""The folder of the course: where its notebooks are, and how to copy them into a new folder."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from esaws.course.clock import START
from esaws.errors import UsageError
from esaws.notebooks.folder import NUMBERED, notebooks_folder

_COPIED = {".ipynb", ".svg", ".png", ".csv", ".json", ".gz", ".parquet"}


@dataclass(frozen=True)
class NewCourse:
    """A copy of the course."""

    folder: str
    notebooks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """folder, notebooks (paths in it)."""
        return asdict(self) | {"notebooks": list(self.notebooks)}

    def __str__(self) -> str:
        return (
            f"{self.folder}: {len(self.notebooks)} notebooks\n\n"
            f"Next steps:\n  cd {self.folder}\n"
            f"  esaws local start --at {START}   # the dates and prices of the course\n"
            "  jupyter lab course/00_start_here.ipynb      # read and run the notebooks one by one\n"
            "  esaws course run                            # or run them all on a fresh local AWS"
        )


def find_course() -> Path:
    """The folder of the course's numbered notebooks: in the working directory, else the one that comes with esaws."""
    here = Path.cwd()
    for folder in (here / "course", here / "notebooks" / "course"):
        if any(folder.glob(NUMBERED)):
            return folder
    if here.name == "course" and any(here.glob(NUMBERED)):
        return here
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


def create_course(folder: Path) -> NewCourse:
    """Copy the notebooks of the course and of the costs, with their pictures and data, into a new folder.

    Raises:
        UsageError: the folder is not empty, or can't be written.
    """
    source = notebooks_folder()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: already exists and is not empty. Choose a new folder.")
    notebooks = []
    try:
        for tree, target in ((source, folder), (source.parent / "diagrams", folder / "diagrams")):
            for path in sorted(path for path in tree.rglob("*") if path.suffix in _COPIED):
                relative = path.relative_to(tree)
                if any(part.startswith(".") for part in relative.parts):
                    continue
                (target / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target / relative)
                if path.suffix == ".ipynb":
                    notebooks.append(relative.as_posix())
    except OSError as error:
        raise UsageError(f"{folder}: can't be written ({error.strerror}).") from error
    return NewCourse(str(folder), tuple(notebooks))
