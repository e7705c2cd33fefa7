"""The result of a lab: its diagnosis and its repair."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from esaws.course.checking import Result
from esaws.course.labs.lab import ITEM_PREFIX


@dataclass(frozen=True)
class LabResult:
    """What a check of a lab found. `diagnosis` has the points of the last one that was handed in, as (points, of)."""

    lab: str
    level: int
    diagnosis: tuple[int, int]
    diagnoses: int
    repair: Result

    @property
    def is_diagnosed(self) -> bool:
        """Whether the diagnosis is right."""
        points, of = self.diagnosis
        return points == of > 0

    @property
    def ok(self) -> bool:
        """Whether the lab is passed: by its diagnosis and by its repair."""
        return self.is_diagnosed and self.repair.ok

    @property
    def points(self) -> int:
        """The points of both."""
        return self.diagnosis[0] + self.repair.points

    @property
    def of(self) -> int:
        """The points that can be scored."""
        return self.diagnosis[1] + self.repair.of

    def to_dict(self) -> dict[str, Any]:
        """Return exercise, level, ok, points, of, passed, failed, and {points, of} of diagnosis and of repair."""
        points, of = self.diagnosis
        return {
            **self.repair.to_dict(),
            "exercise": f"{ITEM_PREFIX}{self.lab}",
            "level": self.level,
            "ok": self.ok,
            "points": self.points,
            "of": self.of,
            "diagnosis": {"points": points, "of": of, "handed_in": self.diagnoses},
            "repair": {"points": self.repair.points, "of": self.repair.of},
        }

    @property
    def _about_diagnosis(self) -> str:
        if not self.diagnoses:
            return "not handed in"
        attempt = "the first one" if self.diagnoses == 1 else f"number {self.diagnoses}"
        return f"{self.diagnosis[0]} of {self.diagnosis[1]} points, {attempt}"

    @property
    def _head(self) -> str:
        return f"lab {self.lab}, level {self.level}: {'passed' if self.ok else 'not passed yet'}"

    def __str__(self) -> str:
        diagnosis = f"{_mark(self.is_diagnosed)} diagnosis: {self._about_diagnosis}"
        return f"{_mark(self.ok)} {self._head}\n{diagnosis}\n{self.repair}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        diagnosis = f"{_mark(self.is_diagnosed)} diagnosis: {self._about_diagnosis}"
        head = f"<p>{_mark(self.ok)} <b>{escape(self._head)}</b><br>{diagnosis}</p>"
        return head + self.repair._repr_html_()


def _mark(ok: bool) -> str:
    return "✔" if ok else "✘"
