"""A check: a statement that must hold after an operation, with what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """A statement such as `4 tasks run`, whether it holds, and what was found.

    `ok` is None where that is unknown; `found` then has the reason. `next_step` says what to do unless it holds.
    """

    what: str
    ok: bool | None
    found: str
    next_step: str = ""

    def to_dict(self) -> dict[str, Any]:
        """what, ok (true, false or null), found, next_step."""
        return {"what": self.what, "ok": self.ok, "found": self.found, "next_step": self.next_step}

    def __str__(self) -> str:
        answer = {True: "yes", False: "no", None: "unknown"}[self.ok]
        text = f"{self.what}: {answer} ({self.found})"
        return text if self.ok or not self.next_step else f"{text}; {self.next_step}"


def failed_checks(checks: Sequence[Check]) -> list[Check]:
    """The checks that do not hold, and those whose answer is unknown."""
    return [check for check in checks if check.ok is not True]
