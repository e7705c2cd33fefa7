"""Put the notebooks, pictures and pages into the wheel, so that `esaws course new` has them outside a checkout."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = {name: f"esaws/course/{name}" for name in ("notebooks", "diagrams", "docs")}
"""Folder of the repository → folder in the wheel."""


class BuildWithNotebooks(build_py):
    """Copy the package, then what the notebooks need; an editable install reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for source, target in SHIPPED.items():
                for file in sorted(Path(source).rglob("*")):
                    if file.suffix in {".ipynb", ".svg", ".png", ".md"} and ".ipynb_checkpoints" not in file.parts:
                        copy = Path(self.build_lib, target, file.relative_to(source))
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(file, copy)


setup(cmdclass={"build_py": BuildWithNotebooks})
