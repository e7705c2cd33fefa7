"""Functions to run when the server starts and after each reset."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

RESET_ACTIONS: list[Callable[[], None]] = []


def on_reset(action: Callable[[], None]) -> Callable[[], None]:
    """Register a function that clears module state or configures moto."""
    RESET_ACTIONS.append(action)
    return action


def run_reset_actions() -> None:
    for action in RESET_ACTIONS:
        action()


class GarbageCollection:
    """Frees the objects of emptied accounts, which refer to each other.

    Python would do so late: `serve` makes collections of all objects rare. One takes as long as six resets.
    """

    MAX_GROWTH = 500_000
    """Blocks of memory, about 50 MB."""

    def __init__(self) -> None:
        self._blocks = 0

    def collect(self) -> None:
        """Collect if the memory has grown since the last time."""
        if sys.getallocatedblocks() > self._blocks + self.MAX_GROWTH:
            gc.collect()
            self._blocks = sys.getallocatedblocks()


GARBAGE = GarbageCollection()
