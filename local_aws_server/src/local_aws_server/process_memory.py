"""The memory of the server's process: garbage, and free memory that the C library keeps."""

from __future__ import annotations

import gc
import sys
from typing import Any

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""https://man7.org/linux/man-pages/man3/mallopt.3.html"""
_LARGE = 2**18
"""Bytes from which memory is given back to the system at once."""


class GarbageCollection:
    """Frees objects that refer to each other, as most of moto's do, and gives free memory back to the system.

    Python would do so late: `serve` makes collections of all objects rare.
    """

    MAX_GROWTH = 100_000
    """Blocks of memory, about 10 MB."""

    def __init__(self) -> None:
        self._blocks = 0

    def exempt_modules(self) -> None:
        """Leave what exists now, most of it of modules, out of all collections, which then take a tenth of the time."""
        if not gc.get_freeze_count():
            gc.freeze()

    def collect(self) -> None:
        """Collect, which takes some hundredths of a second."""
        gc.collect()
        _call_glibc("malloc_trim", 0)
        self._blocks = sys.getallocatedblocks()

    def collect_if_grown(self) -> None:
        """Collect if the memory has grown since the last time."""
        if sys.getallocatedblocks() > self._blocks + self.MAX_GROWTH:
            self.collect()


GARBAGE = GarbageCollection()


def use_one_heap() -> None:
    """Let all threads share a heap, which fragments less than one for each. Only one allocates at a time anyway."""
    _call_glibc("mallopt", _M_ARENA_MAX, 1)
    _call_glibc("mallopt", _M_MMAP_THRESHOLD, _LARGE)


def _call_glibc(name: str, *arguments: int) -> None:
    """Call a function of the C library, if it is glibc."""
    if sys.platform == "linux":
        import ctypes

        function: Any = getattr(ctypes.CDLL(None), name, None)
        if function is not None:
            function(*arguments)
