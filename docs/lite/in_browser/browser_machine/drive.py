"""The work is kept in the browser: the state folder of esaws is copied to the drive of JupyterLite after each cell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from browser_machine import programs

DRIVE = Path("/drive")
FOLDER = "esaws-state"
"""A folder beside the notebooks. Its file `state.esaws` is a saved state, which `esaws local load` opens elsewhere."""
STATE = Path.home() / "esaws-state"


def install(shell: Any) -> None:
    """Set the state folder, restore it from the drive, and copy it there after each cell."""
    os.environ.setdefault("ESAWS_STATE", str(STATE))
    os.environ.setdefault("ESAWS_RUNS", str(STATE / "runs"))
    if DRIVE.is_dir():
        _copy(DRIVE / FOLDER, STATE)
        shell.events.register("post_run_cell", lambda result: keep())


def keep() -> None:
    """Save the user's local AWS if it was called since, and copy what has changed to the drive."""
    active = programs.LocalAwsProgram.active
    if active is not None and active.options.state is not None and active.options.state.is_relative_to(STATE):
        with active.running():
            active.application.autosave.save_changes()
    _copy(STATE, DRIVE / FOLDER)


def _copy(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    for file in source.rglob("*"):
        if file.is_dir() or file.name.endswith((".token", ".lock", ".log")) or file.name in ("server.json", "port"):
            continue
        copy = target / file.relative_to(source)
        content = file.read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
