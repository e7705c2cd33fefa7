"""Grade all submissions of a class: verify each file, check what counts in worker processes, and add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from esaws.course.classroom.checked import Checked
from esaws.course.classroom.folder import SUBMISSIONS, Classroom
from esaws.course.classroom.grades import (
    NOT_GRADED,
    LearnerGrade,
    choose_files,
    exercise_grades,
    learner_grade,
)
from esaws.course.classroom.grading import serve_checks, ungraded
from esaws.course.classroom.keys import learner_key
from esaws.course.classroom.submission import BadSubmission, Submission, read_submission
from esaws.course.classroom.workers import Task, run_tasks
from esaws.progress import progress

WORKERS = 2
LIMIT = 120.0
"""Seconds that the check of one exercise may take."""

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""SHA-256 of a file → exercise → what `check_submitted` or `find_fitting` returned."""


@dataclass(frozen=True)
class ClassGrades:
    """The grades of a class: one for each learner, and the files that could not be read, with the reason."""

    grades: tuple[LearnerGrade, ...]
    errors: Mapping[str, str]

    @property
    def ungraded(self) -> int:
        """The number of exercises that could not be graded."""
        return sum(each.status == NOT_GRADED for grade in self.grades for each in grade.exercises)

    @property
    def ok(self) -> bool:
        """Whether every file was read and every exercise graded."""
        return not self.errors and not self.ungraded

    def to_dict(self) -> dict[str, Any]:
        """Return grades (those of `LearnerGrade.to_dict`), errors [{file, problem}] and ungraded."""
        errors = [{"file": file, "problem": problem} for file, problem in sorted(self.errors.items())]
        return {"grades": [grade.to_dict() for grade in self.grades], "errors": errors, "ungraded": self.ungraded}

    def __str__(self) -> str:
        handed_in = sum(bool(grade.file) for grade in self.grades)
        text = f"{len(self.grades)} learners, {handed_in} with a submission"
        if self.errors:
            text += f"; {len(self.errors)} files could not be read"
        if self.ungraded:
            text += f"; {self.ungraded} exercises could not be graded"
        return text


def read_submissions(classroom: Classroom, folder: Path | None = None) -> tuple[dict[Path, Submission], dict[str, str]]:
    """Return the submissions of a class by file, without their states, and the problem of each other file."""
    root = folder or classroom.folder / SUBMISSIONS
    found, errors = {}, {}
    for path in classroom.submissions(folder):
        try:
            found[path] = replace(read_submission(path, classroom.key_of), states={})
        except BadSubmission as error:
            errors[str(path.relative_to(root))] = str(error)
    return found, errors


def grade_class(
    classroom: Classroom, folder: Path | None = None, *, workers: int = WORKERS, limit: float = LIMIT
) -> ClassGrades:
    """Grade what was handed in, and return the grade of every learner. A damaged or foreign file loses nothing else.

    Args:
        classroom: the class.
        folder: where the files are; default `submissions` in the folder of the class.
        workers: processes that check at the same time, each with two local AWS.
        limit: seconds that the check of one exercise may take.

    Raises:
        UsageError: the folder does not exist.
    """
    found, errors = read_submissions(classroom, folder)
    chosen = choose_files(found.values(), classroom.settings)
    counted = {submission.digest for files in chosen.values() for submission in files}
    paths = {submission.digest: path for path, submission in found.items()}
    by_digest = {submission.digest: submission for submission in found.values()}
    handed_in = [(paths[digest], by_digest[digest]) for digest in counted]
    results = check_submissions(classroom, in_assignment(handed_in, classroom), workers=workers, limit=limit)
    grades = [_best(learner.id, chosen, results, classroom) for learner in classroom.learners]
    return ClassGrades(tuple(grades), errors)


Wanted = Sequence[tuple[Path, Submission, Sequence[str]]]
"""A file, its submission, and exercises of it."""


def in_assignment(submissions: Iterable[tuple[Path, Submission]], classroom: Classroom) -> Wanted:
    """Return each submission with its exercises of the assignment, sorted by learner."""
    names = classroom.settings.exercises
    found = [(path, each, [name for name in names if name in each.exercises]) for path, each in submissions]
    return sorted(found, key=lambda wanted: wanted[1].learner)


def check_submissions(
    classroom: Classroom,
    wanted: Wanted,
    *,
    others: Sequence[str] | None = None,
    workers: int = WORKERS,
    limit: float = LIMIT,
) -> Results:
    """Check exercises in worker processes, and show the progress. What was checked before is not checked again.

    With `others`, the values of these learners are tried instead of the learner's own, as `find_fitting` does.
    """
    checked = Checked(classroom.folder)
    results: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    tasks, by_digest = [], {}
    for path, submission, names in wanted:
        known = {name: found for name in names if (found := checked.find(submission, name, others)) is not None}
        results[submission.digest].update(known)
        about = {"file": str(path), "key": learner_key(classroom.secret, submission.learner).hex(), "others": others}
        tasks.append(Task(submission.digest, about, tuple(name for name in names if name not in known)))
        by_digest[submission.digest] = submission
    try:
        with progress("checking", sum(len(task.items) for task in tasks)) as bar:
            for digest, name, result, problem in run_tasks(tasks, serve_checks, workers=workers, limit=limit):
                results[digest][name] = found = result or {**ungraded(problem), "fits": []}
                checked.keep(by_digest[digest], name, found, others)
                bar.step(f"{by_digest[digest].learner} {name}")
    finally:
        checked.save()
    return results


def _best(
    learner: str, chosen: Mapping[str, Sequence[Submission]], results: Results, classroom: Classroom
) -> LearnerGrade:
    """The grade of a learner: the best of the files that count; unknown if that of one of them is unknown."""
    settings = classroom.settings
    files = chosen.get(settings.members(learner)[0], ())
    grades = [
        learner_grade(
            learner,
            submission,
            exercise_grades(submission, results.get(submission.digest, {}), settings.exercises),
            settings,
        )
        for submission in files
    ]
    if any(grade.total is None for grade in grades):
        return next(grade for grade in reversed(grades) if grade.total is None)
    return max(grades, key=lambda grade: grade.total or 0.0, default=learner_grade(learner, None, (), settings))
