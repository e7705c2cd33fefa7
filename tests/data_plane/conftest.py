"""Fixtures: the data of an empty PostgreSQL, initialised once for all xdist workers."""

import asyncio
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from esaws.data_plane.stores.postgresql import Template


@pytest.fixture(scope="session")
def template(shared_folder: Path) -> Path:
    folder = shared_folder / "postgresql"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            copy = shared_folder / "first-copy"
            asyncio.run(Template(folder).copy_to(copy))
            shutil.rmtree(copy)
    return folder
