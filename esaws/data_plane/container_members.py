"""The processes of a container: its group, its session, and whatever has left both but kept the environment."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "ESAWS_CONTAINER"
"""The variable whose value names the container of a process; descendants inherit it."""

_MOST_ROUNDS = 20
"""How often the processes that start while others are killed are looked for again."""


def members(mark: str, group: int | None = None) -> Iterator[int]:
    """Yield the ids of the processes whose mark begins with a text, and of those in a group or its session.

    With a group, only Linux looks at marks: elsewhere it takes too long to be done again and again.
    """
    looks_at_marks = group is None or sys.platform == "linux"
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            is_in_group = group is not None and group in (os.getpgid(pid), os.getsid(pid))
            if is_in_group or (looks_at_marks and _mark_of(pid).startswith(mark)):
                yield pid


def kill_members(mark: str) -> None:
    """Kill all processes with a mark, and those that they start meanwhile."""
    for _ in range(_MOST_ROUNDS):
        found = [pid for pid in members(mark) if _is_alive(pid)]
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _mark_of(pid: int) -> str:
    """Return the mark of a process; empty without one. On Linux, psutil would take ten times as long."""
    if sys.platform != "linux":
        return str(psutil.Process(pid).environ().get(MARK, ""))
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    begin = f"{MARK}=".encode()
    return next((each.removeprefix(begin).decode() for each in variables if each.startswith(begin)), "")


def _is_alive(pid: int) -> bool:
    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
