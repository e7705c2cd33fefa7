"""The progress of each learner, from what checks found: one file, which survives upgrades."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from esaws.course.worlds import course_folder
from esaws.errors import EsawsError
from esaws.files import write_atomically

VERSION = 1


class Progress:
    """What a learner has done: exercises with their best result, hints and solutions that were shown, predictions."""

    def __init__(self, learner: str) -> None:
        self.learner = learner

    def exercise(self, name: str) -> dict[str, Any]:
        """Return points, of, attempts, hints and solution_shown of an exercise; zeros if it was not tried."""
        untried = {"points": 0, "of": 0, "attempts": 0, "hints": 0, "solution_shown": False}
        return untried | self._read().get("exercises", {}).get(name, {})

    def record_check(self, name: str, points: int, of: int) -> None:
        """Count an attempt, and keep the best result."""
        with self._changing() as mine:
            before = mine.setdefault("exercises", {}).setdefault(name, {})
            before["attempts"] = before.get("attempts", 0) + 1
            if points >= before.get("points", 0) or before.get("of") != of:
                before.update(points=points, of=of)

    def record_hint(self, name: str) -> int:
        """Count a hint, and return how many were shown before."""
        with self._changing() as mine:
            before = mine.setdefault("exercises", {}).setdefault(name, {})
            before["hints"] = before.get("hints", 0) + 1
            return int(before["hints"]) - 1

    def record_solution(self, name: str) -> None:
        """Note that the solution was shown."""
        with self._changing() as mine:
            mine.setdefault("exercises", {}).setdefault(name, {})["solution_shown"] = True

    def prediction(self, name: str) -> Any:
        """Return what was predicted, or None."""
        return self._read().get("predictions", {}).get(name)

    def record_prediction(self, name: str, value: Any) -> None:
        """Keep a prediction, which must be JSON data."""
        with self._changing() as mine:
            mine.setdefault("predictions", {})[name] = value

    def diagram(self, chapter: str) -> dict[str, Any] | None:
        """Return the diagram that was kept in a chapter, as JSON data, or None."""
        kept: dict[str, Any] | None = self._read().get("diagrams", {}).get(chapter)
        return kept

    def record_diagram(self, chapter: str, diagram: dict[str, Any]) -> None:
        """Keep the diagram of a chapter, as JSON data."""
        with self._changing() as mine:
            mine.setdefault("diagrams", {})[chapter] = diagram

    def _read(self) -> dict[str, Any]:
        return dict(_read_file().get("learners", {}).get(self.learner, {}))

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """Yield the learner's part of the file, and write the file at the end of the block."""
        from filelock import FileLock

        file = progress_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            content = _read_file()
            yield content.setdefault("learners", {}).setdefault(self.learner, {})
            write_atomically(file, json.dumps({**content, "version": VERSION}, indent=1, sort_keys=True))


def progress_file() -> Path:
    """The file with the progress of all learners of this computer."""
    return course_folder() / "progress.json"


def _read_file() -> dict[str, Any]:
    file = progress_file()
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise EsawsError(f"{file} is damaged ({error}). Restore it from a copy, or move it away.") from error
    if not isinstance(content, dict) or content.get("version", VERSION) > VERSION:
        raise EsawsError(f"{file} was written by a newer esaws. Upgrade esaws to continue.")
    return content
