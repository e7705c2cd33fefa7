"""SIGTERM and Ctrl-C during a run: they stop the cell that runs, not the runner."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from esaws.interrupts import in_main_thread
from esaws.notebooks.execution import Execution


@contextmanager
def stopped_by_signals(execution: Execution) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C stop the execution. Works in the main thread; elsewhere signals do not arrive."""
    if not in_main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        execution.stop(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
