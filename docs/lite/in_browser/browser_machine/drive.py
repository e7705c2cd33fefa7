"""The work is kept in the browser: the state folder of esaws is copied to the drive of JupyterLite after cells."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from browser_machine import programs

DRIVE = Path("/drive")
FOLDER = "esaws-state"
"""A folder beside the notebooks. Its files `*.esaws` are saved states, which `esaws local load` opens elsewhere."""
STATE = Path.home() / "esaws-state"

PAUSE_SECONDS = 0.5
"""The work is kept when no cell has run for so long; saving after each of many cells would take half of their time."""
LONGEST_SECONDS = 30.0
"""However many cells run, it is kept after so long."""

_NOT_KEPT = (".token", ".lock", ".log")
_OF_RUNNING_PROGRAMS = ("server.json", "port")


class Keeper:
    """Copies what has changed in the state folder to the drive."""

    def __init__(self) -> None:
        self._copied: dict[Path, bytes] = {}
        """Relative path → content on the drive. Reading the drive itself takes a message to the page for each file."""
        self._waiting: asyncio.TimerHandle | None = None
        self._kept = time.monotonic()

    def restore(self) -> None:
        """Copy the folder on the drive to the state folder."""
        source = DRIVE / FOLDER
        for file in source.rglob("*") if source.is_dir() else ():
            if file.is_file():
                path = file.relative_to(source)
                self._copied[path] = file.read_bytes()
                (STATE / path).parent.mkdir(parents=True, exist_ok=True)
                (STATE / path).write_bytes(self._copied[path])

    def cell_has_run(self) -> None:
        """Keep the work soon, or now if that was long ago."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if time.monotonic() - self._kept > LONGEST_SECONDS:
            self.keep()
        else:
            self._waiting = asyncio.get_event_loop().call_later(PAUSE_SECONDS, self.keep)

    def keep(self) -> None:
        """Save the user's local AWS if it was called since, and copy what has changed to the drive."""
        self._waiting = None
        active = programs.LocalAwsProgram.active
        if active is not None and (state := active.settings.state) is not None and state.is_relative_to(STATE):
            with active.running():
                active.application.autosave.save_changes()
        for file in STATE.rglob("*"):
            if file.is_dir() or file.name.endswith(_NOT_KEPT) or file.name in _OF_RUNNING_PROGRAMS:
                continue
            path, content = file.relative_to(STATE), file.read_bytes()
            if self._copied.get(path) != content:
                (DRIVE / FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
                (DRIVE / FOLDER / path).write_bytes(content)
                self._copied[path] = content
        self._kept = time.monotonic()


def install(shell: Any) -> None:
    """Set the state folder, restore it from the drive, and keep the work after cells."""
    os.environ.setdefault("ESAWS_STATE", str(STATE))
    os.environ.setdefault("ESAWS_RUNS", str(STATE / "runs"))
    if DRIVE.is_dir():
        keeper = Keeper()
        keeper.restore()
        shell.events.register("post_run_cell", lambda result: keeper.cell_has_run())
