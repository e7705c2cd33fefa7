"""From the points of exercises to the grade of a learner: weights, help, predictions, late work, tries and groups."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from esaws.course.chapters import chapters
from esaws.course.classroom.settings import Settings
from esaws.course.classroom.submission import Submission
from esaws.course.labs.lab import ITEM_PREFIX

GRADED, NOT_HANDED_IN, NOT_GRADED = "graded", "not handed in", "not graded"


@dataclass(frozen=True)
class ExerciseGrade:
    """An exercise or a lab of a learner. points and of are None unless it was graded; `problem` says why it was not."""

    exercise: str
    status: str
    points: int | None = None
    of: int | None = None
    passed: tuple[str, ...] = ()
    failed: tuple[Mapping[str, str], ...] = ()
    problem: str = ""
    hints: int = 0
    solution_shown: bool = False
    attempts: int = 0
    recorded: str = ""
    """The points that the learner's computer recorded, as `3 of 3`, and the level of a lab."""

    def share(self, settings: Settings) -> float | None:
        """The part of the exercise that counts, between 0 and 1, after hints and solution; None if it is unknown."""
        if self.status == NOT_GRADED:
            return None
        if not self.points or not self.of:
            return 0.0
        share = self.points / self.of * (settings.solution if self.solution_shown else 1.0)
        return max(0.0, share - settings.hint * self.hints)


@dataclass(frozen=True)
class LearnerGrade:
    """The grade of a learner. `total` is None if a part of it is unknown; `notes` say what was deducted and why."""

    learner: str
    total: float | None
    exercises: tuple[ExerciseGrade, ...]
    notes: tuple[str, ...] = ()
    file: str = ""
    submitted: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return learner, total, points and of (by exercise), notes and file."""
        rows = [
            {"exercise": each.exercise, "status": each.status, "points": each.points, "of": each.of}
            for each in self.exercises
        ]
        return {
            "learner": self.learner,
            "total": self.total,
            "exercises": rows,
            "notes": list(self.notes),
            "file": self.file,
        }


def choose_files(submissions: Iterable[Submission], settings: Settings) -> dict[str, list[Submission]]:
    """Return the submissions that count by the learner whose group or self they count for, first those handed in first.

    Copies of one file count once. Beyond the allowed tries nothing counts; with `keep = "last"` only the last try does.
    """
    chosen: dict[str, list[Submission]] = {}
    for submission in sorted(submissions, key=lambda each: (each.submitted, each.digest)):
        first = settings.members(submission.learner)[0]
        if all(submission.digest != other.digest for other in chosen.setdefault(first, [])):
            chosen[first].append(submission)
    for first, files in chosen.items():
        if settings.allowed is not None:
            extra = max(settings.extra.get(member, 0) for member in settings.members(first))
            del files[settings.allowed + extra :]
        if settings.keep == "last":
            del files[:-1]
    return chosen


def exercise_grades(
    submission: Submission, results: Mapping[str, Mapping[str, Any]], names: Sequence[str]
) -> tuple[ExerciseGrade, ...]:
    """Return the grade of each exercise of the assignment, from what the checks found."""
    return tuple(_exercise_grade(submission, name, results.get(name)) for name in names)


def learner_grade(
    learner: str, submission: Submission | None, exercises: tuple[ExerciseGrade, ...], settings: Settings
) -> LearnerGrade:
    """Return the grade of a learner for one submission, which may be that of another member of the group."""
    if submission is None:
        nothing = tuple(ExerciseGrade(name, NOT_HANDED_IN) for name in settings.exercises)
        return LearnerGrade(learner, 0.0, nothing, ("nothing was handed in",))
    shares = {each.exercise: each.share(settings) for each in exercises}
    notes = [f"handed in by {submission.learner}"] * (submission.learner != learner)
    notes += [f"{each.exercise}: not graded: {each.problem}" for each in exercises if each.status == NOT_GRADED]
    total: float | None = None
    if None not in shares.values():
        weight = sum(settings.weights.values())
        solved = sum((shares[name] or 0.0) * settings.weights[name] for name in settings.exercises) / weight
        predicted = _predicted(submission, settings)
        kept, note = _kept_when_late(learner, submission, settings)
        notes += [note] * bool(note)
        share = (1 - settings.predictions) * solved + settings.predictions * predicted
        total = round(settings.points * share * kept, 2)
    return LearnerGrade(learner, total, exercises, tuple(notes), submission.file, submission.submitted)


def _exercise_grade(submission: Submission, name: str, result: Mapping[str, Any] | None) -> ExerciseGrade:
    record = submission.exercises.get(name)
    if record is None:
        return ExerciseGrade(name, NOT_HANDED_IN)
    if result is None:
        return ExerciseGrade(name, NOT_GRADED, problem="it was not checked")
    is_lab = name.startswith(ITEM_PREFIX)
    return ExerciseGrade(
        exercise=name,
        status=NOT_GRADED if result["problem"] else GRADED,
        points=result["points"],
        of=result["of"],
        passed=tuple(result["passed"]),
        failed=tuple(result["failed"]),
        problem=result["problem"],
        hints=record["hints"],
        solution_shown=record["solution_shown"],
        attempts=record["attempts"],
        recorded=f"{record['points']} of {record['of']}" + (f", level {record['lab']['level']}" if is_lab else ""),
    )


def _predicted(submission: Submission, settings: Settings) -> float:
    """The part of the predictions of the assignment's chapters that were made; 1 if these chapters have none."""
    numbers = {name.partition("-")[0] for name in settings.exercises}
    names = [name for number, chapter in chapters().items() if number in numbers for name in chapter.predictions]
    return sum(name in submission.predictions for name in names) / len(names) if names else 1.0


def _kept_when_late(learner: str, submission: Submission, settings: Settings) -> tuple[float, str]:
    """The part of the grade that is left after the due time, and a note; 1 and an empty text if it was in time."""
    members = settings.members(submission.learner)
    extended = [settings.extensions[member] for member in members if member in settings.extensions]
    due = max(extended, default=settings.due)
    received = settings.received.get(submission.learner, submission.submitted)
    if due is None:
        return 1.0, ""
    late = (received - due).total_seconds() - 60 * settings.grace_minutes
    if late <= 0:
        return 1.0, ""
    days = math.ceil(late / 86400)
    if settings.days is not None and days > settings.days:
        return 0.0, f"{days} days late: it scores 0 after {settings.days:g}"
    lost = min(settings.per_day * days, settings.at_most)
    return 1.0 - lost, f"{days} day{'s' * (days > 1)} late: {100 * lost:g} % less"
