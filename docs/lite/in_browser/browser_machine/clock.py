"""The clock that Python reads, `Date.now` of the page: programs see the time that they set, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_PATCH = """
(() => {
  const real = Date.now.bind(Date);
  let time = real, depth = 0;
  Date.now = () => (depth > 0 ? time() : real());
  return {
    real,
    set(to, ticks) { const began = real(); time = ticks ? () => to + real() - began : () => to; },
    clear() { time = real; },
    show() { depth += 1; },
    hide() { depth -= 1; },
  };
})()
"""


@cache
def _clock() -> Any:
    from pyodide.code import run_js

    return run_js(_PATCH)


def real_time() -> float:
    """The time of the computer, in seconds since 1970."""
    return float(_clock().real()) / 1000


def set_time(to: float, ticks: bool) -> None:
    """Let programs see a time, in seconds since 1970, which runs on or stands still."""
    _clock().set(to * 1000, ticks)


def clear_time() -> None:
    """Let programs see the time of the computer."""
    _clock().clear()


@contextmanager
def shown_to_programs() -> Iterator[None]:
    """A program runs inside the block."""
    _clock().show()
    try:
        yield
    finally:
        _clock().hide()
