"""Grades as CSV: by learner and exercise, by learner, for Moodle and for Canvas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from esaws.course.classroom.grades import ExerciseGrade, LearnerGrade
from esaws.course.classroom.roster import Learner
from esaws.course.classroom.settings import Settings
from esaws.course.classroom.tables import csv_text
from esaws.errors import UsageError

COLUMNS = (
    "learner",
    "name",
    "group",
    "exercise",
    "status",
    "points",
    "of",
    "weight",
    "reasons",
    "evidence",
    "recorded",
    "attempts",
    "hints",
    "solution_shown",
    "submitted",
    "file",
)
_MOODLE_IDENTITIES = {"Email address": "email", "ID number": "id_number", "Username": "username"}
ERROR = "error"
"""The status of a file that is not a submission of this class."""


def grades_csv(
    grades: Sequence[LearnerGrade], errors: Mapping[str, str], learners: Sequence[Learner], settings: Settings
) -> str:
    """Return a row for each learner and exercise, and one for each file that could not be read, which come first."""
    names = {learner.id: learner.name for learner in learners}
    rows: list[dict[str, Any]] = [
        {"status": ERROR, "reasons": problem, "file": file} for file, problem in sorted(errors.items())
    ]
    for grade in grades:
        about = {
            "learner": grade.learner,
            "name": names[grade.learner],
            "group": settings.group(grade.learner),
            "submitted": grade.submitted.isoformat() if grade.submitted else "",
            "file": grade.file,
        }
        rows += [{**about, **_exercise_cells(each, settings)} for each in grade.exercises]
    return csv_text(COLUMNS, ([row.get(column, "") for column in COLUMNS] for row in rows))


def totals_csv(grades: Sequence[LearnerGrade], learners: Sequence[Learner], settings: Settings) -> str:
    """Return a row for each learner: total, of, points of each exercise, notes."""
    names = {learner.id: learner.name for learner in learners}
    header = ["learner", "name", "group", "total", "of", *settings.exercises, "notes"]
    rows = (
        [
            grade.learner,
            names[grade.learner],
            settings.group(grade.learner),
            _number(grade.total),
            settings.points,
            *(f"{each.points} of {each.of}" if each.of is not None else each.status for each in grade.exercises),
            "; ".join(grade.notes),
        ]
        for grade in grades
    )
    return csv_text(header, rows)


def moodle_identities(learners: Sequence[Learner]) -> dict[str, str]:
    """Return the columns by which Moodle can find each learner: name of the column → field of the learner.

    Moodle gives the grade of a row whose identity is empty to the learner of the row before, so that a column counts
    only if every learner has it.

    Raises:
        UsageError: there is none.
    """
    found = {
        column: field for column, field in _MOODLE_IDENTITIES.items() if all(getattr(each, field) for each in learners)
    }
    if not found:
        lacking = next(each for each in learners if not each.email)
        raise UsageError(
            "Moodle finds learners by email address, ID number or username, and the roster has none of these for all "
            f"of them; {lacking.name} has no email address. Add a column to the roster."
        )
    return found


def moodle_csv(grades: Sequence[LearnerGrade], learners: Sequence[Learner], settings: Settings) -> str:
    """Return what Moodle's grade import reads (Grades, Import, CSV file): identities, name, grade and feedback.

    Learners whose grade is unknown are left out. https://docs.moodle.org/en/Grade_import

    Raises:
        UsageError: no column identifies all learners.
    """
    column, identities = settings.assignment, moodle_identities(learners)
    header = [*identities, "Full name", column, f"{column} (feedback)"]
    rows = (
        [*(getattr(who, field) for field in identities.values()), who.name, _number(grade.total), _feedback(grade)]
        for grade, who in _known(grades, learners)
    )
    return csv_text(header, rows)


def canvas_csv(grades: Sequence[LearnerGrade], learners: Sequence[Learner], settings: Settings) -> str:
    """Return what Canvas's gradebook imports: its five columns, the assignment, and the row of points possible.

    Learners whose grade is unknown are left out. `assignment.name` has Canvas's number in parentheses; without it
    Canvas asks for the assignment, or creates one.
    https://community.canvaslms.com/docs/DOC-26546 (How do I import grades in the Gradebook?)
    """
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", settings.assignment]
    rows = [["    Points Possible", "", "", "", "", _number(settings.points)]]
    rows += [
        [who.name, who.canvas_id, who.sis_user_id, who.sis_login_id or who.email, who.section, _number(grade.total)]
        for grade, who in _known(grades, learners)
    ]
    return csv_text(header, rows)


def _known(grades: Sequence[LearnerGrade], learners: Sequence[Learner]) -> Iterator[tuple[LearnerGrade, Learner]]:
    by_id = {learner.id: learner for learner in learners}
    return ((grade, by_id[grade.learner]) for grade in grades if grade.total is not None)


def _exercise_cells(each: ExerciseGrade, settings: Settings) -> dict[str, Any]:
    return {
        "exercise": each.exercise,
        "status": each.status,
        "points": "" if each.points is None else each.points,
        "of": "" if each.of is None else each.of,
        "weight": _number(settings.weights[each.exercise]),
        "reasons": each.problem or "; ".join(_reason(point) for point in each.failed),
        "evidence": "; ".join(each.passed),
        "recorded": each.recorded,
        "attempts": each.attempts,
        "hints": each.hints,
        "solution_shown": "yes" if each.solution_shown else "no",
    }


def _reason(point: Mapping[str, str]) -> str:
    return f"not: {point['what']}" + (f" (found: {point['found']})" if point["found"] else "")


def _feedback(grade: LearnerGrade) -> str:
    lines = [
        f"{each.exercise}: {each.points} of {each.of}" if each.of is not None else f"{each.exercise}: {each.status}"
        for each in grade.exercises
    ]
    return "; ".join([*lines, *grade.notes])


def _number(value: float | None) -> float | int | str:
    if value is None:
        return ""
    return int(value) if value == int(value) else value
