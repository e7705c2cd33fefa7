"""A local AWS of its own for each notebook of the course, so that no notebook depends on what another one did.

A world is a folder with the state of a server, its clock and what the course remembers about it. Entering it points
this process and its children, such as `!aws` in a cell, at that server.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esaws.cloud import Cloud
from esaws.deploy.leftovers import Leftover, leftovers
from esaws.environment import environment_variables
from esaws.errors import EsawsError
from esaws.files import make_private_folder, write_atomically
from esaws.local_aws import process
from esaws.local_aws.state import state_folder

COURSE_FOLDER = "ESAWS_COURSE"
"""The variable that names the folder of the course; set on entering a world, so that it is not sought inside it."""
_MEMORY = "course.json"


def course_folder() -> Path:
    """The folder of all worlds and of the progress: ESAWS_COURSE, else `course` in the state folder."""
    return Path(os.environ[COURSE_FOLDER]) if COURSE_FOLDER in os.environ else state_folder() / "course"


def command_path() -> str:
    """The variable PATH with the folder in front in which this Python has `esaws` and `aws`."""
    paths = [str(Path(sys.executable).parent), *os.environ.get("PATH", "").split(os.pathsep)]
    return os.pathsep.join(dict.fromkeys(paths))


@dataclass(frozen=True)
class World:
    """The local AWS of one notebook or lab."""

    name: str

    @property
    def folder(self) -> Path:
        """Where its state is kept."""
        return course_folder() / "worlds" / self.name

    def environment(self, begins: str) -> dict[str, str]:
        """The variables that make this server the local AWS of a process. Its clock starts at `begins`."""
        return {
            COURSE_FOLDER: str(course_folder()),
            "ESAWS_STATE": str(self.folder),
            "ESAWS_PORT": "0",
            "ESAWS_AT": begins,
            "ESAWS_STILL": "1",
        }

    def enter(self, begins: str, *, fresh: bool = False, settings: Mapping[str, Any] | None = None) -> bool:
        """Start the server, with the state that it had, and point this process and its children at it.

        Returns whether it did not run before.

        Args:
            begins: where a new clock starts, an ISO 8601 date.
            fresh: delete the state first.
            settings: those of `simulation.start`, for a new state.
        """
        os.environ.update(self.environment(begins))
        make_private_folder(self.folder)
        if fresh:
            process.stop(discard=True)
            (self.folder / _MEMORY).unlink(missing_ok=True)
        is_new = not process.status()["running"] and not (self.folder / "state.esaws").exists()
        status = process.start(**(settings or {}) if is_new else {})
        os.environ.update(process.environment())
        return bool(status["started"])

    def stop(self) -> None:
        """Stop the server if it runs, and keep its state. This process must have entered the world."""
        if os.environ.get("ESAWS_STATE") == str(self.folder):
            process.stop()

    def delete(self) -> None:
        """Stop the server, and delete its state and what the course remembers about it."""
        if os.environ.get("ESAWS_STATE") == str(self.folder):
            process.stop(discard=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def stop_all() -> list[str]:
    """Stop the servers of all worlds, and return the names of those that ran. Their states are kept."""
    stopped = []
    for folder in sorted((course_folder() / "worlds").glob("*")):
        with environment_variables({"ESAWS_STATE": str(folder)}):
            if process.stop()["stopped"]:
                stopped.append(folder.name)
    return stopped


def leftovers_of_worlds() -> list[Leftover]:
    """Return what is left in the local AWS of each chapter that has begun and not ended; starts those servers."""
    left: list[Leftover] = []
    for file in sorted((course_folder() / "worlds").glob(f"*/{_MEMORY}")):
        begun = json.loads(file.read_text("utf-8"))
        with environment_variables(World(file.parent.name).environment(begun["begins"])):
            cloud = Cloud.local(deployment=begun["deployment"])
            cloud.start()
            left += leftovers(cloud)
            process.stop()
    return left


class Memory:
    """What the course remembers about one deployment in one account: how it began, and what existed at which exercise.

    It is beside the state of the local AWS, and elsewhere in a folder of the account.
    """

    def __init__(self, cloud: Cloud, world: World | None) -> None:
        if world is not None:
            folder = world.folder
        else:
            folder = course_folder() / "accounts" / f"{cloud.account}-{cloud.region}-{cloud.deployment}"
        self._file = folder / _MEMORY

    def read(self) -> dict[str, Any]:
        """Return what was written, or an empty dict."""
        try:
            content = json.loads(self._file.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise EsawsError(f"{self._file} is damaged ({error}). Delete it, and begin the notebook again.") from error
        return content if isinstance(content, dict) else {}

    def write(self, content: Mapping[str, Any]) -> None:
        """Replace it."""
        make_private_folder(self._file.parent)
        write_atomically(self._file, json.dumps(content, indent=1, sort_keys=True))

    def forget(self) -> None:
        """Delete it."""
        self._file.unlink(missing_ok=True)
