"""The server's one clock, which every timestamp of the process follows: real time plus an offset that only grows."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

# Where pytest is installed, time-machine imports it for a fixture, which takes half as long as the server's start.
_is_pytest_loaded = "pytest" in sys.modules
if not _is_pytest_loaded:
    sys.modules["pytest"] = None  # type: ignore[assignment]
import time_machine  # noqa: E402

if not _is_pytest_loaded:
    del sys.modules["pytest"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")


class Clock:
    """The simulated time, in seconds since 1970. It runs with real time, and jumps forward on demand."""

    def __init__(self) -> None:
        self.still = False
        """Whether it only jumps, so that a simulation does not depend on the speed of the machine."""
        self._travel: time_machine.travel | None = None
        self._traveller: time_machine.Traveller | None = None
        self._start: float | None = None
        self._event_time: float | None = None
        """The exact time of the event that is running, which may be overdue."""
        self._displayed = 0.0
        """While events run: the latest time so far, so that the displayed time never goes back."""

    def start(self, at: float | None = None) -> None:
        """Start at a time, or at the real time. A second call starts the clock again."""
        self._start, self._event_time, self._displayed = at, None, 0.0
        if self._traveller is None:
            self._travel = time_machine.travel(time.time(), tick=not self.still)
            self._traveller = self._travel.start()
        self._move(_real_time() if at is None else at)

    def restart(self) -> None:
        """Start again where the clock started."""
        self.start(self._start)

    def run_on(self) -> None:
        """Follow real time from now on, even if the clock stood still."""
        if self.still:
            self.still = False
            self._move(self.now())

    def stop(self) -> None:
        """Give the process its real time back."""
        if self._travel is not None:
            self._travel.stop()
            self._travel = self._traveller = None

    def now(self) -> float:
        """The simulated time; while an event runs, the time of the event."""
        return time.time() if self._event_time is None else self._event_time

    def displayed(self) -> float:
        """The time to show to clients: it never goes back, even while overdue events run."""
        return max(self._displayed, time.time())

    def advance(self, to: float) -> None:
        """Jump forward to a time; a time in the past changes nothing."""
        if to > self.now():
            self._move(to)

    @contextmanager
    def paused(self) -> Iterator[Clock]:
        """Stop the clock, except for `jump_to_event`. It continues where it was, or at the latest event."""
        self._displayed = self.now()
        began = _real_time()
        try:
            yield self
        finally:
            self._event_time = None
            self._move(self._displayed + (0.0 if self.still else _real_time() - began))
            self._displayed = 0.0

    def jump_to_event(self, event_time: float) -> None:
        """Set the clock to the time of an event, even one in the past."""
        assert self._traveller is not None, "the clock was never started"
        self._traveller.move_to(event_time, tick=False)
        self._event_time, self._displayed = event_time, max(self._displayed, event_time)

    def _move(self, to: float) -> None:
        assert self._traveller is not None, "the clock was never started"
        self._traveller.move_to(to, tick=not self.still)
        time.time()  # time-machine starts to tick at the first read


def _real_time() -> float:
    return time_machine.escape_hatch.time.time()


CLOCK = Clock()


def format_timestamp(timestamp: float) -> str:
    """A timestamp as `2026-01-01T00:00:00Z`."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 text, in UTC unless it has an offset. Raises ValueError."""
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a time. Write it like 2026-01-01T00:00Z") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def parse_duration(text: str) -> float:
    """The seconds of a duration like `90s`, `20m`, `6h`, `3d` or `1d12h`. Raises ValueError."""
    if not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a duration. Write it like 90s, 20m, 6h or 3d")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhd])", text))
