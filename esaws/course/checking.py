"""Check an exercise against the state of the account, with credit in parts and the reason."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from botocore.exceptions import ClientError

from esaws.course.exercises import Attempt, Exercise, Point, Solution
from esaws.errors import EsawsError, LocalNotRunning, describe_error

EXAMINABLE = "The account can be examined"
"""The point that a check fails if an error ended it."""


@dataclass(frozen=True)
class Result:
    """The points of one check."""

    exercise: str
    all_points: tuple[Point, ...]

    @property
    def of(self) -> int:
        """The number of points that can be scored."""
        return len(self.all_points)

    @property
    def points(self) -> int:
        """The number of points that were scored; 0 if one that is needed is missing."""
        if any(point.is_needed and not point.ok for point in self.all_points):
            return 0
        return sum(point.ok for point in self.all_points)

    @property
    def ok(self) -> bool:
        """Whether the exercise is solved."""
        return self.points == self.of > 0

    def to_dict(self) -> dict[str, Any]:
        """Return exercise, points, of, passed (sentences) and failed (a list of {what, found, look_at})."""
        return {
            "exercise": self.exercise,
            "points": self.points,
            "of": self.of,
            "passed": [point.what for point in self.all_points if point.ok],
            "failed": [
                {"what": point.what, "found": point.found, "look_at": point.look_at}
                for point in self.all_points
                if not point.ok
            ],
        }

    def __str__(self) -> str:
        lines = [f"{'✔' if self.ok else '✘'} {self.exercise}: {self.points} of {self.of} points"]
        for point in self.all_points:
            lines.append(f"  {'✔' if point.ok else '✘'} {point.what}")
            if not point.ok:
                lines += [f"      found: {point.found}"] * bool(point.found)
                lines += [f"      look at: {point.look_at}"] * bool(point.look_at)
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        items = []
        for point in self.all_points:
            notes = [("found", point.found), ("look at", point.look_at)]
            reasons = "".join(f"<br><small>{name}: {escape(text)}</small>" for name, text in notes if text)
            items.append(f"<li>{'✔' if point.ok else '✘'} {escape(point.what)}{'' if point.ok else reasons}</li>")
        head = f"{'✔' if self.ok else '✘'} <b>{escape(self.exercise)}</b>: {self.points} of {self.of} points"
        return f'<p>{head}</p><ul style="list-style: none">{"".join(items)}</ul>'


def check_exercise(exercise: Exercise, attempt: Attempt) -> Result:
    """Return the points of an attempt. What can't be examined is a point that is not scored, with the reason.

    Raises:
        LocalNotRunning: the local AWS stopped.
    """
    return Result(exercise.name, collect_points(exercise.check(attempt)))


def collect_points(points: Iterable[Point]) -> tuple[Point, ...]:
    """Return the points of a check. If an error ends it, the last point is not scored, is needed, and says why.

    Raises:
        LocalNotRunning: the local AWS stopped.
    """
    collected: list[Point] = []
    try:
        for point in points:
            collected.append(point)
    except LocalNotRunning:
        raise
    except (EsawsError, ClientError) as error:
        text = str(error) if isinstance(error, EsawsError) else describe_error(error)
        collected.append(Point(EXAMINABLE, False, text, "what the message names", is_needed=True))
    return tuple(collected)


def solution_code(solution: Solution) -> str:
    """Return the statements of a solution, as a learner would type them into a cell."""
    source = textwrap.dedent(inspect.getsource(solution))
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return textwrap.dedent("\n".join(source.splitlines()[body[0].lineno - 1 :]))
