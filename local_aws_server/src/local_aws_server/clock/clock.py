"""The server's one clock, which every timestamp of the process follows: real time with an offset that only grows."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

# Where pytest is installed, time-machine imports it for a fixture, which takes as long as half the server's start.
_loaded = "pytest" in sys.modules
if not _loaded:
    sys.modules["pytest"] = None  # type: ignore[assignment]
import time_machine  # noqa: E402

if not _loaded:
    del sys.modules["pytest"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")


class Clock:
    """Runs on with real time, and jumps forward when told to; in seconds since 1970."""

    def __init__(self) -> None:
        self.still = False
        """Whether it only jumps, so that what happens on it does not depend on how fast a machine is."""
        self._traveller: time_machine.Traveller | None = None
        self._start: float | None = None
        self._played: float | None = None
        """The moment of the event that is being played, exactly as it was asked for."""
        self._shown = 0.0
        """The latest time before, or of, the events that are being played: they may be overdue."""

    def start(self, at: float | None = None) -> None:
        """Begin at a moment, or at the real time; called again, begin there again."""
        self._start, self._played, self._shown = at, None, 0.0
        if self._traveller is None:
            self._traveller = time_machine.travel(time.time(), tick=not self.still).start()
        self._move(_real() if at is None else at)

    def restart(self) -> None:
        """Begin anew where it began."""
        self.start(self._start)

    def now(self) -> float:
        """The time in the simulated world; while an event is played, its moment."""
        return time.time() if self._played is None else self._played

    def displayed(self) -> float:
        """The time for those who look on from outside, which never goes back."""
        return max(self._shown, time.time())

    def advance(self, to: float) -> None:
        """Jump to a moment; one that has passed changes nothing."""
        if to > self.now():
            self._move(to)

    @contextmanager
    def paused(self) -> Iterator[Clock]:
        """Inside, time stands still but for `play`; outside, it goes on where it was, or where it was played to."""
        self._shown = self.now()
        began = _real()
        try:
            yield self
        finally:
            self._played = None
            self._move(self._shown + (0.0 if self.still else _real() - began))
            self._shown = 0.0

    def jump_to_event(self, moment: float) -> None:
        """Be exactly at the moment of an event, even of one that has passed."""
        assert self._traveller is not None, "the clock was never started"
        self._traveller.move_to(moment, tick=False)
        self._played, self._shown = moment, max(self._shown, moment)

    def _move(self, to: float) -> None:
        assert self._traveller is not None, "the clock was never started"
        self._traveller.move_to(to, tick=not self.still)
        time.time()  # it ticks from when it is first read


def _real() -> float:
    return time_machine.escape_hatch.time.time()


CLOCK = Clock()


def format_timestamp(moment: float) -> str:
    """A moment as `2026-01-01T00:00:00Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> float:
    """The moment that an ISO 8601 text names, UTC unless it says otherwise. Raises ValueError."""
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no moment; say it like 2026-01-01T00:00Z") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def parse_duration(text: str) -> float:
    """The seconds in a duration like `90s`, `20m`, `6h`, `3d` or `1d12h`. Raises ValueError."""
    if not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is no duration; say it like 90s, 20m, 6h or 3d")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhd])", text))
