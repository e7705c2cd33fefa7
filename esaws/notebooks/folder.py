"""Where notebooks are: those that come with esaws, in a checkout or in the installed package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from esaws.errors import UsageError

NUMBERED = "[0-9][0-9]_*.ipynb"
"""The notebooks of a course."""


def notebooks_folder() -> Path:
    """The folder with `course/`, `costs/` and `runbooks/` that comes with esaws.

    In a checkout it is beside the package, else inside it.

    Raises:
        UsageError: the installation has no notebooks.
    """
    package = Path(str(resources.files("esaws")))
    for folder in (package.parent / "notebooks", package / "course" / "notebooks"):
        if any((folder / "course").glob(NUMBERED)):
            return folder
    raise UsageError(f"{package}: this installation has no notebooks. Reinstall esaws, or clone the project.")
