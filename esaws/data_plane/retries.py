"""Try again what has failed: later after each failure, and with one line in the log for each reason."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from esaws.errors import EsawsError

EXPECTED = (EsawsError, OSError, ClientError, BotoCoreError)
"""Failures of what is outside of this program; all others are its own mistakes and have a traceback."""

_FIRST_SECONDS = 0.25


class Retries:
    """The failures in a row of one thing that is tried again and again."""

    def __init__(self, what: str, longest: float = 30.0, now: Callable[[], float] = time.monotonic) -> None:
        """`what` begins the lines of the log; `longest` is the longest pause, in seconds; `now` a clock in seconds."""
        self._what = what
        self._longest = longest
        self._now = now
        self._pause = 0.0
        self._due = 0.0
        self._logged: set[str] = set()

    @property
    def has_failed(self) -> bool:
        """Whether it failed the last time."""
        return self._pause > 0

    @property
    def is_due(self) -> bool:
        """Whether it may be tried now."""
        return self._now() >= self._due

    def note_failure(self, *errors: Exception) -> None:
        """Double the pause, and log the errors whose reasons have not been logged since the last success."""
        self._pause = min(self._pause * 2 or _FIRST_SECONDS, self._longest)
        self._due = self._now() + self._pause
        for error in errors:
            reason = f"{type(error).__name__}: {error}"
            if reason not in self._logged:
                self._logged.add(reason)
                self._log(f"tried again after a failure: {_describe(error)}")

    def note_success(self) -> None:
        """Forget the failures; the log says so where it named one."""
        if self.has_failed:
            self._log("works again")
        self._pause, self._due = 0.0, 0.0
        self._logged.clear()

    def _log(self, text: str) -> None:
        with suppress(OSError):  # of a full disk
            print(f"{self._what}: {text}", file=sys.stderr, flush=True)


def _describe(error: Exception) -> str:
    return str(error) if isinstance(error, EXPECTED) else "".join(traceback.format_exception(error)).rstrip()
