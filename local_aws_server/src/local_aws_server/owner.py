"""Stop the server when the process that it works for has ended, even if that process was killed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import sleep

import psutil

_EVERY_SECONDS = 1.0


def stop_with(owner: int, stop: Callable[[], None]) -> None:
    """Call `stop` in a thread once the process with the id `owner` has ended."""
    Thread(target=_wait_and_stop, args=(_process(owner), stop), daemon=True).start()


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _wait_and_stop(owner: psutil.Process | None, stop: Callable[[], None]) -> None:
    while owner is not None and _runs(owner):
        sleep(_EVERY_SECONDS)
    stop()


def _runs(process: psutil.Process) -> bool:
    """Whether it is still the same process, and no zombie that its parent has yet to collect."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
